package rules

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// ahead is the outlook of care as of now.
func (w *world) ahead() *pb.Outlook {
	w.t.Helper()
	s := w.state()
	o, err := s.Outlook("care", w.now)
	if err != nil || len(maps.Collect(s.Changes())) > 0 {
		w.t.Fatalf("looking ahead: %v, and it put %v", err, maps.Collect(s.Changes()))
	}
	return o
}

// saidOf is an outlook in lines: who, what, how likely, and why.
func saidOf(o *pb.Outlook) (lines []string) {
	for _, side := range []*pb.SideOutlook{o.GetVendor(), o.GetClient()} {
		for _, i := range side.GetItems() {
			var why []string
			for _, r := range i.GetReasons() {
				why = append(why, r.GetWords())
			}
			lines = append(lines, fmt.Sprintf("%s %s %s %.6f %s", sideWord(side.GetSide()), i.GetObligationId(), i.GetDueDate(), i.GetChance(), strings.Join(why, " ")))
		}
	}
	return lines
}

// viewer looks ahead in one tale.
type viewer struct{ *world }

// pilotTale is a tale in which a pilot waits for a sandbox, and reports and fees come each month.
func pilotTale(t *testing.T) viewer {
	w := newWorld(t, begin)
	for _, id := range []string{"northwind", "acme"} {
		w.must(operator, &pb.CreatePartyRequest{PartyId: id, Party: &pb.Party{DisplayName: id}})
	}
	promise := func(id string, obligor pb.Side, needs ...string) *pb.CommitmentTerms {
		return &pb.CommitmentTerms{CommitmentId: id, Obligor: obligor, Title: "The " + id, Category: pb.Category_CATEGORY_DELIVERY, Weight: 3, Prerequisites: needs}
	}
	once := func(c *pb.CommitmentTerms, day string) *pb.CommitmentTerms {
		c.Schedule = &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: day}}
		return c
	}
	monthly := func(c *pb.CommitmentTerms) *pb.CommitmentTerms {
		c.Schedule = &pb.CommitmentTerms_Recurring{Recurring: &pb.Recurring{Rrule: "FREQ=MONTHLY;BYMONTHDAY=10"}}
		return c
	}
	w.must(vendor, &pb.CreateAgreementRequest{AgreementId: "care", Agreement: &pb.Agreement{VendorPartyId: "northwind", ClientPartyId: "acme", DraftTerms: &pb.Terms{
		Title: "Care", EffectiveDate: "2026-01-01", Calendar: &pb.Calendar{TimeZone: "UTC"},
		Clocks: &pb.Clocks{GraceBusinessDays: proto.Int32(2), CureBusinessDays: proto.Int32(20), LeadDays: proto.Int32(20)},
		Commitments: []*pb.CommitmentTerms{
			once(promise("sandbox", pb.Side_SIDE_CLIENT), "2026-03-13"), once(promise("pilot", pb.Side_SIDE_VENDOR, "sandbox", "report"), "2026-04-30"),
			monthly(promise("report", pb.Side_SIDE_VENDOR)), monthly(promise("fee", pb.Side_SIDE_CLIENT, "report")), once(promise("party", pb.Side_SIDE_CLIENT), "2026-12-01"),
		},
	}}})
	return viewer{w}
}

// agree has the client consent to a proposal.
func (v viewer) agree(id string) {
	v.t.Helper()
	p := v.records[proposalRef("care", id)].(*pb.Proposal)
	v.must(client, &pb.AcceptProposalRequest{AgreementId: "care", ProposalId: id, Revision: 1, TermsDigest: p.GetTermsDigest()})
}

// day goes on to the morning of a day.
func (v viewer) day(text string) {
	v.t.Helper()
	v.until(mustParse(text).utc().Add(9 * time.Hour))
}

