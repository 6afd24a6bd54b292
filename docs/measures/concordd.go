package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/concordhq/concord/client"
	"github.com/concordhq/concord/cmd/concord/bench"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

const (
	// prefix begins the ids of everything that is prepared.
	prefix = "measure"
	// obligationID is the one obligation of an agreement that the load prepares.
	obligationID = "deliver-1"

	// A run of the load reads every agreement it is going to hit once before it begins, with as many callers as it has.
	// Durable commands go to all agreements nevertheless; elsewhere these are enough to find nothing in a cache by luck.
	manyAgreements = 100_000 // at 256 callers
	someAgreements = 20_000  // at one

	// probePause is how often a starting service is asked whether it is ready.
	probePause = time.Millisecond
	// probePatience bounds each of these calls.
	probePatience = 5 * time.Second
)

// concordd is the real service, in a process of its own, with its data on the disk to measure.
type concordd struct {
	stage            *stage
	binary, dir      string
	process          *child
	grpcAddr, httpAt string
	key              string // the operator's
	ready            time.Duration
	prepared         int   // agreements
	recorded         int64 // events, by the processes before this one
}

// service is the concordd that measures share, with at least so many agreements.
func (s *stage) service(ctx context.Context, agreements int) (*concordd, error) {
	if s.house == nil {
		var err error
		if s.house, err = s.newConcordd(ctx, s.binary, "concord"); err != nil {
			return nil, err
		}
	}
	return s.house, s.house.prepare(ctx, agreements)
}

// newConcordd starts a concordd from a file, with its data in a directory of its own.
func (s *stage) newConcordd(ctx context.Context, binary, name string) (*concordd, error) {
	dir, err := s.under(name)
	if err != nil {
		return nil, err
	}
	c := &concordd{stage: s, binary: binary, dir: dir}
	return c, c.start(ctx)
}

// start starts the process and waits until it takes calls; ready is how long that took.
func (c *concordd) start(ctx context.Context) (err error) {
	c.process, err = c.stage.launch("concordd", c.binary, nil,
		"--data-dir", c.dir, "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0")
	if err != nil {
		return err
	}
	for line := ""; !strings.HasPrefix(line, "Stop with"); {
		if line, err = c.process.line(ctx); err != nil {
			return err
		}
		fields := strings.Fields(line)
		switch {
		case len(fields) >= 2 && fields[0] == "gRPC":
			c.grpcAddr = fields[1]
		case len(fields) >= 2 && fields[0] == "REST":
			c.httpAt = strings.TrimSuffix(fields[1], "/v1")
		case len(fields) == 2 && fields[0] == "export":
			c.key = strings.TrimPrefix(fields[1], "CONCORD_KEY=")
		}
	}
	for {
		answer, err := c.ask(ctx, "/readyz")
		if err == nil {
			answer.Close()
			c.ready = time.Since(c.process.begun)
			return nil
		}
		if time.Since(c.process.begun) > startPatience {
			return c.process.fault("was not ready: " + err.Error())
		}
		if err := sleep(ctx, probePause); err != nil {
			return err
		}
	}
}

// ask reads a page of the HTTP face.
func (c *concordd) ask(ctx context.Context, path string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.httpAt+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", path, err)
	}
	answer, err := (&http.Client{Timeout: probePatience}).Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", path, err)
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, fmt.Errorf("ask for %s: %s", path, answer.Status)
	}
	return answer.Body, nil
}

// events is how many events the store holds, as its own measures tell.
func (c *concordd) events(ctx context.Context) (int64, error) {
	page, err := c.ask(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	defer page.Close()
	for lines := bufio.NewScanner(page); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || !strings.HasPrefix(fields[0], "concord_journal_events_total") {
			continue
		}
		n, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			return 0, fmt.Errorf("read the number of events: %w", err)
		}
		return c.recorded + int64(n), nil
	}
	return c.recorded, nil // a counter that has not counted yet is not told
}

// settings are those of a run of the load.
func (c *concordd) settings(verb bench.Verb, at, agreements int) bench.Settings {
	return bench.Settings{
		Addr: c.grpcAddr, HTTPAddr: c.httpAt, Options: client.Options{Key: c.key},
		Verb: verb, Callers: at, Connections: min(at, connections), Warmup: c.stage.warmup, Duration: c.stage.duration,
		Agreements: agreements, Prefix: prefix, FsyncDir: c.stage.place,
	}
}

