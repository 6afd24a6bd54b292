package proof

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// format is the test vectors of the specification: blocks of text, in its order.
func format(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../docs/log-format.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## 11. Test vectors\n")
	if !found {
		t.Fatal("the specification has no section of test vectors")
	}
	parts := strings.Split(section, "```\n")
	var blocks []string
	for i := 1; i < len(parts); i += 2 {
		blocks = append(blocks, parts[i])
	}
	const log, private, events, key, checkpoint, inclusion, consistency = 1, 1, 3, 1, 1, 1, 1
	if len(blocks) != log+private+events+key+checkpoint+inclusion+consistency {
		t.Fatalf("the specification has %d blocks of test vectors", len(blocks))
	}
	return blocks
}

// values are the lines of a block: a name, and a value in hexadecimal (or as it stands, where it is none).
func values(block string) map[string][]byte {
	all := map[string][]byte{}
	for line := range strings.Lines(block) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		value = strings.TrimSpace(value)
		b, err := hex.DecodeString(value)
		if err != nil {
			b = []byte(value)
		}
		all[name] = b
	}
	return all
}

// sameAs returns what compares a value of the specification with values that were computed.
func sameAs(t *testing.T) func(what string, want []byte, got ...[]byte) {
	return func(what string, want []byte, got ...[]byte) {
		t.Helper()
		for _, g := range got {
			if !bytes.Equal(g, want) {
				t.Errorf("%s: the specification says\n%x\nand it is\n%x", what, want, g)
			}
		}
	}
}

// specified recomputes the entries of the specification: by the definitions it gives, step by step, and by the functions of
// this package. It returns their leaf hashes.
func specified(t *testing.T, blocks []string) (leaves [][]byte) {
	same := sameAs(t)
	chain, private := values(blocks[0]), values(blocks[1])
	key := chain["log_key"]
	name := sha256.Sum256(slices.Concat([]byte("concord-log-id/v1\n"), key))
	same("log_id", chain["log_id"], []byte(strings.ToLower(base32.StdEncoding.EncodeToString(name[:16])[:26])))
	same("private_commitment", private["private_commitment"], mac(private["private_salt"], private["private_bytes"]))

	previous := make([]byte, HashSize)
	for i, block := range blocks[2:5] {
		v, version := values(block), uint64(i+1)
		label := mac(key, slices.Concat([]byte("label/v1\n"), binary.BigEndian.AppendUint64(nil, version)))
		commitment := mac(v["salt"], v["body"])
		entry := slices.Concat([]byte{0x01}, label, commitment)
		leaf := sha256.Sum256(slices.Concat([]byte{0x00}, entry))
		leaves = append(leaves, leaf[:])
		root := whole(leaves)
		same("label", v["label"], label)
		same("commitment", v["commitment"], commitment)
		same("entry", v["entry"], entry, Entry(key, version, v["salt"], v["body"]))
		same("leaf_hash", v["leaf_hash"], leaf[:], LeafHash(entry))
		same("root", v["root"], root[:])
		e := &pb.Event{}
		if err := proto.Unmarshal(v["body"], e); err != nil || e.GetVersion() != version {
			t.Errorf("body %d: %v, %v", version, e, err)
		}
		same("previous_entry_hash", previous, e.GetPreviousEntryHash())
		previous = leaf[:]
	}
	return leaves
}

// TestTheSpecificationHolds recomputes the test vectors of the specification.
func TestTheSpecificationHolds(t *testing.T) {
	same, blocks := sameAs(t), format(t)
	key, leaves := values(blocks[0])["log_key"], specified(t, blocks)
	seed, vkey := values(blocks[5])["seed"], string(values(blocks[5])["verifier_key"])
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	const origin = "log.example/concord"
	typed := slices.Concat([]byte{0x01}, public)
	hash := sha256.Sum256(slices.Concat([]byte(origin+"\n"), typed))
	same("verifier_key", []byte(vkey), fmt.Appendf(nil, "%s+%x+%s", origin, hash[:4], base64.StdEncoding.EncodeToString(typed)))
	root := whole(leaves)
	text := fmt.Sprintf("%s\n3\n%s\n", origin, base64.StdEncoding.EncodeToString(root[:]))
	signature := ed25519.Sign(ed25519.NewKeyFromSeed(seed), []byte(text))
	checkpoint := text + "\n— " + origin + " " + base64.StdEncoding.EncodeToString(slices.Concat(hash[:4], signature)) + "\n"
	same("the checkpoint", []byte(blocks[6]), []byte(checkpoint))

	salt := values(blocks[3])["salt"]
	extra := slices.Concat(salt, key, binary.BigEndian.AppendUint64(nil, 2))
	lines := []string{"c2sp.org/tlog-proof@v1", "extra " + base64.StdEncoding.EncodeToString(extra), "index 1",
		base64.StdEncoding.EncodeToString(leaves[0]), base64.StdEncoding.EncodeToString(leaves[2]), "", checkpoint}
	same("the proof of inclusion", []byte(blocks[7]), []byte(strings.Join(lines, "\n")))
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(origin), torchwood.SingleVerifierPolicy(verifier))
	if err := torchwood.VerifyProof(policy, tlog.Hash(leaves[1]), []byte(blocks[7])); err != nil {
		t.Error(err)
	}
	var between tlog.TreeProof
	for line := range strings.Lines(blocks[8]) {
		h, err := tlog.ParseHash(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		between = append(between, h)
	}
	if err := tlog.CheckTree(between, 3, root, 1, tlog.Hash(leaves[0])); err != nil {
		t.Error(err)
	}
}

func mac(key, b []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(b)
	return h.Sum(nil)
}
