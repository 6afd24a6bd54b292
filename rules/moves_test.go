package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// The tables of life cycles are the law. Each cell (state, verb, actor) is tried, and what comes of it is read off the
// table here once more, in another way than move does it.

// outcome is what comes of trying: a state, or a reason.
type outcome struct {
	to     []string
	reason pb.ErrorReason
}

// lawful reads one cell off a table. A verb belongs to who may do it anywhere: to anybody else it is foreign in every
// state.
func lawful[S state](table []Move[S], from S, verb string, who Who, foreign pb.ErrorReason) outcome {
	var may []string
	mine := false
	for _, m := range table {
		if m.Verb == verb && (m.By == who || m.By == Either && slices.Contains([]Who{Obligor, Beneficiary, Raiser, Respondent}, who)) {
			mine = true
			if m.From == from {
				may = append(may, word(m.To))
			}
		}
	}
	switch {
	case !mine:
		return outcome{reason: foreign}
	case may == nil:
		return outcome{reason: pb.ErrorReason_ERROR_REASON_WRONG_STATE}
	}
	return outcome{to: may}
}

// verbsOf is the verbs of a table that people have by themselves; the clock's are tried by waking, and what both do is done by proposals.
func verbsOf[S state](table []Move[S]) (verbs []string) {
	for _, m := range table {
		if m.By != ClockActor && m.By != Both && m.By != Rule && !slices.Contains(verbs, m.Verb) {
			verbs = append(verbs, m.Verb)
		}
	}
	return verbs
}

// try has one command decided on a copy of the world and holds that the outcome is the lawful one.
func try(t *testing.T, w *world, by Caller, command proto.Message, ref Ref, rule string, want outcome) {
	t.Helper()
	told := len(w.history)
	d, err := w.do(by, command)
	var e *Error
	switch {
	case want.to != nil && err != nil:
		t.Errorf("refused: %v", err)
	case want.to != nil && !slices.Contains(want.to, stateWord(d.State.Get(ref))):
		t.Errorf("is %s; the table has %v", stateWord(d.State.Get(ref)), want.to)
	case want.to != nil:
	case !errors.As(err, &e) || e.Reason != want.reason:
		t.Errorf("%v, not %v", err, want.reason)
	case want.reason != pb.ErrorReason_ERROR_REASON_NOT_FOUND && e.Rule != rule:
		t.Errorf("the rule is %q, not %q", e.Rule, rule)
	case want.reason != pb.ErrorReason_ERROR_REASON_NOT_FOUND && e.Metadata["state"] != stateWord(w.records[ref]):
		t.Errorf("the metadata says %v", e.Metadata)
	case len(w.history) != told:
		t.Errorf("refused, and %d events followed", len(w.history)-told)
	}
}

func stateWord(m proto.Message) string {
	switch r := m.(type) {
	case *pb.Obligation:
		return word(r.GetState())
	case *pb.Proposal:
		return word(r.GetState())
	case *pb.Agreement:
		return word(r.GetState())
	case *pb.Commitment:
		return word(r.GetState())
	case *pb.Concern:
		return word(r.GetState())
	case *pb.PulseRound:
		return word(r.GetState())
	case *pb.Objective:
		return word(r.GetState())
	case *pb.Observation:
		return word(r.GetState())
	case *pb.Review:
		return word(r.GetState())
	}
	return ""
}

// The people of the tables: northwind is the vendor of the agreement care, acme the client.
var (
	vendor   = Caller{PrincipalID: "vera", Role: pb.Role_ROLE_SIGNATORY, PartyID: "northwind"}
	client   = Caller{PrincipalID: "cleo", Role: pb.Role_ROLE_SIGNATORY, PartyID: "acme"}
	outsider = Caller{PrincipalID: "olga", Role: pb.Role_ROLE_SIGNATORY, PartyID: "oldco"}
	auditor  = Caller{PrincipalID: "audrey", Role: pb.Role_ROLE_AUDITOR}
	confined = Caller{PrincipalID: "aldo", Role: pb.Role_ROLE_AUDITOR, AgreementIDs: []string{"elsewhere"}}
	operator = Caller{PrincipalID: "opal", Role: pb.Role_ROLE_OPERATOR}
)

