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
	err = s.inTurns(ctx, m,
		with.load(bench.Submit, callers, s.agreements).as("concordd"),
		without.load(bench.Submit, callers, s.agreements).as("concordd, built without its log"))
	if err != nil {
		return err
	}
	logged, unlogged := m.Contenders[0], m.Contenders[1]
	m.judge("what the log costs of commands per second", "%", logGoal, false, m.each(func(r int) float64 {
		return 100 * (1 - logged.rate(r)/unlogged.rate(r))
	}))
	m.Notes = append(m.Notes, "Without its log concordd draws no salts, hashes no entries, grows no tree and signs no checkpoint. It stores as many bytes, and what it stores proves nothing.")
	return nil
}
