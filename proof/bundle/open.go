package bundle

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concordhq/concord/proof"
)

// opened is a bundle of which every byte is where and what it was when it was written.
type opened struct {
	in     io.ReaderAt
	made   manifest
	files  map[string]section
	chains []string // the ids of the agreements, in the order of the bundle; "" is the service's own chain
}

// section is where a file lies in the bundle.
type section struct{ at, size int64 }

// open reads what files there are and holds that the bundle is, byte for byte, what writing these files again makes. A
// zip that was mended, packed again or made to mean two things is none.
func open(in io.ReaderAt, size int64, found *findings) *opened {
	limited := &limitedAt{in: in, left: directoryBound}
	zr, err := zip.NewReader(limited, size)
	if err != nil {
		found.add(Incomplete, CheckFile, "the file", "It is no bundle, or not the whole of one: %v.", err)
		return nil
	}
	limited.left = math.MaxInt64
	b := &opened{in: in, files: make(map[string]section, len(zr.File))}
	for _, f := range zr.File {
		if what := b.enter(f); what != "" {
			found.add(Tampered, CheckFile, fmt.Sprintf("%q", f.Name), "%s", what)
			return nil
		}
	}
	if len(zr.File) == 0 || zr.File[len(zr.File)-1].Name != fileManifest {
		found.add(Incomplete, CheckFile, fileManifest, "It is missing, so nothing says what belongs to the bundle.")
		return nil
	}
	var differs differsError
	if err := b.again(zr, size); errors.As(err, &differs) {
		found.add(Tampered, CheckFile, b.where(int64(differs)), "Byte %d of the bundle is not what was written there.", int64(differs))
		return nil
	} else if err != nil {
		found.add(Tampered, CheckFile, "the file", "It cannot be read: %v.", err)
		return nil
	}
	if !b.manifest(found) {
		return nil
	}
	return b
}

// enter notes where a file lies. It says what is wrong with it, if something is.
func (b *opened) enter(f *zip.File) string {
	at, err := f.DataOffset()
	if err != nil {
		return fmt.Sprintf("It cannot be read: %v.", err)
	}
	size := int64(f.UncompressedSize64)
	if _, twice := b.files[f.Name]; twice {
		return "There are two files of this name."
	}
	if f.Method != zip.Store || size < 0 || f.CompressedSize64 != f.UncompressedSize64 {
		return "It is packed. Files of a bundle are stored as they are."
	}
	if what := wrongSize(f.Name, size); what != "" {
		return what
	}
	if id, file, ok := chainFile(f.Name); ok && file == fileKey {
		b.chains = append(b.chains, id)
	}
	b.files[f.Name] = section{at, size}
	return ""
}

// wrongSize says of a file what is wrong with its name or its length; empty if nothing is.
func wrongSize(name string, size int64) string {
	exact, most := int64(-1), int64(math.MaxInt64)
	switch {
	case name == fileReadme || name == fileCheckpoint || name == filePolicy || name == fileSchema || name == fileLogCheckpoint:
		most = maxSmall
	case name == fileManifest:
		most = maxManifest
	case strings.HasPrefix(name, dirChains):
		switch _, file, ok := chainFile(name); {
		case ok && file == fileKey:
			exact = proof.KeySize
		case !ok || file != fileEvents && file != fileState && file != fileHistory:
			return "No file of this name belongs to a bundle."
		}
	case strings.HasPrefix(name, dirLog):
		_, width, err := tileAt(name)
		if err != nil {
			return "No file of this name belongs to a bundle."
		}
		exact = width
	default:
		return "No file of this name belongs to a bundle."
	}
	if exact >= 0 && size != exact {
		return fmt.Sprintf("It has %d bytes and not %d.", size, exact)
	}
	if size > most {
		return fmt.Sprintf("It has %d bytes, and %d at most are read.", size, most)
	}
	return ""
}

// again writes the bundle once more, from its own files, and compares. It fills in what the manifest must be.
func (b *opened) again(zr *zip.Reader, size int64) error {
	room := int(min(size, 1<<17))
	same := &comparing{in: bufio.NewReaderSize(io.NewSectionReader(b.in, 0, size), room)}
	zw, buffer := zip.NewWriter(same), make([]byte, room)
	for _, f := range zr.File {
		w, err := zw.CreateHeader(header(f.Name))
		if err != nil {
			return err
		}
		sum, s := sha256.New(), b.files[f.Name]
		if _, err := io.CopyBuffer(io.MultiWriter(w, sum), onlyReader{io.NewSectionReader(b.in, s.at, s.size)}, buffer); err != nil {
			return err
		}
		b.made.Files = append(b.made.Files, manifestFile{Name: f.Name, Size: s.size, SHA256: hex.EncodeToString(sum.Sum(nil))})
	}
	b.made.Files = b.made.Files[:len(b.made.Files)-1] // the manifest does not list itself
	if err := zw.Close(); err != nil {
		return err
	}
	if same.at != size {
		return differsError(same.at)
	}
	return nil
}

