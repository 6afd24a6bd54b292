package rules

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// MaxOpenConcerns is how many concerns that one side of an agreement raised are open at once: far more than two sides can talk
// about. Each side has its own, so that none can keep the other from speaking. concern_service.proto says the same.
const MaxOpenConcerns = 1000

// The kinds of concerns.
const (
	appreciation  = pb.ConcernKind_CONCERN_KIND_APPRECIATION
	feedback      = pb.ConcernKind_CONCERN_KIND_FEEDBACK
	earlyWarning  = pb.ConcernKind_CONCERN_KIND_EARLY_WARNING
	reliefClaim   = pb.ConcernKind_CONCERN_KIND_RELIEF_CLAIM
	breachConcern = pb.ConcernKind_CONCERN_KIND_BREACH_CONCERN
)

// raiseConcern says something to the other side.
func (d *Decision) raiseConcern(c *pb.RaiseConcernRequest) error {
	a, side, refused := d.seen(c.GetAgreementId())
	if refused != nil {
		return refused
	}
	if e := d.mayRaise(a, side); e != nil {
		return e
	}
	about := c.GetAbout()
	if about == pb.Side_SIDE_UNSPECIFIED {
		about = Other(side)
	}
	if wrong := d.checkConcern(a, side, about, c); wrong != nil {
		return Invalid(wrong...)
	}
	id, refused := d.newID(c.GetConcernId(), "con_", "concern", func(id string) Ref { return concernRef(a.GetAgreementId(), id) })
	if refused != nil {
		return refused
	}
	said := &pb.ConcernRaised{
		ConcernId: id, Kind: c.GetKind(), Title: c.GetTitle(), Text: c.GetText(), Evidence: c.GetEvidence(), About: about,
		CommitmentId: c.GetCommitmentId(), ObligationIds: c.GetObligationIds(),
	}
	if hasClock(c.GetKind()) {
		said.ResponseEndTime = d.inBusinessDays(a, d.concernTerms(a).response)
	}
	d.emit(a.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ConcernRaised{ConcernRaised: said}})
	d.answer(concernRef(a.GetAgreementId(), id))
	return nil
}

// mayRaise refuses to raise a concern where nothing is agreed, or where too many wait.
func (d *Decision) mayRaise(a *pb.Agreement, side pb.Side) *Error {
	var e *Error
	switch {
	case side == pb.Side_SIDE_UNSPECIFIED:
		e = Refuse(pb.ErrorReason_ERROR_REASON_WRONG_SIDE, "Only either side may raise a concern.")
	case a.GetRevision() == 0:
		e = Refuse(pb.ErrorReason_ERROR_REASON_WRONG_STATE, "The agreement is %s; a concern is raised once both sides have agreed.", word(a.GetState()))
	default:
		return d.roomForConcern(a, side)
	}
	e.Rule, e.Subject, e.Metadata = "concern raise", "agreements/"+a.GetAgreementId(), map[string]string{"state": word(a.GetState())}
	return e
}

// roomForConcern refuses a side one more open concern where it has raised too many. They are counted only where that may be.
func (d *Decision) roomForConcern(a *pb.Agreement, side pb.Side) *Error {
	own := 0
	if a.GetOpenConcernCount() >= MaxOpenConcerns {
		for _, m := range d.State.Concerns(a.GetAgreementId(), openConcerns, "", 2*MaxOpenConcerns) {
			if m.GetRaisedBy() == side {
				own++
			}
		}
	}
	if own < MaxOpenConcerns {
		return nil
	}
	e := Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "%d concerns that the %s raised are open. Withdraw some of them, or agree on how they end, first.", MaxOpenConcerns, sideWord(side))
	e.Subject = "agreements/" + a.GetAgreementId()
	return e.as(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "limit", fmt.Sprint(MaxOpenConcerns))
}

// hasClock says of a kind whether it has clocks, and counts. A kind word and a correction touch no score.
func hasClock(k pb.ConcernKind) bool {
	return k == earlyWarning || k == reliefClaim || k == breachConcern
}