// blind may not know of the agreement care.
var blind = []Caller{outsider, confined, operator, Clock()}

// agreedWorld has the agreement care in force, with one promise of each side due.
func agreedWorld(t testing.TB) *world {
	t.Helper()
	w := proposedWorld(t)
	p := w.records[proposalRef("care", "first")].(*pb.Proposal)
	w.must(client, &pb.AcceptProposalRequest{AgreementId: "care", ProposalId: "first", Revision: 1, TermsDigest: p.GetTermsDigest()})
	w.until(begin.Add(40 * 24 * time.Hour))
	return w
}

func proposedWorld(t testing.TB) *world {
	t.Helper()
	w := draftWorld(t)
	w.must(vendor, &pb.CreateProposalRequest{AgreementId: "care", ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
	return w
}

func draftWorld(t testing.TB) *world {
	t.Helper()
	w := newWorld(t, begin)
	for _, id := range []string{"northwind", "acme", "oldco"} {
		w.must(operator, &pb.CreatePartyRequest{PartyId: id, Party: &pb.Party{DisplayName: id}})
	}
	w.must(vendor, &pb.CreateAgreementRequest{AgreementId: "care", Agreement: &pb.Agreement{
		VendorPartyId: "northwind", ClientPartyId: "acme", DraftTerms: promises(),
	}})
	return w
}

// promises is a text with one promise of each side, due on 12 January 2026.
func promises() *pb.Terms {
	once := &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: "2026-01-12"}}
	return &pb.Terms{
		Title: "Care", EffectiveDate: "2026-01-01", Calendar: &pb.Calendar{TimeZone: "Europe/Lisbon"},
		Commitments: []*pb.CommitmentTerms{
			{CommitmentId: "manual", Obligor: pb.Side_SIDE_VENDOR, Title: "Manual", Category: pb.Category_CATEGORY_DELIVERY, Weight: 3, Schedule: once},
			{CommitmentId: "fee", Obligor: pb.Side_SIDE_CLIENT, Title: "Fee", Category: pb.Category_CATEGORY_PAYMENT, Weight: 3, Schedule: once},
		},
	}
}

func (w *world) must(by Caller, command proto.Message) {
	w.t.Helper()
	if _, err := w.do(by, command); err != nil {
		w.t.Fatalf("%T: %v", command, err)
	}
}

func TestEveryCellOfAnObligation(t *testing.T) {
	cells := 0
	for _, side := range []string{"manual", "fee"} {
		obligor, beneficiary := vendor, client
		if side == "fee" {
			obligor, beneficiary = client, vendor
		}
		for n := range pb.ObligationState_name {
			for _, verb := range verbsOf(ObligationMoves) {
				from := pb.ObligationState(n)
				cells += obligationCells(t, side+"-1", from, verb, append(blind, obligor, beneficiary, auditor), obligor, beneficiary)
			}
		}
	}
	if want := 2 * 16 * 6 * 7; cells < want {
		t.Errorf("only %d cells were tried, not %d", cells, want)
	}
}

func obligationCells(t *testing.T, id string, from pb.ObligationState, verb string, actors []Caller, obligor, beneficiary Caller) int {
	ref := obligationRef("care", id)
	for _, by := range actors {
		t.Run(fmt.Sprintf("%s/%s/%s/%s", id, word(from), verb, by.PrincipalID), func(t *testing.T) {
			w := cellWorld(t, id, from, verb)
			var want outcome
			switch {
			case slices.ContainsFunc(blind, func(c Caller) bool { return c.PrincipalID == by.PrincipalID }):
				want.reason = pb.ErrorReason_ERROR_REASON_NOT_FOUND
			case by.PrincipalID == obligor.PrincipalID:
				want = lawful(ObligationMoves, from, verb, Obligor, pb.ErrorReason_ERROR_REASON_WRONG_SIDE)
			case by.PrincipalID == beneficiary.PrincipalID:
				want = lawful(ObligationMoves, from, verb, Beneficiary, pb.ErrorReason_ERROR_REASON_WRONG_SIDE)
			default:
				want.reason = pb.ErrorReason_ERROR_REASON_WRONG_SIDE
			}
			try(t, w, by, obligationCommand(t, verb, id), ref, "obligation "+verb, want)
		})
	}
	return len(actors)
}