// manifest holds that the manifest is what follows from the files.
func (b *opened) manifest(found *findings) bool {
	is, err := b.read(fileManifest)
	if err != nil {
		found.add(Tampered, CheckFile, fileManifest, "It cannot be read: %v.", err)
		return false
	}
	var says struct {
		Format     string `json:"format"`
		Scope      Scope  `json:"scope"`
		ProofsOnly bool   `json:"proofs_only"`
	}
	if err := json.Unmarshal(is, &says); err != nil {
		found.add(Tampered, CheckFile, fileManifest, "It cannot be read: %v.", err)
		return false
	}
	if says.Format != Format {
		found.add(Incomplete, CheckFile, fileManifest, "It is a bundle of the form %q, and this program reads %q.", says.Format, Format)
		return false
	}
	b.made.Format, b.made.Scope, b.made.ProofsOnly = says.Format, says.Scope, says.ProofsOnly
	if should, err := b.made.bytes(); err == nil && bytes.Equal(is, should) {
		return true
	}
	b.unlisted(is, found)
	return false
}

// unlisted says where the manifest and the files differ.
func (b *opened) unlisted(is []byte, found *findings) {
	var listed manifest
	_ = json.Unmarshal(is, &listed) // it is JSON; where it is not a manifest the lists below differ
	for i, f := range listed.Files {
		switch _, there := b.files[f.Name]; {
		case !there:
			found.add(Incomplete, CheckFile, f.Name, "The manifest lists it, and it is missing.")
		case i >= len(b.made.Files) || b.made.Files[i].Name != f.Name:
			found.add(Tampered, CheckFile, f.Name, "It is not in the place that the manifest lists it in.")
		case b.made.Files[i] != f:
			found.add(Tampered, CheckFile, f.Name, "Its bytes are not those that the manifest lists.")
		default:
			continue
		}
		return // the others have moved with it
	}
	if listed := len(listed.Files); listed < len(b.made.Files) {
		found.add(Tampered, CheckFile, b.made.Files[listed].Name, "The manifest does not list it.")
		return
	}
	found.add(Tampered, CheckFile, fileManifest, "It is not written as it was.")
}

// where is the file in which a byte of the bundle lies.
func (b *opened) where(at int64) string {
	name, nearest := "the file", int64(-1)
	for n, s := range b.files {
		if s.at <= at && s.at > nearest {
			name, nearest = n, s.at
		}
	}
	return name
}

// read reads a file whole. Those that can be long are not read in this way.
func (b *opened) read(name string) ([]byte, error) {
	s, ok := b.files[name]
	if !ok {
		return nil, missingError(name)
	}
	return io.ReadAll(io.NewSectionReader(b.in, s.at, s.size))
}

// tile reads a tile of the log, or a bundle of its entries.
func (b *opened) tile(t tlog.Tile) ([]byte, error) { return b.read(tilePath(t)) }

// missingError says that a file is not there.
type missingError string

func (e missingError) Error() string { return string(e) + " is missing" }

// differsError says which byte of a bundle is not what was written there.
type differsError int64

func (e differsError) Error() string { return fmt.Sprintf("byte %d differs", int64(e)) }

// comparing is a writer that holds that what is written is what is there.
type comparing struct {
	in *bufio.Reader
	at int64
}

func (c *comparing) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		there, err := c.in.Peek(min(len(rest), c.in.Size()))
		n := len(there)
		if !bytes.Equal(there, rest[:n]) {
			for n = 0; there[n] == rest[n]; n++ {
			}
			return 0, differsError(c.at + int64(n))
		}
		c.at += int64(n)
		if err != nil {
			return 0, differsError(c.at)
		}
		rest = rest[n:]
		_, _ = c.in.Discard(n)
	}
	return len(p), nil
}

// limitedAt is a reader of which only so much is read.
type limitedAt struct {
	in   io.ReaderAt
	left int64
}

func (l *limitedAt) ReadAt(p []byte, at int64) (int, error) {
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, fmt.Errorf("its directory is longer than %d bytes", directoryBound)
	}
	return l.in.ReadAt(p, at)
}

// onlyReader hides what else a reader can do, so that a copy goes through the buffer.
type onlyReader struct{ io.Reader }