// checkConcern lists what is wrong with a concern that a side would raise.
func (d *Decision) checkConcern(a *pb.Agreement, side, about pb.Side, c *pb.RaiseConcernRequest) (wrong []Violation) {
	refuse := func(is bool, field, format string, args ...any) {
		if is {
			wrong = append(wrong, Violation{field, fmt.Sprintf(format, args...)})
		}
	}
	refuse(!slices.Contains([]pb.ConcernKind{appreciation, feedback, earlyWarning, reliefClaim, breachConcern}, c.GetKind()), "kind", "say what it is")
	refuse(strings.TrimSpace(c.GetTitle()) == "", "title", "say in a line what it is about")
	refuse(about == side && c.GetKind() != earlyWarning, "about", "only an EARLY_WARNING may be about one's own side: leave it out")
	refuse(c.GetKind() == reliefClaim && len(c.GetObligationIds()) == 0, "obligation_ids", "name the obligations that you claim relief for")
	whose := map[pb.ConcernKind]pb.Side{earlyWarning: about, reliefClaim: side, breachConcern: about}[c.GetKind()]
	foreign := func(obligor pb.Side) bool { return whose != pb.Side_SIDE_UNSPECIFIED && obligor != whose }
	if id := c.GetCommitmentId(); id != "" {
		m := d.State.commitment(a.GetAgreementId(), id)
		refuse(m == nil, "commitment_id", "there is no commitment %q", id)
		refuse(m != nil && foreign(m.GetObligor()), "commitment_id", "it is not a promise of the %s", sideWord(whose))
	}
	for i, id := range c.GetObligationIds() {
		field, o := fmt.Sprintf("obligation_ids[%d]", i), d.obligationNow(a.GetAgreementId(), id)
		refuse(o == nil, field, "there is no obligation %q", id)
		refuse(o != nil && foreign(o.GetObligor()), field, "it is not owed by the %s", sideWord(whose))
		refuse(o != nil && c.GetCommitmentId() != "" && o.GetCommitmentId() != c.GetCommitmentId(), field, "it is not of commitment %q", c.GetCommitmentId())
	}
	return wrong
}

// onConcern reads the concern a command names, as time has left it, and refuses what its life cycle, its kind, or a stale etag
// does.
func (d *Decision) onConcern(agreementID, concernID, verb string) (*pb.Agreement, *pb.Concern, pb.Side, *Error) {
	a, side, refused := d.seen(agreementID)
	if refused != nil {
		return nil, nil, side, refused
	}
	ref := concernRef(agreementID, concernID)
	d.timePasses(ref)
	m := d.State.concern(agreementID, concernID)
	if m == nil {
		return nil, nil, side, NotFound("concern", concernID)
	}
	isSide := toConcern(m, side)
	e := move(ConcernMoves, "concern", m.GetState(), verb, func(w Who) bool { return isSide(w) || w == Neutral && d.stamp.By.Neutral(a) })
	if e == nil {
		e = unfitConcern(m, verb)
	}
	if e != nil {
		e.Subject = "agreements/" + agreementID + "/concerns/" + concernID
		return nil, nil, side, e
	}
	if e := d.matchEtag(m.GetEtag()); e != nil {
		return nil, nil, side, e
	}
	return a, m, side, nil
}

// unfitConcern refuses a verb that the table allows but that means nothing for a concern of its kind.
func unfitConcern(m *pb.Concern, verb string) *Error {
	instead := ""
	switch {
	case verb == "acknowledge" || verb == "withdraw":
	case m.GetKind() == appreciation:
		instead = "it ends when it is acknowledged"
	case m.GetKind() == feedback && verb == "reopen":
		instead = "it ended with the reply; raise another"
	case m.GetKind() == feedback && verb != "reply to":
		instead = "it ends with a reply"
	case m.GetKind() != feedback && verb == "reply to":
		instead = "only feedback is replied to; admit it, contest it, or propose a remedy"
	case m.GetAbout() == m.GetRaisedBy() && slices.Contains([]string{"admit", "contest", "escalate", "determine"}, verb):
		instead = "it is about the side that raised it; propose what helps"
	}
	if instead == "" {
		return nil
	}
	of := strings.TrimPrefix(m.GetKind().String(), "CONCERN_KIND_")
	e := refuseGuard("concern", verb, "not of "+article(of)+" "+of, "This is %s %s: %s.", article(of), of, instead)
	return e.as(pb.ErrorReason_ERROR_REASON_WRONG_KIND, "kind", of)
}

// emitConcern records a change of a concern and answers the command with it.
func (d *Decision) emitConcern(m *pb.Concern, side pb.Side, change *pb.Event) {
	d.emit(m.GetAgreementId(), side, change)
	d.answer(concernRef(m.GetAgreementId(), m.GetConcernId()))
}