// cellWorld has an obligation in a state, of a kind that knows a verb.
func cellWorld(t *testing.T, id string, from pb.ObligationState, verb string) *world {
	t.Helper()
	ref := obligationRef("care", id)
	w := agreedWorld(t)
	o := proto.CloneOf(w.records[ref].(*pb.Obligation))
	o.State = from
	switch from {
	case scheduled:
		o.LeadStartTime = timestamppb.New(w.now.Add(time.Hour)) // else the command would find it due
	case submitted:
		o.Submission = &pb.Submission{Number: 1, SubmitTime: timestamppb.New(w.now), ReviewEndTime: timestamppb.New(w.now.Add(time.Hour))}
	case breached, curing:
		o.CureEndTime = timestamppb.New(w.now.Add(time.Hour))
	}
	fitKind(w, o, verb)
	w.put(ref, o) // many of these states no release leads to yet; the table speaks of them all
	return w
}

// fitKind has an obligation belong to a kind of commitment that knows a verb.
func fitKind(w *world, o *pb.Obligation, verb string) {
	ref := commitmentRef("care", o.GetCommitmentId())
	c := proto.CloneOf(w.records[ref].(*pb.Commitment))
	switch verb {
	case "trigger":
		c.Kind, o.DueDate = pb.CommitmentKind_COMMITMENT_KIND_CONDITIONAL, ""
	case "measure":
		c.Kind, o.WindowEndDate = pb.CommitmentKind_COMMITMENT_KIND_MEASURED, "2026-01-09"
		c.Terms.Schedule = &pb.CommitmentTerms_Measured{Measured: &pb.Measured{Comparator: pb.Comparator_COMPARATOR_AT_LEAST, Objective: "99"}}
		if o.GetState() == submitted {
			o.Submission.From, o.Submission.Claim = due, fulfilled
			o.Measurements = []*pb.Measurement{{By: o.GetObligor(), Value: "99"}}
		}
	}
	if verb == "notify" { // it waits for the other one, which is announced to be late
		other := map[string]string{"manual": "fee", "fee": "manual"}[o.GetCommitmentId()]
		c.Terms.Prerequisites = []string{other}
		p := proto.CloneOf(w.records[obligationRef("care", other+"-1")].(*pb.Obligation))
		p.Admission = &pb.Judgement{Time: timestamppb.New(begin)}
		w.put(obligationRef("care", other+"-1"), p)
	}
	w.put(ref, c)
}

func obligationCommand(t *testing.T, verb, id string) proto.Message {
	t.Helper()
	switch verb {
	case "trigger":
		return &pb.TriggerObligationRequest{AgreementId: "care", ObligationId: id, Title: "It happened"}
	case "measure":
		return &pb.MeasureObligationRequest{AgreementId: "care", ObligationId: id, Value: "98"}
	case "cure":
		return &pb.CureObligationRequest{AgreementId: "care", ObligationId: id, Cause: "c", Effect: "e", Fix: "f", Prevention: "p", CureDate: "2026-01-10"}
	case "dispute":
		return &pb.DisputeObligationRequest{AgreementId: "care", ObligationId: id, Ground: pb.DisputeGround_DISPUTE_GROUND_DUE, Reason: "not yet"}
	case "determine":
		return &pb.DetermineObligationRequest{AgreementId: "care", ObligationId: id, Settlement: &pb.Settlement{
			Outcome: pb.SettlementOutcome_SETTLEMENT_OUTCOME_RESTORE, Reason: "go on",
		}}
	case "extend":
		return &pb.ExtendObligationRequest{AgreementId: "care", ObligationId: id, DueDate: "2026-01-20", Reason: "a holiday"}
	case "notify":
		other := map[string]string{"manual-1": "fee-1", "fee-1": "manual-1"}[id]
		return &pb.NotifyObligationRequest{AgreementId: "care", ObligationId: id, PrerequisiteObligationId: other}
	}
	return plainDeed(t, verb, "care", id)
}

