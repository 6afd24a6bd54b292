package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// Waiting is how many commands wait.
func (j *Journal) Waiting() int { return len(j.queue) }

// HoldReplays takes all the room there is for answers about the past, until it is given back.
func (j *Journal) HoldReplays() (giveBack func()) {
	for range cap(j.replays) {
		j.replays <- struct{}{}
	}
	return func() {
		for range cap(j.replays) {
			<-j.replays
		}
	}
}

// Behind decides commands as a batch that is not made durable, and lets look see the records as one behind it does.
func (j *Journal) Behind(ctx context.Context, commands []Command, look func(*rules.State)) error {
	return j.opts.Store.View(ctx, func(snap store.Snapshot) error {
		ahead := j.newBatch(ctx, nil)
		ahead.snap = snap
		for _, c := range commands {
			it := newItem(ctx, c.By, c.Do)
			if ahead.decide(it); it.err != nil {
				return it.err
			}
		}
		if err := ahead.close(); err != nil {
			return err
		}
		ahead.snap = nil
		behind := j.newBatch(ctx, ahead)
		behind.snap = snap
		look(behind.state)
		return behind.state.Err()
	})
}

// CheckTimers holds what the clock relies on: each record that waits has its timer and no other, no agreement's alarm stands
// behind its earliest timer, and each alarm is the one its agreement knows of.
func (j *Journal) CheckTimers(ctx context.Context) error {
	return j.opts.Store.View(ctx, func(snap store.Snapshot) error {
		waiting, alarms := map[string]bool{}, map[string]int64{}
		timers, known := map[string]bool{}, map[string]int64{}
		earliest := map[string]int64{}
		for r, err := range snap.Scan(tableRecords, nil, nil) {
			if err != nil {
				return err
			}
			agreement, rest, _ := bytes.Cut(r.Key, []byte{keySeparator})
			switch rest[0] {
			case subEvents, subLists:
				continue
			case subTimers:
				timers[string(r.Key)] = true
				t, err := timerOf(string(agreement), r.Key)
				if err != nil {
					return err
				}
				if at, ok := earliest[string(agreement)]; !ok || t.At.UnixMicro() < at {
					earliest[string(agreement)] = t.At.UnixMicro()
				}
				continue
			}
			ref, err := recordRef(r.Key)
			if err != nil {
				return err
			}
			m, err := readRecord(snap, ref)
			if err != nil {
				return err
			}
			if c, ok := m.(*journalv1.Chain); ok && c.GetAlarmMicros() != 0 {
				known[ref.Agreement] = c.GetAlarmMicros()
			}
			if at, waits := rules.WakeTime(m); waits {
				waiting[string(timerKey(ref, at))] = true
			}
		}
		for r, err := range snap.Scan(tableAlarms, nil, nil) {
			if err != nil {
				return err
			}
			alarms[string(r.Key[8:])] = timerTime(r.Key).UnixMicro()
		}
		if !maps.Equal(waiting, timers) || !maps.Equal(alarms, known) {
			return fmt.Errorf("waiting %v, timers %v; alarms %v, known %v", waiting, timers, alarms, known)
		}
		for agreement, at := range earliest {
			if alarm, ok := alarms[agreement]; !ok || alarm > at {
				return fmt.Errorf("the alarm of %s is set to %d, %v; its first timer is %d", agreement, alarm, ok, at)
			}
		}
		return nil
	})
}

// CheckPortfolios holds what portfolios rely on: what stands in them, and what is counted by party and by agreement, is what
// a scan of all records finds.
func (j *Journal) CheckPortfolios(ctx context.Context) error {
	return j.opts.Store.View(ctx, func(snap store.Snapshot) error {
		want, have := map[string]bool{}, map[string]bool{}
		sums, kept := map[string]int64{}, map[string]int64{}
		for r, err := range snap.Scan(tableRecords, nil, nil) {
			if err != nil {
				return err
			}
			_, rest, _ := bytes.Cut(r.Key, []byte{keySeparator})
			if rest[0] == subEvents || rest[0] == subLists || rest[0] == subTimers {
				continue
			}
			ref, err := recordRef(r.Key)
			if err != nil {
				return err
			}
			m, err := readRecord(snap, ref)
			if err != nil {
				return err
			}
			if c, ok := m.(*journalv1.Chain); ok {
				for i, n := range c.GetAwaited() {
					kept[fmt.Sprintf("in %s, seat %d", ref.Agreement, i)] = n
				}
			}
			awaits := rules.Awaits(nil, m)
			if len(awaits) == 0 {
				continue
			}
			header, err := readRecord(snap, rules.Ref{Kind: rules.KindAgreement, Agreement: ref.Agreement})
			if err != nil {
				return err
			}
			for _, w := range awaits {
				sums[fmt.Sprintf("in %s, seat %d", ref.Agreement, seat(w))]++
				for party, task := range seenBy(header.(*pb.Agreement), w) {
					sums[fmt.Sprintf("of %s, task %d", party, task)]++
				}
			}
			for _, w := range withLingering(awaits, m) {
				for party, task := range seenBy(header.(*pb.Agreement), w) {
					want[string(awaitKey(party, task, ref, w))] = true
				}
			}
		}
		for r, err := range snap.Scan(tableIndex, []byte{listAwaited}, []byte{listAwaited + 1}) {
			sum := &journalv1.Awaited{}
			if err := errors.Join(err, proto.Unmarshal(r.Value, sum)); err != nil {
				return err
			}
			for i, n := range sum.GetCounts() {
				kept[fmt.Sprintf("of %s, task %d", r.Key[1:], i)] = n
			}
		}
		for r, err := range snap.Scan(tableIndex, []byte{listAwaits}, []byte{listAwaits + 1}) {
			if err != nil {
				return err
			}
			have[string(r.Key)] = true
		}
		maps.DeleteFunc(kept, func(_ string, n int64) bool { return n == 0 })
		if !maps.Equal(want, have) || !maps.Equal(sums, kept) {
			maps.DeleteFunc(want, func(key string, _ bool) bool { in := have[key]; delete(have, key); return in })
			maps.DeleteFunc(sums, func(what string, n int64) bool { same := kept[what] == n; delete(kept, what); return same })
			return fmt.Errorf("a scan alone finds %q, and counts %v; there alone is %q, and %v", slices.Sorted(maps.Keys(want)), sums, slices.Sorted(maps.Keys(have)), kept)
		}
		return nil
	})
}

// Command is something somebody commands.
type Command struct {
	By rules.Caller
	Do proto.Message
}
