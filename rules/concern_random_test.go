package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// randomConcern draws a concern to raise, or a verb that somebody may do to one in the state it is in, more often than any verb.
func randomConcern(t *rapid.T, w *world, agreement string, by Caller) (Caller, proto.Message) {
	ids := w.concerns(agreement)
	if len(ids) < 2 || len(ids) < 12 && evenly(t, "raise") == 0 {
		return by, randomRaise(t, w, agreement, by)
	}
	id := rapid.SampledFrom(append(ids, "none")).Draw(t, "concern")
	m, known := w.records[concernRef(agreement, id)].(*pb.Concern)
	verbs := verbsOf(ConcernMoves)
	if known && evenly(t, "fitting") > 0 {
		var fitting []Move[pb.ConcernState]
		for _, row := range ConcernMoves {
			mine := row.From == m.GetState() && slices.Contains(verbs, row.Verb) && unfitConcern(m, row.Verb) == nil
			if mine && (row.Verb != "withdraw" || evenly(t, "withdraw") == 0) {
				fitting = append(fitting, row)
			}
			if mine && (row.Verb == "escalate" || row.Verb == "determine") {
				fitting = append(fitting, row, row, row) // they come late in a life, and would else be seldom
			}
		}
		if len(fitting) > 0 {
			row := fitting[rapid.IntRange(0, len(fitting)-1).Draw(t, "move")]
			by, verbs = w.speaker(t, m, row.By), []string{row.Verb}
		}
	}
	command := concernCommand(rapid.SampledFrom(verbs).Draw(t, "verb"), agreement, id)
	switch c := command.(type) {
	case *pb.DetermineConcernRequest:
		c.Outcome = rapid.SampledFrom([]pb.ConcernOutcome{pb.ConcernOutcome_CONCERN_OUTCOME_UPHELD, pb.ConcernOutcome_CONCERN_OUTCOME_UPHELD, pb.ConcernOutcome_CONCERN_OUTCOME_DISMISSED}).Draw(t, "outcome")
	case *pb.ProposeRemedyRequest:
		c.DueDate = rapid.SampledFrom([]string{"", "", DayOf(w.now.Date()).Add(rapid.IntRange(-1, 9).Draw(t, "days")).String()}).Draw(t, "by")
	case *pb.AcknowledgeConcernRequest:
		c.Etag = randomEtag(t)
	}
	return by, command
}

func randomRaise(t *rapid.T, w *world, agreement string, by Caller) proto.Message {
	c := &pb.RaiseConcernRequest{AgreementId: agreement, Kind: pb.ConcernKind(rapid.Int32Range(1, 5).Draw(t, "kind")), Title: "So it is"}
	side := by.SideOf(w.agreement(agreement))
	whose := Other(side)
	if c.Kind == earlyWarning && rapid.Bool().Draw(t, "own") {
		whose, c.About = side, side
	}
	if c.Kind == reliefClaim {
		whose = side
	}
	for _, id := range w.obligations(agreement) {
		o := w.records[obligationRef(agreement, id)].(*pb.Obligation)
		if len(c.ObligationIds) < 3 && !slices.Contains(c.ObligationIds, id) && (o.GetObligor() == whose || evenly(t, "theirs") == 0) && evenly(t, "link") < 3 {
			c.ObligationIds = append(c.ObligationIds, id)
		}
	}
	return c
}

// concernCommand is the command for a verb of a concern.
func concernCommand(verb, agreement, id string) proto.Message {
	switch verb {
	case "acknowledge":
		return &pb.AcknowledgeConcernRequest{AgreementId: agreement, ConcernId: id, Note: "heard"}
	case "reply to":
		return &pb.ReplyConcernRequest{AgreementId: agreement, ConcernId: id, Reply: "thanks", Taken: true}
	case "admit":
		return &pb.AdmitConcernRequest{AgreementId: agreement, ConcernId: id, Note: "so it is"}
	case "contest":
		return &pb.ContestConcernRequest{AgreementId: agreement, ConcernId: id, Reason: "no"}
	case "propose a remedy for":
		return &pb.ProposeRemedyRequest{AgreementId: agreement, ConcernId: id, Text: "a call"}
	case "accept the remedy of":
		return &pb.AcceptRemedyRequest{AgreementId: agreement, ConcernId: id}
	case "reject the remedy of":
		return &pb.RejectRemedyRequest{AgreementId: agreement, ConcernId: id, Reason: "no"}
	case "escalate":
		return &pb.EscalateConcernRequest{AgreementId: agreement, ConcernId: id, Reason: "higher"}
	case "determine":
		return &pb.DetermineConcernRequest{AgreementId: agreement, ConcernId: id, Outcome: pb.ConcernOutcome_CONCERN_OUTCOME_UPHELD, Reason: "so be it"}
	case "withdraw":
		return &pb.WithdrawConcernRequest{AgreementId: agreement, ConcernId: id}
	case "reopen":
		return &pb.ReopenConcernRequest{AgreementId: agreement, ConcernId: id, Reason: "again"}
	}
	panic(fmt.Sprintf("no command for the verb %q", verb))
}

