package rules

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// firstDay is before the first day of every random text.
var firstDay = DayOf(2025, 12, 1)

// randomTerms draws a text that CheckTerms accepts: promises that could never fall due are left out.
func randomTerms(t *rapid.T) *pb.Terms {
	first := firstDay.Add(rapid.IntRange(0, 60).Draw(t, "first day"))
	terms := &pb.Terms{Title: rapid.SampledFrom([]string{"Care", "Supply", "Build"}).Draw(t, "title"), EffectiveDate: first.String(), NoticeDays: rapid.SampledFrom([]int32{0, 60, 200}).Draw(t, "notice days")}
	length := rapid.IntRange(-200, 400).Draw(t, "length") // negative: without an end
	if length >= 0 {
		terms.EndDate = first.Add(length).String()
	}
	terms.Calendar = &pb.Calendar{TimeZone: rapid.SampledFrom([]string{"Europe/Lisbon", "UTC", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kolkata"}).Draw(t, "zone")}
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 120), 0, 6, rapid.ID[int]).Draw(t, "holidays") {
		terms.Calendar.Holidays = append(terms.Calendar.Holidays, first.Add(n).String())
	}
	terms.Clocks = randomClocks(t)
	if rapid.Bool().Draw(t, "neutral") {
		terms.NeutralPartyId = outsider.PartyID
	}
	terms.Concerns = randomConcernTerms(t)
	terms.SuspensionRights = []*pb.SuspensionRight{
		{RightId: "flood", Side: pb.Side_SIDE_VENDOR, Ground: "a flood"}, {RightId: "strike", Side: pb.Side_SIDE_CLIENT, Ground: "a strike"},
	}
	randomObjectives(t, terms, first)
	if rapid.Bool().Draw(t, "pulse") {
		randomPulseTerms(t, terms)
	}
	for i := range 2 + evenly(t, "promises")%5 {
		c := &pb.CommitmentTerms{
			CommitmentId: fmt.Sprintf("c%d", i), Title: "Promise", Category: pb.Category_CATEGORY_OTHER, Weight: 1 + int32(evenly(t, "weight")%5),
			Obligor: rapid.SampledFrom([]pb.Side{pb.Side_SIDE_VENDOR, pb.Side_SIDE_CLIENT}).Draw(t, "obligor"), Clocks: randomClocks(t),
			Surviving: evenly(t, "surviving") == 0, Material: rapid.Bool().Draw(t, "material"),
			NotCurable: evenly(t, "curable") == 0,
		}
		randomSchedule(t, c, first, terms.GetCommitments())
		for _, other := range terms.GetCommitments() {
			if (other.GetOneOff() != nil || other.GetRecurring() != nil) && evenly(t, "prerequisite") == 0 {
				c.Prerequisites = append(c.Prerequisites, other.GetCommitmentId())
			}
		}
		terms.Commitments = append(terms.Commitments, c)
		if CheckTerms(terms, "terms") != nil {
			terms.Commitments = terms.Commitments[:len(terms.Commitments)-1]
		}
	}
	if wrong := CheckTerms(terms, "terms"); wrong != nil {
		t.Fatalf("random terms are wrong: %v", wrong)
	}
	return terms
}

// randomSchedule draws what makes a promise fall due, after those before it.
func randomSchedule(t *rapid.T, c *pb.CommitmentTerms, first Day, before []*pb.CommitmentTerms) {
	switch rapid.SampledFrom([]string{"date", "rule", "rule", "rule", "relative", "conditional", "measured", "standing"}).Draw(t, "kind") {
	case "date":
		c.Schedule = &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: first.Add(rapid.IntRange(0, 150).Draw(t, "due")).String()}}
	case "rule":
		c.Schedule = &pb.CommitmentTerms_Recurring{Recurring: randomRule(t, first)}
	case "relative":
		r := &pb.RelativeDue{Anchor: pb.DueAnchor_DUE_ANCHOR_EFFECTIVE_DATE, After: randomAfter(t)}
		if i := slices.IndexFunc(before, func(c *pb.CommitmentTerms) bool { return c.GetOneOff() != nil }); i >= 0 {
			r.Anchor, r.CommitmentId = pb.DueAnchor_DUE_ANCHOR_COMPLETION, before[i].GetCommitmentId()
		}
		c.Schedule = &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{Relative: r}}
	case "measured":
		m := &pb.Measured{
			Measure: "Availability", Comparator: pb.Comparator_COMPARATOR_AT_LEAST, Objective: "99.8", Tolerance: "0.1", Due: randomAfter(t), Window: randomPeriod(t),
		}
		if rapid.Bool().Draw(t, "qualifying") {
			m.Qualifying = &pb.Qualifying{Measure: "Gateway", Comparator: pb.Comparator_COMPARATOR_AT_LEAST, Threshold: "1", Responsible: Other(c.GetObligor())}
		}
		if rapid.Bool().Draw(t, "credit") {
			m.Credit = &pb.Credit{
				CommitmentId: c.GetCommitmentId() + "r", Title: "Credit", Weight: 1, Step: "0.1", PercentPerStep: "5", CapPercent: "20",
				Of: &pb.Amount{Currency: "EUR", Value: "100"}, Due: &pb.After{Days: 10},
			}
		}
		c.Schedule = &pb.CommitmentTerms_Measured{Measured: m}
	case "standing":
		c.Schedule = &pb.CommitmentTerms_Standing{Standing: &pb.Standing{Conduct: "Be kind.", Period: randomPeriod(t), Due: randomAfter(t)}}
	case "conditional":
		when := &pb.Conditional{Condition: "Something happens.", Within: randomAfter(t), Once: rapid.Bool().Draw(t, "once")}
		if rapid.Bool().Draw(t, "until") {
			when.UntilDate = first.Add(rapid.IntRange(0, 150).Draw(t, "until")).String()
		}
		c.Schedule = &pb.CommitmentTerms_Conditional{Conditional: when}
	}
}

