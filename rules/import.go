package rules

import (
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// importAgreement proposes an agreement that was made elsewhere, with its past. It is one side's proposal like any other: the
// other side consents to the text and the past alike, for both are in the bytes.
func (d *Decision) importAgreement(c *pb.ImportAgreementRequest) error {
	a := &pb.Agreement{AgreementId: c.GetAgreementId(), VendorPartyId: c.GetVendorPartyId(), ClientPartyId: c.GetClientPartyId()}
	asked := consent{kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS, terms: c.GetTerms(), imported: true, field: "terms"}
	wrong := d.wrongParties(a, "")
	if wrong == nil && d.stamp.By.SideOf(a) == pb.Side_SIDE_UNSPECIFIED {
		e := Refuse(pb.ErrorReason_ERROR_REASON_WRONG_SIDE, "Only a party to an agreement may import it; yours is neither its vendor nor its client.")
		e.Rule = "agreement import"
		return e
	}
	k, _ := proposalKindOf(asked.kind)
	wrong = append(wrong, d.checkConsent(k, a, asked)...)
	expires, late := d.checkExpiry(c.GetExpireTime())
	if wrong = append(wrong, late...); wrong != nil {
		return Invalid(wrong...)
	}
	id, refused := d.newID(c.GetAgreementId(), "agr_", "agreement", agreementRef)
	if refused != nil {
		return refused
	}
	side := d.stamp.By.SideOf(a)
	d.emit(id, side, &pb.Event{Change: &pb.Event_AgreementDrafted{AgreementDrafted: &pb.AgreementDrafted{
		VendorPartyId: a.GetVendorPartyId(), ClientPartyId: a.GetClientPartyId(), Author: side,
	}}})
	if e := d.propose(d.State.agreement(id), d.stamp.NewID("prp_"), side, asked, c.GetNote(), expires); e != nil {
		return e
	}
	d.answer(agreementRef(id))
	return nil
}

// checkPast lists what is wrong with when the past of a text was: it begins with the agreement, and is over.
func (d *Decision) checkPast(t *pb.Terms, field string) (wrong []Violation) {
	cal, bad := NewCalendar(t.GetCalendar(), field+".calendar")
	if bad != nil || t.GetHistoryUntilDate() == "" {
		return bad
	}
	refuse := func(is bool, name, why string) {
		if is {
			wrong = append(wrong, Violation{field + "." + name, why})
		}
	}
	first, today := t.GetEffectiveDate(), cal.DayAt(d.stamp.At).String()
	refuse(t.GetHistoryUntilDate() < first, "history_until_date", "it is before the agreement begins")
	refuse(t.GetHistoryUntilDate() > today, "history_until_date", "it lies ahead: what falls due until then is not over")
	for i, past := range t.GetHistory() {
		at := fmt.Sprintf("history[%d].", i)
		refuse(past.GetDueDate() < first, at+"due_date", "it is before the agreement begins")
		refuse(past.GetKeptDate() > today, at+"kept_date", "it lies ahead")
	}
	return wrong
}

// bringPast has an agreement take over the past that its text comes with.
func (d *Decision) bringPast(agreementID string, t *pb.Terms) {
	var ids []string
	for _, past := range t.GetHistory() {
		ids = appendLast(ids, past.GetCommitmentId())
	}
	if ids == nil {
		return
	}
	d.cascade(agreementID, &pb.DeferredChange{
		Cause: pb.ChangeCause_CHANGE_CAUSE_IMPORTED, EffectiveTime: timestamppb.New(d.stamp.At), CommitmentIds: ids,
	})
}

// appendLast appends what is not the last already.
func appendLast(list []string, s string) []string {
	if n := len(list); n > 0 && list[n-1] == s {
		return list
	}
	return append(list, s)
}

// carryImported carries the past that an agreement comes with into the commitments that the change names, one obligation at
// a time: their ordinals come first.
func carryImported() carrier {
	return carrier{commitment: func(d *Decision, change *pb.DeferredChange, ref Ref, c *pb.Commitment) {
		a := d.State.agreement(ref.Agreement)
		past, n, cal := d.text(a).past[ref.ID], int(c.GetObligationCount()), d.calendar(a)
		if n >= len(past) || cal == nil {
			return
		}
		due := mustParse(past[n].GetDueDate())
		e := &pb.ObligationImported{
			ObligationId: obligationID(c, int32(n)+1), Past: past[n], Ordinal: int32(n) + 1,
			Deadlines: &pb.Deadlines{
				DueDate: due.String(), DueTime: timestamppb.New(cal.EndOfDay(due)),
				Step: &pb.DueStep{Kind: pb.DueStepKind_DUE_STEP_KIND_HISTORY, Date: due.String()},
			},
		}
		if past[n].GetKeptDate() != "" {
			e.KeptTime = timestamppb.New(cal.EndOfDay(mustParse(past[n].GetKeptDate())))
		}
		d.emitClock(ref.Agreement, change.GetEffectiveTime().AsTime(), &pb.Event{Change: &pb.Event_ObligationImported{ObligationImported: e}})
	}}
}