// prepare brings that many agreements to where the load can work on them.
func (c *concordd) prepare(ctx context.Context, agreements int) error {
	if c.prepared >= agreements {
		return nil
	}
	settings := c.settings(bench.Submit, callers, agreements)
	settings.PrepareOnly = true
	r, err := bench.Run(ctx, settings, c.stage.progress)
	if err != nil {
		return err
	}
	c.prepared = agreements
	c.stage.say("concordd: %d agreements are ready after %.0f s", agreements, r.PrepareSeconds)
	return nil
}

// load is a turn of so many callers over so many agreements.
func (c *concordd) load(verb bench.Verb, at, agreements int) contestant {
	return contestant{turn: func(ctx context.Context) (Turn, error) {
		return loaded(ctx, c.settings(verb, at, min(agreements, c.prepared)))
	}}
}

// loaded is what a run of the load found.
func loaded(ctx context.Context, s bench.Settings) (Turn, error) {
	r, err := bench.Run(ctx, s, io.Discard)
	if err != nil {
		return Turn{}, err
	}
	t := Turn{PerSecond: r.All.PerSecond, P50: r.All.P50, P99: r.All.P99}
	for _, n := range r.Errors {
		t.Errors += n
	}
	return t, nil
}

// as names a contestant.
func (c contestant) as(name string) contestant {
	c.name = name
	return c
}

// samples are answers as this service gives them: to a submission, to a return, and to reads.
func (c *concordd) samples(ctx context.Context) ([]*pb.Obligation, error) {
	to, err := client.Dial(ctx, c.grpcAddr, client.Options{Key: c.key})
	if err != nil {
		return nil, err
	}
	defer func() { _ = to.Close() }()
	var secrets [2]string
	for i, side := range []string{"-vendor", "-client"} {
		made, err := to.Admin.CreateApiKey(ctx, &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{
			DisplayName: "Samples", Principal: &pb.Principal{Role: pb.Role_ROLE_SIGNATORY, PartyId: prefix + side},
		}})
		if err != nil {
			return nil, err
		}
		secrets[i] = made.GetSecret()
	}
	vendor, other := client.WithKey(ctx, secrets[0]), client.WithKey(ctx, secrets[1])
	// Two changes of state at least, so that both kinds of answer are seen from wherever the obligation stands.
	read := func(n int) (*pb.Obligation, error) {
		return to.Obligations.GetObligation(vendor, &pb.GetObligationRequest{AgreementId: agreementID(n), ObligationId: obligationID})
	}
	o, err := read(0)
	if err != nil {
		return nil, err
	}
	answers := make([]*pb.Obligation, 2, 2+sampledReads)
	for range 3 {
		if o.GetState() == pb.ObligationState_OBLIGATION_STATE_DUE {
			o, err = to.Obligations.SubmitObligation(vendor, submission(agreementID(0), obligationID))
			answers[0] = o
		} else {
			o, err = to.Obligations.ReturnObligation(other, giveBack(agreementID(0), obligationID))
			answers[1] = o
		}
		if err != nil {
			return nil, err
		}
	}
	for i := range sampledReads {
		o, err := read(i * (min(c.prepared, manyAgreements) - 1) / sampledReads)
		if err != nil {
			return nil, err
		}
		answers = append(answers, o)
	}
	return answers, nil
}

// sampledReads is how many obligations stand for all.
const sampledReads = 64

func agreementID(n int) string { return fmt.Sprintf("%s-%07d", prefix, n) }

// submission and giveBack are commands as large as daily ones.
func submission(agreement, obligation string) *pb.SubmitObligationRequest {
	return &pb.SubmitObligationRequest{
		AgreementId: agreement, ObligationId: obligation, Note: strings.Repeat("Delivered as agreed; see the report. ", 3),
		Evidence: []*pb.Evidence{{
			Title: "Delivery report", Uri: "https://files.example/reports/2026/delivery-report.pdf", MediaType: "application/pdf",
			Sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		}},
	}
}

func giveBack(agreement, obligation string) *pb.ReturnObligationRequest {
	return &pb.ReturnObligationRequest{
		AgreementId: agreement, ObligationId: obligation, Reason: strings.Repeat("The second page is missing; please add it. ", 3),
	}
}
