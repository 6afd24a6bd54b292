package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/concordhq/concord/cmd/concord/bench"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server"
)

const (
	// timersPerHour is how fast timers come due: a million proposals that lapse within an hour.
	timersPerHour = 1_000_000
	// timerCallers is how many write while they do.
	timerCallers = 64
	// lagGoal is how late the clock may be in the steady state, p99.
	lagGoal = 1.0 // s
	// preparing is how many agreements are made ready per second at least; who is slower is told so.
	preparing = 3_000
	// lagSamples bounds how many timers of a turn are looked at.
	lagSamples = 50_000

	// A year of a weekly promise that nobody keeps: each comes up, is breached and defaults.
	weeks, asleep = 52, 366 * 24 * time.Hour
	// memoryEvery is how often the memory in use is looked at while the clock catches up.
	memoryEvery = 100 * time.Millisecond
)

// timers has proposals lapse at an even pace while callers write, and looks how late each did. There are as many of them
// as agreements are asked for, all at the pace of a million an hour; the turns take their part of the hour.
func timers(ctx context.Context, s *stage, m *Measure) (err error) {
	h, err := s.newHouse(ctx, "timers", server.StoreBolt, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	p := &plot{id: "work"}
	if p.open, err = h.agree(ctx, p.id, promises(timerCallers)); err != nil {
		return err
	}
	p.submitted = make([]bool, timerCallers)
	begin := time.Now().Add(time.Duration(float64(s.agreements)/preparing*float64(time.Second)) + time.Duration(s.rounds+1)*(s.duration+s.warmup+restPause))
	every := time.Hour / timersPerHour
	if err := h.propose(ctx, s.agreements, begin, every); err != nil {
		return err
	}
	s.say("%d proposals lapse from %s on, one each %s", s.agreements, begin.Format(time.TimeOnly), every)
	quiet, busy := m.contender("64 callers, no timer due"), m.contender("64 callers, timers due")
	var lags, counts []float64
	late := m.contender("how late the clock was")
	for round := range 2 * s.rounds {
		into := quiet
		if round == s.rounds {
			if time.Now().After(begin) {
				return fmt.Errorf("making ready took longer than a second for each %d agreements", preparing)
			}
			if err := sleep(ctx, time.Until(begin)); err != nil {
				return err
			}
		}
		disk, err := bench.MeasureDisk(s.place)
		if err != nil {
			return err
		}
		watch, from := s.watch(), time.Now()
		t, err := h.write(ctx, s.plan, p)
		if err != nil {
			return err
		}
		t.Disk, t.Others = disk.P50, watch()
		if round >= s.rounds {
			into = busy
			lag, err := h.lags(ctx, begin, every, s.agreements, from, time.Now())
			if err != nil {
				return err
			}
			lag.Disk, lag.Others = t.Disk, t.Others
			late.Turns = append(late.Turns, lag)
			lags, counts = append(lags, float64(lag.P99)/1e6), append(counts, lag.PerSecond)
		}
		into.Turns = append(into.Turns, t)
		s.say("%s: %s", into.Name, t)
	}
	m.judge("lag of the clock, p99", "s", lagGoal, false, lags)
	m.judge("timers", "/s", 0, true, counts)
	m.judge("callers' writes with timers due, per without", "×", 0, true, m.each(func(r int) float64 { return busy.rate(r) / quiet.rate(r) }))
	return nil
}

// each runs n jobs, as many at a time as there are keepers.
func each(ctx context.Context, n int, job func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(keepers)
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error { return job(ctx, i) })
	}
	return group.Wait()
}

// propose makes n agreements with a proposal each; the i-th lapses at begin and i times every.
func (h *house) propose(ctx context.Context, n int, begin time.Time, every time.Duration) error {
	terms := promises(1)
	return each(ctx, n, func(_ context.Context, i int) error {
		id := fmt.Sprintf("lapse-%07d", i)
		_, err := h.client.Agreements.CreateAgreement(h.vendor, &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{
			VendorPartyId: vendorParty, ClientPartyId: clientParty, DraftTerms: terms,
		}})
		if err != nil {
			return err
		}
		_, err = h.client.Proposals.CreateProposal(h.vendor, &pb.CreateProposalRequest{
			AgreementId: id, ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS,
			ExpireTime: timestamppb.New(begin.Add(time.Duration(i) * every)),
		})
		return err
	})
}

