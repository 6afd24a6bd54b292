package proof_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
)

// facts are the texts and bytes of events that are no part of what can be withheld or erased, and why.
var facts = map[string][]string{
	"ids, which name and do not describe": {
		"Event.agreement_id", "Event.request_id", "Actor.principal_id", "Actor.party_id", "Principal.principal_id", "Principal.party_id",
		"Principal.service_party_ids", "Principal.agreement_ids", "*.party_id", "*.api_key_id", "*.obligation_id", "*.obligation_ids", "*.review_id", "Scorecard.agreement_id",
		"*.commitment_id", "*.commitment_ids", "*.proposal_id", "*.concern_id", "*.successor_agreement_id", "*.dependents", "*.remedy_of", "*.right_id",
		"*.blocked_by", "AgreementDrafted.vendor_party_id", "AgreementDrafted.client_party_id", "*.neutral_party_id", "*.renews_agreement_id", "*.pulse_round_id", "*.objective_id", "*.observation_id",
		"Impact.added_objective_ids", "Impact.changed_objective_ids", "Impact.ended_objective_ids",
		"Impact.added_commitment_ids", "Impact.changed_commitment_ids", "Impact.ended_commitment_ids", "Impact.superseded_obligation_ids",
	},
	"the log's name and keys": {"LogOpened.origin", "LogOpened.verifier_key", "LogKeyAdded.verifier_key", "LogKeyRetired.log_key_id"},
	"hashes":                  {"Event.previous_entry_hash", "Event.private_commitment", "*.terms_digest", "*.digest", "ApiKeyIssued.secret_hash", "Evidence.sha256"},
	"days, figures and kinds": {
		"*.effective_date", "*.due_date", "*.rule_date", "*.last_rule_date", "*.window_start_date", "*.window_end_date", "*.words_from_date",
		"*.kept_date", "*.cure_date", "*.occurred_date", "*.until_date", "*.start_date", "DueStep.date", "Calendar.time_zone", "Calendar.holidays",
		"Amount.currency", "Amount.value", "ObservationRecorded.value", "ObservationRecorded.observed_date", "ObjectiveTerms.baseline",
		"ObjectiveTerms.target", "ObjectiveTerms.by_date", "Measurement.value", "Measurement.qualifying_value", "Evidence.media_type",
		"*.from_date", "*.to_date", "Figure.numerator", "Figure.denominator", "MonthScores.month",
	},
	"what both sides consented to, word for word: consent names its digest": {
		"ProposalMade.body", "ProposalCountered.body", "ReviewOpened.body", "ReviewUpdated.body", "AgreementAccepted.title", "AgreementAmended.title", "PastObligation.note",
		"CommitmentTerms.title", "CommitmentTerms.description", "CommitmentTerms.prerequisites", "Conditional.condition", "Recurring.rrule", "Excuse.measure",
		"Measured.measure", "Measured.unit", "Measured.objective", "Measured.tolerance", "Qualifying.measure", "Qualifying.unit",
		"ObjectiveTerms.title", "ObjectiveTerms.measure", "ObjectiveTerms.unit", "Qualifying.threshold", "Credit.title", "Credit.step", "Credit.percent_per_step", "Credit.cap_percent", "Standing.conduct",
	},
	"the service's own words":                         {"DueStep.words", "DueStep.subject", "ObligationMeasured.disagreement", "Scorecard.verdict_words", "ProposalBecameStale.reason"},
	"why something is gone, which nobody is named in": {"PrivateDataErased.basis"},
}

// Whoever adds a text to an event decides whether it can be erased: here as a fact, or by marking it private.
func TestEveryTextOfAnEventIsPrivateOrAFact(t *testing.T) {
	listed := map[string]bool{}
	for _, names := range facts {
		for _, name := range names {
			listed[name] = false
		}
	}
	seen := map[protoreflect.FullName]bool{"google.protobuf.Timestamp": true}
	var walk func(m protoreflect.MessageDescriptor)
	walk = func(m protoreflect.MessageDescriptor) {
		if seen[m.FullName()] {
			return
		}
		seen[m.FullName()] = true
		for i := range m.Fields().Len() {
			f := m.Fields().Get(i)
			name, any := string(m.Name())+"."+string(f.Name()), "*."+string(f.Name())
			private := isPrivate(f)
			_, fact := listed[name]
			_, anyFact := listed[any]
			switch {
			case private && (fact || f.IsList() || f.IsMap()):
				t.Errorf("%s is private, and a fact or a list", name)
			case f.Message() != nil && !private:
				walk(f.Message())
			case f.Kind() == protoreflect.StringKind || f.Kind() == protoreflect.BytesKind:
				if !private && !fact && !anyFact {
					t.Errorf("%s is neither marked private nor listed as a fact", name)
				}
				if fact {
					listed[name] = true
				} else if anyFact {
					listed[any] = true
				}
			}
		}
	}
	walk((&pb.Event{}).ProtoReflect().Descriptor())
	for name, met := range listed {
		if !met {
			t.Errorf("no event has the fact %s", name)
		}
	}
}