// speaker is who may make a move of a concern.
func (w *world) speaker(t *rapid.T, m *pb.Concern, who Who) Caller {
	switch who {
	case Neutral:
		return outsider
	case Raiser:
		return w.of(m.GetAgreementId(), m.GetRaisedBy())
	case Respondent:
		return w.of(m.GetAgreementId(), m.GetRespondent())
	case Answerer:
		return w.of(m.GetAgreementId(), Other(m.GetRemedy().GetBy()))
	}
	return w.of(m.GetAgreementId(), rapid.SampledFrom([]pb.Side{m.GetRaisedBy(), m.GetRespondent()}).Draw(t, "side"))
}

// concerns is the ids of an agreement's concerns, in order: all that are open, and a few that are not.
func (w *world) concerns(agreement string) (ids []string) {
	var closed []string
	for ref, r := range w.records {
		if m, ok := r.(*pb.Concern); ok && ref.Agreement == agreement {
			if concernOver(m.GetState()) {
				closed = append(closed, ref.ID)
			} else {
				ids = append(ids, ref.ID)
			}
		}
	}
	slices.Sort(ids)
	slices.Sort(closed)
	return append(ids, closed[:min(2, len(closed))]...)
}

// randomConcernTerms draws short clocks of concerns, or none.
func randomConcernTerms(t *rapid.T) *pb.ConcernTerms {
	if rapid.Bool().Draw(t, "no concern terms") {
		return nil
	}
	return &pb.ConcernTerms{
		ResponseBusinessDays: proto.Int32(rapid.Int32Range(1, 3).Draw(t, "response")), RemedyBusinessDays: proto.Int32(rapid.Int32Range(1, 5).Draw(t, "remedy")),
		EscalationBusinessDays: proto.Int32(1), ReopenDays: proto.Int32(rapid.SampledFrom([]int32{0, 10, 90}).Draw(t, "reopen")),
		Contacts: []*pb.EscalationContact{{Level: 1, Side: pb.Side_SIDE_VENDOR, DisplayName: "Vanda"}, {Level: 1, Side: pb.Side_SIDE_CLIENT, DisplayName: "Caio"}, {Level: 3, DisplayName: "Mia"}},
	}
}

// TestConcernsKeepThePromisesOfTheProduct plays tales that are mostly about concerns. What holds for every single command, the
// world checks; what must hold at any time of concerns stands here.
func TestConcernsKeepThePromisesOfTheProduct(t *testing.T) {
	all := newTrace()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, begin)
		w.trace, w.carry = all, rapid.SampledFrom([]int{1, 4, CarrySize}).Draw(t, "carry")
		for _, tn := range randomTale(t) {
			w.take(tn)
		}
		for range walkLength {
			tn := randomTurn(t, w)
			if tn.command != nil && evenly(t, "concern") > 1 {
				tn.by, tn.command = randomConcern(t, w, "care", rapid.SampledFrom([]Caller{vendor, client}).Draw(t, "who"))
			}
			w.take(tn)
			checkConcerns(t, w)
		}
		w.close()
	})
	for i := range changes().Len() {
		if name := string(changes().Get(i).Name()); strings.HasPrefix(name, "concern_") && !all.events[name] {
			t.Errorf("no random tale came to %s: it proves nothing about it", name)
		}
	}
}

