package journal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/store"
)

// question is something somebody asked.
type question struct {
	who rules.Caller
	req proto.Message
}

// reply is all that a question was answered with: the records, page after page, or why it was refused.
type reply struct {
	records []proto.Message
	refused string
}

// put asks a question, a list in pages of three; at a time, or now for the zero time.
func (d *desk) put(q question, at time.Time) (r reply) {
	d.t.Helper()
	req := proto.Clone(q.req)
	m := req.ProtoReflect()
	if !at.IsZero() {
		m.Set(m.Descriptor().Fields().ByName("as_of"), protoreflect.ValueOfMessage(timestamppb.New(at).ProtoReflect()))
	}
	if size := m.Descriptor().Fields().ByName("page_size"); size != nil {
		m.Set(size, protoreflect.ValueOfInt32(3))
	}
	for {
		answer, err := d.read(d.t.Context(), q.who, req)
		if err != nil {
			if r.refused = reason(err); r.refused == "" {
				d.t.Fatalf("%v: %v", req, err)
			}
			return r
		}
		next := answer.ProtoReflect().Descriptor().Fields().ByName("next_page_token")
		if next == nil {
			r.records = append(r.records, answer)
			return r
		}
		list := answer.ProtoReflect().Get(answer.ProtoReflect().Descriptor().Fields().ByNumber(1)).List()
		for i := range list.Len() {
			r.records = append(r.records, list.Get(i).Message().Interface())
		}
		token := answer.ProtoReflect().Get(next)
		if token.String() == "" {
			return r
		}
		m.Set(m.Descriptor().Fields().ByName("page_token"), token)
	}
}

// read is what the service answers to the request of a read.
func (d *desk) read(ctx context.Context, who rules.Caller, req proto.Message) (proto.Message, error) {
	one := func(kind rules.Kind, agreement, id string, number int32, asOf *timestamppb.Timestamp) (proto.Message, error) {
		return d.ReadAsOf(ctx, who, rules.Ref{Kind: kind, Agreement: agreement, ID: id, Number: number}, "record", asOf)
	}
	switch r := req.(type) {
	case *pb.GetAgreementRequest:
		return one(rules.KindAgreement, r.GetAgreementId(), "", 0, r.GetAsOf())
	case *pb.GetRevisionRequest:
		return one(rules.KindRevision, r.GetAgreementId(), "", r.GetRevision(), r.GetAsOf())
	case *pb.GetProposalRequest:
		return one(rules.KindProposal, r.GetAgreementId(), r.GetProposalId(), 0, r.GetAsOf())
	case *pb.GetProposalRevisionRequest:
		return one(rules.KindProposalRevision, r.GetAgreementId(), r.GetProposalId(), r.GetRevision(), r.GetAsOf())
	case *pb.GetCommitmentRequest:
		return one(rules.KindCommitment, r.GetAgreementId(), r.GetCommitmentId(), 0, r.GetAsOf())
	case *pb.GetObligationRequest:
		return one(rules.KindObligation, r.GetAgreementId(), r.GetObligationId(), 0, r.GetAsOf())
	case *pb.ListAgreementsRequest:
		return d.Agreements(ctx, who, r)
	case *pb.ListRevisionsRequest:
		return d.Revisions(ctx, who, r)
	case *pb.ListProposalsRequest:
		return d.Proposals(ctx, who, r)
	case *pb.ListCommitmentsRequest:
		return d.Commitments(ctx, who, r)
	case *pb.ListObligationsRequest:
		return d.Obligations(ctx, who, r)
	}
	return nil, fmt.Errorf("nobody answers %T", req)
}

// life is a desk whose agreements live a random life, and what was told of them on the way.
type life struct {
	*desk
	chance *rand.Rand
	told   map[time.Time][]reply // to each of the questions
}

var (
	neutral  = rules.Caller{PrincipalID: "nell", Role: pb.Role_ROLE_SIGNATORY, PartyID: "initech"}
	confined = rules.Caller{PrincipalID: "eva", Role: pb.Role_ROLE_AUDITOR, AgreementIDs: []string{"a2", "a0", "gone"}}
)

