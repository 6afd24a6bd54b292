package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"github.com/concordhq/concord/cmd/concord/bench"
)

// The goals.
const (
	durableGoal = 1.5  // of etcd's transaction, at least
	singleGoal  = 1.25 // of an echo and the syncs of an append, at most; and of an echo that appends (decision 36)
	readGoal    = 0.8  // of an echo, at least
	restGoal    = 1.6  // of gRPC, at most
	startGoal   = 1.0  // seconds, at most

	// syncsPerAppend is how often an append to the log syncs.
	syncsPerAppend = 1
)

// durable compares durable commands per second with the same bytes written to etcd.
func durable(ctx context.Context, s *stage, m *Measure) (err error) {
	c, err := s.service(ctx, s.agreements)
	if err != nil {
		return err
	}
	e, err := s.newEtcd(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	err = s.inTurns(ctx, m,
		c.load(bench.Submit, callers, s.agreements).as("concordd: a submission or return"),
		contestant{"etcd: a transaction of the six puts", e.txn},
		contestant{"etcd: a put", e.put})
	if err != nil {
		return err
	}
	ours, txn, put := m.Contenders[0], m.Contenders[1], m.Contenders[2]
	m.judge("commands per transaction", "×", durableGoal, true, m.each(func(r int) float64 { return ours.rate(r) / txn.rate(r) }))
	m.judge("commands per put", "×", 0, true, m.each(func(r int) float64 { return ours.rate(r) / put.rate(r) }))
	return nil
}

// single compares the time of one caller's command with that of an echo and the syncs of one append.
func single(ctx context.Context, s *stage, m *Measure) error {
	err := s.besideEchoes(ctx, m, bench.Submit, 1, someAgreements, func(echo string, with, ours *Contender) {
		m.judge("command per ("+echo+" + 1 fdatasync)", "×", singleGoal, false, m.each(func(r int) float64 {
			return ours.p50(r) / (with.p50(r) + syncsPerAppend*float64(ours.Turns[r].Disk))
		}))
	}, "--log="+filepath.Join(s.place, "appends"))
	if err != nil {
		return err
	}
	ours, echo, appending := m.Contenders[0], m.Contenders[1], m.Contenders[3]
	m.judge("command per echo that appends", "×", singleGoal, false, m.each(func(r int) float64 { return ours.p50(r) / appending.p50(r) }))
	m.judge("echo that appends per (echo + 1 fdatasync)", "×", 0, false, m.each(func(r int) float64 {
		return appending.p50(r) / (echo.p50(r) + syncsPerAppend*float64(appending.Turns[r].Disk))
	}))
	return nil
}

// read compares reads per second with an echo's.
func read(ctx context.Context, s *stage, m *Measure) error {
	return s.besideEchoes(ctx, m, bench.Get, callers, manyAgreements, func(echo string, with, ours *Contender) {
		m.judge("reads per "+echo, "×", readGoal, true, m.each(func(r int) float64 { return ours.rate(r) / with.rate(r) }))
	})
}

// besideEchoes gives concordd and the two echoes, and whoever else there is, their turns; concordd is judged by each echo.
func (s *stage) besideEchoes(ctx context.Context, m *Measure, verb bench.Verb, at, agreements int,
	judge func(echo string, with, ours *Contender), third ...string) (err error) {
	c, err := s.service(ctx, min(agreements, s.agreements))
	if err != nil {
		return err
	}
	all := []contestant{c.load(verb, at, agreements).as("concordd")}
	names := []string{"echo, interceptors as concordd has them", "echo, with otelgrpc", "echo that appends to a log"}
	for i, flags := range append([][]string{nil, {"--otelgrpc"}}, third) {
		if i == 2 && third == nil {
			break
		}
		var e *echoAt
		if e, err = s.newEcho(ctx, c, flags...); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, e.process.stop()) }()
		all = append(all, e.load(c, verb, at, agreements).as(names[i]))
	}
	if err = s.inTurns(ctx, m, all...); err != nil {
		return err
	}
	judge("echo", m.Contenders[1], m.Contenders[0])
	judge("echo with otelgrpc", m.Contenders[2], m.Contenders[0])
	return nil
}

// rest compares the time of a read over REST with that over gRPC, for one caller and for many.
func rest(ctx context.Context, s *stage, m *Measure) error {
	c, err := s.service(ctx, min(manyAgreements, s.agreements))
	if err != nil {
		return err
	}
	err = s.inTurns(ctx, m,
		c.load(bench.Get, 1, someAgreements).as("gRPC, one caller"),
		c.load(bench.RESTGet, 1, someAgreements).as("REST, one caller"),
		c.load(bench.Get, callers, manyAgreements).as("gRPC, 256 callers"),
		c.load(bench.RESTGet, callers, manyAgreements).as("REST, 256 callers"))
	if err != nil {
		return err
	}
	for i, who := range []string{"one caller", "256 callers"} {
		grpc, rest := m.Contenders[2*i], m.Contenders[2*i+1]
		m.judge("REST's time per gRPC's, "+who, "×", restGoal, false, m.each(func(r int) float64 { return grpc.rate(r) / rest.rate(r) }))
	}
	m.Notes = append(m.Notes, "A read's time is that of a caller per call: callers over calls per second.")
	return nil
}

// start measures from exec to ready, after an orderly stop and after a kill in the midst of work.
func start(ctx context.Context, s *stage, m *Measure) error {
	c, err := s.service(ctx, s.agreements)
	if err != nil {
		return err
	}
	held, err := c.holding(ctx, int64(s.events))
	if err != nil {
		return err
	}
	err = s.inTurns(ctx, m,
		contestant{"after an orderly stop", func(ctx context.Context) (Turn, error) { return c.again(ctx, (*child).stop) }},
		contestant{"killed right after work", func(ctx context.Context) (Turn, error) {
			if _, err := c.load(bench.Submit, callers, manyAgreements).turn(ctx); err != nil {
				return Turn{}, err
			}
			return c.again(ctx, func(p *child) error {
				if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
					return fmt.Errorf("kill concordd: %w", err)
				}
				<-p.ended
				return nil
			})
		}})
	if err != nil {
		return err
	}
	for _, line := range m.Contenders {
		m.judge(line.Name, "s", startGoal, false, m.each(func(r int) float64 { return line.p50(r) / 1e6 }))
	}
	m.Notes = append(m.Notes, fmt.Sprintf("The store held %d events at first. Its files may still be in the system's memory.", held))
	return nil
}

// holding prepares agreements until the store holds that many events.
func (c *concordd) holding(ctx context.Context, events int64) (int64, error) {
	for {
		held, err := c.events(ctx)
		if err != nil || held >= events {
			return held, err
		}
		// As many more as it takes at what an agreement brought so far, and a few.
		each := max(1, held/int64(c.prepared))
		if err := c.prepare(ctx, c.prepared+int((events-held)/each)+1); err != nil {
			return 0, err
		}
	}
}

// again ends the process and starts another one on the same data.
func (c *concordd) again(ctx context.Context, end func(*child) error) (Turn, error) {
	held, err := c.events(ctx)
	if err != nil {
		return Turn{}, err
	}
	if err := end(c.process); err != nil {
		return Turn{}, err
	}
	c.recorded = held
	if err := sleep(ctx, time.Second); err != nil { // the system may have pages to write
		return Turn{}, err
	}
	err = c.start(ctx)
	return Turn{P50: c.ready.Microseconds()}, err
}