// TestRaisingNeverLowersTheRaiser plays a tale twice: in one a side raises a concern, in the other it keeps silent. Whatever comes
// after it, no figure of who spoke is lower for it, and of the other's only who told of a failure first.
func TestRaisingNeverLowersTheRaiser(t *testing.T) {
	told := 0
	rapid.Check(t, func(t *rapid.T) {
		loud, silent := newWorld(t, begin), newWorld(t, begin)
		both := func(tn turn) {
			if tn.command != nil { // a concern moves etags
				if f := tn.command.ProtoReflect().Descriptor().Fields().ByName("etag"); f != nil {
					tn.command.ProtoReflect().Clear(f)
				}
			}
			_, err := loud.take(tn)
			_, other := silent.take(tn)
			if (err == nil) != (other == nil) {
				t.Fatalf("%v: %v; had nobody spoken: %v", tn.command, err, other)
			}
		}
		for _, tn := range randomTale(t) {
			both(tn)
		}
		raised := 0
		for range walkLength {
			side := rapid.SampledFrom([]Caller{vendor, vendor, client}).Draw(t, "who")
			if side.PartyID == vendor.PartyID && raised < 5 && evenly(t, "speak") == 0 && loud.agreement("care").GetRevision() > 0 {
				both(turn{pass: time.Nanosecond})
				before := loud.scores("care")
				raise := randomRaise(t, loud, "care", vendor).(*pb.RaiseConcernRequest)
				raise.ConcernId = fmt.Sprintf("spoken-%d", raised) // an id that is drawn would move those of others
				if _, err := loud.take(turn{by: vendor, command: raise}); err == nil {
					raised++
				}
				if after := loud.scores("care"); !proto.Equal(bare(before), bare(after)) {
					t.Fatalf("raising a concern made\n%v\nof\n%v", after, before)
				}
			}
			if tn := randomTurn(t, loud); !aboutConcerns(tn.command) {
				both(tn)
			}
		}
		if raised == 0 {
			return
		}
		spoke, kept := bare(loud.scores("care")), bare(silent.scores("care"))
		candour := func(f *pb.Figure) float64 { return f.GetValue() }
		if candour(spoke.GetVendor().GetCandour()) < candour(kept.GetVendor().GetCandour()) || candour(spoke.GetClient().GetCandour()) > candour(kept.GetClient().GetCandour()) {
			t.Fatalf("the candour of who spoke fell:\n%v\nhad it kept silent:\n%v", spoke, kept)
		}
		if !proto.Equal(spoke.GetVendor().GetCandour(), kept.GetVendor().GetCandour()) {
			told++
		}
		for _, card := range []*pb.Scorecard{spoke, kept} { // that the other did not answer in time is the other's
			card.Vendor.Candour, card.Client.Candour, card.Client.Responsiveness = nil, nil, nil
		}
		if !proto.Equal(spoke, kept) {
			t.Fatalf("who spoke has\n%v\nhad it kept silent:\n%v", spoke, kept)
		}
	})
	if told == 0 {
		t.Error("in no tale did it count who told first: that proves little")
	}
}

// TestRaisingNeverLowersAnyFigure tells tales that are full of concerns, pulses and observations, and twice what comes of one
// moment: in one a side, either of them, raises a concern about whatever there is, and both talk about it as they like; in the
// other it keeps silent. Then time passes. None of the figures of who raised it is lower for it, and none that it had is gone but
// where it has failed in nothing any more.
func TestRaisingNeverLowersAnyFigure(t *testing.T) {
	kinds, talked, missed := map[pb.ConcernKind]int{}, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, begin)
		for _, tn := range randomTale(t) {
			_, _ = w.take(tn)
		}
		for range walkLength {
			tn := randomTurn(t, w)
			by := rapid.SampledFrom([]Caller{vendor, client}).Draw(t, "who")
			switch about := evenly(t, "about"); {
			case tn.command == nil:
			case about == 0:
				tn.by, tn.command = randomConcern(t, w, "care", by)
			case about == 1:
				tn.by, tn.command = randomPulse(t, w, "care", by)
			case about == 2:
				tn.by, tn.command = randomObservation(t, w, "care", by)
			}
			_, _ = w.take(tn)
		}
		if w.agreement("care").GetRevision() == 0 {
			return
		}
		w.until(w.now.Add(time.Nanosecond)) // what time has brought is no doing of who speaks
		by := rapid.SampledFrom([]Caller{vendor, client}).Draw(t, "raiser")
		raise := randomRaise(t, w, "care", by).(*pb.RaiseConcernRequest)
		raise.ConcernId = "spoken"
		silent, loud := w.again(t), w.again(t)
		if _, err := loud.do(by, raise); err != nil {
			return
		}
		side := by.SideOf(w.agreement("care"))
		if before, after := silent.scores("care"), loud.scores("care"); !proto.Equal(bare(before), bare(after)) {
			t.Fatalf("raising %v made\n%v\nof\n%v", raise, after, before)
		}
		kinds[raise.GetKind()]++
		for range rapid.IntRange(0, 3).Draw(t, "words") {
			m := loud.records[concernRef("care", "spoken")].(*pb.Concern)
			verb := rapid.SampledFrom(verbsOf(ConcernMoves)).Draw(t, "verb")
			who := rapid.SampledFrom([]Caller{vendor, client}).Draw(t, "speaker")
			if _, err := loud.do(who, concernCommand(verb, "care", m.GetConcernId())); err == nil {
				talked++
			}
		}
		days := rapid.IntRange(0, 40).Draw(t, "days")
		loud.until(loud.now.AddDate(0, 0, days))
		silent.until(silent.now.AddDate(0, 0, days))
		if loud.records[concernRef("care", "spoken")].(*pb.Concern).GetResponseMissed() {
			missed++
		}
		spoke, kept := figuresOf(loud.scores("care"), side), figuresOf(silent.scores("care"), side)
		for i, f := range kept {
			if f.GetFigureId() == pb.FigureId_FIGURE_ID_PULSE_GAP {
				if !proto.Equal(f, spoke[i]) { // which is neither good nor bad
					t.Fatalf("%v, had it kept silent %v", spoke[i], f)
				}
				continue
			}
			if f.GetFigureId() == pb.FigureId_FIGURE_ID_CANDOUR && raise.GetKind() == reliefClaim {
				continue // what is excused is no failure any more, also one that it told of first
			}
			gone := f.Value != nil && spoke[i].Value == nil && spoke[i].GetFigureId() != pb.FigureId_FIGURE_ID_RECOVERY && spoke[i].GetFigureId() != pb.FigureId_FIGURE_ID_CANDOUR
			if spoke[i].Value != nil && spoke[i].GetValue() < f.GetValue() || gone {
				t.Fatalf("%v raised %v, and has\n%v\nhad it kept silent\n%v", side, raise, spoke[i], f)
			}
		}
	})
	for n := range pb.ConcernKind_name {
		if kind := pb.ConcernKind(n); n != 0 && kinds[kind] < 5 {
			t.Errorf("%d of %v were raised: that proves little", kinds[kind], kind)
		}
	}
	if talked < 20 || missed < 5 {
		t.Errorf("%d words followed, %d were not heard in time: that proves little", talked, missed)
	}
}

