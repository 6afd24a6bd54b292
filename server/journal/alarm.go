package journal

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// Of the timers of an agreement only the alarm stands in the index that the clock follows, and it may stand too early:
// when a deadline moves away, as it does with every submission, the alarm is left where it is. Once it goes off and
// nothing is due, the clock wakes the agreement all the same, and the alarm is put where it belongs.

// Timer is a record whose time comes.
type Timer struct {
	Ref rules.Ref
	At  time.Time
}

// Due is what the clock must look at now: of each agreement the timers of its earliest instant, as what these bring may set
// a timer that comes before the next one; by the time of their alarms, and at most limit. An agreement whose alarm stands
// too early is among them itself. next is when to look again: zero if nothing waits, and not after now if there is more.
func (j *Journal) Due(ctx context.Context, limit int) (due []Timer, next time.Time, err error) {
	now := j.Now()
	err = j.view(ctx, func(snap store.Snapshot) error {
		for r, err := range snap.Scan(tableAlarms, nil, nil) {
			if err != nil {
				return err
			}
			alarm := Timer{Ref: rules.Ref{Kind: rules.KindAgreement, Agreement: string(r.Key[8:])}, At: timerTime(r.Key)}
			if alarm.At.After(now) || len(due) == limit {
				next = alarm.At
				return nil
			}
			told := len(due)
			if due, err = earliest(snap, alarm.Ref.Agreement, now, due, limit); err != nil {
				return err
			}
			if len(due) == told {
				due = append(due, alarm)
			}
		}
		return nil
	})
	return due, next, err
}

// earliest appends the timers of an agreement's earliest instant, if it has come, up to limit in all.
func earliest(snap store.Snapshot, agreementID string, now time.Time, due []Timer, limit int) ([]Timer, error) {
	told := len(due)
	for t, err := range timers(snap, agreementID) {
		if err != nil {
			return nil, err
		}
		if t.At.After(now) || len(due) == limit || len(due) > told && !t.At.Equal(due[told].At) {
			break
		}
		due = append(due, t)
	}
	return due, nil
}

// timers are the timers of an agreement as they are stored, by time.
func timers(snap store.Snapshot, agreementID string) func(func(Timer, error) bool) {
	return func(yield func(Timer, error) bool) {
		prefix := join(agreementID, sep, subTimers)
		for r, err := range snap.Scan(tableRecords, prefix, after(prefix)) {
			var t Timer
			if err == nil {
				t, err = timerOf(agreementID, r.Key)
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}

// setAlarms moves the alarms of a batch's agreements: before what has been put, and to where it belongs where the clock has
// looked.
func (b *batch) setAlarms() error {
	wanted := map[string]int64{}
	for ref, c := range b.state.Changes() {
		at, waits := rules.WakeTime(c.Now)
		if !waits {
			continue
		}
		if was, ok := wanted[ref.Agreement]; !ok || alarmMicros(at) < was {
			wanted[ref.Agreement] = alarmMicros(at)
		}
	}
	for agreementID := range b.looked {
		at, waits, err := b.earliest(agreementID)
		if err != nil {
			return fmt.Errorf("set an alarm: %w", err)
		}
		wanted[agreementID] = noAlarm
		if waits {
			wanted[agreementID] = alarmMicros(at)
		}
	}
	for agreementID, micros := range wanted {
		was, err := b.alarm(agreementID)
		if err != nil {
			return err
		}
		if micros == was || was != noAlarm && was < micros && !b.looked[agreementID] {
			continue
		}
		if err := b.moveAlarm(agreementID, was, micros); err != nil {
			return err
		}
	}
	return nil
}

// noAlarm stands for the alarm of an agreement that has no timer.
const noAlarm = 0

// alarmMicros is when to set an alarm for a timer. It is never noAlarm: a timer may go off in 1970, and its alarm may stand
// too early.
func alarmMicros(at time.Time) int64 {
	if micros := microsAt(at); micros != noAlarm {
		return micros
	}
	return noAlarm - 1
}

// alarm is where the alarm of an agreement stands. It leaves the chain as it is: a look that brings nothing writes nothing.
func (b *batch) alarm(agreementID string) (micros int64, err error) {
	if grew, ok := b.chains[agreementID]; ok {
		return grew.GetAlarmMicros(), nil
	}
	chain, _ := b.state.Get(rules.Ref{Kind: rules.KindChain, Agreement: agreementID}).(*journalv1.Chain)
	return chain.GetAlarmMicros(), b.state.Err()
}

func (b *batch) moveAlarm(agreementID string, from, to int64) error {
	chain, err := b.chain(agreementID)
	if err != nil {
		return err
	}
	if from != noAlarm {
		b.write(tableAlarms, alarmKey(agreementID, from), nil)
	}
	if to != noAlarm {
		b.alarmed = true
		b.write(tableAlarms, alarmKey(agreementID, to), []byte{})
	}
	chain.AlarmMicros = to
	return nil
}

// earliest is when the first timer of an agreement goes off once the batch is written, if it has one. What the batch, and the
// one ahead, have put is not yet where it is stored.
func (b *batch) earliest(agreementID string) (first time.Time, waits bool, err error) {
	newer := map[rules.Ref]bool{
		{Kind: rules.KindAgreement, Agreement: agreementID}: true,
		{Kind: rules.KindCascade, Agreement: agreementID}:   true,
	}
	for _, refs := range [][]rules.Ref{b.state.Touched(agreementID), b.newer(agreementID)} {
		for _, ref := range refs {
			newer[ref] = true
		}
	}
	note := func(at time.Time) {
		if !waits || at.Before(first) {
			first, waits = at, true
		}
	}
	for ref := range newer {
		if at, does := rules.WakeTime(b.state.Get(ref)); does {
			note(at)
		}
	}
	for t, err := range timers(b.snap, agreementID) {
		if err != nil {
			return time.Time{}, false, err
		}
		if !newer[t.Ref] {
			note(t.At)
			break
		}
	}
	return first, waits, b.state.Err()
}

// look notes that a command is the clock looking at an agreement.
func (b *batch) look(command proto.Message) {
	if w, ok := command.(*journalv1.Wake); ok {
		b.looked[w.GetAgreementId()] = true
	}
}
