package bundle

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// packed makes a zip of some files as anybody would, each by a header of its own.
func packed(t testing.TB, files ...zipped) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		header := zip.FileHeader{Name: f.name, Method: f.method}
		into, err := w.CreateHeader(&header)
		if err == nil {
			_, err = into.Write(f.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// without makes a zip of the files of a bundle but one, in the form a bundle has and with the manifest that they have.
func without(t testing.TB, names []string, data map[string][]byte, gone string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := &Writer{zip: zip.NewWriter(&out)}
	for _, name := range names {
		if name == gone {
			continue
		}
		if err := w.put(name, data[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.zip.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// replaced is some files with another in the place of one.
func replaced(data map[string][]byte, name, text string) map[string][]byte {
	other := maps.Clone(data)
	other[name] = []byte(text)
	return other
}

type zipped struct {
	name   string
	method uint16
	data   []byte
}

// TestHostileFilesAreRefused gives the checker what nobody would write by accident: each is refused, for its reason, and none
// costs more memory than a few times what it weighs.
func TestHostileFilesAreRefused(t *testing.T) {
	w := newWorld(t, 0, 0).story()
	good, trust := whole(w), w.trust()
	names, data := files(t, good)
	with := func(name string, is []byte) []byte {
		return reseal(t, manifest{Format: Format}, append([]string{name}, names...), func() map[string][]byte {
			more := map[string][]byte{name: is}
			for n, d := range data {
				if n != name {
					more[n] = d
				}
			}
			return more
		}())
	}
	patched := func(from, to string) []byte { return bytes.ReplaceAll(good, []byte(from), []byte(to)) }
	length := func(n uint64) []byte { return append(protowire.AppendVarint(nil, n), "x"...) }
	for _, c := range []struct {
		name string
		file []byte
		want Outcome
		what string
	}{
		{"nothing", nil, Incomplete, "no bundle"},
		{"no zip", []byte("Dear auditor,"), Incomplete, "no bundle"},
		{"half of a bundle", good[:len(good)/2], Incomplete, "no bundle"},
		{"an empty zip", packed(t), Incomplete, "missing"},
		{"a bomb", packed(t, zipped{fileReadme, zip.Deflate, bytes.Repeat([]byte{0}, 64<<20)}), Tampered, "It is packed"},
		{"a bundle that was packed again", packed(t, zipped{fileReadme, zip.Deflate, data[fileReadme]}), Tampered, "It is packed"},
		{"something in front", append([]byte("#!/bin/sh\n"), good...), Tampered, "not what was written"},
		{"something behind", append(bytes.Clone(good), "more"...), Tampered, "not what was written"},
		{"a file twice", packed(t, zipped{fileReadme, zip.Store, nil}, zipped{fileReadme, zip.Store, nil}), Tampered, "two files of this name"},
		{"a way out", with("../../etc/passwd", nil), Tampered, "No file of this name"},
		{"a way out below the chains", with("chains/../key", nil), Tampered, "No file of this name"},
		{"an absolute path", with("/README.txt", nil), Tampered, "No file of this name"},
		{"a name with a backslash", with(`chains\alpha\key`, nil), Tampered, "No file of this name"},
		{"a file that does not belong", with("notes.txt", []byte("x")), Tampered, "No file of this name"},
		{"a chain of no agreement", with("chains/ALPHA/key", make([]byte, 32)), Tampered, "No file of this name"},
		{"a file of a chain that does not belong", with("chains/alpha/more", nil), Tampered, "No file of this name"},
		{"a chain without a key", with("chains/omega/events", nil), Tampered, "without its key"},
		{"a key without a chain", with("chains/omega/key", make([]byte, 32)), Incomplete, "It is missing"},
		{"a short key", with("chains/omega/key", make([]byte, 31)), Tampered, "31 bytes and not 32"},
		{"a tile that does not belong", with("log/tile/0/x001/000", make([]byte, 8192)), Tampered, "do not belong"},
		{"a tile of no number", with("log/tile/0/00x", make([]byte, 8192)), Tampered, "No file of this name"},
		{"a long tile", with("log/tile/0/x001/000", make([]byte, 8193)), Tampered, "8193 bytes and not 8192"},
		{"a checkpoint of a megabyte", with("policy", make([]byte, maxSmall+1)), Tampered, "at most are read"},
		{"another form", reseal(t, manifest{Format: "concord-bundle/v9"}, names, data), Incomplete, "this program reads"},
		{"an event of many exabytes", changed(w, "chains/alpha/events", func([]byte) []byte { return length(math.MaxUint64) }), Tampered, "a length of 18446744073709551615 bytes"},
		{"an event longer than the file", changed(w, "chains/alpha/events", func([]byte) []byte { return length(1 << 20) }), Tampered, "a length of 1048576 bytes"},
		{"a length without an end", changed(w, "chains/alpha/events", func([]byte) []byte { return bytes.Repeat([]byte{0xff}, 30) }), Tampered, "a length is cut off"},
		{"a length longer than it need be", changed(w, "chains/alpha/events", func(b []byte) []byte {
			return append([]byte{b[0] | 0x80, b[1] | 0x80, 0}, b[2:]...)
		}), Tampered, "cut off"},
		{"a chain of nothing", changed(w, "chains/alpha/events", func([]byte) []byte { return nil }), Incomplete, "It holds no event"},
		{"a file that the manifest lists and that is gone", without(t, names, data, "chains/alpha/state"), Incomplete, "The manifest lists it, and it is missing"},
		{"a file that the manifest does not list", without(t, append([]string{"chains/omega/history.txt"}, names...), data, ""), Tampered, "not in the place"},
		{"files in another order", without(t, append([]string{names[1], names[0]}, names[2:]...), data, ""), Tampered, "not in the place"},
		{"another file than the manifest lists", without(t, names, replaced(data, "README.txt", "Trust us."), ""), Tampered, "not those that the manifest lists"},
		{"a manifest with one space more", without(t, names, replaced(data, fileManifest, " "+string(data[fileManifest])), ""), Tampered, "It is not written as it was"},
		{"a name that says another in the directory", patched("chains/alpha/key", "chains/ALPHA/key"), Tampered, "No file of this name"},
	} {
		t.Run(c.name, func(t *testing.T) { refusedCheaply(t, c.file, trust, c.want, c.what) })
	}
}

// refusedCheaply holds what is said of a file, and what finding that out took.
func refusedCheaply(t *testing.T, file []byte, trust Trust, want Outcome, what string) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := verify(file, trust)
	runtime.ReadMemStats(&after)
	if r.Outcome != want || len(r.Findings) == 0 || !strings.Contains(r.Findings[0].What, what) {
		t.Error(told(r))
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > uint64(10*len(file))+(4<<20) {
		t.Errorf("%d bytes of memory for a file of %d", used, len(file))
	}
}

// endless is a file of terabytes: a directory of files without names, one behind the other, and an end that claims them.
type endless struct {
	size int64
	end  []byte
	read int64
}

func (e *endless) ReadAt(p []byte, at int64) (int, error) {
	const entry = "PK\x01\x02\x14\x00\x14\x00\x08\x00\x00\x00" // and zeros, 46 in all
	e.read += int64(len(p))
	clear(p)
	for i := range p {
		at := at + int64(i)
		if tail := at - (e.size - int64(len(e.end))); tail >= 0 && at < e.size {
			p[i] = e.end[tail]
		} else if n := (at - directoryAt) % 46; at >= directoryAt && n < int64(len(entry)) {
			p[i] = entry[n]
		}
	}
	if at+int64(len(p)) > e.size {
		return int(max(e.size-at, 0)), io.EOF
	}
	return len(p), nil
}

const directoryAt = 1 << 30

// TestADirectoryHasItsBounds claims a directory of billions of files, which are there, and holds that it is not read.
func TestADirectoryHasItsBounds(t *testing.T) {
	defer func(was int64) { directoryBound = was }(directoryBound)
	directoryBound = 1 << 20
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[8:], 60_000)
	binary.LittleEndian.PutUint16(end[10:], 60_000)
	binary.LittleEndian.PutUint32(end[12:], 3<<30)
	binary.LittleEndian.PutUint32(end[16:], directoryAt)
	e := &endless{size: 4<<30 + 22, end: end}
	r := Verify(e, e.size, newWorld(t, 0, 0).trust())
	if r.Outcome != Incomplete || !strings.Contains(r.Findings[0].What, "its directory is longer than 1048576 bytes") || e.read > 2<<20 {
		t.Errorf("%s\n%d bytes were read", told(r), e.read)
	}
}

// TestManyFindingsAreBounded breaks many chains at once.
func TestManyFindingsAreBounded(t *testing.T) {
	w := newWorld(t, 0, 0)
	w.record("", party("vale", "Vale"), party("cliff", "Cliff"))
	for i := range 3 * MaxFindings {
		id := fmt.Sprintf("agreement-%d", i)
		w.record(id, drafted("vale", "cliff"))
		w.chain(id).events[0].Salt = seed("another")
	}
	r := verify(whole(w), w.trust())
	if r.Outcome != Tampered || len(r.Findings) != MaxFindings || r.More != 2*MaxFindings {
		t.Errorf("%v: %d findings, %d more", r.Outcome, len(r.Findings), r.More)
	}
}

// FuzzVerify holds that the checker always comes back, and takes no changed bundle for sound.
func FuzzVerify(f *testing.F) {
	w := newWorld(f, 1, 1).story()
	names, data := files(f, whole(w))
	data[fileSchema] = nil
	good := reseal(f, manifest{Format: Format}, names, data)
	f.Add(good)
	f.Add(packed(f, zipped{fileManifest, zip.Store, []byte("{}")}))
	trust := w.trust()
	f.Fuzz(func(t *testing.T, b []byte) {
		if r := verify(b, trust); r.Outcome == Sound && !bytes.Equal(b, good) {
			t.Errorf("another bundle is sound: %s", told(r))
		}
	})
}