func randomPeriod(t *rapid.T) *pb.Period {
	return &pb.Period{Unit: pb.PeriodUnit(rapid.Int32Range(1, 5).Draw(t, "unit")), Every: rapid.SampledFrom([]int32{0, 1, 2, 3, 12}).Draw(t, "every")}
}

func randomAfter(t *rapid.T) *pb.After {
	return &pb.After{
		Days: rapid.Int32Range(0, 20).Draw(t, "days"), BusinessDays: rapid.Int32Range(0, 5).Draw(t, "business days"), Roll: pb.DayRoll(rapid.Int32Range(0, 3).Draw(t, "roll")),
	}
}

// tightTerms draws a text of few promises that are due soon and wait for each other, so that much comes of every delay.
func tightTerms(t *rapid.T) *pb.Terms {
	first := firstDay.Add(rapid.IntRange(0, 3).Draw(t, "first day"))
	terms := &pb.Terms{
		Title: "Tight", EffectiveDate: first.String(), EndDate: first.Add(60).String(),
		Calendar: &pb.Calendar{TimeZone: rapid.SampledFrom([]string{"Europe/Lisbon", "UTC", "America/Sao_Paulo"}).Draw(t, "zone")},
		Clocks: &pb.Clocks{
			GraceBusinessDays: proto.Int32(rapid.Int32Range(0, 2).Draw(t, "grace")), LeadDays: proto.Int32(rapid.Int32Range(0, 20).Draw(t, "lead")),
			ReviewBusinessDays: proto.Int32(rapid.Int32Range(1, 5).Draw(t, "review")), CureBusinessDays: proto.Int32(rapid.Int32Range(3, 30).Draw(t, "cure")),
		},
		SuspensionRights: []*pb.SuspensionRight{
			{RightId: "flood", Side: pb.Side_SIDE_VENDOR, Ground: "a flood"}, {RightId: "strike", Side: pb.Side_SIDE_CLIENT, Ground: "a strike"},
		},
	}
	for i := range rapid.IntRange(2, 5).Draw(t, "promises") {
		c := &pb.CommitmentTerms{
			CommitmentId: fmt.Sprintf("c%d", i), Title: "Promise", Category: pb.Category_CATEGORY_OTHER, Weight: 1,
			Obligor: rapid.SampledFrom([]pb.Side{pb.Side_SIDE_VENDOR, pb.Side_SIDE_CLIENT}).Draw(t, "obligor"),
		}
		c.Schedule = &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: first.Add(rapid.IntRange(4*i, 4*i+8).Draw(t, "due")).String()}}
		if rapid.IntRange(0, 3).Draw(t, "again") == 0 {
			c.Schedule = &pb.CommitmentTerms_Recurring{Recurring: &pb.Recurring{Rrule: rapid.SampledFrom([]string{"FREQ=WEEKLY", "FREQ=WEEKLY;INTERVAL=2;COUNT=3"}).Draw(t, "rule")}}
		}
		for n := range i {
			if n == i-1 || rapid.Bool().Draw(t, "prerequisite") {
				c.Prerequisites = append(c.Prerequisites, fmt.Sprintf("c%d", n))
			}
		}
		terms.Commitments = append(terms.Commitments, c)
		if CheckTerms(terms, "terms") != nil {
			c.Prerequisites = nil // it may be due before what it would wait for
		}
	}
	return terms
}

