//go:build concord_unlogged

package journal

import (
	"math/bits"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	"github.com/concordhq/concord/proof"
)

// Logged says that events are committed to the log: they are not.
const Logged = false

// commit counts the event, and commits to nothing.
func (b *batch) commit(*journalv1.Chain, []byte, []byte) (err error) {
	size := b.edge.Size() + 1
	b.edge, err = proof.ReadEdge(size, make([]byte, bits.OnesCount64(size)*proof.HashSize))
	return err
}