// plainDeed is the command for a verb that asks for no more than words.
func plainDeed(t rapid.TB, verb, agreement, id string) proto.Message {
	t.Helper()
	name := "concord.v1." + strings.ToUpper(verb[:1]) + verb[1:] + "ObligationRequest"
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
	if err != nil {
		t.Fatalf("no command for the verb %q: %v", verb, err)
	}
	m := kind.New()
	for field, value := range map[protoreflect.Name]string{"agreement_id": agreement, "obligation_id": id, "reason": "because", "note": "done", "interest": "wages"} {
		if f := m.Descriptor().Fields().ByName(field); f != nil {
			m.Set(f, protoreflect.ValueOfString(value))
		}
	}
	return m.Interface()
}

func TestEveryCellOfAProposal(t *testing.T) {
	ref := proposalRef("care", "first")
	for n := range pb.ProposalState_name {
		from := pb.ProposalState(n)
		for _, verb := range verbsOf(ProposalMoves) {
			for _, by := range append(blind, vendor, client, auditor) {
				t.Run(fmt.Sprintf("%s/%s/%s", word(from), verb, by.PrincipalID), func(t *testing.T) {
					w := proposedWorld(t)
					p := proto.CloneOf(w.records[ref].(*pb.Proposal))
					p.State = from
					if from != open {
						p.Turn = pb.Side_SIDE_UNSPECIFIED
					}
					w.put(ref, p)
					// The vendor's text is on the table: the client answers. Once it is answered nobody's turn it is.
					who := map[string]Who{vendor.PrincipalID: Author, client.PrincipalID: Answerer}[by.PrincipalID]
					var want outcome
					switch {
					case slices.ContainsFunc(blind, func(c Caller) bool { return c.PrincipalID == by.PrincipalID }):
						want.reason = pb.ErrorReason_ERROR_REASON_NOT_FOUND
					case from != open:
						want.reason = pb.ErrorReason_ERROR_REASON_WRONG_STATE
					default:
						want = lawful(ProposalMoves, from, verb, who, pb.ErrorReason_ERROR_REASON_NOT_YOUR_TURN)
					}
					try(t, w, by, proposalCommand(t, w, verb), ref, "proposal "+verb, want)
				})
			}
		}
	}
}

func proposalCommand(t *testing.T, w *world, verb string) proto.Message {
	t.Helper()
	switch verb {
	case "counter":
		return &pb.CounterProposalRequest{AgreementId: "care", ProposalId: "first", Revision: 1, Terms: promises()}
	case "accept":
		p := w.records[proposalRef("care", "first")].(*pb.Proposal)
		return &pb.AcceptProposalRequest{AgreementId: "care", ProposalId: "first", Revision: 1, TermsDigest: p.GetTermsDigest()}
	case "decline":
		return &pb.DeclineProposalRequest{AgreementId: "care", ProposalId: "first", Reason: "no"}
	case "withdraw":
		return &pb.WithdrawProposalRequest{AgreementId: "care", ProposalId: "first"}
	}
	t.Fatalf("no command for the verb %q", verb)
	return nil
}

