package others

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/encoding/protowire"
)

// An auditor's own program: it checks a bundle by docs/log-format.md, section 9, steps 1 and 3 to 6, with no code of ours and no
// schema. (Step 2 is sha256sum's; steps 7 and 8 are what the rules are for.)

// message is the fields of a serialized protobuf message: numbers and bytes, the last of each.
type message struct {
	number map[protowire.Number]uint64
	bytes  map[protowire.Number][]byte
}

func parse(b []byte) (message, error) {
	m := message{map[protowire.Number]uint64{}, map[protowire.Number][]byte{}}
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return m, protowire.ParseError(n)
		}
		b = b[n:]
		switch kind {
		case protowire.VarintType:
			m.number[field], n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			m.bytes[field], n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(field, kind, b)
		}
		if n < 0 {
			return m, protowire.ParseError(n)
		}
		b = b[n:]
	}
	return m, nil
}

// exported is the one way in which an exported event is written.
func (m message) exported() (b []byte) {
	if m.number[1] != 0 {
		b = protowire.AppendVarint(protowire.AppendTag(b, 1, protowire.VarintType), m.number[1])
	}
	for field := protowire.Number(2); field <= 6; field++ {
		if m.bytes[field] != nil {
			b = protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m.bytes[field])
		}
	}
	return b
}

func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// labelOf is what section 3 says of labels.
func labelOf(key []byte, version uint64) []byte {
	return mac(key, []byte("label/v1\n"), binary.BigEndian.AppendUint64(nil, version))
}

// audit checks an unpacked bundle that holds the whole log.
func audit(dir string, policy torchwood.Policy) error {
	signed, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	checkpoint, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(signed)) {
		if signature, is := strings.CutPrefix(line, "— "); is {
			_, signature, _ = strings.Cut(strings.TrimSpace(signature), " ")
			if _, err := base64.StdEncoding.Strict().DecodeString(signature); err != nil {
				return err
			}
		}
	}
	leaves, labels, err := auditLog(filepath.Join(dir, "log"), checkpoint.Tree)
	if err != nil {
		return err
	}
	chains, err := os.ReadDir(filepath.Join(dir, "chains"))
	if err != nil {
		return err
	}
	recorded := make([]time.Time, len(leaves)) // by index; zero for what others recorded
	for _, c := range chains {
		id := c.Name()
		if id == "_service" {
			id = ""
		}
		if err := auditChain(filepath.Join(dir, "chains", c.Name()), id, leaves, labels, recorded); err != nil {
			return fmt.Errorf("chain %q: %w", id, err)
		}
	}
	latest := time.Time{}
	for index, at := range recorded {
		if at.IsZero() {
			continue
		}
		if at.Before(latest) {
			return fmt.Errorf("what stands at %d was recorded before what stands in front of it", index)
		}
		latest = at
	}
	return nil
}

// auditLog makes the tree from the entries, and returns the hashes of the leaves and the set of labels.
func auditLog(dir string, tree tlog.Tree) (leaves [][]byte, labels map[string]bool, err error) {
	h := &handmade{}
	labels = map[string]bool{}
	for first := int64(0); first < tree.N; first += torchwood.TileWidth {
		tile := tlog.Tile{H: torchwood.TileHeight, L: -1, N: first / torchwood.TileWidth, W: int(min(torchwood.TileWidth, tree.N-first))}
		rest, err := os.ReadFile(filepath.Join(dir, torchwood.TilePath(tile)))
		if err != nil {
			return nil, nil, err
		}
		for range tile.W {
			if len(rest) < 67 || rest[0] != 0 || rest[1] != 65 || rest[2] != 1 {
				return nil, nil, fmt.Errorf("entry %d has not the form of one", len(leaves))
			}
			entry := rest[2:67]
			rest = rest[67:]
			if label := string(entry[1:33]); labels[label] {
				return nil, nil, fmt.Errorf("entry %d has a label that occurred before", len(leaves))
			} else {
				labels[label] = true
			}
			leaf := sha256.Sum256(append([]byte{0}, entry...))
			leaves = append(leaves, leaf[:])
			hashes, err := tlog.StoredHashesForRecordHash(int64(len(leaves)-1), leaf, h)
			if err != nil {
				return nil, nil, err
			}
			h.hashes = append(h.hashes, hashes...)
		}
		if len(rest) > 0 {
			return nil, nil, errors.New("there is more behind the last entry of a bundle of entries")
		}
	}
	if root, err := tlog.TreeHash(tree.N, h); err != nil || root != tree.Hash {
		return nil, nil, fmt.Errorf("the entries make the root %v, and %v was signed: %v", root, tree.Hash, err)
	}
	for _, tile := range tlog.NewTiles(torchwood.TileHeight, 0, tree.N) {
		data, err := os.ReadFile(filepath.Join(dir, torchwood.TilePath(tile)))
		if err != nil {
			return nil, nil, err
		}
		if should, err := tlog.ReadTileData(tile, h); err != nil || !bytes.Equal(data, should) {
			return nil, nil, fmt.Errorf("tile %v does not follow from the entries: %v", tile, err)
		}
	}
	return leaves, labels, nil
}