func randomClocks(t *rapid.T) *pb.Clocks {
	if rapid.Bool().Draw(t, "no clocks") {
		return nil
	}
	return &pb.Clocks{
		GraceBusinessDays: proto.Int32(rapid.Int32Range(0, 10).Draw(t, "grace")), LeadDays: proto.Int32(rapid.Int32Range(0, 40).Draw(t, "lead")),
		ReviewBusinessDays: proto.Int32(rapid.Int32Range(1, 10).Draw(t, "review")), CureBusinessDays: proto.Int32(rapid.Int32Range(0, 20).Draw(t, "cure")),
	}
}

func randomRule(t *rapid.T, first Day) *pb.Recurring {
	r := &pb.Recurring{
		Rrule: rapid.SampledFrom([]string{
			"FREQ=DAILY;INTERVAL=3", "FREQ=DAILY;COUNT=5", "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=WEEKLY;INTERVAL=2", "FREQ=MONTHLY;BYMONTHDAY=31",
			"FREQ=MONTHLY;BYDAY=-1FR", "FREQ=MONTHLY;BYMONTHDAY=1", "FREQ=MONTHLY;BYMONTHDAY=30;COUNT=3", "FREQ=WEEKLY;UNTIL=20260301", "FREQ=YEARLY",
		}).Draw(t, "rule"),
		Roll:       pb.DayRoll(rapid.Int32Range(0, 3).Draw(t, "roll")),
		OffsetDays: rapid.SampledFrom([]int32{0, 0, 0, 1, 30}).Draw(t, "offset"),
	}
	if rapid.Bool().Draw(t, "own start") {
		r.StartDate = first.Add(rapid.IntRange(0, 60).Draw(t, "start")).String()
	}
	if rapid.IntRange(0, 3).Draw(t, "nth day") == 0 {
		r.BusinessDay = rapid.Int32Range(-23, 23).Draw(t, "business day")
	}
	return r
}

// randomPeople are those who command in random tales; both sides more often than others.
var randomPeople = []Caller{vendor, client, vendor, client, vendor, client, vendor, client, outsider, auditor, confined, operator, Clock()}

// evenly draws one of eight numbers, from 0, each as likely as the others: ranges draw small ones more often.
func evenly(t *rapid.T, label string) (n int) {
	for range 3 {
		n *= 2
		if rapid.Bool().Draw(t, label) {
			n++
		}
	}
	return n
}

// randomCommand draws a command that may or may not fit the world.
func randomCommand(t *rapid.T, w *world) (Caller, proto.Message) {
	by := rapid.SampledFrom(randomPeople).Draw(t, "by")
	agreement := rapid.SampledFrom([]string{"care", "care", "care", "care", "care", "care", "care", "cure", "none"}).Draw(t, "agreement")
	switch evenly(t, "about") {
	case 0, 1:
		command := randomNegotiation(t, w, agreement)
		if w.agreement(agreement).GetState() == agreementEnding && rapid.Bool().Draw(t, "together") {
			command = randomMotion(t, w, agreement)
		}
		yes, ok := command.(*pb.AcceptProposalRequest)
		p, _ := w.records[proposalRef(agreement, yes.GetProposalId())].(*pb.Proposal)
		if ok && rapid.Bool().Draw(t, "fit") { // by who may, more often than not
			by = map[pb.Side]Caller{pb.Side_SIDE_VENDOR: vendor, pb.Side_SIDE_CLIENT: client}[p.GetTurn()]
		}
		return by, command
	case 2, 3:
		if evenly(t, "feel") < 3 {
			return randomPulse(t, w, agreement, by)
		}
		if rapid.Bool().Draw(t, "look") {
			return randomReview(t, w, agreement, by)
		}
		return randomPause(t, w, agreement, by)
	case 4:
		if evenly(t, "hope") == 0 { // for more see TestWhereAnObjectiveStood
			return randomObservation(t, w, agreement, by)
		}
	}
	if evenly(t, "talk") == 0 && rapid.Bool().Draw(t, "aloud") { // for more see TestConcernsKeepThePromisesOfTheProduct
		return randomConcern(t, w, agreement, by)
	}
	return randomWork(t, w, agreement, by)
}

