package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// ackLog is a file with a line for every acknowledged command: agreement, obligation, etag and state, with a space between.
// A line is handed to the operating system before the caller goes on, so that it outlives both the service and the bench.
type ackLog struct {
	mu   sync.Mutex
	file *os.File
}

// openAckLog opens the file to add to it; with no name, nothing is written.
func openAckLog(name string) (*ackLog, error) {
	if name == "" {
		return &ackLog{}, nil
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of acknowledged commands: %w", err)
	}
	return &ackLog{file: f}, nil
}

// write adds what was acknowledged.
func (l *ackLog) write(o *pb.Obligation) error {
	if l.file == nil {
		return nil
	}
	line := ack{o.GetAgreementId(), o.GetObligationId(), o.GetEtag(), stateWord(o)}.line()
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.WriteString(line); err != nil {
		return fmt.Errorf("write the log of acknowledged commands: %w", err)
	}
	return nil
}

// close closes the file; a second time it does nothing.
func (l *ackLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	f := l.file
	l.file = nil
	if err := f.Close(); err != nil {
		return fmt.Errorf("close the log of acknowledged commands: %w", err)
	}
	return nil
}

// ack is one acknowledged command: the state in which it left an obligation.
type ack struct{ agreement, obligation, etag, state string }

func (a ack) line() string {
	return a.agreement + " " + a.obligation + " " + a.etag + " " + a.state + "\n"
}

// version is the etag as a number: the version of the agreement's chain of events. It only grows.
func (a ack) version() (uint64, error) {
	v, err := strconv.ParseUint(a.etag, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s %s: the etag %q is no version: %w", a.agreement, a.obligation, a.etag, err)
	}
	return v, nil
}

// newest reads a log and returns the newest acknowledgement of every obligation, and how many there were in all. A last
// line without an end was being written when the bench was stopped: the caller behind it had not gone on yet.
func newest(from io.Reader) (map[[2]string]ack, int64, error) {
	acks, total := map[[2]string]ack{}, int64(0)
	lines := bufio.NewReader(from)
	for {
		text, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return acks, total, nil
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read the log of acknowledged commands: %w", err)
		}
		total++
		fields := strings.Fields(text)
		if len(fields) != 4 {
			return nil, 0, fmt.Errorf("line %d of the log of acknowledged commands has %d fields, not 4", total, len(fields))
		}
		a := ack{fields[0], fields[1], fields[2], fields[3]}
		v, err := a.version()
		if err != nil {
			return nil, 0, err
		}
		key := [2]string{a.agreement, a.obligation}
		if before, ok := acks[key]; ok {
			if b, _ := before.version(); b > v {
				continue
			}
		}
		acks[key] = a
	}
}

// stateWord is an obligation's state without the prefix it has on the wire.
func stateWord(o *pb.Obligation) string {
	return strings.TrimPrefix(o.GetState().String(), "OBLIGATION_STATE_")
}
