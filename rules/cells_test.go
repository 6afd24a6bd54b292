package rules

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// standingWorld has the agreement care in a state it could have come to: its vendor has a right to pause it, and holds an
// obligation in default against the client.
func standingWorld(t *testing.T, from pb.AgreementState) *world {
	t.Helper()
	w := agreedWorld(t)
	a := proto.CloneOf(w.agreement("care"))
	later := timestamppb.New(w.now.Add(time.Hour))
	a.State, a.EffectiveTime = from, timestamppb.New(begin)
	switch from {
	case agreementDraft, agreementProposed, agreementAccepted:
		a.EffectiveTime = later
	case agreementEnding:
		a.Notice = &pb.Notice{Side: pb.Side_SIDE_CLIENT, EndTime: later}
		fallthrough
	case agreementSuspended:
		a.Suspension = &pb.Suspension{Cause: pb.SuspensionCause_SUSPENSION_CAUSE_RIGHT, Side: pb.Side_SIDE_VENDOR, RightId: "flood", StartTime: timestamppb.New(w.now)}
	}
	w.put(agreementRef("care"), a)
	terms := promises()
	terms.SuspensionRights = []*pb.SuspensionRight{{RightId: "flood", Side: pb.Side_SIDE_VENDOR, Ground: "a flood"}}
	text := proto.CloneOf(w.records[revisionRef("care", 1)].(*pb.Revision))
	text.Body, text.TermsDigest = Digest(terms)
	w.put(revisionRef("care", 1), text)
	c := proto.CloneOf(w.records[commitmentRef("care", "fee")].(*pb.Commitment))
	c.Terms.Material = true
	w.put(commitmentRef("care", "fee"), c)
	o := proto.CloneOf(w.records[obligationRef("care", "fee-1")].(*pb.Obligation))
	o.State = defaulted
	w.put(obligationRef("care", "fee-1"), o)
	return w
}

// act is something one does to an agreement: its verb, as whom, and the words of the row that refuse it, to the client or,
// as this world stands, to everybody.
type act struct {
	verb     string
	as       Who
	guard    string
	everyone bool
	command  proto.Message
}

// agreementActs are all that one side does by itself, and all that it proposes to do together.
func agreementActs() []act {
	motion := func(verb string, kind pb.ProposalKind) act {
		return act{verb: verb, as: Both, command: &pb.CreateProposalRequest{AgreementId: "care", Kind: kind, Motion: &pb.Motion{Reason: "it is time"}, ValidateOnly: true}}
	}
	return []act{
		{verb: "give notice", as: Either, command: &pb.GiveNoticeRequest{AgreementId: "care", Reason: "we move"}},
		{verb: "suspend", as: Holder, guard: heldRight, command: &pb.SuspendAgreementRequest{AgreementId: "care", RightId: "flood", Reason: "it is wet"}},
		{verb: "resume", as: Holder, guard: sameRight, command: &pb.ResumeAgreementRequest{AgreementId: "care"}},
		{verb: "terminate", as: Beneficiary, command: &pb.TerminateAgreementRequest{AgreementId: "care", ObligationId: "fee-1", Reason: "never paid"}},
		motion("suspend", pb.ProposalKind_PROPOSAL_KIND_SUSPEND),
		motion("end early", pb.ProposalKind_PROPOSAL_KIND_END_EARLY),
		motion("withdraw notice", pb.ProposalKind_PROPOSAL_KIND_WITHDRAW_NOTICE),
		guarded(motion("resume", pb.ProposalKind_PROPOSAL_KIND_RESUME), sameRight), // the vendor paused it by right
		guarded(motion("complete", pb.ProposalKind_PROPOSAL_KIND_COMPLETE), nothingOpen),
		{verb: "amend", as: Both, command: &pb.CreateProposalRequest{AgreementId: "care", Kind: pb.ProposalKind_PROPOSAL_KIND_AMENDMENT, Terms: promises(), ValidateOnly: true}},
		{verb: "renew", as: Both, command: &pb.CreateProposalRequest{AgreementId: "care", Kind: pb.ProposalKind_PROPOSAL_KIND_RENEW, Terms: promises(), ValidateOnly: true}},
	}
}

// guarded is an act that a row would allow, and its condition refuses.
func guarded(a act, guard string) act {
	a.guard, a.everyone = guard, true
	return a
}

