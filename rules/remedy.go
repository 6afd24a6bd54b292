package rules

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// A missed objective may be worth a credit: an obligation to pay, of a commitment of its own that comes into being with the
// first miss. It rests while no credit is open, and ends with the commitment whose misses it makes good.

// creditsAtOnce is how many open credits are looked through at a time for the one of a miss.
const creditsAtOnce = 100

// checkCredit lists why a credit could never be owed as its words say.
func checkCredit(c *pb.Credit, f frame, at string) (wrong []Violation) {
	refuse := func(is bool, name, why string) {
		if is {
			wrong = append(wrong, Violation{at + "." + name, why})
		}
	}
	per, top := figure(c.GetPercentPerStep()), figure(c.GetCapPercent())
	refuse(f.byID[c.GetCommitmentId()] != nil, "commitment_id", "another commitment has this id")
	refuse(figure(c.GetStep()) <= 0, "step", "it is not above 0")
	refuse(per <= 0, "percent_per_step", "it is not above 0")
	refuse(top <= 0, "cap_percent", "it is not above 0")
	refuse(top > 0 && top < per, "cap_percent", "it is below the per cent of one step")
	refuse(top > decimalHundred, "cap_percent", "it is above 100")
	refuse(figure(c.GetOf().GetValue()) <= 0, "of.value", "it is not above 0")
	refuse(c.GetDue().GetDays() == 0 && c.GetDue().GetBusinessDays() == 0, "due", "it would be due on the day of the miss: give at least a day")
	return wrong
}

// credit is what is owed for a miss by so much: so many per cent for every whole step, up to the cap.
func credit(c *pb.Credit, short decimal) decimal {
	per, top := figure(c.GetPercentPerStep()), figure(c.GetCapPercent())
	percent := top
	if steps := short / figure(c.GetStep()); steps < top/per {
		percent = steps * per
	}
	return percent.percentOf(figure(c.GetOf().GetValue()))
}

// owe schedules the credit for a missed objective, if one is owed. It is due counted from the day the missed obligation was
// due, so that filing early or late does not move it, but not before today; and it is DUE from its birth.
func (d *Decision) owe(missed *pb.Obligation, short decimal, at time.Time) {
	a, parent := d.State.agreement(missed.GetAgreementId()), d.commitmentOf(missed)
	words, cal := parent.GetTerms().GetMeasured().GetCredit(), d.calendar(a)
	if words == nil || cal == nil {
		return
	}
	amount := credit(words, short)
	if amount == 0 {
		return
	}
	tell := func(e *pb.Event) { d.emitAt(a.GetAgreementId(), d.side(a.GetAgreementId()), at, e) }
	c := d.remedy(parent, words, at)
	way := routeFrom(pb.DueStepKind_DUE_STEP_KIND_MISS, mustParse(missed.GetDueDate()), missed.GetObligationId())
	way.after(words.GetDue(), cal)
	way.notBefore(cal.DayAt(at))
	s := &pb.ObligationScheduled{
		ObligationId: obligationID(c, c.GetObligationCount()+1), CommitmentId: c.GetCommitmentId(), Ordinal: c.GetObligationCount() + 1,
		RemedyOf: missed.GetObligationId(), Amount: &pb.Amount{Currency: words.GetOf().GetCurrency(), Value: amount.money()},
	}
	schedule(s, firstDeadlines(c, way, cal))
	s.LeadStartTime = timestamppb.New(at)
	tell(&pb.Event{Change: &pb.Event_ObligationScheduled{ObligationScheduled: s}})
	tell(&pb.Event{Change: &pb.Event_ObligationFellDue{ObligationFellDue: &pb.ObligationFellDue{ObligationId: s.GetObligationId()}}})
}

