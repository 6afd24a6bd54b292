package rules

import (
	"cmp"
	"errors"
	"maps"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// TestNoRuleHasASide plays each random tale twice: as it is, and with vendor and client exchanged. Everything that comes
// of it must be the same but for the exchange. This is what "symmetrically, by construction" means.
func TestNoRuleHasASide(t *testing.T) {
	answers := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		both := newTwins(t, newWorld(t, begin))
		play := func(tn turn) {
			answers[both.play(tn) == nil]++
		}
		for _, tn := range randomTale(t) {
			play(tn)
		}
		for range walkLength {
			play(randomTurn(t, both.as))
		}
		both.alike()
	})
	if answers[true] < 1000 || answers[false] < 1000 {
		t.Errorf("%d turns were taken and %d refused: that proves little", answers[true], answers[false])
	}
}

// TestNoStoryHasASide tells every story once more with vendor and client exchanged: whatever one side may, must and gets,
// the other may, must and gets in its place.
func TestNoStoryHasASide(t *testing.T) {
	for _, path := range stories(t) {
		t.Run(storyName(path), func(t *testing.T) {
			both := newTwins(t, newWorld(t, begin))
			for _, tn := range tell(t, path).turns {
				_ = both.play(tn) // refused or not, it is so for both
			}
			both.alike()
		})
	}
}

// twins is a world and the same with its sides exchanged.
type twins struct {
	t            rapid.TB
	as, mirrored *world
	m            mirror
}

func newTwins(t rapid.TB, as *world) *twins {
	return &twins{t: t, as: as, mirrored: newWorld(t, as.now), m: mirror{digests: map[string]string{}}}
}

// play takes one turn in both worlds, holds that the same came of it, and is the refusal.
func (tw *twins) play(tn turn) error {
	tw.t.Helper()
	events, err := tw.as.take(tn)
	other := tn
	if tn.command != nil {
		other.command = tw.m.of(tn.command)
	}
	otherEvents, otherErr := tw.mirrored.take(other)
	tw.m.sameRefusal(tw.t, tn.command, err, otherErr)
	if len(events) != len(otherEvents) {
		tw.t.Fatalf("%T: %d events, mirrored %d", tn.command, len(events), len(otherEvents))
	}
	for i, e := range events {
		if want := tw.m.of(e); !proto.Equal(want, otherEvents[i]) {
			tw.t.Fatalf("%T:\n%v\nmirrored:\n%v", tn.command, want, otherEvents[i])
		}
	}
	return err
}

// alike holds that both worlds have the same records.
func (tw *twins) alike() {
	tw.t.Helper()
	tw.aheadAlike()
	if len(tw.as.records) != len(tw.mirrored.records) {
		tw.t.Fatalf("%d records, mirrored %d", len(tw.as.records), len(tw.mirrored.records))
	}
	for ref, record := range tw.as.records {
		if want := tw.m.of(record); !proto.Equal(want, tw.mirrored.records[mirroredRef(ref)]) {
			tw.t.Fatalf("%+v is\n%v\nmirrored:\n%v", ref, want, tw.mirrored.records[mirroredRef(ref)])
		}
		if a, is := record.(*pb.Agreement); is {
			tw.scoredAlike(a.GetAgreementId())
		}
	}
}

// mirroredRef is where a record lies when the sides are exchanged: tallies of one side are the other's then.
func mirroredRef(ref Ref) Ref {
	for _, of := range sideTallies {
		for _, side := range []pb.Side{pb.Side_SIDE_VENDOR, pb.Side_SIDE_CLIENT} {
			if ref.ID == sideTally(of, side) {
				ref.ID = sideTally(of, Other(side))
				return ref
			}
		}
	}
	return ref
}

// sideTallies is what sides have tallies of.
var sideTallies = []string{pulseTally, concernTally}

// scoredAlike holds that exchanging the sides exchanges their figures, and does nothing else.
func (tw *twins) scoredAlike(id string) {
	tw.t.Helper()
	is, err := tw.as.state().Scorecard(id, "", "", tw.as.now)
	other, otherErr := tw.mirrored.state().Scorecard(id, "", "", tw.as.now)
	if err != nil || otherErr != nil {
		tw.t.Fatal(err, otherErr)
	}
	want := tw.m.of(is).(*pb.Scorecard)
	want.VerdictWords, other.VerdictWords = "", ""
	if !proto.Equal(want, other) {
		tw.t.Fatalf("the scores of %s are\n%v\nmirrored:\n%v", id, want, other)
	}
}

