package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/concordhq/concord/cmd/concord/bench"
)

// logGoal is how many percent of its durable commands a service may spend on its log.
const logGoal = 10

// withoutLog is the build tag by which concordd commits nothing to its log.
const withoutLog = "concord_unlogged"

// logCost compares durable commands per second of concordd with those of one that was built without its log.
func logCost(ctx context.Context, s *stage, m *Measure) (err error) {
	with, err := s.service(ctx, s.agreements)
	if err != nil {
		return err
	}
	binary := filepath.Join(s.place, "concordd-"+withoutLog)
	if err := s.build(ctx, binary, "./cmd/concordd", "-tags="+withoutLog); err != nil {
		return err
	}
	without, err := s.newConcordd(ctx, binary, withoutLog)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, without.process.stop()) }()
	if err := without.prepare(ctx, s.agreements); err != nil {
		return err
	}
	var work, workless []float64
	err = s.inTurns(ctx, m,
		with.timed(with.load(bench.Submit, callers, s.agreements).as("concordd"), &work),
		without.timed(without.load(bench.Submit, callers, s.agreements).as("concordd, built without its log"), &workless))
	if err != nil {
		return err
	}
	logged, unlogged := m.Contenders[0], m.Contenders[1]
	m.judge("what the log costs of commands per second", "%", logGoal, false, m.each(func(r int) float64 {
		return 100 * (1 - logged.rate(r)/unlogged.rate(r))
	}))
	m.judge("processor time per event, with the log", "µs", 0, false, work)
	m.judge("processor time per event, without", "µs", 0, false, workless)
	m.Notes = append(m.Notes, "Without its log concordd draws no salts, hashes no entries, grows no tree and signs no checkpoint. It stores as many bytes, and what it stores proves nothing.")
	return nil
}

// timed is a contestant that tells, beside, how long processors worked on each event of a turn, in microseconds: warm-up and
// the reads before it included. Where the system does not tell, it is 0.
func (c *concordd) timed(load contestant, into *[]float64) contestant {
	return contestant{load.name, func(ctx context.Context) (Turn, error) {
		before, worked, err := c.tally(ctx)
		if err != nil {
			return Turn{}, err
		}
		t, err := load.turn(ctx)
		if err != nil {
			return t, err
		}
		after, now, err := c.tally(ctx)
		*into = append(*into, float64(now-worked)/ticksPerSecond*1e6/float64(max(1, after-before)))
		return t, err
	}}
}

// tally is how many events the service has recorded, and how long processors have worked for it.
func (c *concordd) tally(ctx context.Context) (events, worked int64, err error) {
	events, err = c.events(ctx)
	return events, ticks(c.process.cmd.Process.Pid), err
}