// write has each caller submit its obligation and have it returned, in a closed loop, for a turn.
func (h *house) write(ctx context.Context, p plan, work *plot) (Turn, error) {
	begin := time.Now().Add(p.warmup)
	finish := begin.Add(p.duration)
	tallies := &tally{took: newHistogram()}
	group, ctx := errgroup.WithContext(ctx)
	for caller := range timerCallers {
		group.Go(func() error {
			for time.Now().Before(finish) && ctx.Err() == nil {
				started := time.Now()
				var err error
				if work.submitted[caller] {
					_, err = h.client.Obligations.ReturnObligation(h.taker, giveBack(work.id, work.open[caller]))
				} else {
					_, err = h.client.Obligations.SubmitObligation(h.vendor, submission(work.id, work.open[caller]))
				}
				if err != nil {
					return err
				}
				work.submitted[caller] = !work.submitted[caller]
				if started.After(begin) {
					tallies.add(time.Since(started), nil)
				}
			}
			return context.Cause(ctx)
		})
	}
	if err := group.Wait(); err != nil {
		return Turn{}, err
	}
	return turnOf(tallies.took, p.duration), nil
}

// lags reads how late each of the timers between two times went off. One that has not gone off is an error.
func (h *house) lags(ctx context.Context, begin time.Time, every time.Duration, n int, from, to time.Time) (Turn, error) {
	if err := sleep(ctx, time.Second); err != nil { // for the last ones to be late in
		return Turn{}, err
	}
	first, last := int(max(0, from.Sub(begin)/every)), min(n, int(to.Sub(begin)/every))
	if last <= first {
		return Turn{}, errors.New("no timer came due in this turn: ask for more agreements, or fewer rounds")
	}
	stride := 1 + (last-first)/lagSamples
	sum := &tally{took: newHistogram()}
	err := each(ctx, (last-first)/stride, func(_ context.Context, i int) error {
		p, err := h.client.Proposals.GetProposal(h.vendor, &pb.GetProposalRequest{AgreementId: fmt.Sprintf("lapse-%07d", first+i*stride), ProposalId: "first"})
		if err != nil {
			return err
		}
		if p.GetState() != pb.ProposalState_PROPOSAL_STATE_LAPSED {
			return fmt.Errorf("%s has not lapsed a second after its time", p.GetAgreementId())
		}
		sum.add(p.GetUpdateTime().AsTime().Sub(p.GetExpireTime().AsTime()), nil)
		return nil
	})
	t := turnOf(sum.took, to.Sub(from))
	t.PerSecond = float64(last-first) / to.Sub(from).Seconds()
	return t, err
}

// catchUp lets the clock sleep for a year of weekly promises, and looks how long it takes to live through what it missed,
// and in how much memory.
func catchUp(ctx context.Context, s *stage, m *Measure) (err error) {
	var ahead atomic.Int64
	h, err := s.newHouse(ctx, "catch-up", server.StoreBolt, func(c *server.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	terms := text(time.Now().UTC())
	terms.Clocks = &pb.Clocks{LeadDays: new(int32(7)), GraceBusinessDays: new(int32(2)), CureBusinessDays: new(int32(20))}
	terms.Commitments = []*pb.CommitmentTerms{{
		CommitmentId: "weekly", Obligor: pb.Side_SIDE_VENDOR, Title: "Deliver every week", Category: pb.Category_CATEGORY_DELIVERY, Weight: 3,
		Schedule: &pb.CommitmentTerms_Recurring{Recurring: &pb.Recurring{Rrule: fmt.Sprintf("FREQ=WEEKLY;COUNT=%d", weeks)}},
	}}
	if err := each(ctx, s.agreements, func(_ context.Context, i int) error {
		return h.consent(fmt.Sprintf("year-%06d", i), terms)
	}); err != nil {
		return err
	}
	if err := h.server.Settle(ctx); err != nil {
		return err
	}
	s.say("%d agreements are in force; a year passes", s.agreements)
	runtime.GC()
	before, peak := memory(), memory()
	begun := time.Now()
	ahead.Store(int64(asleep))
	settled := make(chan error, 1)
	go func() { settled <- h.server.Settle(ctx) }()
	for done := false; !done; {
		select {
		case err = <-settled:
			done = true
		case <-time.After(memoryEvery):
			peak = max(peak, memory())
		}
	}
	if err != nil {
		return err
	}
	took := time.Since(begun)
	a, err := h.client.Agreements.GetAgreement(h.vendor, &pb.GetAgreementRequest{AgreementId: "year-000000"})
	if err != nil {
		return err
	}
	m.judge("a year of "+fmt.Sprint(s.agreements)+" agreements", "s", 0, false, []float64{took.Seconds()})
	m.judge("events, about", "/s", 0, true, []float64{float64(s.agreements) * 4 * weeks / took.Seconds()})
	m.judge("memory before", "MB", 0, false, []float64{float64(before) / 1e6})
	m.judge("memory at most", "MB", 0, false, []float64{float64(peak) / 1e6})
	m.Notes = append(m.Notes, fmt.Sprintf("Afterwards the first agreement is %s. Memory is what Go holds of the system in this process, which is the server too.", a.GetState()))
	return nil
}

// memory is what this process holds.
func memory() uint64 {
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	return now.Sys - now.HeapReleased
}