// move is something that somebody does, or tries to.
func (l *life) move() {
	agreement := fmt.Sprintf("a%d", l.chance.IntN(3))
	by := []rules.Caller{vendor, client}[l.chance.IntN(2)]
	obligation := fmt.Sprintf("%s-%d", []string{"daily", "once", "care", "level"}[l.chance.IntN(4)], 1+l.chance.IntN(4))
	proposal := []string{"p", "q0", "q1"}[l.chance.IntN(3)]
	var on pb.Proposal
	if m, err := l.Read(l.t.Context(), by, rules.Ref{Kind: rules.KindProposal, Agreement: agreement, ID: proposal}, "proposal"); err == nil {
		on = pb.Proposal{Revision: m.(*pb.Proposal).GetRevision(), TermsDigest: m.(*pb.Proposal).GetTermsDigest()}
	}
	moves := []proto.Message{
		&pb.CreateAgreementRequest{AgreementId: agreement, Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: l.terms()}},
		&pb.UpdateAgreementRequest{AgreementId: agreement, Agreement: &pb.Agreement{DraftTerms: l.terms()}},
		&pb.CreateProposalRequest{AgreementId: agreement, ProposalId: "p", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS},
		&pb.CreateProposalRequest{AgreementId: agreement, ProposalId: proposal, Kind: pb.ProposalKind_PROPOSAL_KIND_AMENDMENT, Terms: l.terms()},
		&pb.CreateProposalRequest{AgreementId: agreement, ProposalId: proposal, Kind: pb.ProposalKind_PROPOSAL_KIND_SUSPEND, Motion: &pb.Motion{Reason: "a flood"}},
		&pb.CreateProposalRequest{AgreementId: agreement, ProposalId: proposal, Kind: pb.ProposalKind_PROPOSAL_KIND_RESUME, Motion: &pb.Motion{}},
		&pb.CounterProposalRequest{AgreementId: agreement, ProposalId: proposal, Revision: on.GetRevision(), Terms: l.terms()},
		&pb.AcceptProposalRequest{AgreementId: agreement, ProposalId: proposal, Revision: on.GetRevision(), TermsDigest: on.GetTermsDigest()},
		&pb.AcceptProposalRequest{AgreementId: agreement, ProposalId: proposal, Revision: on.GetRevision(), TermsDigest: on.GetTermsDigest()},
		&pb.AcceptProposalRequest{AgreementId: agreement, ProposalId: proposal, Revision: on.GetRevision(), TermsDigest: on.GetTermsDigest()},
		&pb.WithdrawProposalRequest{AgreementId: agreement, ProposalId: proposal},
		&pb.SubmitObligationRequest{AgreementId: agreement, ObligationId: obligation, Note: "done"},
		&pb.SubmitObligationRequest{AgreementId: agreement, ObligationId: obligation, Note: "done again"},
		&pb.AcceptObligationRequest{AgreementId: agreement, ObligationId: obligation, Note: "thanks"},
		&pb.ReturnObligationRequest{AgreementId: agreement, ObligationId: obligation, Reason: "half"},
		&pb.AdmitObligationRequest{AgreementId: agreement, ObligationId: obligation, Reason: "the truck"},
		&pb.WaiveObligationRequest{AgreementId: agreement, ObligationId: obligation, Reason: "a gift"},
		&pb.ExtendObligationRequest{AgreementId: agreement, ObligationId: obligation, DueDate: l.Now().AddDate(0, 0, 9).Format(time.DateOnly), Reason: "a holiday"},
		&pb.MeasureObligationRequest{AgreementId: agreement, ObligationId: obligation, Value: "99.5"},
		&pb.DisputeObligationRequest{AgreementId: agreement, ObligationId: obligation, Ground: pb.DisputeGround_DISPUTE_GROUND_DUE, Reason: "later"},
	}
	_, _ = l.Do(l.t.Context(), by, moves[l.chance.IntN(len(moves))]) // a refusal is an answer too
}

func (l *life) terms() *pb.Terms {
	t := text(fmt.Sprint("Text ", l.chance.IntN(1000)), recurring("daily", pb.Side_SIDE_VENDOR, "FREQ=DAILY;INTERVAL=2"), oneOff("once", pb.Side_SIDE_CLIENT, "2026-01-12"))
	if l.chance.IntN(2) == 0 {
		t.Commitments = append(t.Commitments, oneOff("care", pb.Side_SIDE_VENDOR, "2026-01-14"))
		t.NeutralPartyId = "initech"
	}
	level := oneOff("level", pb.Side_SIDE_CLIENT, "")
	level.Schedule = &pb.CommitmentTerms_Measured{Measured: &pb.Measured{
		Measure: "Answers", Comparator: pb.Comparator_COMPARATOR_AT_LEAST, Objective: "99", Window: &pb.Period{Unit: pb.PeriodUnit_PERIOD_UNIT_WEEK}, Due: &pb.After{Days: 2},
	}}
	t.Commitments = append(t.Commitments, level)
	return t
}

