package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

const (
	// verifyGoal is how many seconds checking a bundle of verifyEvents events may take.
	verifyGoal   = 30
	verifyEvents = 1_000_000
	// proofGoal is how many milliseconds a proof of inclusion may take.
	proofGoal = 1
)

// audit has the whole service exported and checked by the command line, and proofs of inclusion made for one caller.
func audit(ctx context.Context, s *stage, m *Measure) (err error) {
	c, err := s.service(ctx, s.agreements)
	if err != nil {
		return err
	}
	if _, err := c.holding(ctx, int64(s.events)); err != nil {
		return err
	}
	a, err := c.newAuditor(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.client.Close()) }()
	if err := s.inTurns(ctx, m,
		contestant{"concord audit export", a.export},
		contestant{"concord audit verify", a.verify},
		contestant{"GetInclusionProof, one caller", a.prove},
		contestant{"GetEvent, one caller", a.read}); err != nil {
		return err
	}
	verify, prove := m.Contenders[1], m.Contenders[2]
	m.judge("a million events checked", "s", verifyGoal, false, m.each(func(r int) float64 { return verify.p50(r) / 1e6 * verifyEvents / float64(a.size) }))
	m.judge("the same, in time of processors", "s", 0, false, a.worked)
	m.judge("a proof of inclusion, p50", "ms", proofGoal, false, m.each(func(r int) float64 { return prove.p50(r) / 1e3 }))
	bundle, err := os.Stat(a.bundle)
	if err != nil {
		return fmt.Errorf("look at the bundle: %w", err)
	}
	m.Notes = append(m.Notes, fmt.Sprintf("The bundle held %d events of %d agreements in %d MB; the time to check it is told as if there were a million.", a.size, c.prepared, bundle.Size()>>20))
	return nil
}

// auditor is somebody who checks a service.
type auditor struct {
	concordd       *concordd
	client         *client.Client
	key            string
	program        string    // the command line
	policy, bundle string    // files
	size           uint64    // how many events the newest checkpoint has
	worked         []float64 // seconds that processors worked to check a million events, by round
}

func (c *concordd) newAuditor(ctx context.Context) (*auditor, error) {
	operator, err := client.Dial(ctx, c.grpcAddr, client.Options{Key: c.key})
	if err != nil {
		return nil, err
	}
	defer func() { _ = operator.Close() }()
	made, err := operator.Admin.CreateApiKey(ctx, &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{DisplayName: "Auditor", Principal: &pb.Principal{Role: pb.Role_ROLE_AUDITOR}}})
	if err != nil {
		return nil, err
	}
	place := c.stage.place
	a := &auditor{concordd: c, key: made.GetSecret(), program: filepath.Join(place, "concord-auditor"), policy: filepath.Join(place, "policy"), bundle: filepath.Join(place, "bundle.zip")}
	if a.client, err = client.Dial(ctx, c.grpcAddr, client.Options{Key: a.key}); err != nil {
		return nil, err
	}
	if err := c.stage.build(ctx, a.program, "./cmd/concord"); err != nil {
		return nil, err
	}
	policy, err := a.client.Log.GetLogPolicy(ctx, &pb.GetLogPolicyRequest{})
	if err != nil {
		return nil, err
	}
	return a, os.WriteFile(a.policy, []byte(policy.GetTexts()[0]), 0o600)
}

// run runs the command line to its end, and says how long it took, and how long processors worked for it.
func (a *auditor) run(args ...string) (t Turn, worked time.Duration, err error) {
	p, err := a.concordd.stage.launch("concord", a.program, nil, append(args, "--addr", a.concordd.grpcAddr, "--key", a.key, "--timeout", "1h")...)
	if err != nil {
		return t, 0, err
	}
	<-p.ended
	if p.err != nil {
		return t, 0, p.fault("failed")
	}
	is := p.cmd.ProcessState
	return Turn{P50: time.Since(p.begun).Microseconds()}, is.UserTime() + is.SystemTime(), nil
}

// export exports all there is.
func (a *auditor) export(ctx context.Context) (Turn, error) {
	newest, err := a.client.Log.GetCheckpoint(ctx, &pb.GetCheckpointRequest{})
	if err != nil {
		return Turn{}, err
	}
	a.size = newest.GetSize()
	t, _, err := a.run("audit", "export", a.bundle, "--size", fmt.Sprint(a.size))
	return t, err
}

// verify checks what was exported.
func (a *auditor) verify(context.Context) (Turn, error) {
	t, worked, err := a.run("audit", "verify", a.bundle, "--policy", a.policy)
	a.worked = append(a.worked, worked.Seconds()*verifyEvents/float64(a.size))
	return t, err
}

// prove has one event after the other proved, at random.
func (a *auditor) prove(ctx context.Context) (Turn, error) {
	return a.each(ctx, func(position uint64) error {
		_, err := a.client.Log.GetInclusionProof(ctx, &pb.GetInclusionProofRequest{Position: position})
		return err
	})
}

// read reads events in the same way.
func (a *auditor) read(ctx context.Context) (Turn, error) {
	return a.each(ctx, func(position uint64) error {
		_, err := a.client.History.GetEvent(ctx, &pb.GetEventRequest{Position: position})
		return err
	})
}

// each calls with one position after the other, for a turn.
func (a *auditor) each(ctx context.Context, call func(position uint64) error) (Turn, error) {
	begin := time.Now().Add(a.concordd.stage.warmup)
	finish := begin.Add(a.concordd.stage.duration)
	sum := &tally{took: newHistogram()}
	for time.Now().Before(finish) {
		if ctx.Err() != nil {
			return Turn{}, context.Cause(ctx)
		}
		started := time.Now()
		if err := call(1 + rand.Uint64N(a.size)); err != nil {
			return Turn{}, err
		}
		if started.After(begin) {
			sum.add(time.Since(started), nil)
		}
	}
	return turnOf(sum.took, a.concordd.stage.duration), nil
}
