// Package bench measures a Concord service the way its users load it: a closed loop of callers, each of whom makes its
// next call when it has the answer to the last.
//
// It works through the public API alone, with an operator's key. It registers two parties, makes them keys for the run,
// prepares agreements with one obligation each, and waits until the service's own clock has brought them up as due. Then
// the callers go to work: every caller owns a share of the agreements, so that no two of them stand in each other's way,
// and picks among them at random, so that nothing is found in a cache by luck. Before it starts, it measures what a
// durable write costs on this disk; figures of different machines mean little without it.
//
// It can write down every acknowledged command, and later tell whether the service still knows them all: so one proves
// that a service which was killed has lost nothing it had promised to keep.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/concordhq/concord/client"
)

// Verb is what the callers do.
type Verb string

const (
	// Submit alternates the obligor's submission and the beneficiary's return of it: a durable command each.
	Submit Verb = "submit"
	// Get reads an obligation.
	Get Verb = "get"
	// RESTGet reads an obligation through the REST face.
	RESTGet Verb = "rest-get"
	// Mixed reads readsPerWrite times for every command.
	Mixed Verb = "mixed"
)

// Verbs lists what Settings.Verb takes.
func Verbs() []Verb { return []Verb{Submit, Get, RESTGet, Mixed} }

// readsPerWrite is how many reads Mixed makes for every command, as services of record see it.
const readsPerWrite = 4

// The bounds of the settings: beyond them it is the measuring machine that is measured, or nothing at all.
const (
	maxCallers     = 10_000
	maxConnections = 1_000
	maxAgreements  = 10_000_000
	maxDuration    = 24 * time.Hour
)

// Settings say what to measure.
type Settings struct {
	// Addr is the service's gRPC address, and Options how to connect to it; Options.Key is an operator's.
	Addr    string
	Options client.Options
	// HTTPAddr is the base of the service's REST face, "http://host:port"; only RESTGet needs it.
	HTTPAddr string

	// Verb is what the callers do; Callers is how many there are, Connections how many connections they share.
	Verb                 Verb
	Callers, Connections int
	// Warmup is how long they work before anything is counted, Duration how long it is counted.
	Warmup, Duration time.Duration
	// MaxErrors ends the run when more calls than that have failed; 0 means that it goes on.
	MaxErrors int64

	// Agreements is how many agreements are hit. Prefix begins the ids of the parties and agreements; what an earlier run
	// prepared under the same prefix is used again. Empty: a new one is made up.
	Agreements int
	Prefix     string
	// PrepareOnly ends the run when the agreements are ready.
	PrepareOnly bool

	// AckLog is the file to which every acknowledged command is written at once; empty: none.
	AckLog string
	// FsyncDir is where the cost of a durable write is measured; empty: the directory for temporary files.
	FsyncDir string
}

// Check says what is wrong with the settings.
func (s Settings) Check() error {
	known := false
	for _, v := range Verbs() {
		known = known || v == s.Verb
	}
	var wrong []error
	claim := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	claim(known, "the verb is one of %v, not %q", Verbs(), s.Verb)
	claim(s.Callers >= 1 && s.Callers <= maxCallers, "callers are 1 to %d, not %d", maxCallers, s.Callers)
	claim(s.Connections >= 1 && s.Connections <= maxConnections, "connections are 1 to %d, not %d", maxConnections, s.Connections)
	claim(s.Agreements >= s.Callers && s.Agreements <= maxAgreements,
		"agreements are %d (one for each caller) to %d, not %d", s.Callers, maxAgreements, s.Agreements)
	claim(s.Duration > 0 && s.Duration <= maxDuration, "the duration is above 0 and at most %s, not %s", maxDuration, s.Duration)
	claim(s.Warmup >= 0 && s.Warmup <= maxDuration, "the warm-up is 0 to %s, not %s", maxDuration, s.Warmup)
	claim(s.Verb != RESTGet || s.HTTPAddr != "", "rest-get needs the address of the REST face")
	claim(s.Prefix == "" || prefixForm.MatchString(s.Prefix), "a prefix has 1 to %d of a-z, 0-9, _ and -, not %q", maxPrefix, s.Prefix)
	return errors.Join(wrong...)
}

// Run measures and returns what it found. It says on progress how far it is. When ctx ends, callers finish the call they
// are in, and what was counted until then is returned.
func Run(ctx context.Context, s Settings, progress io.Writer) (*Report, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	disk, err := MeasureDisk(s.FsyncDir)
	if err != nil {
		return nil, err
	}
	r := &Report{Verb: s.Verb, Callers: s.Callers, Connections: s.Connections, Agreements: s.Agreements, Calls: []Figures{}, Errors: map[string]int64{}, Disk: disk}
	acks, err := openAckLog(s.AckLog)
	if err != nil {
		return nil, err
	}
	defer func() { _ = acks.close() }()
	lines, err := connect(ctx, s)
	if err != nil {
		return nil, err
	}
	defer lines.close()
	ground, err := prepare(ctx, s, lines, progress)
	if ground != nil {
		defer ground.leave(ctx, progress)
	}
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	r.Prefix, r.Prepared, r.PrepareSeconds = ground.prefix, ground.made, ground.took.Seconds()
	if s.PrepareOnly {
		return r, nil
	}
	fmt.Fprintf(progress, "%d callers work for %s, after %s to warm up\n", s.Callers, s.Duration, s.Warmup)
	err = work(ctx, s, lines, ground, acks, r)
	return r, errors.Join(err, acks.close())
}