// questions is everything that can be asked, with every filter.
func (l *life) questions() (all []question) {
	var reqs []proto.Message
	for state := range pb.AgreementState_name {
		reqs = append(reqs, &pb.ListAgreementsRequest{State: pb.AgreementState(state)})
	}
	reqs = append(reqs, &pb.ListAgreementsRequest{PartyId: "globex", Side: pb.Side_SIDE_CLIENT}, &pb.ListAgreementsRequest{PartyId: "initech"})
	for _, id := range []string{"a0", "a1", "a2", "never"} {
		reqs = append(reqs, &pb.GetAgreementRequest{AgreementId: id}, &pb.ListRevisionsRequest{AgreementId: id}, &pb.GetRevisionRequest{AgreementId: id, Revision: 1}, &pb.GetRevisionRequest{AgreementId: id, Revision: 2},
			&pb.ListProposalsRequest{AgreementId: id}, &pb.ListProposalsRequest{AgreementId: id, State: pb.ProposalState_PROPOSAL_STATE_OPEN}, &pb.ListCommitmentsRequest{AgreementId: id},
			&pb.ListCommitmentsRequest{AgreementId: id, Obligor: pb.Side_SIDE_VENDOR, State: pb.CommitmentState_COMMITMENT_STATE_IN_FORCE},
			&pb.ListObligationsRequest{AgreementId: id}, &pb.ListObligationsRequest{AgreementId: id, CommitmentId: "daily", DueFrom: "2026-01-08", DueBefore: "2026-01-20"},
			&pb.ListObligationsRequest{AgreementId: id, State: pb.ObligationState_OBLIGATION_STATE_BREACHED, Obligor: pb.Side_SIDE_VENDOR},
			&pb.ListObligationsRequest{AgreementId: id, State: pb.ObligationState_OBLIGATION_STATE_DUE})
		for _, p := range []string{"p", "q0"} {
			reqs = append(reqs, &pb.GetProposalRequest{AgreementId: id, ProposalId: p}, &pb.GetProposalRevisionRequest{AgreementId: id, ProposalId: p, Revision: 1})
		}
		for _, c := range []string{"daily", "level"} {
			reqs = append(reqs, &pb.GetCommitmentRequest{AgreementId: id, CommitmentId: c}, &pb.GetObligationRequest{AgreementId: id, ObligationId: c + "-1"}, &pb.GetObligationRequest{AgreementId: id, ObligationId: c + "-3"})
		}
	}
	for _, who := range []rules.Caller{vendor, client, neutral, eye, confined} {
		for _, req := range reqs {
			all = append(all, question{who, req})
		}
	}
	return all
}

// TestThePastIsAsItWasTold holds that whatever was answered at a time is answered again when somebody asks as of that time
// later: every read, with every filter, page after page, refusals included.
func TestThePastIsAsItWasTold(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			l := &life{desk: openDesk(t, nil, nil), chance: rand.New(rand.NewPCG(seed, 9)), told: map[time.Time][]reply{}}
			l.run()
			for _, company := range companies {
				l.must(chief, party(company))
			}
			asked := l.questions()
			moments, records := 0, 0
			for step := range 400 {
				l.clock.set(l.Now().Add(time.Duration(1+l.chance.IntN(3*60)) * time.Minute))
				if l.chance.IntN(3) > 0 {
					l.wake()
				}
				l.move()
				if step%80 != 79 {
					continue
				}
				moments++
				at := l.Now()
				for _, q := range asked {
					r := l.put(q, time.Time{})
					l.told[at] = append(l.told[at], r)
					records += len(r.records)
				}
			}
			if moments < 5 || records < 1000 {
				t.Fatalf("%d records at %d moments prove nothing", records, moments)
			}
			for at, told := range l.told {
				for i, was := range told {
					l.same(asked[i], at, was, l.put(asked[i], at))
				}
			}
		})
	}
}

