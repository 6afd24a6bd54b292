package rules

import (
	"errors"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// TestASlowClockChangesNothing plays each random tale twice: with a clock that looks at every instant, and with one that
// sleeps until the end. The same commands are taken and refused, and the same happens at the same times; only when it was
// written down, and after what, is another matter.
func TestASlowClockChangesNothing(t *testing.T) {
	taken, brought := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		awake, asleep := newWorld(t, begin), newWorld(t, begin)
		play := func(tn turn) {
			if _, waking := tn.command.(*journalv1.Wake); waking {
				return // that is what the two differ in
			}
			tn.command, tn.asleep = withoutEtag(tn.command), false
			asleep.settle() // or it would refuse another change
			_, err := awake.take(tn)
			tn.asleep, tn.command = true, asleep.paperOf(awake, tn.command)
			events, otherErr := asleep.take(tn)
			if err == nil {
				taken++
			}
			if len(events) > 0 && events[0].GetActor().GetPrincipalId() == "clock" && otherErr == nil {
				brought++
			}
			var e, other *Error
			if errors.As(err, &e) != errors.As(otherErr, &other) || e != nil && (e.Reason != other.Reason || e.Rule != other.Rule || e.Metadata["state"] != other.Metadata["state"]) {
				t.Fatalf("at %v %T: with the clock awake %v, asleep %v", awake.now, tn.command, err, otherErr)
			}
		}
		for _, tn := range randomTale(t) {
			play(tn)
		}
		for range walkLength {
			play(randomTurn(t, awake))
		}
		awake.until(awake.now)
		asleep.until(asleep.now)
		sameButForTheClock(t, awake, asleep)
	})
	if taken < 1000 || brought < 100 {
		t.Errorf("%d commands were taken, of which %d came before the clock: that proves little", taken, brought)
	}
}

// settle has the clock carry out what agreements changed, and nothing else.
func (w *world) settle() {
	w.t.Helper()
	for ref := range w.timers {
		for ref.Kind == KindCascade && w.agreement(ref.Agreement).GetSettling() {
			w.wake(ref)
		}
	}
}

func withoutEtag(command proto.Message) proto.Message {
	if command == nil {
		return nil
	}
	m := proto.Clone(command)
	if f := m.ProtoReflect().Descriptor().Fields().ByName("etag"); f != nil {
		m.ProtoReflect().Clear(f)
	}
	return m
}

// sameButForTheClock compares two worlds, leaving out when and in which order things were written down.
func sameButForTheClock(t *rapid.T, awake, asleep *world) {
	t.Helper()
	told, otherTold := unordered(awake.history), unordered(asleep.history)
	for i := 0; i < len(told) || i < len(otherTold); i++ {
		switch {
		case i == len(told) || i < len(otherTold) && otherTold[i] < told[i]:
			t.Fatalf("only with the clock asleep: %s", otherTold[i])
		case i == len(otherTold) || told[i] < otherTold[i]:
			t.Fatalf("only with the clock awake: %s", told[i])
		}
	}
	for ref, m := range awake.records {
		if ref.Kind == KindCascade {
			continue
		}
		if want, got := unwritten(m), unwritten(asleep.records[ref]); !proto.Equal(want, got) {
			t.Fatalf("with the clock awake %v, asleep %v", want, got)
		}
	}
}

// paperOf is a command in which a side signs, in one world, the paper that has the same in another. A scorecard has the version
// of its event, and so the papers that name it differ.
func (w *world) paperOf(other *world, command proto.Message) proto.Message {
	c, signs := command.(*pb.SignReviewRequest)
	if !signs {
		return command
	}
	ref := reviewRef(c.GetAgreementId(), c.GetReviewId())
	ours, _ := w.records[ref].(*pb.Review)
	if theirs, _ := other.records[ref].(*pb.Review); theirs.GetDigest() == c.GetDigest() {
		c = proto.CloneOf(c)
		c.Digest = ours.GetDigest()
	}
	return c
}

// unnumbered takes out of a message what follows from the version of the event that froze a scorecard.
func unnumbered(m proto.Message) {
	clear := func(r protoreflect.Message, names ...protoreflect.Name) {
		for _, name := range names {
			r.Clear(r.Descriptor().Fields().ByName(name))
		}
	}
	switch r := m.(type) {
	case *pb.Event:
		switch c := r.GetChange().(type) {
		case *pb.Event_ReviewOpened:
			c.ReviewOpened.Scorecard.Version = 0
			clear(c.ReviewOpened.ProtoReflect(), "body", "digest")
		case *pb.Event_ReviewUpdated:
			clear(c.ReviewUpdated.ProtoReflect(), "body", "digest")
		case *pb.Event_ReviewSigned:
			clear(c.ReviewSigned.ProtoReflect(), "digest")
		}
	case *pb.Review:
		r.Scorecard.Version = 0
		clear(r.ProtoReflect(), "body", "digest")
		for _, s := range r.GetSignatures() {
			s.Digest = ""
		}
	}
}

// unordered is a history without record times and numbers, in an order of its own. A commitment ends with what closes the
// last of its obligations: when the clock sleeps, that may be the clock, for what it would have closed long before. For the
// same reason one that waits for something to happen may go without a rest between two things that did.
func unordered(history []*pb.Event) (lines []string) {
	for _, e := range history {
		switch e.GetChange().(type) {
		case *pb.Event_ChangeDeferred, *pb.Event_ChangeCarried:
			continue // how a change was cut in parts
		case *pb.Event_CommitmentRested, *pb.Event_CommitmentEnteredIntoForce:
			continue // one that rests between its obligations: a slow clock closes them in another order
		}
		e = proto.CloneOf(e)
		e.Version, e.RecordTime = 0, nil
		if e.GetCommitmentEnded() != nil {
			e.EffectiveTime, e.Actor, e.RequestId = nil, nil, ""
		}
		unnumbered(e)
		lines = append(lines, e.String())
	}
	slices.Sort(lines)
	return lines
}

// unwritten is a record without what says when it was written.
func unwritten(m proto.Message) proto.Message {
	m = proto.Clone(m)
	unnumbered(m)
	r := m.ProtoReflect()
	for _, name := range []string{"etag", "create_time", "update_time"} {
		if f := r.Descriptor().Fields().ByName(protoreflect.Name(name)); f != nil {
			r.Clear(f)
		}
	}
	return m
}
