package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/uuid/v5"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/status"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// errorPause is how long a caller waits after a call that failed, so that a service that is down is not answered with a
// storm, and the count of errors means something.
const errorPause = 20 * time.Millisecond

// note and reason make the commands as large as daily ones are: a few hundred bytes, evidence included.
var (
	note       = strings.Repeat("Delivered as agreed; see the report. ", 3)
	whyBack    = strings.Repeat("The second page is missing; please add it. ", 3)
	itsEvident = []*pb.Evidence{{
		Title: "Delivery report", Uri: "https://files.example/reports/2026/delivery-report.pdf", MediaType: "application/pdf",
		Sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	}}
)

// heapGrowth is how far the heap of a process that makes load may grow, in percent, before it is collected.
const heapGrowth = 400

// TreadLightly lets this process, which makes load, take less of the machine from what it measures: it collects its
// garbage more rarely, unless GOGC says otherwise.
func TreadLightly() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
}

// caller is one of the callers: it owns the agreements from first up to end.
type caller struct {
	*shift
	client     *client.Client
	rest       *restLine
	tally      *tally
	first, end int

	asVendor, asClient context.Context // of all its calls
}

// shift is what all callers of a run share.
type shift struct {
	Settings
	ground *ground
	acks   *ackLog
	errors atomic.Int64
	begin  time.Time // from here on it counts
	finish time.Time

	run      string        // begins the request ids of the run
	commands atomic.Uint64 // numbers them
}

// requestID is a new request's: in the form and the order of a UUIDv7, which the client would make, at the cost of a number.
func (s *shift) requestID() string {
	return s.run + strconv.FormatUint(1<<48|s.commands.Add(1), 16)[1:]
}

// work lets the callers loose and fills in the report.
func work(ctx context.Context, s Settings, l lines, g *ground, acks *ackLog, r *Report) error {
	rest, err := newRESTFace(s)
	if err != nil {
		return err
	}
	run, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make request ids: %w", err)
	}
	sh := &shift{Settings: s, ground: g, acks: acks, begin: time.Now().Add(s.Warmup), run: run.String()[:24]}
	sh.finish = sh.begin.Add(s.Duration)
	tallies := make([]*tally, s.Connections)
	for i := range tallies {
		tallies[i] = newTally()
	}
	var done sync.WaitGroup
	for n := range s.Callers {
		c := &caller{
			shift: sh, client: l.of(n), rest: &restLine{face: rest}, tally: tallies[n%len(tallies)],
			first: n * s.Agreements / s.Callers, end: (n + 1) * s.Agreements / s.Callers,
		}
		done.Go(func() { c.loop(ctx) })
	}
	done.Wait()
	counted := min(time.Since(sh.begin), s.Duration)
	if counted <= 0 {
		return fmt.Errorf("stopped while warming up: %w", context.Cause(ctx))
	}
	r.count(counted, tallies)
	return nil
}

// loop makes call after call until the time is over. A call under way when ctx ends is finished: it may be recorded, and
// then its answer belongs in the log of acknowledged commands.
func (c *caller) loop(ctx context.Context) {
	call := context.WithoutCancel(ctx)
	c.asVendor, c.asClient = c.ground.asVendor(call), c.ground.asClient(call)
	defer c.rest.close()
	for ctx.Err() == nil && time.Now().Before(c.finish) && (c.MaxErrors == 0 || c.errors.Load() <= c.MaxErrors) {
		n := c.first + rand.IntN(c.end-c.first)
		started := time.Now()
		what, err := c.step(n)
		ended := time.Now()
		if what != nothing && !started.Before(c.begin) && !ended.After(c.finish) {
			c.tally.add(what, ended.Sub(started), err)
		}
		if err != nil {
			c.errors.Add(1)
			_ = pause(ctx, errorPause) // when ctx ends, so does the loop
		}
	}
}

// step makes one call on an agreement and says what it was.
func (c *caller) step(n int) (what, error) {
	switch {
	case c.Verb == RESTGet:
		return restGot, c.rest.get(c.asVendor, c.ground, n)
	case c.Verb == Get, c.Verb == Mixed && rand.IntN(readsPerWrite+1) != 0:
		_, err := c.read(n)
		return got, err
	}
	return c.command(n)
}

func (c *caller) read(n int) (*pb.Obligation, error) {
	return c.client.Obligations.GetObligation(c.asVendor, &pb.GetObligationRequest{
		AgreementId: c.ground.agreement(n), ObligationId: obligationID,
	})
}

// command submits what is due, or returns what was submitted.
func (c *caller) command(n int) (what, error) {
	g, id := c.ground, c.ground.agreement(n)
	var did what
	var o *pb.Obligation
	var err error
	switch g.phases[n] {
	case due:
		did = submittedIt
		o, err = c.client.Obligations.SubmitObligation(c.asVendor, &pb.SubmitObligationRequest{
			AgreementId: id, ObligationId: obligationID, Evidence: itsEvident, Note: note, RequestId: c.requestID(),
		})
	case submitted:
		did = returnedIt
		o, err = c.client.Obligations.ReturnObligation(c.asClient, &pb.ReturnObligationRequest{
			AgreementId: id, ObligationId: obligationID, Reason: whyBack, RequestId: c.requestID(),
		})
	default:
		// What became of the last command is not known. Finding out is no part of what is measured.
		if o, err = c.read(n); err == nil {
			g.phases[n] = phaseOf(o)
		}
		return nothing, err
	}
	if err != nil {
		g.phases[n] = unknown
		return did, err
	}
	g.phases[n] = phaseOf(o)
	return did, c.acks.write(o)
}

// cause is why a call failed: the service's own reason, or else the status of the call.
func cause(err error) string {
	if reason := client.Reason(err); reason != "" {
		return reason
	}
	if s, ok := status.FromError(err); ok {
		return code.Code(s.Code()).String()
	}
	return err.Error()
}