// mirror exchanges the sides of messages. A text with its sides exchanged has another digest, which it remembers.
type mirror struct{ digests map[string]string }

// of is a copy of a message with the sides exchanged.
func (m mirror) of(original proto.Message) proto.Message {
	turned := proto.Clone(original)
	m.turn(turned.ProtoReflect())
	return turned
}

func (m mirror) turn(r protoreflect.Message) {
	fields := r.Descriptor().Fields()
	for i := range fields.Len() {
		vendor := fields.Get(i)
		client := fields.ByName(protoreflect.Name(strings.Replace(string(vendor.Name()), "vendor", "client", 1)))
		if client != nil && client != vendor {
			exchange(r, vendor, client)
		}
	}
	if card := fields.ByName("scorecard"); card != nil && r.Has(card) { // what is frozen has its digest in the paper
		said := r.Get(card).Message().Interface()
		_, was := Digest(said)
		_, m.digests[was] = Digest(m.of(said))
	}
	digest := cmp.Or(fields.ByName("terms_digest"), fields.ByName("digest"), fields.ByName("scorecard_digest"))
	if body := fields.ByName("body"); body != nil && digest != nil && r.Has(body) {
		var said proto.Message
		if fields.ByName("review_id") != nil {
			said = paperOf(r.Get(body).Bytes())
		} else if motion := fields.ByName("motion"); motion != nil && r.Has(motion) {
			said = motionOf(r.Get(body).Bytes())
		} else {
			said = termsOf(r.Get(body).Bytes())
		}
		m.turn(said.ProtoReflect())
		text, turned := Digest(said)
		m.digests[r.Get(digest).String()] = turned
		r.Set(body, protoreflect.ValueOfBytes(text))
	}
	if digest != nil {
		if turned, known := m.digests[r.Get(digest).String()]; known {
			r.Set(digest, protoreflect.ValueOfString(turned))
		}
	}
	defer turnVerdict(r.Interface()) // once what is in it is turned
	r.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Enum() != nil && f.Enum().FullName() == "concord.v1.Side" && !f.IsList():
			r.Set(f, protoreflect.ValueOfEnum(protoreflect.EnumNumber(Other(pb.Side(v.Enum())))))
		case f.Message() != nil && f.IsList():
			for i := range v.List().Len() {
				m.turn(v.List().Get(i).Message())
			}
		case f.Message() != nil && !f.IsMap():
			m.turn(v.Message())
		}
		return true
	})
}

// exchange exchanges what a message says of either side.
func exchange(r protoreflect.Message, vendor, client protoreflect.FieldDescriptor) {
	v, c, hasVendor, hasClient := r.Get(vendor), r.Get(client), r.Has(vendor), r.Has(client)
	r.Clear(vendor)
	r.Clear(client)
	if hasVendor {
		r.Set(client, v)
	}
	if hasClient {
		r.Set(vendor, c)
	}
}

// turnVerdict exchanges whom the verdict of a scorecard favours.
func turnVerdict(m proto.Message) {
	if card, ok := m.(*pb.Scorecard); ok {
		switch card.Verdict {
		case pb.Verdict_VERDICT_CLIENT_FAVOURED:
			card.Verdict = pb.Verdict_VERDICT_VENDOR_FAVOURED
		case pb.Verdict_VERDICT_VENDOR_FAVOURED:
			card.Verdict = pb.Verdict_VERDICT_CLIENT_FAVOURED
		}
		card.VerdictWords = verdictWords(card)
	}
}

// sameRefusal holds that both were refused alike, or neither.
func (m mirror) sameRefusal(t rapid.TB, command proto.Message, err, otherErr error) {
	t.Helper()
	var e, other *Error
	errors.As(err, &e)
	errors.As(otherErr, &other)
	if (e == nil) != (other == nil) {
		t.Fatalf("%T: %v, mirrored: %v", command, err, otherErr)
	}
	if e == nil {
		return
	}
	want := maps.Clone(e.Metadata)
	for _, key := range []string{"terms_digest", "digest"} {
		if turned, known := m.digests[want[key]]; known {
			want[key] = turned
		}
	}
	if e.Reason != other.Reason || e.Rule != other.Rule || e.Subject != other.Subject || !maps.Equal(want, other.Metadata) {
		t.Fatalf("%T: %v %+v, mirrored: %v %+v", command, e, e, other, other)
	}
}