// TestEveryCellOfADraft tries what moves an agreement itself; the rest of its table is moved by its proposal.
func TestEveryCellOfADraft(t *testing.T) {
	ref := agreementRef("care")
	asked := map[string]proto.Message{
		"rewrite": &pb.UpdateAgreementRequest{AgreementId: "care", Agreement: &pb.Agreement{DraftTerms: &pb.Terms{Title: "New"}}},
		"propose": &pb.CreateProposalRequest{AgreementId: "care", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS},
	}
	for n := range pb.AgreementState_name {
		from := pb.AgreementState(n)
		for verb, command := range asked {
			for _, by := range append(blind, vendor, client, auditor) {
				t.Run(fmt.Sprintf("%s/%s/%s", word(from), verb, by.PrincipalID), func(t *testing.T) {
					w := draftWorld(t)
					a := proto.CloneOf(w.agreement("care"))
					a.State, a.EffectiveTime = from, timestamppb.New(w.now.Add(time.Hour))
					w.put(ref, a)
					want := outcome{reason: pb.ErrorReason_ERROR_REASON_WRONG_STATE}
					draft := from == pb.AgreementState_AGREEMENT_STATE_DRAFT
					switch {
					case slices.ContainsFunc(blind, func(c Caller) bool { return c.PrincipalID == by.PrincipalID }),
						draft && by.PrincipalID != vendor.PrincipalID:
						want.reason = pb.ErrorReason_ERROR_REASON_NOT_FOUND
					case draft:
						want = lawful(AgreementMoves, from, verb, Author, 0)
					}
					try(t, w, by, command, ref, "agreement "+verb, want)
				})
			}
		}
	}
}

// TestARefusalNamesAllWhoMay holds that where several may do a thing, who may not is told of each, once.
func TestARefusalNamesAllWhoMay(t *testing.T) {
	table := []Move[pb.ObligationState]{
		{From: due, Verb: "settle", By: Both, To: fulfilled},
		{From: due, Verb: "settle", By: Neutral, To: fulfilled},
		{From: submitted, Verb: "settle", By: Neutral, To: fulfilled},
		{From: due, Verb: "trigger", By: Either, To: submitted},
	}
	is := func(those ...Who) func(Who) bool { return func(w Who) bool { return slices.Contains(those, w) } }
	for _, c := range []struct {
		from   pb.ObligationState
		verb   string
		who    []Who
		reason pb.ErrorReason
		words  string
	}{
		{due, "settle", []Who{Neutral}, 0, ""},
		{due, "settle", []Who{Obligor, Either}, pb.ErrorReason_ERROR_REASON_WRONG_SIDE, "Only both sides together or the agreed neutral may settle an obligation."},
		{submitted, "settle", []Who{Both}, pb.ErrorReason_ERROR_REASON_WRONG_STATE, "The obligation is SUBMITTED; to settle it, it must be DUE."},
		{breached, "settle", []Who{Neutral}, pb.ErrorReason_ERROR_REASON_WRONG_STATE, "must be DUE or SUBMITTED."},
		{due, "trigger", []Who{Neutral}, pb.ErrorReason_ERROR_REASON_WRONG_SIDE, "Only either side may trigger an obligation."},
	} {
		e := move(table, "obligation", c.from, c.verb, is(c.who...))
		switch {
		case c.reason == 0:
			if e != nil {
				t.Errorf("%+v: %v", c, e)
			}
		case e == nil || e.Reason != c.reason || !strings.Contains(e.Message, c.words) || e.Rule != "obligation "+c.verb || e.Metadata["state"] != word(c.from):
			t.Errorf("%+v: %v", c, e)
		}
	}
}

// TestNobodyClosesTheirOwnPromise reads it off the table: no row by the obligor, or by a side that may be the obligor, leads
// to a final state.
func TestNobodyClosesTheirOwnPromise(t *testing.T) {
	finals := 0
	for _, m := range ObligationMoves {
		if Final(m.To) {
			finals++
		}
		if Final(m.From) {
			t.Errorf("a final state is left: %+v", m)
		}
		if Final(m.To) && (m.By == Obligor || m.By == Either) {
			t.Errorf("%s closes: %+v", m.By, m)
		}
		if strings.Contains(m.Verb, "_") || m.From == m.To && m.If == "" {
			t.Errorf("an odd row: %+v", m)
		}
	}
	if finals == 0 {
		t.Error("nothing closes an obligation")
	}
}