// auditChain is step 5, and of step 6 that the chain goes on nowhere.
func auditChain(dir, id string, leaves [][]byte, labels map[string]bool, recorded []time.Time) error {
	key, err := os.ReadFile(filepath.Join(dir, "key"))
	if err != nil || len(key) != 32 {
		return fmt.Errorf("a key of %d bytes: %v", len(key), err)
	}
	file, err := os.ReadFile(filepath.Join(dir, "events"))
	if err != nil {
		return err
	}
	version, last, previous := uint64(0), -1, make([]byte, 32)
	private, erased := map[uint64]string{}, map[uint64]bool{}
	for len(file) > 0 {
		version++
		exported, n := protowire.ConsumeBytes(file)
		if n < 0 {
			return fmt.Errorf("version %d is cut off", version)
		}
		file = file[n:]
		x, err := parse(exported)
		if err != nil {
			return err
		}
		if !bytes.Equal(exported, x.exported()) {
			return fmt.Errorf("version %d is not written as an exported event is", version)
		}
		index, entry, salt, body := int(x.number[1]), x.bytes[2], x.bytes[3], x.bytes[4]
		if len(salt) != 32 || !bytes.Equal(entry, slices.Concat([]byte{1}, labelOf(key, version), mac(salt, body))) {
			return fmt.Errorf("version %d does not make its entry", version)
		}
		leaf := sha256.Sum256(append([]byte{0}, entry...))
		if index <= last || index >= len(leaves) || !bytes.Equal(leaves[index], leaf[:]) {
			return fmt.Errorf("version %d is not at %d of the log", version, index)
		}
		e, err := parse(body)
		if err != nil || string(e.bytes[1]) != id || e.number[2] != version || !bytes.Equal(e.bytes[3], previous) {
			return fmt.Errorf("version %d says that it is version %d of %q, behind %x: %v", version, e.number[2], e.bytes[1], e.bytes[3], err)
		}
		at, err := parse(e.bytes[4])
		if err != nil || e.bytes[4] == nil {
			return fmt.Errorf("version %d does not say when it was recorded: %v", version, err)
		}
		recorded[index] = time.Unix(int64(at.number[1]), int64(at.number[2]))
		last, previous = index, leaf[:]
		switch committed, text := e.bytes[8], x.bytes[5]; {
		case (text == nil) != (x.bytes[6] == nil):
			return fmt.Errorf("version %d has half a private part", version)
		case text != nil && !bytes.Equal(committed, mac(x.bytes[6], text)):
			return fmt.Errorf("version %d has other texts than were recorded", version)
		case text != nil:
			private[version] = "there"
		case committed != nil && e.bytes[30] == nil && e.bytes[31] == nil:
			private[version] = "missing"
		}
		if order := e.bytes[27]; order != nil {
			o, err := parse(order)
			if err != nil {
				return err
			}
			for list := o.bytes[1]; len(list) > 0; {
				v, n := protowire.ConsumeVarint(list)
				if n < 0 {
					return protowire.ParseError(n)
				}
				erased[v], list = true, list[n:]
			}
		}
	}
	for v, is := range private {
		if (is == "missing") != erased[v] {
			return fmt.Errorf("the texts of version %d are %s, erased: %v", v, is, erased[v])
		}
	}
	if labels[string(labelOf(key, version+1))] {
		return fmt.Errorf("version %d stands in the log and not here", version+1)
	}
	return nil
}

// mutations is how many single bits are changed, one after the other.
const mutations = 400

// TestTheSpecificationIsEnough has the auditor's own program check what a real service exports: the whole of it, before and after
// names were erased, and one agreement, in which then a bit is changed, anywhere in what is proved, again and again.
func TestTheSpecificationIsEnough(t *testing.T) {
	c := newConcordd(t)
	knows := c.trusts(t)
	c.work(t, 32, 200*time.Millisecond)
	export := func(key, path string) (dir string) {
		t.Helper()
		c.checkpoint(t, knows.policy)
		status, text := c.get(t, key, path)
		if status != 200 {
			t.Fatalf("%s: %d %s", path, status, text)
		}
		dir = unzip(t, text)
		if err := audit(dir, knows.policy); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return dir
	}
	before := export(c.auditor, "/v1/audit.zip")
	c.concord(t, c.operator, "erase", "--service", "2-6", "--basis", "A test asked for it.")
	after := export(c.auditor, "/v1/audit.zip")
	names := func(dir string) int {
		return strings.Count(read(t, filepath.Join(dir, "chains/_service/events")), "display_name")
	}
	if names(after) >= names(before) || names(before) == 0 {
		t.Errorf("%d names were told before and %d after they were erased", names(before), names(after))
	}
	if said, agreed := fsck(t, "file://"+filepath.Join(after, "log"), knows.vkey); !agreed {
		t.Errorf("fsck refuses the log after an erasure:\n%s", said)
	}
	everyBitCounts(t, export(c.vendor, "/v1/agreements/draft-1/audit.zip"), knows.policy)
}

// everyBitCounts changes bits of a bundle that is sound.
func everyBitCounts(t *testing.T, dir string, policy torchwood.Policy) {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		if !d.IsDir() && (strings.Contains(path, "/log/tile/") || name == "events" || name == "key" || path == filepath.Join(dir, "checkpoint")) {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	chance := rand.New(rand.NewPCG(1, 2))
	for range mutations {
		file := files[chance.IntN(len(files))]
		was := []byte(read(t, file))
		is := slices.Clone(was)
		at, bit := chance.IntN(len(is)), byte(1)<<chance.IntN(8)
		is[at] ^= bit
		write(t, file, string(is))
		if audit(dir, policy) == nil {
			t.Errorf("bit %#x of byte %d of %s counts for nothing", bit, at, file)
		}
		write(t, file, string(was))
	}
	if err := audit(dir, policy); err != nil {
		t.Errorf("after it was mended: %v", err)
	}
}