// TestEveryCellOfAnAgreement tries every act in every state, by everybody.
func TestEveryCellOfAnAgreement(t *testing.T) {
	for n := range pb.AgreementState_name {
		from := pb.AgreementState(n)
		for _, do := range agreementActs() {
			for _, by := range append(blind, vendor, client, auditor) {
				t.Run(fmt.Sprintf("%s/%s/%v/%s", word(from), do.verb, do.as, by.PrincipalID), func(t *testing.T) {
					agreementCell(t, from, do, by)
				})
			}
		}
	}
}

func agreementCell(t *testing.T, from pb.AgreementState, do act, by Caller) {
	t.Helper()
	w := standingWorld(t, from)
	side := by.PrincipalID == vendor.PrincipalID || by.PrincipalID == client.PrincipalID
	want := lawful(AgreementMoves, from, do.verb, do.as, pb.ErrorReason_ERROR_REASON_WRONG_SIDE)
	rule := "agreement " + do.verb
	switch {
	case slices.ContainsFunc(blind, func(c Caller) bool { return c.PrincipalID == by.PrincipalID }),
		from == agreementDraft && by.PrincipalID != vendor.PrincipalID:
		want = outcome{reason: pb.ErrorReason_ERROR_REASON_NOT_FOUND}
	case !side, do.as == Beneficiary && by.PrincipalID == client.PrincipalID:
		want = outcome{reason: pb.ErrorReason_ERROR_REASON_WRONG_SIDE}
	case want.to != nil && do.guard != "" && (do.everyone || by.PrincipalID == client.PrincipalID): // the right is the vendor's
		want, rule = outcome{reason: pb.ErrorReason_ERROR_REASON_RULE_REFUSED}, rule+": "+do.guard
	}
	told := len(w.history)
	d, err := w.do(by, do.command)
	var e *Error
	switch {
	case want.to != nil && err != nil:
		t.Errorf("refused: %v", err)
	case want.to != nil && do.as != Both && !slices.Contains(want.to, stateWord(d.State.Get(agreementRef("care")))):
		t.Errorf("is %s; the table has %v", stateWord(d.State.Get(agreementRef("care"))), want.to)
	case want.to != nil:
	case !errors.As(err, &e) || e.Reason != want.reason:
		t.Errorf("%v, not %v", err, want.reason)
	case want.reason != pb.ErrorReason_ERROR_REASON_NOT_FOUND && e.Rule != rule:
		t.Errorf("the rule is %q, not %q", e.Rule, rule)
	case len(w.history) != told:
		t.Errorf("refused, and %d events followed", len(w.history)-told)
	}
}

// TestEveryRowTwiceAndStale takes every row of an obligation that somebody commands: with the etag of an older state it is
// refused, then it is done, and done once more it is what the table says of the state it led to.
func TestEveryRowTwiceAndStale(t *testing.T) {
	for _, m := range ObligationMoves {
		if !slices.Contains(verbsOf(ObligationMoves), m.Verb) || m.By != Obligor && m.By != Beneficiary && m.By != Either {
			continue
		}
		by := map[Who]Caller{Obligor: vendor, Beneficiary: client, Either: client}[m.By]
		t.Run(fmt.Sprintf("%s/%s", word(m.From), m.Verb), func(t *testing.T) {
			w := cellWorld(t, "manual-1", m.From, m.Verb)
			stale := obligationCommand(t, m.Verb, "manual-1")
			etag := stale.ProtoReflect().Descriptor().Fields().ByName("etag")
			stale.ProtoReflect().Set(etag, protoreflect.ValueOfString("1"))
			_, err := w.do(by, stale)
			var e *Error
			if !errors.As(err, &e) || e.Reason != pb.ErrorReason_ERROR_REASON_ETAG_MISMATCH {
				t.Fatalf("of a stale state: %v", err)
			}
			if _, err := w.do(by, obligationCommand(t, m.Verb, "manual-1")); err != nil {
				t.Fatalf("refused: %v", err)
			}
			state := w.records[obligationRef("care", "manual-1")].(*pb.Obligation).GetState()
			again := lawful(ObligationMoves, state, m.Verb, m.By, 0)
			if m.By == Either && again.to == nil {
				again = lawful(ObligationMoves, state, m.Verb, Beneficiary, 0)
			}
			_, err = w.do(by, obligationCommand(t, m.Verb, "manual-1"))
			if again.to == nil && (!errors.As(err, &e) || e.Reason != pb.ErrorReason_ERROR_REASON_WRONG_STATE) {
				t.Errorf("twice, being %s: %v", word(state), err)
			}
		})
	}
}