func randomNegotiation(t *rapid.T, w *world, agreement string) proto.Message {
	p, _ := w.records[proposalRef(agreement, "first")].(*pb.Proposal)
	digest := rapid.SampledFrom([]string{p.GetTermsDigest(), p.GetTermsDigest(), "another"}).Draw(t, "digest")
	switch rapid.IntRange(0, 11).Draw(t, "verb") {
	case 7, 8, 9:
		return randomMotion(t, w, agreement)
	case 10:
		if rapid.Bool().Draw(t, "on") {
			return randomMotion(t, w, agreement)
		}
		return randomNotice(t, w, agreement)
	case 11:
		id := rapid.SampledFrom(append(w.obligations(agreement), "c0-99")).Draw(t, "obligation")
		return &pb.TerminateAgreementRequest{AgreementId: agreement, ObligationId: id, Reason: "enough"}
	case 0:
		return &pb.CreateAgreementRequest{AgreementId: agreement, Agreement: &pb.Agreement{
			VendorPartyId: "northwind", ClientPartyId: rapid.SampledFrom([]string{"acme", "oldco", "nobody"}).Draw(t, "client"), DraftTerms: randomTerms(t),
		}}
	case 1:
		return &pb.UpdateAgreementRequest{AgreementId: agreement, Agreement: &pb.Agreement{DraftTerms: randomTerms(t)}, Etag: randomEtag(t)}
	case 2:
		return &pb.CreateProposalRequest{AgreementId: agreement, ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS}
	case 3:
		return &pb.CounterProposalRequest{AgreementId: agreement, ProposalId: "first", Revision: p.GetRevision(), Terms: randomTerms(t), Etag: randomEtag(t)}
	case 4:
		return &pb.DeclineProposalRequest{AgreementId: agreement, ProposalId: "first", Reason: "no"}
	case 5:
		return &pb.WithdrawProposalRequest{AgreementId: agreement, ProposalId: "first"}
	}
	return &pb.AcceptProposalRequest{AgreementId: agreement, ProposalId: "first", Revision: p.GetRevision(), TermsDigest: digest}
}

// randomPause draws the begin or the end of a pause, more often than not one that fits.
func randomPause(t *rapid.T, w *world, agreement string, by Caller) (Caller, proto.Message) {
	if by.PartyID == "" || by.PartyID == outsider.PartyID {
		by = vendor
	}
	a := w.agreement(agreement)
	if paused := a.GetSuspension(); paused != nil || rapid.IntRange(0, 9).Draw(t, "resume") == 0 {
		if paused != nil {
			by = w.of(agreement, paused.GetSide())
		}
		return by, &pb.ResumeAgreementRequest{AgreementId: agreement, Reason: "it can be again"}
	}
	right := rapid.SampledFrom([]string{"flood", "strike"}).Draw(t, "right")
	return by, &pb.SuspendAgreementRequest{AgreementId: agreement, RightId: right, Reason: "it must be", Etag: randomEtag(t)}
}

func randomNotice(t *rapid.T, w *world, agreement string) proto.Message {
	c := &pb.GiveNoticeRequest{AgreementId: agreement, Etag: randomEtag(t)}
	if rapid.Bool().Draw(t, "asks") {
		c.EndDate = DayOf(w.now.Date()).Add(rapid.IntRange(-1, 60).Draw(t, "days")).String()
	}
	return c
}

