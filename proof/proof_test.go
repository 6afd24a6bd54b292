package proof

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// vectors are entries and leaf hashes that anyone can compute with a shell.
//
//	label       printf 'label/v1\n\0\0\0\0\0\0\0\1' | openssl dgst -sha256 -mac HMAC -macopt hexkey:$key
//	commitment  printf "$body" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$salt
//	leaf        (printf '\0\1'; both, as bytes) | sha256sum
var vectors = []struct {
	name              string
	key, salt, body   []byte
	version           uint64
	label, commitment string
	leaf              string
}{
	{
		name: "the first event of a chain, under keys of zeros", key: make([]byte, KeySize), salt: make([]byte, KeySize), body: nil, version: 1,
		label: "bb120ca1267b858bcfb7dd4263a5e69ca4c9b81cd27ce6212ae0f5eda5de5d50", commitment: "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", leaf: "b88683b68aa5ae86e51b296e946df6e5039b3f9f4bb4cbcc4205d46755fa959d",
	},
	{
		name: "a later one", key: bytes.Repeat([]byte{0x11}, KeySize), salt: bytes.Repeat([]byte{0x22}, KeySize), body: []byte("hello"), version: 0x0102030405060708,
		label: "d8e046069edeb62990ed4aa87104ffdd8a7a65e88a1c62cf3eb6baebaf3f72cb", commitment: "d06d9f0133fdbee3bc91978452327f25c689d29717baa7e1df99c7108f61e145", leaf: "36db38d19040ebad55f7e03b5320544300ee8c65a1d18b7b7394667520f3e997",
	},
}

func TestEntriesAreWhatTheFormatSays(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			entry := Entry(v.key, v.version, v.salt, v.body)
			if got, want := hex.EncodeToString(entry), "01"+v.label+v.commitment; got != want {
				t.Errorf("the entry is\n%s, not\n%s", got, want)
			}
			if got := hex.EncodeToString(LeafHash(entry)); got != v.leaf {
				t.Errorf("the leaf hash is\n%s, not\n%s", got, v.leaf)
			}
			if len(entry) != EntrySize || len(LeafHash(entry)) != HashSize {
				t.Errorf("%d and %d bytes", len(entry), len(LeafHash(entry)))
			}
		})
	}
}

// TestEntriesAreTheirDefinition computes the definition step by step beside Entry.
func TestEntriesAreTheirDefinition(t *testing.T) {
	for _, v := range vectors {
		label := hmac.New(sha256.New, v.key)
		label.Write([]byte("label/v1\n"))
		for shift := 56; shift >= 0; shift -= 8 {
			label.Write([]byte{byte(v.version >> shift)})
		}
		commitment := hmac.New(sha256.New, v.salt)
		commitment.Write(v.body)
		want := append([]byte{0x01}, label.Sum(nil)...)
		want = append(want, commitment.Sum(nil)...)
		if got := Entry(v.key, v.version, v.salt, v.body); !bytes.Equal(got, want) {
			t.Errorf("%s: %x, not %x", v.name, got, want)
		}
		leaf := sha256.Sum256(append([]byte{0x00}, want...)) // RFC 6962 section 2.1: a leaf is hashed behind a zero
		if got := LeafHash(want); !bytes.Equal(got, leaf[:]) {
			t.Errorf("%s: leaf %x, not %x", v.name, got, leaf)
		}
	}
}

// TestEverythingThatIsCommittedCounts holds that an entry tells its key, version, salt and body apart, each in the half
// that is meant to, and that making one changes nothing it was given.
func TestEverythingThatIsCommittedCounts(t *testing.T) {
	key, salt, body := bytes.Repeat([]byte{1}, KeySize), bytes.Repeat([]byte{2}, KeySize), []byte("body")
	other := bytes.Repeat([]byte{3}, KeySize)
	plain := Entry(key, 7, salt, body)
	for _, c := range []struct {
		name                      string
		entry                     []byte
		sameLabel, sameCommitment bool
	}{
		{"again", Entry(key, 7, salt, body), true, true},
		{"another key", Entry(other, 7, salt, body), false, true},
		{"another version", Entry(key, 8, salt, body), false, true},
		{"another salt", Entry(key, 7, other, body), true, false},
		{"another body", Entry(key, 7, salt, []byte("Body")), true, false},
		{"key and salt exchanged", Entry(salt, 7, key, body), false, false},
	} {
		const half = 1 + HashSize
		if bytes.Equal(c.entry[:half], plain[:half]) != c.sameLabel || bytes.Equal(c.entry[half:], plain[half:]) != c.sameCommitment {
			t.Errorf("%s:\n%x\n%x", c.name, c.entry, plain)
		}
		if bytes.Equal(LeafHash(c.entry), LeafHash(plain)) != (c.sameLabel && c.sameCommitment) {
			t.Errorf("%s: the leaf hash does not tell", c.name)
		}
	}
	if key[0] != 1 || salt[0] != 2 || string(body) != "body" {
		t.Error("what was given has changed")
	}
}