// says holds what is likely to be late next.
func (v viewer) says(want ...string) {
	v.t.Helper()
	if got := saidOf(v.ahead()); !slices.Equal(got, want) {
		v.t.Errorf("on %s:\n%s\nwant\n%s", v.now.Format(time.DateOnly), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What reasons say.
const (
	saidNothing = "Nothing of it was due in the last 12 months."
	saidOver    = "Its day is over, and the "
	saidItself  = " and may be late itself."
)

func saidKept(side string, missed, of int) string {
	return fmt.Sprintf("In the last 12 months the %s did not keep %d of %d on time.", side, missed, of)
}

func saidWaits(of string) string { return " It waits for " + of + saidItself }

// The figures are worked out by hand.
func TestWhatIsLikelyToBeLateNext(t *testing.T) {
	w := pilotTale(t)
	if o := w.ahead(); len(saidOf(o)) > 0 || o.GetVendor() == nil || o.GetClient() == nil || o.GetIncomplete() {
		t.Errorf("of a draft: %v", o)
	}
	w.must(vendor, &pb.CreateProposalRequest{AgreementId: "care", ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
	w.agree("first")

	// What was never due is as likely late as not, what waits for such is likelier. The sandbox and the pilot are too far off.
	w.day("2026-01-08")
	second := []string{"vendor report-2 2026-02-10 0.500000 " + saidNothing, "client fee-2 2026-02-10 0.750000 " + saidNothing + saidWaits("report-2 of the vendor, which is due on 2026-02-10")}
	w.says("vendor report-1 2026-01-10 0.500000 "+saidNothing, second[0],
		"client fee-1 2026-01-10 0.750000 "+saidNothing+saidWaits("report-1 of the vendor, which is due on 2026-01-10"), second[1])
	// The day is over, though the grace period runs.
	w.day("2026-01-12")
	sandboxed := "client sandbox-1 2026-03-13 0.500000 " + saidNothing
	w.says("vendor report-1 2026-01-10 1.000000 "+saidOver+"vendor has not done it.", second[0],
		"client fee-1 2026-01-10 1.000000 "+saidOver+"client has not done it. It waits for report-1 of the vendor, which is late.", second[1], sandboxed)
	// One report was kept on time, and one fee late: (0+1)/(1+2) and (1+1)/(1+2).
	w.must(client, &pb.AcknowledgeObligationRequest{AgreementId: "care", ObligationId: "report-1"})
	w.day("2026-01-15")
	w.must(vendor, &pb.AcknowledgeObligationRequest{AgreementId: "care", ObligationId: "fee-1"})
	w.says("vendor report-2 2026-02-10 0.333333 "+saidKept("vendor", 0, 1),
		"client fee-2 2026-02-10 0.777778 "+saidKept("client", 1, 1)+saidWaits("report-2 of the vendor, which is due on 2026-02-10"), // 1 - 1/3 * 2/3
		sandboxed)
	// What was submitted is done, as far as its obligor goes.
	w.day("2026-02-06")
	w.must(vendor, &pb.SubmitObligationRequest{AgreementId: "care", ObligationId: "report-2", Note: "Here."})
	third := "client fee-3 2026-03-10 0.777778 " + saidKept("client", 1, 1) + saidWaits("report-3 of the vendor, which is due on 2026-03-10")
	w.says("vendor report-3 2026-03-10 0.333333 "+saidKept("vendor", 0, 1), third, "client fee-2 2026-02-10 0.666667 "+saidKept("client", 1, 1), sandboxed)
	w.must(client, &pb.AcceptObligationRequest{AgreementId: "care", ObligationId: "report-2", Submission: 1})
	w.must(vendor, &pb.WaiveObligationRequest{AgreementId: "care", ObligationId: "fee-2", Reason: "A gift."}) // which counts for nothing
	w.day("2026-03-02")
	w.says("vendor pilot-1 2026-04-30 0.812500 "+saidNothing+saidWaits("sandbox-1 of the client, which is due on 2026-03-13")+saidWaits("report-4 of the vendor, which is due on 2026-04-10"), // 1 - 1/2 * 1/2 * 3/4
		"vendor report-3 2026-03-10 0.250000 "+saidKept("vendor", 0, 2), "vendor report-4 2026-04-10 0.250000 "+saidKept("vendor", 0, 2),
		"client fee-3 2026-03-10 0.750000 "+saidKept("client", 1, 1)+saidWaits("report-3 of the vendor, which is due on 2026-03-10"),
		"client fee-4 2026-04-10 0.750000 "+saidKept("client", 1, 1)+saidWaits("report-4 of the vendor, which is due on 2026-04-10"), sandboxed)
	for id, by := range map[string]Caller{"report-3": client, "fee-3": vendor} {
		w.must(by, &pb.AcknowledgeObligationRequest{AgreementId: "care", ObligationId: id})
	}
	laterOn(t, w)
}

// laterOn is how the tale ends.
func laterOn(t *testing.T, w viewer) {
	// Its obligor has told that it will be late: that is certain, as long as the word stands.
	early := &pb.RaiseConcernRequest{AgreementId: "care", ConcernId: "early", Kind: pb.ConcernKind_CONCERN_KIND_EARLY_WARNING, About: pb.Side_SIDE_CLIENT, Title: "The sandbox", ObligationIds: []string{"sandbox-1"}}
	w.must(client, early)
	holds := func(line string) {
		t.Helper()
		if got := saidOf(w.ahead()); !slices.Contains(got, line) {
			t.Errorf("%s\nis without\n%s", strings.Join(got, "\n"), line)
		}
	}
	holds("client sandbox-1 2026-03-13 1.000000 The client has told that it will be late.")
	w.must(client, &pb.WithdrawConcernRequest{AgreementId: "care", ConcernId: "early", Reason: "It will not."})
	holds("client sandbox-1 2026-03-13 0.500000 " + saidNothing)
	// Who waits for it may fear as much as it likes: that makes nobody late.
	early.ConcernId, early.About = "fear", pb.Side_SIDE_UNSPECIFIED
	w.must(vendor, early)
	holds("client sandbox-1 2026-03-13 0.500000 " + saidNothing)
	// That it was feared before it was told makes it no less told.
	early.ConcernId, early.About = "told", pb.Side_SIDE_CLIENT
	w.must(client, early)
	holds("client sandbox-1 2026-03-13 1.000000 The client has told that it will be late.")
	w.must(client, &pb.WithdrawConcernRequest{AgreementId: "care", ConcernId: "told"})
	// What is broken is no forecast any more, but what waits for it is late.
	w.day("2026-03-25")
	pilot := "vendor pilot-1 2026-04-30 1.000000 " + saidNothing + " It waits for sandbox-1 of the client, which is late. It waits for report-4 of the vendor, which is"
	fifth := []string{"vendor report-5 2026-05-10 0.200000 " + saidKept("vendor", 0, 3), "client fee-5 2026-05-10 0.600000 " + saidKept("client", 1, 2) + saidWaits("report-5 of the vendor, which is due on 2026-05-10")}
	w.says(pilot+" due on 2026-04-10"+saidItself, "vendor report-4 2026-04-10 0.200000 "+saidKept("vendor", 0, 3), fifth[0],
		"client fee-4 2026-04-10 0.600000 "+saidKept("client", 1, 2)+saidWaits("report-4 of the vendor, which is due on 2026-04-10"), fifth[1])
	// What is disputed is nobody's to do while it is. It is late if it was, and else as likely as its kind.
	for _, id := range []string{"sandbox-1", "report-4"} {
		w.must(client, &pb.DisputeObligationRequest{AgreementId: "care", ObligationId: id, Ground: pb.DisputeGround_DISPUTE_GROUND_OTHER, Reason: "We differ."})
	}
	w.says(pilot+" disputed.", fifth[0], "client fee-4 2026-04-10 0.600000 "+saidKept("client", 1, 2)+" It waits for report-4 of the vendor, which is disputed.", fifth[1])
	// What is paused is nobody's to do.
	w.must(vendor, &pb.CreateProposalRequest{AgreementId: "care", ProposalId: "pause", Kind: pb.ProposalKind_PROPOSAL_KIND_SUSPEND, Motion: &pb.Motion{EffectiveDate: "2026-03-26", Reason: "A flood."}})
	w.agree("pause")
	w.day("2026-03-30")
	w.says()
}

// sketch is a state that is made by hand.
type sketch struct{ *State }

// handmade is an agreement of which the records are made by hand.
func handmade(zone string) sketch {
	s := sketch{NewState(Ground{})}
	s.Put(agreementRef("care"), &pb.Agreement{AgreementId: "care", VendorPartyId: "northwind", ClientPartyId: "acme", Calendar: &pb.Calendar{TimeZone: zone}, EffectiveTime: timestamppb.New(begin)})
	return s
}

// promised puts a promise to do something once.
func (s sketch) promised(id string, obligor pb.Side, needs ...string) *pb.Commitment {
	c := &pb.Commitment{
		AgreementId: "care", CommitmentId: id, Obligor: obligor, Beneficiary: Other(obligor), State: inForce, Kind: pb.CommitmentKind_COMMITMENT_KIND_ONE_OFF,
		Terms: &pb.CommitmentTerms{CommitmentId: id, Prerequisites: needs, Schedule: &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: "2026-01-30"}}},
	}
	s.Put(commitmentRef("care", id), c)
	return c
}

// owed puts the next obligation of a promise.
func (s sketch) owed(c *pb.Commitment, day string, state pb.ObligationState) {
	c.ObligationCount, c.RuleDateCount, c.LastRuleDate = c.GetObligationCount()+1, c.GetRuleDateCount()+1, day
	s.addObligation(&pb.Obligation{
		AgreementId: "care", ObligationId: obligationID(c, c.GetObligationCount()), CommitmentId: c.GetCommitmentId(), Ordinal: c.GetObligationCount(),
		Obligor: c.GetObligor(), Beneficiary: c.GetBeneficiary(), State: state, DueDate: day, AgreedDueDate: day, RuleDate: day,
	})
}

// ahead looks ahead late on 15 January 2026.
func (s sketch) ahead(t *testing.T) *pb.Outlook {
	t.Helper()
	o, err := s.Outlook("care", time.Date(2026, 1, 15, 23, 30, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// The last day is 60 days ahead, where the agreement is; and twelve months count, the present one among them.
func TestHowFarAnOutlookLooks(t *testing.T) {
	for zone, want := range map[string]string{"UTC": "2026-03-16", "Asia/Kolkata": "2026-03-17"} {
		s := handmade(zone)
		c := s.promised("watch", pb.Side_SIDE_VENDOR)
		for _, day := range []string{"2026-03-16", "2026-03-17", "2026-03-18"} {
			s.owed(c, day, scheduled)
		}
		o := s.ahead(t)
		if items := o.GetVendor().GetItems(); o.GetUntilDate() != want || items[len(items)-1].GetDueDate() != want {
			t.Errorf("in %s it looks up to %s: %v", zone, o.GetUntilDate(), items)
		}
	}
	s := handmade("UTC")
	c := s.promised("report", pb.Side_SIDE_VENDOR)
	s.owed(c, "2025-01-31", pb.ObligationState_OBLIGATION_STATE_DEFAULTED)
	s.owed(c, "2025-02-01", pb.ObligationState_OBLIGATION_STATE_DEFAULTED)
	s.owed(c, "2025-03-01", fulfilled)
	s.owed(c, "2025-04-01", waived)
	s.owed(c, "2025-05-01", cured)
	s.owed(c, "2026-01-20", due)
	if r := s.ahead(t).GetVendor().GetItems()[0].GetReasons()[0]; r.GetMissed() != 2 || r.GetCounted() != 3 || r.GetChance() != 0.6 {
		t.Errorf("its past is %v", r)
	}
}

// What an obligation waits for may be to come, or never come.
func TestAnOutlookKnowsWhatIsNotThere(t *testing.T) {
	s := handmade("UTC")
	sandbox := s.promised("sandbox", pb.Side_SIDE_CLIENT)
	s.owed(s.promised("pilot", pb.Side_SIDE_VENDOR, "sandbox", "gone"), "2026-02-10", scheduled)
	last := func() *pb.OutlookReason {
		r := s.ahead(t).GetVendor().GetItems()[0].GetReasons()
		return r[len(r)-1]
	}
	if r := last(); r.GetWords() != "It waits for sandbox of the client, which has not come up yet." || r.GetChance() != 0.5 || r.GetObligationId() != "" || r.GetSide() != pb.Side_SIDE_CLIENT {
		t.Errorf("%v", r)
	}
	s.owed(sandbox, "2026-01-10", pb.ObligationState_OBLIGATION_STATE_DEFAULTED)
	if r := last(); r.GetWords() != "It waits for sandbox-1 of the client, which does not come any more." || r.GetChance() != 1 || r.GetCommitmentId() != "sandbox" {
		t.Errorf("%v", r)
	}
}

// Nothing waits for itself in any text. But what was submitted stays under the words it was promised by, and may come back when
// an amendment has turned round who waits for whom: then two wait for each other, and looking ahead ends all the same.
func TestAnOutlookOfTwoThatWaitForEachOther(t *testing.T) {
	w := newWorld(t, begin)
	for _, id := range []string{"northwind", "acme"} {
		w.must(operator, &pb.CreatePartyRequest{PartyId: id, Party: &pb.Party{DisplayName: id}})
	}
	once := func(id string, obligor pb.Side, needs ...string) *pb.CommitmentTerms {
		return &pb.CommitmentTerms{
			CommitmentId: id, Obligor: obligor, Title: "The " + id, Category: pb.Category_CATEGORY_DELIVERY, Weight: 3, Prerequisites: needs,
			Schedule: &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: "2026-02-10"}},
		}
	}
	text := func(promises ...*pb.CommitmentTerms) *pb.Terms {
		return &pb.Terms{
			Title: "Care", EffectiveDate: "2026-01-01", Calendar: &pb.Calendar{TimeZone: "UTC"}, Clocks: &pb.Clocks{LeadDays: proto.Int32(40)}, Commitments: promises,
		}
	}
	v := viewer{w}
	w.must(vendor, &pb.CreateAgreementRequest{AgreementId: "care", Agreement: &pb.Agreement{
		VendorPartyId: "northwind", ClientPartyId: "acme", DraftTerms: text(once("pilot", pb.Side_SIDE_VENDOR, "sandbox"), once("sandbox", pb.Side_SIDE_CLIENT)),
	}})
	w.must(vendor, &pb.CreateProposalRequest{AgreementId: "care", ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
	v.agree("first")
	v.day("2026-01-20")
	w.must(vendor, &pb.SubmitObligationRequest{AgreementId: "care", ObligationId: "pilot-1", Note: "Here."})
	w.must(vendor, &pb.CreateProposalRequest{
		AgreementId: "care", ProposalId: "turned", Kind: pb.ProposalKind_PROPOSAL_KIND_AMENDMENT,
		Terms: text(once("pilot", pb.Side_SIDE_VENDOR), once("sandbox", pb.Side_SIDE_CLIENT, "pilot")),
	})
	v.agree("turned")
	w.must(client, &pb.ReturnObligationRequest{AgreementId: "care", ObligationId: "pilot-1", Submission: 1, Reason: "Not yet."})
	v.says("vendor pilot-1 2026-02-10 0.875000 "+saidNothing+saidWaits("sandbox-2 of the client, which is due on 2026-02-10"), // 1 - 1/2 * 1/4
		"client sandbox-2 2026-02-10 0.750000 "+saidNothing+saidWaits("pilot-1 of the vendor, which is due on 2026-02-10")) // 1 - 1/2 * 1/2: of the pilot its own by then
}

// However much there is, a thousand are looked at and fifty told; and however much waits for each other, each is looked at
// once: it would take for ever else.
func TestAnOutlookHasBounds(t *testing.T) {
	s := handmade("UTC")
	c := s.promised("daily", pb.Side_SIDE_VENDOR)
	for range outlookLooked + 1 {
		s.owed(c, "2026-01-20", due)
	}
	if o := s.ahead(t); !o.GetIncomplete() || o.GetVendor().GetDueCount() != outlookLooked || len(o.GetVendor().GetItems()) != outlookItems || len(o.GetClient().GetItems()) != 0 {
		t.Errorf("of more than it looks at: %v %d %d", o.GetIncomplete(), o.GetVendor().GetDueCount(), len(o.GetVendor().GetItems()))
	}
	s = handmade("UTC")
	var before []string
	for n := range 300 {
		id := fmt.Sprintf("step%d", n)
		s.owed(s.promised(id, pb.Side_SIDE_VENDOR, before...), "2026-01-30", due)
		before = append(before[max(0, len(before)-2):], id)
	}
	if o := s.ahead(t); o.GetIncomplete() || o.GetVendor().GetItems()[0].GetChance() != 1 {
		t.Errorf("%v", o.GetVendor().GetItems()[0])
	}
}

// However long the past of a promise is, an outlook reads none of it but the tallies.
func TestAnOutlookReadsNoPast(t *testing.T) {
	s := handmade("UTC")
	c := s.promised("report", pb.Side_SIDE_VENDOR)
	for n := range 500 {
		s.owed(c, DayOf(2024, 1, 1+n).String(), fulfilled)
	}
	s.owed(c, "2026-01-20", due)
	var read []string
	stored := NewState(Ground{
		Get: func(ref Ref) (proto.Message, error) {
			if ref.Kind == KindObligation {
				read = append(read, ref.ID)
			}
			return s.Get(ref), nil
		},
		List: func(l Listing) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				for ref, m := range s.Records() {
					if o, is := m.(*pb.Obligation); is && slices.Contains(l.States, int32(o.GetState())) && PlaceOf(o) > l.After && !yield(ref.ID, nil) {
						return
					}
				}
			}
		},
	})
	o, err := stored.Outlook("care", time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC))
	if err != nil || len(o.GetVendor().GetItems()) != 1 || o.GetVendor().GetItems()[0].GetReasons()[0].GetCounted() == 0 || !slices.Equal(read, []string{"report-501"}) {
		t.Errorf("%v, %v, and it read %v", o, err, read)
	}
}

// aheadAlike holds that both worlds look ahead alike.
func (tw *twins) aheadAlike() {
	tw.t.Helper()
	if tw.as.agreement("care") == nil {
		return
	}
	turned := tw.m.of(tw.as.ahead()).(*pb.Outlook)
	for _, side := range []*pb.SideOutlook{turned.GetVendor(), turned.GetClient()} {
		for _, i := range side.GetItems() {
			for _, r := range i.GetReasons() {
				r.Words = strings.NewReplacer("vendor", "client", "client", "vendor").Replace(r.GetWords())
			}
		}
	}
	if mirrored := tw.mirrored.ahead(); !proto.Equal(turned, mirrored) {
		tw.t.Fatalf("%v\nmirrored:\n%v", turned, mirrored)
	}
}

// checkAhead holds that an outlook tells of what is to be done and of nothing else, the likeliest to be late first, and that no
// reason is likelier than the whole.
func checkAhead(t *rapid.T, w *world) {
	t.Helper()
	if w.agreement("care") == nil {
		return
	}
	ahead := w.ahead()
	open, untold := map[string]pb.Side{}, 0
	for ref, m := range w.records {
		if o, is := m.(*pb.Obligation); is && ref.Agreement == "care" && undone(o) && o.GetDueDate() != "" && o.GetDueDate() <= ahead.GetUntilDate() {
			open[o.GetObligationId()] = o.GetObligor()
		}
	}
	for _, side := range []*pb.SideOutlook{ahead.GetVendor(), ahead.GetClient()} {
		if len(side.GetItems()) != min(int(side.GetDueCount()), outlookItems) {
			t.Fatalf("%d of %d", len(side.GetItems()), side.GetDueCount())
		}
		untold += int(side.GetDueCount()) - len(side.GetItems()) // an outlook names only so many
		if !slices.IsSortedFunc(side.GetItems(), func(a, b *pb.OutlookItem) int {
			return cmp.Or(cmp.Compare(b.GetChance(), a.GetChance()), cmp.Compare(a.GetDueDate(), b.GetDueDate()))
		}) {
			t.Fatalf("in this order: %v", side)
		}
		for _, i := range side.GetItems() {
			if open[i.GetObligationId()] != side.GetSide() {
				t.Fatalf("the %v has not to do %v", side.GetSide(), i)
			}
			delete(open, i.GetObligationId())
			for _, r := range i.GetReasons() {
				if r.GetChance() <= 0 || r.GetChance() > i.GetChance() || i.GetChance() > 1 || !strings.HasSuffix(r.GetWords(), ".") || r.GetSide() == 0 {
					t.Fatalf("%v because %v", i, r)
				}
			}
		}
	}
	if len(open) != untold {
		t.Fatalf("%v is to be done, and nobody is told", open)
	}
}
