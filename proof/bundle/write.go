package bundle

import (
	"archive/zip"
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	bundlev1 "github.com/concordhq/concord/gen/concord/bundle/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/rules"
)

// readme tells people what they hold.
//
//go:embed readme.txt
var readme string

// Writer writes one bundle: the chains, one after the other, then the log, then Close.
type Writer struct {
	zip  *zip.Writer
	made manifest
	log  torchwood.Checkpoint
	sign []byte
	need map[int64]bool // tiles of level 0 in which events of the bundle stand
}

// Chain is the history of one agreement, or for "" the service's own, up to the checkpoint.
type Chain struct {
	// AgreementID is whose it is, and LogKey its key.
	AgreementID string
	LogKey      []byte
	// Events yields its events, oldest first. It is gone through twice.
	Events iter.Seq2[*bundlev1.ExportedEvent, error]
	// Records yields the records that they have led to, by kind, id and number.
	Records iter.Seq2[*bundlev1.ExportedRecord, error]
}

// NewWriter begins a bundle. The checkpoint is a signed note whose log the bundle will show; the policy is for the reader's
// information. With proofsOnly, Log writes the tiles that prove the exported events and nothing else of the log.
func NewWriter(out io.Writer, scope Scope, checkpoint, policy []byte, proofsOnly bool) (*Writer, error) {
	text, _, _ := strings.Cut(string(checkpoint), "\n\n")
	c, err := torchwood.ParseCheckpoint(text + "\n")
	if err != nil {
		return nil, fmt.Errorf("bundle: checkpoint: %w", err)
	}
	w := &Writer{
		zip: zip.NewWriter(out), log: c, sign: checkpoint, need: map[int64]bool{},
		made: manifest{Format: Format, Scope: scope, ProofsOnly: proofsOnly},
	}
	described, err := schema()
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{fileReadme, []byte(readme)}, {fileCheckpoint, checkpoint}, {filePolicy, policy}, {fileSchema, described}} {
		if err := w.put(f.name, f.data); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Chain writes a chain.
func (w *Writer) Chain(c Chain) error {
	at := folder(c.AgreementID)
	if err := w.put(at+fileKey, c.LogKey); err != nil {
		return err
	}
	err := w.file(at+fileEvents, func(out *bufio.Writer) error {
		for e, err := range c.Events {
			if err != nil {
				return err
			}
			w.need[int64(e.GetIndex())>>proof.TileHeight] = true
			if err := writeMessage(out, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = w.file(at+fileState, func(out *bufio.Writer) error {
		for r, err := range c.Records {
			if err != nil {
				return err
			}
			if err := writeMessage(out, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.file(at+fileHistory, func(out *bufio.Writer) error {
		for x, err := range c.Events {
			if err != nil {
				return err
			}
			e, err := Event(x)
			if err != nil {
				return err
			}
			if _, err := out.WriteString(line(e)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Event is an exported event, whole: its body, and what was recorded apart from it, as far as it is there.
func Event(x *bundlev1.ExportedEvent) (*pb.Event, error) {
	e := &pb.Event{}
	if err := proto.Unmarshal(x.GetBody(), e); err != nil {
		return nil, fmt.Errorf("bundle: event at %d: %w", x.GetIndex(), err)
	}
	return e, proof.Join(e, x.GetPrivate())
}

// Log writes the log: as a whole, or what proves the events that were written. tile gives a tile of the log: 32 bytes for
// each hash, and for level −1 a bundle of entries as tlog-tiles has them.
func (w *Writer) Log(tile func(tlog.Tile) ([]byte, error)) error {
	if err := w.put(fileLogCheckpoint, w.sign); err != nil {
		return err
	}
	all := tiles(w.log.N)
	if w.made.ProofsOnly {
		p := newProving(w.log.Tree, tile)
		for _, n := range slices.Sorted(maps.Keys(w.need)) {
			if err := p.prove(n); err != nil {
				return err
			}
		}
		all = slices.SortedFunc(maps.Keys(p.used), inOrder)
	}
	for _, t := range all {
		data, err := tile(t)
		if err == nil {
			err = w.put(tilePath(t), data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Close writes the manifest and ends the bundle.
func (w *Writer) Close() error {
	b, err := w.made.bytes()
	if err != nil {
		return err
	}
	err = w.file(fileManifest, func(out *bufio.Writer) error { _, err := out.Write(b); return err })
	return errors.Join(err, w.zip.Close())
}

// put writes a file.
func (w *Writer) put(name string, data []byte) error {
	return w.file(name, func(out *bufio.Writer) error { _, err := out.Write(data); return err })
}

// file writes a file and enters it into the manifest.
func (w *Writer) file(name string, write func(*bufio.Writer) error) error {
	f, err := w.zip.CreateHeader(header(name))
	if err != nil {
		return fmt.Errorf("bundle: %s: %w", name, err)
	}
	sum, size := sha256.New(), counter(0)
	out := bufio.NewWriter(io.MultiWriter(f, sum, &size))
	if err := errors.Join(write(out), out.Flush()); err != nil {
		return fmt.Errorf("bundle: %s: %w", name, err)
	}
	w.made.Files = append(w.made.Files, manifestFile{Name: name, Size: int64(size), SHA256: hex.EncodeToString(sum.Sum(nil))})
	return nil
}

// header is how every file of a bundle is entered into it: stored, without a date.
func header(name string) *zip.FileHeader { return &zip.FileHeader{Name: name, Method: zip.Store} }

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// writeMessage writes a message behind its length.
func writeMessage(out *bufio.Writer, m proto.Message) error {
	b, err := deterministic.Marshal(m)
	if err != nil {
		return err
	}
	_, err1 := out.Write(protowire.AppendVarint(nil, uint64(len(b))))
	_, err2 := out.Write(b)
	return errors.Join(err1, err2)
}

// deterministic writes messages as they stand in bundles.
var deterministic = proto.MarshalOptions{Deterministic: true}

// ExportedRecord is a record as a bundle has it.
func ExportedRecord(ref rules.Ref, m proto.Message) *bundlev1.ExportedRecord {
	b, err := deterministic.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("bundle: a record cannot be written: %v", err)) // only a required field could be missing, and there are none
	}
	return &bundlev1.ExportedRecord{Type: string(m.ProtoReflect().Descriptor().FullName()), Id: ref.ID, Number: ref.Number, Record: b}
}