// acknowledgeConcern is the respondent's word that it has heard. Who raised a concern may have put a remedy on the table before
// that, or asked others: it stays there.
func (d *Decision) acknowledgeConcern(c *pb.AcknowledgeConcernRequest) error {
	a, m, side, refused := d.onConcern(c.GetAgreementId(), c.GetConcernId(), "acknowledge")
	if refused != nil {
		return refused
	}
	if m.GetAcknowledgeTime() != nil {
		e := refuseGuard("concern", "acknowledge", unheard, "It was acknowledged already, for whatever its respondent does acknowledges it. Answer the remedy, or propose one.")
		e.Subject = "agreements/" + m.GetAgreementId() + "/concerns/" + m.GetConcernId()
		return e
	}
	said := &pb.ConcernAcknowledged{ConcernId: m.GetConcernId(), Note: c.GetNote(), To: acknowledged}
	switch {
	case m.GetState() != raised:
		said.To, said.RemedyEndTime = m.GetState(), m.GetRemedyEndTime()
	case m.GetKind() == appreciation:
		said.To = resolved
	case hasClock(m.GetKind()):
		said.RemedyEndTime = d.inBusinessDays(a, d.concernTerms(a).remedy)
	}
	d.emitConcern(m, side, &pb.Event{Change: &pb.Event_ConcernAcknowledged{ConcernAcknowledged: said}})
	return nil
}

// replyConcern ends feedback: it is taken, or not, and why.
func (d *Decision) replyConcern(c *pb.ReplyConcernRequest) error {
	_, m, side, refused := d.onConcern(c.GetAgreementId(), c.GetConcernId(), "reply to")
	if refused != nil {
		return refused
	}
	d.emitConcern(m, side, &pb.Event{Change: &pb.Event_ConcernReplied{ConcernReplied: &pb.ConcernReplied{
		ConcernId: m.GetConcernId(), Taken: c.GetTaken(), Reply: c.GetReply(),
	}}})
	return nil
}

func (d *Decision) withdrawConcern(c *pb.WithdrawConcernRequest) error {
	_, m, side, refused := d.onConcern(c.GetAgreementId(), c.GetConcernId(), "withdraw")
	if refused != nil {
		return refused
	}
	d.emitConcern(m, side, &pb.Event{Change: &pb.Event_ConcernWithdrawn{ConcernWithdrawn: &pb.ConcernWithdrawn{
		ConcernId: m.GetConcernId(), Reason: c.GetReason(),
	}}})
	return nil
}

// contestConcern is the respondent's word that it is not so.
func (d *Decision) contestConcern(c *pb.ContestConcernRequest) error {
	a, m, side, refused := d.onConcern(c.GetAgreementId(), c.GetConcernId(), "contest")
	if refused != nil {
		return refused
	}
	d.emitConcern(m, side, &pb.Event{Change: &pb.Event_ConcernContested{ConcernContested: &pb.ConcernContested{
		ConcernId: m.GetConcernId(), Reason: c.GetReason(), Evidence: c.GetEvidence(), RemedyEndTime: d.inBusinessDays(a, d.concernTerms(a).remedy),
	}}})
	return nil
}

// admitConcern is the respondent's word that it is so, and moves what is linked. Relief that is granted ends the claim.
func (d *Decision) admitConcern(c *pb.AdmitConcernRequest) error {
	a, m, side, refused := d.onConcern(c.GetAgreementId(), c.GetConcernId(), "admit")
	if refused != nil {
		return refused
	}
	d.linkedPass(m)
	so := &pb.ConcernAdmitted{ConcernId: m.GetConcernId(), Note: c.GetNote(), To: admitted}
	if m.GetKind() == reliefClaim {
		so.To, so.ReopenEndTime = resolved, d.reopenEnd(a)
	} else {
		so.RemedyEndTime = d.inBusinessDays(a, d.concernTerms(a).remedy)
	}
	d.emit(m.GetAgreementId(), side, &pb.Event{Change: &pb.Event_ConcernAdmitted{ConcernAdmitted: so}})
	for _, id := range m.GetObligationIds() {
		d.admitLinked(m, d.State.obligation(m.GetAgreementId(), id), side, c.GetNote())
	}
	d.answer(concernRef(m.GetAgreementId(), m.GetConcernId()))
	return nil
}

// concernTerms are the clocks of concerns by the text that is in force.
func (d *Decision) concernTerms(a *pb.Agreement) concernClocks {
	return concernClocksOf(d.textOf(a.GetAgreementId(), a.GetRevision()).terms.GetConcerns())
}

// inBusinessDays is the end of the n-th business day from now on.
func (d *Decision) inBusinessDays(a *pb.Agreement, n int) *timestamppb.Timestamp {
	cal := d.calendar(a)
	if cal == nil {
		return nil
	}
	return timestamppb.New(cal.EndOfDay(cal.AddBusinessDays(cal.DayAt(d.stamp.At), n)))
}

// reopenEnd is until when a concern that ends now may be reopened; nil: it may not.
func (d *Decision) reopenEnd(a *pb.Agreement) *timestamppb.Timestamp {
	days, cal := d.concernTerms(a).reopen, d.calendar(a)
	if cal == nil || days == 0 {
		return nil
	}
	return timestamppb.New(cal.EndOfDay(cal.DayAt(d.stamp.At).Add(days)))
}