// settledMiss has the credit follow what was settled about a window at a time. A miss that only the second figure showed is
// upheld: the credit is owed for it. A miss that was none after all takes its credit along.
func (d *Decision) settledMiss(o *pb.Obligation, at time.Time) {
	words, filed := d.commitmentOf(o).GetTerms().GetMeasured(), o.GetMeasurements()
	if words.GetCredit() == nil || len(filed) == 0 {
		return
	}
	owed := judge(words, filed[0]).to == breached
	switch d.State.obligation(o.GetAgreementId(), o.GetObligationId()).GetState() {
	case breached, defaulted:
		if second := judge(words, filed[len(filed)-1]); !owed && second.to == breached {
			d.owe(o, second.short, at)
		}
	case fulfilled, excused, discharged, unknown:
		if owed {
			d.dropCredit(o, words.GetCredit(), at)
		}
	}
}

// dropCredit lets the credit for a miss go, if it is still open.
func (d *Decision) dropCredit(missed *pb.Obligation, words *pb.Credit, at time.Time) {
	open := []pb.ObligationState{due, submitted, breached, curing, suspended, disputed}
	after := Place("")
	for {
		page := d.State.Obligations(missed.GetAgreementId(), words.GetCommitmentId(), open, after, creditsAtOnce)
		for _, o := range page {
			if after = PlaceOf(o); o.GetRemedyOf() == missed.GetObligationId() {
				d.lapse(o, at)
				return
			}
		}
		if len(page) == 0 {
			return
		}
	}
}

// remedy is the commitment to pay credits for the misses of another, brought into being or into force if it is not yet.
func (d *Decision) remedy(parent *pb.Commitment, words *pb.Credit, at time.Time) *pb.Commitment {
	id := parent.GetAgreementId()
	ref := commitmentRef(id, words.GetCommitmentId())
	d.withRoom(func() { d.comeUpBefore(ref, at) }) // it may rest by now
	c := get[*pb.Commitment](d.State, ref)
	if c == nil {
		d.emitAt(id, d.side(id), at, &pb.Event{Change: &pb.Event_CommitmentAgreed{CommitmentAgreed: &pb.CommitmentAgreed{
			CommitmentId: words.GetCommitmentId(), Terms: remedyTerms(parent.GetTerms(), words), Clocks: proto.CloneOf(parent.GetClocks()),
			EffectiveTime: timestamppb.New(at), RemedyOf: parent.GetCommitmentId(), Revision: parent.GetRevision(),
		}}})
		c = d.State.commitment(id, words.GetCommitmentId())
	}
	if c.GetState() == dormant {
		d.emitAt(id, d.side(id), at, &pb.Event{Change: &pb.Event_CommitmentEnteredIntoForce{
			CommitmentEnteredIntoForce: &pb.CommitmentEnteredIntoForce{CommitmentId: c.GetCommitmentId(), From: c.GetState()},
		}})
	}
	return d.State.commitment(id, words.GetCommitmentId())
}

// remedyTerms is the promise to pay credits, in the words of the text.
func remedyTerms(missed *pb.CommitmentTerms, words *pb.Credit) *pb.CommitmentTerms {
	return &pb.CommitmentTerms{
		CommitmentId: words.GetCommitmentId(), Obligor: missed.GetObligor(), Title: words.GetTitle(), Category: pb.Category_CATEGORY_PAYMENT, Weight: words.GetWeight(),
		Schedule: &pb.CommitmentTerms_Conditional{Conditional: &pb.Conditional{
			Condition: "The objective of " + missed.GetCommitmentId() + " is missed.", Within: proto.CloneOf(words.GetDue()),
		}},
	}
}

// endRemedy ends the commitment to pay credits with the one whose misses it makes good, when nothing of it is open.
func (d *Decision) endRemedy(parent *pb.Commitment, at time.Time) {
	if id := parent.GetTerms().GetMeasured().GetCredit().GetCommitmentId(); id != "" && d.State.commitment(parent.GetAgreementId(), id) != nil {
		d.endIfDone(parent.GetAgreementId(), id, at)
	}
}