// motions are the kinds of proposals without a text that random tales have.
var motions = []pb.ProposalKind{
	pb.ProposalKind_PROPOSAL_KIND_RELEASE, pb.ProposalKind_PROPOSAL_KIND_RELEASE, pb.ProposalKind_PROPOSAL_KIND_SUSPEND,
	pb.ProposalKind_PROPOSAL_KIND_RESUME, pb.ProposalKind_PROPOSAL_KIND_RESUME, pb.ProposalKind_PROPOSAL_KIND_RESUME,
	pb.ProposalKind_PROPOSAL_KIND_RELEASE, pb.ProposalKind_PROPOSAL_KIND_RELEASE, pb.ProposalKind_PROPOSAL_KIND_END_EARLY,
	pb.ProposalKind_PROPOSAL_KIND_COMPLETE, pb.ProposalKind_PROPOSAL_KIND_WITHDRAW_NOTICE, pb.ProposalKind_PROPOSAL_KIND_WITHDRAW_NOTICE,
	pb.ProposalKind_PROPOSAL_KIND_WITHDRAW_NOTICE,
}

// randomMotion draws a motion, or an answer to the one on the table: the newest of its kind.
func randomMotion(t *rapid.T, w *world, agreement string) proto.Message {
	kind := rapid.SampledFrom(motions).Draw(t, "kind")
	if w.agreement(agreement).GetState() == agreementEnding && rapid.Bool().Draw(t, "back") {
		kind = pb.ProposalKind_PROPOSAL_KIND_WITHDRAW_NOTICE
	}
	said := &pb.Motion{}
	switch {
	case kind == pb.ProposalKind_PROPOSAL_KIND_RELEASE:
		said.ObligationIds = []string{rapid.SampledFrom(append(w.obligations(agreement), "c0-99")).Draw(t, "obligation")}
	case rapid.IntRange(0, 2).Draw(t, "later") == 0:
		said.EffectiveDate = DayOf(w.now.Date()).Add(rapid.IntRange(-1, 30).Draw(t, "days")).String()
	}
	var newest *pb.Proposal
	for ref, m := range w.records {
		p, ok := m.(*pb.Proposal)
		if ok && ref.Agreement == agreement && p.GetKind() == kind && p.GetState() == open && (newest == nil || p.GetProposalId() > newest.GetProposalId()) {
			newest = p
		}
	}
	if newest == nil {
		return &pb.CreateProposalRequest{AgreementId: agreement, Kind: kind, Motion: said}
	}
	id, revision := newest.GetProposalId(), newest.GetRevision()
	switch rapid.IntRange(0, 7).Draw(t, "answer") {
	case 0:
		return &pb.CounterProposalRequest{AgreementId: agreement, ProposalId: id, Revision: revision, Motion: said}
	case 1:
		return &pb.DeclineProposalRequest{AgreementId: agreement, ProposalId: id, Reason: "no"}
	case 2:
		return &pb.WithdrawProposalRequest{AgreementId: agreement, ProposalId: id}
	}
	return &pb.AcceptProposalRequest{AgreementId: agreement, ProposalId: id, Revision: revision, TermsDigest: newest.GetTermsDigest()}
}

func randomEtag(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "", "1", "3"}).Draw(t, "etag")
}

// randomWork draws a verb that somebody may do to an obligation in the state it is in, more often than any verb.
func randomWork(t *rapid.T, w *world, agreement string, by Caller) (Caller, proto.Message) {
	id := rapid.SampledFrom(append(w.obligations(agreement), "c0-99")).Draw(t, "obligation")
	if begun := w.begun(agreement); begun != "" && evenly(t, "go on") < 4 {
		id = begun
	}
	verbs := verbsOf(ObligationMoves)
	if o, known := w.records[obligationRef(agreement, id)].(*pb.Obligation); known && evenly(t, "fitting") > 1 {
		var fitting []Move[pb.ObligationState]
		for _, m := range ObligationMoves {
			if m.From == o.GetState() && slices.Contains(verbs, m.Verb) {
				fitting = append(fitting, m)
			}
			if m.From == o.GetState() && m.Verb == "object" {
				fitting = append(fitting, m, m, m) // it comes late in a life, and would else be seldom
			}
		}
		if len(fitting) > 0 {
			m := fitting[evenly(t, "move")%len(fitting)]
			by, verbs = w.someone(agreement, o, m.By), []string{m.Verb}
		}
	}
	if len(verbs) > 1 && evenly(t, "wake") == 0 {
		return Clock(), &journalv1.Wake{AgreementId: agreement, Record: &journalv1.Wake_ObligationId{ObligationId: id}} // no RPC does
	}
	return by, randomDeed(t, w, agreement, id, rapid.SampledFrom(verbs).Draw(t, "verb"))
}

