package bolt

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/storetest"
)

// childVariable makes the test binary a process that commits to a store until it is killed.
const childVariable = "CONCORD_BOLT_CHILD"

// kills is how often the child is killed.
const kills = 12

// child commits to the store in dir without end and tells each head on its output once the commit
// has been acknowledged. Head n writes n under a key of its own and over one of 50 others.
func child(dir string) {
	s, err := Open(tiny(dir))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	head := uint64(0)
	_ = s.View(context.Background(), func(v store.Snapshot) error { head = v.Head(); return nil })
	for {
		head++
		if err := s.Commit(context.Background(), childChange(head)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(head)
	}
}

func childChange(head uint64) store.Change {
	number := binary.BigEndian.AppendUint64(nil, head)
	return store.Change{Base: head - 1, Head: head, Writes: []store.Write{
		{Table: storetest.Red, Key: number, Value: number},
		{Table: storetest.Blue, Key: []byte{byte(head % 50)}, Value: number},
	}}
}

// A process is killed while it commits and flushes. What it had acknowledged is there, nothing
// else is but at most the one commit it had begun, and nothing is there by half.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	for round := range kills {
		acknowledged := killedChild(t, dir, time.Duration(20+round*15)*time.Millisecond)
		s := mustOpen(t, tiny(dir))
		err := s.View(context.Background(), func(v store.Snapshot) error {
			head := v.Head()
			if head < acknowledged || acknowledged > 0 && head > acknowledged+1 {
				t.Fatalf("round %d: head %d after %d was acknowledged", round, head, acknowledged)
			}
			n := uint64(0)
			for r, err := range v.Scan(storetest.Red, nil, nil) {
				n++
				if err != nil || binary.BigEndian.Uint64(r.Key) != n || string(r.Value) != string(r.Key) {
					t.Fatalf("round %d: record %d is %x=%x, %v", round, n, r.Key, r.Value, err)
				}
			}
			if n != head {
				t.Fatalf("round %d: %d records at head %d", round, n, head)
			}
			for last := head; last > 0 && last+50 > head; last-- {
				got, err := v.Get(storetest.Blue, []byte{byte(last % 50)})
				if err != nil || binary.BigEndian.Uint64(got) != last {
					t.Fatalf("round %d: slot %d holds %x, %v; want %d", round, last%50, got, err, last)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killedChild lets a child commit for a while, kills it, and returns the last head it told.
func killedChild(t *testing.T, dir string, after time.Duration) (acknowledged uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if _, err := fmt.Fscanln(lines, &acknowledged); err != nil {
		t.Fatalf("the child ended before its first commit: %v", err)
	}
	time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // a line cut short counts for nothing
			break
		}
		if _, err := fmt.Sscan(line, &acknowledged); err != nil {
			t.Fatal(err)
		}
	}
	_ = cmd.Wait() // killed, as intended
	return acknowledged
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	lines := bufio.NewReader(out)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	begun := time.Now()
	if _, err := Open(tiny(dir)); !errors.Is(err, store.ErrLocked) {
		t.Fatalf("Open: %v, want ErrLocked", err)
	}
	if took := time.Since(begun); took > 3*lockWait {
		t.Errorf("refused after %v", took)
	}
}