// same compares what was told with what is told of that time now. Who cannot see an agreement any more sees none of its past.
func (l *life) same(q question, at time.Time, was, is reply) {
	l.t.Helper()
	if q.who.PartyID == neutral.PartyID && len(was.records) > len(is.records) {
		if r, one := q.req.(interface{ GetAgreementId() string }); one {
			if now := l.put(question{q.who, &pb.GetAgreementRequest{AgreementId: r.GetAgreementId()}}, time.Time{}); now.refused != "" && is.refused == now.refused {
				return
			}
		} else {
			still := map[string]bool{}
			for _, a := range l.put(question{q.who, &pb.ListAgreementsRequest{}}, time.Time{}).records {
				still[a.(*pb.Agreement).GetAgreementId()] = true
			}
			var seen []proto.Message
			for _, a := range was.records {
				if still[a.(*pb.Agreement).GetAgreementId()] {
					seen = append(seen, a)
				}
			}
			was.records = seen
		}
	}
	equal := was.refused == is.refused && len(was.records) == len(is.records)
	for i := 0; equal && i < len(was.records); i++ {
		equal = proto.Equal(was.records[i], is.records[i])
	}
	if !equal {
		l.t.Errorf("%s asked for %T %v as of %v and was told\n%v\nbut at that time\n%v", q.who.PrincipalID, q.req, q.req, at, is, was)
	}
}

// What was told of a time that is just over stays true: what was on its way is waited for, and what comes after is recorded
// after it, also if the clock on the wall stands still or is set back.
func TestWhatWasToldOfAMomentStaysTrue(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	d.must(vendor, &pb.CreateAgreementRequest{AgreementId: "a", Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: text("first")}})
	title := func(at time.Time) string {
		t.Helper()
		m, err := d.ReadAsOf(t.Context(), vendor, rules.Ref{Kind: rules.KindAgreement, Agreement: "a"}, "agreement", timestamppb.New(at))
		if err != nil {
			t.Fatal(err)
		}
		return m.(*pb.Agreement).GetTitle()
	}
	rewrite := func(title string) *pb.UpdateAgreementRequest {
		return &pb.UpdateAgreementRequest{AgreementId: "a", Agreement: &pb.Agreement{DraftTerms: text(title)}}
	}

	// It is being made durable while somebody asks.
	held, release := make(chan struct{}), make(chan struct{})
	d.store.hands(func(_ store.Change, next func() error) error { close(held); <-release; return next() }, nil)
	change := make(chan answer, 1)
	go func() {
		m, err := d.Do(t.Context(), vendor, rewrite("second"))
		change <- answer{m, err}
	}()
	<-held
	d.store.hands(nil, nil)
	asked := make(chan string, 1)
	at := d.Now()
	go func() { asked <- title(at) }()
	eventually(t, "somebody asks", func() bool { return d.Waiting() > 0 || len(asked) > 0 })
	early := len(asked) > 0
	close(release)
	if early {
		t.Fatalf("told %q of a time of which something was still on its way", <-asked)
	}
	if a := d.get(change); a.err != nil {
		t.Fatal(a.err)
	}
	if told := <-asked; told != "second" || title(at) != told {
		t.Errorf("told %q, then %q", told, title(at))
	}

	// The clock stands still, and is set back.
	for i, back := range []time.Duration{0, time.Hour} {
		at := d.Now()
		told := title(at)
		d.clock.set(at.Add(-back))
		d.must(vendor, rewrite(numbered("later", i)))
		if again := title(at); again != told {
			t.Errorf("told %q, and %q later", told, again)
		}
		d.clock.set(at.Add(time.Minute))
		if now := title(d.Now()); now != numbered("later", i) {
			t.Errorf("told %q now", now)
		}
	}

	// Nothing that a full store has no room for is waited for.
	d.store.hands(func(store.Change, func() error) error { return store.ErrFull }, nil)
	if told := title(d.Now()); told != "later001" {
		t.Errorf("told %q by a full store", told)
	}
	d.store.hands(nil, nil)
}