// someone is who may make a move of an obligation.
func (w *world) someone(agreement string, o *pb.Obligation, who Who) Caller {
	switch {
	case who == Neutral:
		return outsider
	case who == Beneficiary:
		return w.of(agreement, o.GetBeneficiary())
	}
	return w.of(agreement, o.GetObligor())
}

// of is somebody of a side of an agreement.
func (w *world) of(agreement string, side pb.Side) Caller {
	a, party := w.agreement(agreement), ""
	switch side {
	case pb.Side_SIDE_VENDOR:
		party = a.GetVendorPartyId()
	case pb.Side_SIDE_CLIENT:
		party = a.GetClientPartyId()
	}
	for _, by := range randomPeople {
		if by.PartyID == party {
			return by
		}
	}
	return outsider
}

// randomDeed is the command for a verb.
func randomDeed(t *rapid.T, w *world, agreement, id, verb string) proto.Message {
	switch verb {
	case "accept":
		return &pb.AcceptObligationRequest{AgreementId: agreement, ObligationId: id, Submission: rapid.SampledFrom([]int32{0, 0, 0, 1, 2}).Draw(t, "submission"), Etag: randomEtag(t)}
	case "acknowledge":
		received := timestamppb.New(w.now.Add(time.Duration(rapid.IntRange(-72, 1).Draw(t, "hours")) * time.Hour))
		return &pb.AcknowledgeObligationRequest{AgreementId: agreement, ObligationId: id, ReceivedTime: received}
	case "trigger":
		day := w.now.AddDate(0, 0, rapid.IntRange(-20, 1).Draw(t, "day")).Format(time.DateOnly)
		return &pb.TriggerObligationRequest{AgreementId: agreement, ObligationId: id, Title: "It happened", OccurredDate: day}
	case "measure":
		return &pb.MeasureObligationRequest{
			AgreementId: agreement, ObligationId: id, Value: rapid.SampledFrom([]string{"99.8", "99.79", "99.5", "90", "-1", "x"}).Draw(t, "value"),
			QualifyingValue: rapid.SampledFrom([]string{"", "1", "1", "0"}).Draw(t, "qualifying"),
		}
	case "cure":
		date := DayOf(w.now.Date()).Add(rapid.SampledFrom([]int{0, 1, 1, 1, 60}).Draw(t, "date")).String()
		return &pb.CureObligationRequest{AgreementId: agreement, ObligationId: id, Cause: "c", Effect: "e", Fix: "f", Prevention: "p", CureDate: date}
	case "dispute":
		ground := pb.DisputeGround(rapid.Int32Range(1, 5).Draw(t, "ground"))
		return &pb.DisputeObligationRequest{AgreementId: agreement, ObligationId: id, Ground: ground, Reason: "not yet"}
	case "determine":
		outcome := pb.SettlementOutcome(rapid.Int32Range(1, 9).Draw(t, "outcome"))
		return &pb.DetermineObligationRequest{AgreementId: agreement, ObligationId: id, Settlement: &pb.Settlement{Outcome: outcome, Reason: "so be it"}}
	case "extend":
		date := DayOf(w.now.Date()).Add(rapid.SampledFrom([]int{-1, 0, 3, 20}).Draw(t, "date")).String()
		return &pb.ExtendObligationRequest{AgreementId: agreement, ObligationId: id, DueDate: date, Reason: "a holiday"}
	case "notify":
		return &pb.NotifyObligationRequest{AgreementId: agreement, ObligationId: id, PrerequisiteObligationId: w.prerequisite(t, agreement, id)}
	case "object":
		return &pb.ObjectObligationRequest{AgreementId: agreement, ObligationId: id, Interest: rapid.SampledFrom([]string{"wages", "wages", " "}).Draw(t, "interest")}
	case "submit":
		return &pb.SubmitObligationRequest{AgreementId: agreement, ObligationId: id, Note: rapid.SampledFrom([]string{"done", "done", " "}).Draw(t, "note")}
	}
	return plainDeed(t, verb, agreement, id)
}

