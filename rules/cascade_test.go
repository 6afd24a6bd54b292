package rules

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// TestADeferredChangeIsTheSameChange plays each random tale twice: with decisions that hold every change whole, and with
// such that hold one event and defer the rest. Commands come before the clock has carried a change out. The same comes of
// it, at the same times.
func TestADeferredChangeIsTheSameChange(t *testing.T) {
	deferred := 0
	rapid.Check(t, func(t *rapid.T) {
		whole, parts := newWorld(t, begin), newWorld(t, begin)
		whole.carry, parts.carry = 1_000_000, 1
		play := func(tn turn) {
			if _, waking := tn.command.(*journalv1.Wake); waking {
				return
			}
			_, ends := tn.command.(*pb.TerminateAgreementRequest)
			if _, work := tn.command.(interface{ GetObligationId() string }); tn.command != nil && (!work || ends) {
				parts.settle() // who changes the agreement as a whole waits until it is settled
			}
			tn.command, tn.asleep = withoutEtag(tn.command), false
			_, err := whole.take(tn)
			tn.command = parts.paperOf(whole, tn.command)
			_, otherErr := parts.take(tn)
			if (err == nil) != (otherErr == nil) {
				t.Fatalf("at %v %T: whole %v, in parts %v", whole.now, tn.command, err, otherErr)
			}
		}
		for _, tn := range randomTale(t) {
			play(tn)
		}
		for range walkLength {
			play(randomTurn(t, whole))
		}
		parts.settle()
		whole.until(whole.now)
		parts.until(parts.now)
		sameButForTheClock(t, whole, parts)
		for _, e := range parts.history {
			if e.GetChangeDeferred() != nil {
				deferred++
			}
		}
		parts.close()
	})
	if deferred < 20 {
		t.Errorf("%d changes were deferred: that proves little", deferred)
	}
}

// TestChangesAreCarriedInTheirOrder holds that what was true first is carried first, whenever it was told, and that the
// commitments a change names are struck off as they are done.
func TestChangesAreCarriedInTheirOrder(t *testing.T) {
	w := busyWorld(t)
	s := NewState(w.ground())
	next := func(change *pb.Event) {
		change.AgreementId, change.Version = "care", s.Version("care")+1
		change.RecordTime, change.EffectiveTime = timestamppb.New(w.now), timestamppb.New(w.now)
		if err := Apply(s, change); err != nil {
			t.Fatal(err)
		}
	}
	for n, names := range [][]string{{"fee", "manual"}, nil} {
		next(&pb.Event{Change: &pb.Event_ChangeDeferred{ChangeDeferred: &pb.ChangeDeferred{
			Number: int32(n + 1), Change: &pb.DeferredChange{CommitmentIds: names, EffectiveTime: timestamppb.New(begin.AddDate(0, 0, -n))},
		}}})
	}
	carried := func(number int32, finished bool, names ...string) {
		next(&pb.Event{Change: &pb.Event_ChangeCarried{ChangeCarried: &pb.ChangeCarried{Number: number, CommitmentIds: names, Finished: finished}}})
	}
	want := func(settling bool, changes ...*journalv1.PendingChange) {
		t.Helper()
		got := get[*journalv1.Cascade](s, cascadeRef("care"))
		if !proto.Equal(got, &journalv1.Cascade{AgreementId: "care", DeferredCount: 2, Changes: changes}) || s.agreement("care").GetSettling() != settling {
			t.Errorf("settling %v: %v", s.agreement("care").GetSettling(), got)
		}
		if at, waits := WakeTime(got); waits != settling || settling && !at.Equal(changes[0].GetChange().GetEffectiveTime().AsTime()) {
			t.Errorf("it wakes at %v: %v", at, waits)
		}
	}
	first := &journalv1.PendingChange{Number: 1, Change: &pb.DeferredChange{CommitmentIds: []string{"manual"}, EffectiveTime: timestamppb.New(begin)}}
	second := &journalv1.PendingChange{Number: 2, Change: &pb.DeferredChange{EffectiveTime: timestamppb.New(begin.AddDate(0, 0, -1))}}
	carried(1, false, "fee")
	want(true, second, first)
	carried(1, true, "manual")
	want(true, second)
	carried(2, true)
	want(false)
}