// figuresOf is every figure of a side.
func figuresOf(card *pb.Scorecard, side pb.Side) []*pb.Figure {
	s := card.GetVendor()
	if side == pb.Side_SIDE_CLIENT {
		s = card.GetClient()
	}
	return []*pb.Figure{
		s.GetKept(), s.GetRecovery(), s.GetCandour(), s.GetResponsiveness(), s.GetPulse(), s.GetPulseGap(), s.GetBlocked(), s.GetEvidence(), s.GetAttainment(),
	}
}

// bare is a scorecard without how long the history is.
func bare(card *pb.Scorecard) *pb.Scorecard {
	card = proto.CloneOf(card)
	card.Version, card.AsOf = 0, nil
	return card
}

// aboutConcerns says of a command whether it is about a concern, or about a review: that has the length of the history in it.
func aboutConcerns(command proto.Message) bool {
	if command == nil {
		return false
	}
	name := string(command.ProtoReflect().Descriptor().Name())
	return strings.Contains(name, "Concern") || strings.Contains(name, "Remedy") || strings.Contains(name, "Review")
}

// scores is both sides' figures as they are now.
func (w *world) scores(agreement string) *pb.Scorecard {
	w.t.Helper()
	card, err := w.state().Scorecard(agreement, "", "", w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	return card
}

// checkConcerns holds what is true of concerns at any time.
func checkConcerns(t *rapid.T, w *world) {
	t.Helper()
	open := map[string]int32{}
	for ref, r := range w.records {
		m, ok := r.(*pb.Concern)
		if !ok {
			continue
		}
		over := concernOver(m.GetState())
		if !over {
			open[ref.Agreement]++
		}
		heard := m.GetAcknowledgeTime() != nil
		late := heard && m.GetResponseEndTime() != nil && !m.GetAcknowledgeTime().AsTime().Before(m.GetResponseEndTime().AsTime())
		switch {
		case m.GetRespondent() != Other(m.GetRaisedBy()) || m.GetRaisedBy() == pb.Side_SIDE_UNSPECIFIED,
			heard && late != m.GetResponseMissed(),
			!hasClock(m.GetKind()) && (m.GetResponseEndTime() != nil || m.GetResponseMissed() || m.GetRemedyEndTime() != nil || m.GetLevel() > 0),
			m.GetState() == raised && heard,
			m.GetState() == resolved != (m.GetResolution() != 0 && m.GetResolveTime() != nil),
			m.GetState() == escalated != (m.GetStepEndTime() != nil) && m.GetState() != remedyProposed,
			over && concernClock(m) != nil,
			m.GetState() == remedyProposed && m.GetPriorState() == pb.ConcernState_CONCERN_STATE_UNSPECIFIED,
			m.GetState() == resolved && m.GetReopenEndTime() != nil && m.GetPriorState() == raised:
			t.Fatalf("this cannot be: %v", m)
		}
	}
	for ref, r := range w.records {
		if a, ok := r.(*pb.Agreement); ok && a.GetOpenConcernCount() != open[ref.Agreement] {
			t.Fatalf("%d concerns of %s are open, not %d", open[ref.Agreement], ref.Agreement, a.GetOpenConcernCount())
		}
	}
}