// begun is the first obligation of an agreement that is on a way seldom taken; empty if none is.
func (w *world) begun(agreement string) string {
	for _, id := range w.obligations(agreement) {
		switch w.records[obligationRef(agreement, id)].(*pb.Obligation).GetState() {
		case submitted, curing, disputed:
			return id
		}
	}
	return ""
}

// prerequisite draws an obligation that another one may wait for.
func (w *world) prerequisite(t *rapid.T, agreement, id string) string {
	ids := []string{"c0-99"}
	o, _ := w.records[obligationRef(agreement, id)].(*pb.Obligation)
	c, _ := w.records[commitmentRef(agreement, o.GetCommitmentId())].(*pb.Commitment)
	for _, p := range c.GetTerms().GetPrerequisites() {
		other, _ := w.records[commitmentRef(agreement, p)].(*pb.Commitment)
		for n := int32(1); n <= min(other.GetObligationCount(), 20); n++ {
			ids = append(ids, obligationID(other, n))
		}
	}
	return rapid.SampledFrom(ids).Draw(t, "prerequisite")
}

// obligations is the ids of an agreement's obligations that are not final, in order, and one that is.
func (w *world) obligations(agreement string) (ids []string) {
	closed := ""
	for ref, m := range w.records {
		if o, ok := m.(*pb.Obligation); ok && ref.Agreement == agreement {
			switch {
			case !Final(o.GetState()):
				ids = append(ids, ref.ID)
				if o.GetState() == curing || o.GetState() == submitted {
					ids = append(ids, ref.ID, ref.ID, ref.ID) // they are few, and much can happen to them
				}
			case closed == "" || ref.ID < closed:
				closed = ref.ID
			}
		}
	}
	slices.Sort(ids)
	if closed != "" {
		ids = append(ids, closed)
	}
	return ids
}

// randomTale begins a world with the parties and, most often, an agreement that both have accepted or will.
func randomTale(t *rapid.T) (opening []turn) {
	for _, id := range []string{"northwind", "acme", "oldco"} {
		opening = append(opening, turn{by: operator, command: &pb.CreatePartyRequest{PartyId: id, Party: &pb.Party{DisplayName: id}}})
	}
	turns := []int{0, 2, 3, 3, 3, 3, 3, 3}[evenly(t, "opening")]
	terms := randomTerms(t)
	if rapid.IntRange(0, 2).Draw(t, "tight") == 0 {
		terms = tightTerms(t)
	}
	_, digest := Digest(terms)
	first := []turn{
		{by: vendor, command: &pb.CreateAgreementRequest{AgreementId: "care", Agreement: &pb.Agreement{VendorPartyId: "northwind", ClientPartyId: "acme", DraftTerms: terms}}},
		{by: vendor, command: &pb.CreateProposalRequest{AgreementId: "care", ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS}},
		{by: client, command: &pb.AcceptProposalRequest{AgreementId: "care", ProposalId: "first", Revision: 1, TermsDigest: digest}},
	}
	return append(opening, first[:turns]...)
}

// turn is one move of a random tale: a command, or time that passes.
type turn struct {
	by      Caller
	command proto.Message
	pass    time.Duration // instead of a command
	asleep  bool          // the clock does not look
	carry   int           // instead of either: how many events a decision holds from here on
}

func randomTurn(t *rapid.T, w *world) turn {
	if evenly(t, "time") < 2 {
		hours := []int{1, 7, 24, 24, 50, 72, 24 * 7, 24 * 20}[evenly(t, "hours")]
		return turn{pass: time.Duration(hours)*time.Hour + time.Nanosecond, asleep: evenly(t, "asleep") < 2}
	}
	by, command := randomCommand(t, w)
	return turn{by: by, command: command}
}

// take plays a turn and is what it led to.
func (w *world) take(tn turn) ([]*pb.Event, error) {
	w.t.Helper()
	w.turns = append(w.turns, tn)
	told := len(w.history)
	var err error
	switch {
	case tn.carry > 0:
		w.carry = tn.carry
	case tn.command != nil:
		_, err = w.do(tn.by, tn.command)
	case tn.asleep:
		w.now = w.now.Add(tn.pass)
	default:
		w.until(w.now.Add(tn.pass))
	}
	return w.history[told:], err
}