func isPrivate(f protoreflect.FieldDescriptor) bool {
	return proto.GetExtension(f.Options(), pb.E_Private).(bool)
}

// full sets every field of a message, lists with two elements, texts to words of their own; what is private, or within it,
// says so.
func full(m protoreflect.Message, private bool, n *int) {
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		if o := f.ContainingOneof(); o != nil && m.WhichOneof(o) != nil {
			continue
		}
		if f.IsList() {
			for range 2 {
				m.Mutable(f).List().Append(value(m.Mutable(f).List().NewElement(), f, private, n))
			}
			continue
		}
		m.Set(f, value(m.NewField(f), f, private, n))
	}
}

func value(zero protoreflect.Value, f protoreflect.FieldDescriptor, private bool, n *int) protoreflect.Value {
	*n++
	private = private || isPrivate(f)
	switch f.Kind() {
	case protoreflect.MessageKind:
		full(zero.Message(), private, n)
	case protoreflect.StringKind:
		if private {
			return protoreflect.ValueOfString(fmt.Sprintf("private %d", *n))
		}
		return protoreflect.ValueOfString(fmt.Sprintf("fact %d", *n))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte{byte(*n)})
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(*n))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	}
	return zero
}

// fullEvents are events of every kind with every field set.
func fullEvents() map[string]*pb.Event {
	all := map[string]*pb.Event{}
	arms := (&pb.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("change").Fields()
	for i := range arms.Len() {
		e, n := &pb.Event{}, 0
		e.ProtoReflect().Set(arms.Get(i), e.ProtoReflect().NewField(arms.Get(i)))
		full(e.ProtoReflect().Mutable(arms.Get(i)).Message(), false, &n)
		full(e.ProtoReflect(), false, &n)
		e.PrivateCommitment = nil
		all[string(arms.Get(i).Name())] = e
	}
	return all
}

func serialized(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func drawn(salt []byte) { copy(salt, bytes.Repeat([]byte{7}, len(salt))) }

// What is private leaves every kind of event, all of it and nothing else, and comes back to where it was.
func TestSplitTakesOutWhatIsPrivateAndJoinPutsItBack(t *testing.T) {
	kinds := 0
	for name, e := range fullEvents() {
		whole := serialized(t, e)
		body, private, salt, err := proof.Split(whole, drawn)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if strings.Count(string(whole), "fact ") != strings.Count(string(body), "fact ")+strings.Count(string(private), "fact ") || bytes.Contains(body, []byte("private ")) {
			t.Errorf("%s: %q is left of %q", name, body, whole)
		}
		left := &pb.Event{}
		if err := proto.Unmarshal(body, left); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(serialized(t, left), body) {
			t.Errorf("%s: the body is not as anyone would serialize it", name)
		}
		if private == nil {
			if !bytes.Equal(body, whole) || salt != nil || bytes.Contains(whole, []byte("private ")) {
				t.Errorf("%s has nothing private, and was changed", name)
			}
			continue
		}
		kinds++
		if len(salt) != proof.KeySize || !bytes.Equal(left.GetPrivateCommitment(), proof.PrivateCommitment(salt, private)) {
			t.Errorf("%s: the body commits to something else", name)
		}
		if err := proof.Join(left, private); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		left.PrivateCommitment = nil
		if !proto.Equal(left, e) {
			t.Errorf("%s: joined\n%v\nwas\n%v", name, left, e)
		}
	}
	if kinds < 25 {
		t.Errorf("only %d kinds of events have something private", kinds)
	}
}

func submission() *pb.Event {
	return &pb.Event{AgreementId: "care", Version: 3, Change: &pb.Event_ObligationSubmitted{ObligationSubmitted: &pb.ObligationSubmitted{
		ObligationId: "c-1", Submission: &pb.Submission{Number: 1, Note: "done", Evidence: []*pb.Evidence{{Title: "one", Sha256: "ab"}, {}, {Uri: "https://three"}}},
	}}}
}

// The private part names each text by the way to it, in the order of the event, and nothing that is not said.
func TestAPrivatePartNamesItsTexts(t *testing.T) {
	_, private, _, err := proof.Split(serialized(t, submission()), drawn)
	if err != nil {
		t.Fatal(err)
	}
	part := &pb.PrivatePart{}
	if err := proto.Unmarshal(private, part); err != nil || !bytes.Equal(serialized(t, part), private) {
		t.Errorf("%v: it is not as anyone would serialize it", err)
	}
	said := map[string]string{}
	for _, f := range part.GetFields() {
		said[f.GetPath()] = f.GetText()
	}
	want := map[string]string{
		"obligation_submitted.submission.evidence[0].title": "one", "obligation_submitted.submission.evidence[2].uri": "https://three",
		"obligation_submitted.submission.note": "done",
	}
	if !maps.Equal(said, want) {
		t.Errorf("it says %v", said)
	}
}

// A draft without a word is not the same as no draft.
func TestAnEmptyDraftIsStillADraft(t *testing.T) {
	e := &pb.Event{Change: &pb.Event_DraftRewritten{DraftRewritten: &pb.DraftRewritten{Terms: &pb.Terms{}}}}
	body, private, _, err := proof.Split(serialized(t, e), drawn)
	back := &pb.Event{}
	if err == nil {
		err = proto.Unmarshal(body, back)
	}
	if err == nil {
		err = proof.Join(back, private)
	}
	if err != nil || back.GetDraftRewritten().GetTerms() == nil {
		t.Errorf("%v, %v", back, err)
	}
}

// Nothing can be put into an event as private that it keeps as a fact, that it has no place for, or twice.
func TestJoinRefusesWhatIsNotPrivate(t *testing.T) {
	const way = "obligation_submitted.submission."
	text := func(path string) *pb.PrivateField {
		return &pb.PrivateField{Path: path, Value: &pb.PrivateField_Text{Text: "x"}}
	}
	for _, fields := range [][]*pb.PrivateField{
		{text("agreement_id")}, {text("")}, {text(".")}, {text("obligation_submitted.obligation_id")}, {text("obligation_submitted")}, {text(way)},
		{text(way + "number")}, {text(way + "evidence[0].sha256")}, {text(way + "evidence")}, {text(way + "evidence[0]")}, {text(way + "evidence.title")},
		{text(way + "evidence[3].title")}, {text(way + "evidence[-1].title")}, {text(way + "evidence[00].title")}, {text(way + "evidence[0.title")},
		{text(way + "evidence[1]x.title")}, {text(way + "evidence[].title")}, {text(way + "note[0]")}, {text(way + "note.text")}, {text(way + "note"), text(way + "note")},
		{text("obligation_waived.reason")}, {text("agreement_drafted.terms")}, {{Path: way + "note"}},
		{{Path: way + "note", Value: &pb.PrivateField_Message{Message: []byte("x")}}},
	} {
		e := submission()
		e.GetObligationSubmitted().Submission.Note = ""
		if err := proof.Join(e, serialized(t, &pb.PrivatePart{Fields: fields})); err == nil {
			t.Errorf("%v was joined: %v", fields, e)
		}
	}
	drafted := &pb.Event{Change: &pb.Event_AgreementDrafted{AgreementDrafted: &pb.AgreementDrafted{}}}
	for _, private := range []*pb.PrivateField{text("agreement_drafted.terms"), {Path: "agreement_drafted.terms", Value: &pb.PrivateField_Message{Message: []byte{0xff}}}} {
		if err := proof.Join(drafted, serialized(t, &pb.PrivatePart{Fields: []*pb.PrivateField{private}})); err == nil {
			t.Errorf("%v was joined", private)
		}
	}
	if err := proof.Join(submission(), []byte{0xff}); err == nil {
		t.Error("bytes that are no message were joined")
	}
}

// FuzzSplit holds of any bytes that they are refused, or split so that they can be joined again, and never that the program
// ends.
func FuzzSplit(f *testing.F) {
	for _, name := range slices.Sorted(maps.Keys(fullEvents())) {
		f.Add(serialized(f, fullEvents()[name]))
	}
	f.Add([]byte{0xff})
	f.Fuzz(func(t *testing.T, whole []byte) {
		body, private, salt, err := proof.Split(whole, drawn)
		e, back := &pb.Event{}, &pb.Event{}
		if err != nil || proto.Unmarshal(whole, e) != nil || proto.Unmarshal(body, back) != nil {
			return
		}
		if private == nil {
			if !bytes.Equal(body, whole) {
				t.Errorf("%x became %x", whole, body)
			}
			return
		}
		if !bytes.Equal(back.GetPrivateCommitment(), proof.PrivateCommitment(salt, private)) {
			t.Error("the body commits to something else")
		}
		_ = proof.Join(back, private) // bytes that nobody serialized may say a thing twice
		_ = proof.Join(back, whole)
	})
}
