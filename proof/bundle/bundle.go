// Package bundle writes and checks audit bundles: what a service hands to an auditor who shall not have to trust it. A
// bundle is one zip file that holds the exact events of some chains, what they have led to, the signed state of the log
// they stand in and as much of the log as proves it. Checking one needs no network, no store and no clock; it needs a
// policy, which is the auditor's own word on whose signatures count, and which no bundle can bring along.
//
// The same export at the same checkpoint is the same bytes: files are stored and not compressed, stand in one order and
// bear no date. So each byte of a bundle counts, and one that was changed is noticed wherever it is. Reading is bounded
// by what stands in the file, whoever made it: nothing in it is unpacked, and no length in it is believed.
package bundle

import (
	"encoding/json"
	"fmt"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/concordhq/concord/proof"
)

// Format is the name of the form of bundle that this package writes and reads.
const Format = "concord-bundle/v1"

// The files of a bundle. Those of a chain lie in a folder of its own, those of the log are a static tlog-tiles log.
const (
	fileReadme     = "README.txt"
	fileCheckpoint = "checkpoint"
	filePolicy     = "policy"
	fileSchema     = "schema.binpb"
	fileManifest   = "manifest.json"

	dirChains   = "chains/"
	fileKey     = "key"
	fileEvents  = "events"
	fileState   = "state"
	fileHistory = "history.txt"

	dirLog            = "log/"
	fileLogCheckpoint = dirLog + fileCheckpoint
)

// serviceChain is the folder of the service's own chain, which has no agreement. No agreement can have this id.
const serviceChain = "_service"

// entryWidth is an entry in an entry bundle of the log: its length in two bytes, and the entry.
const entryWidth = 2 + proof.EntrySize

// Bounds of what is read at once.
const (
	// maxManifest is the longest manifest, which has a few lines for each file.
	maxManifest = 256 << 20
	// maxMessage is the longest event or record: many times what the service takes in one request.
	maxMessage = 64 << 20
	// maxSmall is the longest checkpoint or policy.
	maxSmall = 1 << 20
)

// directoryBound is how much of a file may be its directory, which is read into memory: that of 700,000 files, which are
// 170,000 chains. It changes in tests alone.
var directoryBound int64 = 64 << 20

// Scope is what a bundle is about: one agreement, the agreements of one party, or, if both are empty, the whole service.
type Scope struct {
	// AgreementID is the one agreement.
	AgreementID string `json:"agreement_id,omitempty"`
	// PartyID is the party whose agreements there are, as far as who exported sees them.
	PartyID string `json:"party_id,omitempty"`
}

// manifest is what a bundle consists of. It is the last file, and follows from the others: it is made again from them, and
// must be the same to the byte.
type manifest struct {
	Format string `json:"format"`
	Scope  Scope  `json:"scope"`
	// ProofsOnly says that the log is not there as a whole: only the tiles that prove what was exported.
	ProofsOnly bool           `json:"proofs_only"`
	Files      []manifestFile `json:"files"`
}

// manifestFile is a file of a bundle.
type manifestFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func (m *manifest) bytes() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("bundle: manifest: %w", err)
	}
	return append(b, '\n'), nil
}

// folder is where a chain's files lie.
func folder(agreementID string) string {
	if agreementID == "" {
		return dirChains + serviceChain + "/"
	}
	return dirChains + agreementID + "/"
}

// chainFile takes the name of a file of a chain apart: the id of its agreement, empty for the service's own chain, and
// which file it is.
func chainFile(name string) (agreementID, file string, ok bool) {
	id, file, ok := strings.Cut(strings.TrimPrefix(name, dirChains), "/")
	if id == serviceChain {
		return "", file, ok
	}
	return id, file, ok && isID(id)
}

// isID says whether a text can be the id of an agreement.
func isID(text string) bool {
	const longest = 63
	if text == "" || len(text) > longest || text[0] == '_' || text[0] == '-' {
		return false
	}
	return strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

// tilePath is where a tile of the log, or for level −1 a bundle of its entries, lies.
func tilePath(t tlog.Tile) string { return dirLog + torchwood.TilePath(t) }

// tileAt is the tile that a name says, with how long its file must be.
func tileAt(name string) (t tlog.Tile, size int64, err error) {
	t, err = torchwood.ParseTilePath(strings.TrimPrefix(name, dirLog))
	width := int64(proof.HashSize)
	if t.L < 0 {
		width = entryWidth
	}
	return t, int64(t.W) * width, err
}

// tiles are the tiles of a log of a size: those of its entries, and those of hashes, from the lowest level up.
func tiles(size int64) []tlog.Tile {
	hashes := tlog.NewTiles(proof.TileHeight, 0, size)
	var all []tlog.Tile
	for _, t := range hashes {
		if t.L == 0 {
			t.L = -1
			all = append(all, t)
		}
	}
	return append(all, hashes...)
}

// hashTile is the tile of level 0 in which the hash of an entry stands, in a log of a size.
func hashTile(index, size int64) tlog.Tile {
	n := index >> proof.TileHeight
	return tlog.Tile{H: proof.TileHeight, N: n, W: int(min(size-n<<proof.TileHeight, 1<<proof.TileHeight))}
}
