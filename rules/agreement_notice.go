package rules

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// giveNotice ends an agreement after its notice period. What falls due until then counts.
func (d *Decision) giveNotice(c *pb.GiveNoticeRequest) error {
	a, side, refused := d.onAgreement(c.GetAgreementId(), "give notice")
	if refused != nil {
		return refused
	}
	ends, wrong := d.noticeEnd(a, c.GetEndDate())
	if wrong != nil {
		return Invalid(wrong...)
	}
	d.emit(a.GetAgreementId(), side, &pb.Event{Change: &pb.Event_AgreementNoticeGiven{AgreementNoticeGiven: &pb.AgreementNoticeGiven{
		Side: side, Reason: c.GetReason(), EndTime: timestamppb.New(ends),
	}}})
	d.agreementPasses(a.GetAgreementId()) // one that was paused beyond its last day ends now
	d.answer(agreementRef(a.GetAgreementId()))
	return nil
}

// noticeEnd is when an agreement ends by a notice that is given now: on the day asked for, else as soon as its terms allow.
func (d *Decision) noticeEnd(a *pb.Agreement, asked string) (time.Time, []Violation) {
	cal := d.calendar(a)
	if cal == nil {
		return time.Time{}, nil
	}
	last := cal.DayAt(d.stamp.At).Add(int(d.terms(a).GetNoticeDays()))
	if asked == "" {
		return cal.EndOfDay(last), nil
	}
	day, err := promisedDay(asked)
	switch {
	case err != nil:
		return time.Time{}, []Violation{{"end_date", err.Error()}}
	case day < last:
		return time.Time{}, []Violation{{"end_date", "the notice period lasts until " + last.String() + ": name that day or a later one, or leave it out"}}
	case a.GetEndTime() != nil && cal.EndOfDay(day).After(a.GetEndTime().AsTime()):
		return time.Time{}, []Violation{{"end_date", "the agreement has ended by then: name an earlier day, or leave it out"}}
	}
	return cal.EndOfDay(day), nil
}

// terms is the text of an agreement that is in force.
func (d *Decision) terms(a *pb.Agreement) *pb.Terms {
	return termsOf(get[*pb.Revision](d.State, revisionRef(a.GetAgreementId(), a.GetRevision())).GetBody())
}

// withdrawNotice takes a notice back, as both sides agreed.
func (d *Decision) withdrawNotice(a *pb.Agreement, p *pb.Proposal, _ consent, at time.Time) {
	d.emitClock(a.GetAgreementId(), at, &pb.Event{Change: &pb.Event_AgreementNoticeWithdrawn{AgreementNoticeWithdrawn: &pb.AgreementNoticeWithdrawn{
		ProposalId: p.GetProposalId(),
	}}})
}