func TestATimeToComeIsNotKnown(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	d.clock.set(morning.Add(time.Hour))
	d.must(vendor, &pb.CreateAgreementRequest{AgreementId: "a", Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex"}})
	for name, c := range map[string]struct {
		at   *timestamppb.Timestamp
		want string
	}{
		"to come":           {timestamppb.New(d.Now().Add(time.Nanosecond)), "INVALID_FIELDS"},
		"now":               {timestamppb.New(d.Now()), ""},
		"before it":         {timestamppb.New(d.Now().Add(-time.Nanosecond)), "NOT_FOUND"},
		"before everything": {timestamppb.New(time.Time{}), "NOT_FOUND"},
		"no time":           {&timestamppb.Timestamp{Nanos: -1}, "INVALID_FIELDS"},
		"too far":           {&timestamppb.Timestamp{Seconds: 1 << 60}, "INVALID_FIELDS"},
	} {
		for _, req := range []proto.Message{&pb.GetAgreementRequest{AgreementId: "a", AsOf: c.at}, &pb.ListObligationsRequest{AgreementId: "a", AsOf: c.at}} {
			if _, err := d.read(t.Context(), vendor, req); (err == nil) != (c.want == "") || reason(err) != c.want {
				t.Errorf("%s, %T: %v", name, req, err)
			}
		}
		want := c.want
		if want == "NOT_FOUND" {
			want = "" // nothing to list
		}
		if list, err := d.Agreements(t.Context(), vendor, &pb.ListAgreementsRequest{AsOf: c.at}); reason(err) != want || len(list.GetAgreements()) > 0 && name != "now" {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
}

// A past that would take too long to work out is refused, and says what to do instead.
func TestALongPastIsRefused(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	d.must(vendor, &pb.CreateAgreementRequest{AgreementId: "a", Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex"}})
	before := d.Now()
	d.clock.set(before.Add(time.Hour))
	d.must(vendor, &pb.UpdateAgreementRequest{AgreementId: "a", Agreement: &pb.Agreement{DraftTerms: text("later")}})

	// As if there had been more events before the last than are replayed.
	last := journal.MaxReplay + 2
	head := d.store.chains(t)["a"]
	head.Version = uint64(last)
	for uint64(len(head.Positions)) < head.GetVersion()%16 { // what the newest leaf has of it
		head.Positions = append(head.Positions, head.GetPositions()[1])
	}
	value, err := proto.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	var base uint64
	err = d.store.View(t.Context(), func(s store.Snapshot) error {
		base = s.Head()
		return nil
	})
	if err == nil {
		err = d.store.Commit(t.Context(), store.Change{Base: base, Head: base + 1, Writes: []store.Write{{Table: "records", Key: append([]byte("a\x00"), byte(rules.KindChain)), Value: value}}})
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, req := range []proto.Message{&pb.GetAgreementRequest{AgreementId: "a", AsOf: timestamppb.New(before)}, &pb.ListAgreementsRequest{AsOf: timestamppb.New(before)}} {
		_, err := d.read(t.Context(), vendor, req)
		if reason(err) != "LIMIT_EXCEEDED" || !strings.Contains(err.Error(), "export") {
			t.Errorf("%T: %v", req, err)
		}
	}
}

// So many answers about the past are worked out at a time. Others wait for as long as their callers do.
func TestAnswersAboutThePastWaitForRoom(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	d.must(vendor, &pb.CreateAgreementRequest{AgreementId: "a", Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex"}})
	before := d.Now()
	d.clock.set(before.Add(time.Hour))
	d.must(vendor, &pb.UpdateAgreementRequest{AgreementId: "a", Agreement: &pb.Agreement{DraftTerms: text("later")}})
	ask := func(ctx context.Context, at time.Time) error {
		_, err := d.read(ctx, vendor, &pb.GetAgreementRequest{AgreementId: "a", AsOf: timestamppb.New(at)})
		return err
	}
	giveBack := d.HoldReplays()
	if err := ask(t.Context(), d.Now()); err != nil {
		t.Errorf("nothing is to be worked out, but: %v", err)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	told := make(chan error, 1)
	go func() { told <- ask(ctx, before) }()
	hangUp()
	if err := <-told; !errors.Is(err, context.Canceled) {
		t.Errorf("who hangs up is told %v", err)
	}
	go func() { told <- ask(t.Context(), before) }()
	giveBack()
	if err := <-told; err != nil {
		t.Errorf("who waited is told %v", err)
	}
}

// What was erased is gone from the past, too.
func TestThePastForgetsWhatWasErased(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	d.must(vendor, &pb.CreateAgreementRequest{AgreementId: "a", Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: text("Of Mr. Smith")}})
	then := d.Now()
	d.clock.set(then.Add(time.Hour))
	d.must(vendor, &pb.UpdateAgreementRequest{AgreementId: "a", Agreement: &pb.Agreement{DraftTerms: text("Of nobody")}})
	title := func(at time.Time) string {
		m, err := d.read(t.Context(), vendor, &pb.GetAgreementRequest{AgreementId: "a", AsOf: timestamppb.New(at)})
		if err != nil {
			t.Fatal(err)
		}
		return m.(*pb.Agreement).GetTitle()
	}
	if was := title(then); was != "Of Mr. Smith" {
		t.Errorf("it was called %q", was)
	}
	d.must(chief, &pb.ErasePrivateDataRequest{AgreementId: "a", Versions: []uint64{1}, Basis: "He asked for it."})
	if was, is := title(then), title(d.Now()); was != "" || is != "Of nobody" {
		t.Errorf("it was called %q and is called %q", was, is)
	}
}
