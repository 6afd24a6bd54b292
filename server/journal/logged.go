//go:build !concord_unlogged

package journal

import (
	"slices"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	"github.com/concordhq/concord/proof"
)

// Logged says that events are committed to the log. Only what measures the cost of the log is built without.
const Logged = true

// commit writes the entry and the salt of the newest event of a chain before its body, and grows the log by it.
func (b *batch) commit(chain *journalv1.Chain, value, body []byte) error {
	salt := value[saltAt:lengthAt]
	b.j.opts.Random(salt)
	copy(value, proof.Entry(chain.GetLogKey(), chain.GetVersion(), salt, body))
	chain.EntryHash = proof.LeafHash(value[:proof.EntrySize])
	return b.edge.Append(chain.GetEntryHash(), func(level int, n uint64, hash []byte) {
		b.write(tableTiles, tileKey(level, n), slices.Clone(hash))
	})
}
