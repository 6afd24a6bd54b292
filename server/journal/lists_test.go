package journal_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// pages walks a list to its end and returns the ids it held. Every page but the last must be full.
func pages(t *testing.T, what string, size int32, read func(size int32, token string) (ids []string, next string, err error)) []string {
	t.Helper()
	var all []string
	token := ""
	for {
		ids, next, err := read(size, token)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if len(ids) > int(size) || next != "" && len(ids) < int(size) {
			t.Fatalf("%s: a page of %d holds %d, and another follows: %t", what, size, len(ids), next != "")
		}
		all = append(all, ids...)
		if token = next; token == "" {
			return all
		}
	}
}

// world is a desk with random data, and everything in it as Gets have it.
type world struct {
	*desk
	chance      *rand.Rand
	sizes       int
	agreements  []*pb.Agreement
	commitments []*pb.Commitment // of "big"
	obligations []*pb.Obligation // of "big"
}

// size is the next page size: 1 to 7, round and round.
func (w *world) size() int32 {
	w.sizes++
	return int32(w.sizes%7) + 1
}

func member(party string) rules.Caller {
	return rules.Caller{PrincipalID: "of-" + party, Role: pb.Role_ROLE_SIGNATORY, PartyID: party}
}

var companies = []string{"acme", "globex", "initech"}

func makeWorld(t *testing.T) *world {
	t.Helper()
	w := &world{desk: openDesk(t, nil, nil), chance: rand.New(rand.NewPCG(3, 4))}
	w.run()
	for _, company := range companies {
		w.must(chief, party(company))
		for i := range 3 {
			w.must(chief, &pb.CreateApiKeyRequest{ApiKeyId: numbered("k-"+company, i), ApiKey: &pb.ApiKey{DisplayName: "k", Principal: &pb.Principal{Role: pb.Role_ROLE_VIEWER, PartyId: company}}})
		}
	}
	for i := range 30 {
		w.someAgreement(numbered("a", i))
	}
	terms := text("Big")
	for i := range 9 {
		side := pb.Side(1 + i%2)
		rule := []string{"FREQ=WEEKLY", "FREQ=DAILY;INTERVAL=3", "FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=WEEKLY;COUNT=3"}[i%4]
		terms.Commitments = append(terms.Commitments, recurring(numbered("c", i), side, rule))
	}
	terms.Commitments = append(terms.Commitments, oneOff("c", pb.Side_SIDE_VENDOR, "2026-01-20"), oneOff("c-1", pb.Side_SIDE_CLIENT, "2026-03-01"))
	w.propose("big", terms)
	w.must(client, accepts("big", terms))
	for day := range 12 {
		w.clock.set(morning.Add(time.Duration(day*5) * 24 * time.Hour))
		w.wake()
		w.someMoves()
	}
	w.look()
	return w
}

// someAgreement makes an agreement between two of the parties and leaves it somewhere in its life.
func (w *world) someAgreement(id string) {
	two := w.chance.Perm(len(companies))
	v, c := companies[two[0]], companies[two[1]]
	author, other := member(v), member(c)
	if w.chance.IntN(2) == 0 {
		author, other = other, author
	}
	terms := text(id)
	if w.chance.IntN(2) == 0 {
		terms.EffectiveDate = "2029-01-01"
	}
	if w.chance.IntN(2) == 0 {
		terms.NeutralPartyId = companies[two[2]]
	}
	w.must(author, &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{VendorPartyId: v, ClientPartyId: c, DraftTerms: terms}})
	fate := w.chance.IntN(5)
	if fate == 0 {
		return
	}
	w.must(author, &pb.CreateProposalRequest{AgreementId: id, ProposalId: "p", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS})
	switch fate {
	case 1:
		w.must(other, &pb.DeclineProposalRequest{AgreementId: id, ProposalId: "p", Reason: "no"})
	case 2:
		w.must(author, &pb.WithdrawProposalRequest{AgreementId: id, ProposalId: "p"})
	case 3:
		w.must(other, accepts(id, terms))
	}
}

// someMoves has both sides do what comes to their minds; what a rule refuses is refused.
func (w *world) someMoves() {
	w.look()
	for _, o := range w.obligations {
		ref := o.GetObligationId()
		moves := []proto.Message{
			&pb.SubmitObligationRequest{AgreementId: "big", ObligationId: ref, Note: "done"}, &pb.AcceptObligationRequest{AgreementId: "big", ObligationId: ref},
			&pb.ReturnObligationRequest{AgreementId: "big", ObligationId: ref, Reason: "no"}, &pb.AdmitObligationRequest{AgreementId: "big", ObligationId: ref, Reason: "sorry"},
			&pb.WaiveObligationRequest{AgreementId: "big", ObligationId: ref, Reason: "never mind"}, &pb.AcknowledgeObligationRequest{AgreementId: "big", ObligationId: ref},
		}
		if w.chance.IntN(3) == 0 {
			_, _ = w.Do(w.t.Context(), []rules.Caller{vendor, client}[w.chance.IntN(2)], moves[w.chance.IntN(len(moves))])
		}
	}
}

// look reads everything, one by one.
func (w *world) look() {
	w.t.Helper()
	get := func(who rules.Caller, ref rules.Ref) proto.Message {
		m, err := w.Read(w.t.Context(), who, ref, "record")
		if err != nil {
			w.t.Fatal(err)
		}
		return m
	}
	w.agreements, w.commitments, w.obligations = nil, nil, nil
	for i := range 30 {
		for _, company := range companies {
			ref := rules.Ref{Kind: rules.KindAgreement, Agreement: numbered("a", i)}
			if m, err := w.Read(w.t.Context(), member(company), ref, "agreement"); err == nil {
				w.agreements = append(w.agreements, m.(*pb.Agreement))
				break
			}
		}
	}
	big := get(vendor, rules.Ref{Kind: rules.KindAgreement, Agreement: "big"}).(*pb.Agreement)
	w.agreements = append(w.agreements, big)
	for _, id := range []string{"c", "c-1", "c000", "c001", "c002", "c003", "c004", "c005", "c006", "c007", "c008"} {
		c := get(vendor, rules.Ref{Kind: rules.KindCommitment, Agreement: "big", ID: id}).(*pb.Commitment)
		w.commitments = append(w.commitments, c)
		for n := range c.GetObligationCount() {
			o := get(client, rules.Ref{Kind: rules.KindObligation, Agreement: "big", ID: fmt.Sprintf("%s-%d", id, n+1)}).(*pb.Obligation)
			w.obligations = append(w.obligations, o)
		}
	}
	slices.SortFunc(w.obligations, func(a, b *pb.Obligation) int {
		return cmp.Or(cmp.Compare(a.GetDueDate(), b.GetDueDate()), cmp.Compare(a.GetObligationId(), b.GetObligationId()))
	})
}

// ids are the ids of those that pass.
func ids[M any](all []M, id func(M) string, pass func(M) bool) (some []string) {
	for _, m := range all {
		if pass(m) {
			some = append(some, id(m))
		}
	}
	return some
}

func TestObligationListsAreWhatTheirFiltersSay(t *testing.T) {
	w := makeWorld(t)
	states := map[pb.ObligationState]bool{}
	for _, o := range w.obligations {
		states[o.GetState()] = true
	}
	if len(w.obligations) < 60 || len(states) < 6 {
		t.Fatalf("%d obligations in %d states are no test", len(w.obligations), len(states))
	}
	days := []string{"", w.obligations[0].GetDueDate(), w.obligations[len(w.obligations)/2].GetDueDate(), "2099-12-31"}
	for state := range pb.ObligationState_name {
		for side := range pb.Side_name {
			for _, commitment := range []string{"", "c", "c-1", "c001", "c002", "nope"} {
				for _, from := range days {
					for _, before := range days {
						req := &pb.ListObligationsRequest{AgreementId: "big", State: pb.ObligationState(state), Obligor: pb.Side(side), CommitmentId: commitment, DueFrom: from, DueBefore: before}
						w.checkObligations(req)
					}
				}
			}
		}
	}
}

func (w *world) checkObligations(req *pb.ListObligationsRequest) {
	w.t.Helper()
	got := pages(w.t, req.String(), w.size(), func(size int32, token string) ([]string, string, error) {
		req.PageSize, req.PageToken = size, token
		page, err := w.Obligations(w.t.Context(), eye, req)
		return ids(page.GetObligations(), (*pb.Obligation).GetObligationId, func(*pb.Obligation) bool { return true }), page.GetNextPageToken(), err
	})
	want := ids(w.obligations, (*pb.Obligation).GetObligationId, func(o *pb.Obligation) bool {
		return (req.State == 0 || o.GetState() == req.State) && (req.Obligor == 0 || o.GetObligor() == req.Obligor) &&
			(req.CommitmentId == "" || o.GetCommitmentId() == req.CommitmentId) &&
			(req.DueFrom == "" || o.GetDueDate() >= req.DueFrom) && (req.DueBefore == "" || o.GetDueDate() < req.DueBefore)
	})
	if !slices.Equal(got, want) {
		w.t.Errorf("%v:\ngot    %v\nwanted %v", req, got, want)
	}
}

func TestCommitmentAndEventListsAreWhatTheirFiltersSay(t *testing.T) {
	w := makeWorld(t)
	for state := range pb.CommitmentState_name {
		for side := range pb.Side_name {
			req := &pb.ListCommitmentsRequest{AgreementId: "big", State: pb.CommitmentState(state), Obligor: pb.Side(side)}
			got := pages(t, req.String(), w.size(), func(size int32, token string) ([]string, string, error) {
				req.PageSize, req.PageToken = size, token
				page, err := w.Commitments(t.Context(), client, req)
				return ids(page.GetCommitments(), (*pb.Commitment).GetCommitmentId, func(*pb.Commitment) bool { return true }), page.GetNextPageToken(), err
			})
			want := ids(w.commitments, (*pb.Commitment).GetCommitmentId, func(c *pb.Commitment) bool {
				return (state == 0 || c.GetState() == pb.CommitmentState(state)) && (side == 0 || c.GetObligor() == pb.Side(side))
			})
			if !slices.Equal(got, want) {
				t.Errorf("%v:\ngot    %v\nwanted %v", req, got, want)
			}
		}
	}
	version := func(r *pb.RecordedEvent) string { return fmt.Sprint(r.GetEvent().GetVersion()) }
	all := w.history(vendor, "big")
	for after := 0; after <= len(all)+1; after += 13 {
		req := &pb.ListEventsRequest{AgreementId: "big", AfterVersion: uint64(after)}
		got := pages(t, req.String(), w.size(), func(size int32, token string) ([]string, string, error) {
			req.PageSize, req.PageToken = size, token
			page, err := w.Events(t.Context(), client, req)
			return ids(page.GetEvents(), version, func(*pb.RecordedEvent) bool { return true }), page.GetNextPageToken(), err
		})
		if want := ids(all[min(after, len(all)):], version, func(*pb.RecordedEvent) bool { return true }); !slices.Equal(got, want) {
			t.Errorf("after %d: got %v", after, got)
		}
	}
}

func TestAgreementListsAreWhatTheirFiltersSay(t *testing.T) {
	w := makeWorld(t)
	confined := rules.Caller{PrincipalID: "ed", Role: pb.Role_ROLE_AUDITOR, AgreementIDs: []string{"a003", "big", "a001", "a002", "a001", "nope", "a020", "a011", "a012"}}
	for _, who := range []rules.Caller{member("acme"), member("globex"), member("initech"), eye, confined} {
		for _, of := range []string{"", "acme", "globex", "initech", "nobody"} {
			for side := range pb.Side_name {
				if who.PartyID == "" && of == "" && side != 0 {
					continue // a side is a party's
				}
				for state := range pb.AgreementState_name {
					w.checkAgreements(who, &pb.ListAgreementsRequest{PartyId: of, Side: pb.Side(side), State: pb.AgreementState(state)})
				}
			}
		}
	}
	if _, err := w.Agreements(t.Context(), eye, &pb.ListAgreementsRequest{Side: pb.Side_SIDE_CLIENT}); reason(err) != "INVALID_FIELDS" {
		t.Errorf("the client side of nobody: %v", err)
	}
}

func (w *world) checkAgreements(who rules.Caller, req *pb.ListAgreementsRequest) {
	w.t.Helper()
	got := pages(w.t, req.String(), w.size(), func(size int32, token string) ([]string, string, error) {
		req.PageSize, req.PageToken = size, token
		page, err := w.Agreements(w.t.Context(), who, req)
		return ids(page.GetAgreements(), (*pb.Agreement).GetAgreementId, func(*pb.Agreement) bool { return true }), page.GetNextPageToken(), err
	})
	want := ids(w.agreements, (*pb.Agreement).GetAgreementId, func(a *pb.Agreement) bool {
		of := cmp.Or(req.PartyId, who.PartyID)
		party := rules.Caller{PartyID: of}
		side := party.SideOf(a)
		foreign := who.PartyID != "" && of != who.PartyID
		return who.Sees(a) && !foreign && (of == "" || side != 0 || party.Neutral(a)) && (req.Side == 0 || side == req.Side) && (req.State == 0 || a.GetState() == req.State)
	})
	if !slices.Equal(got, want) {
		w.t.Errorf("%v by %v:\ngot    %v\nwanted %v", req, who, got, want)
	}
}

func TestPartyAndKeyListsAreWhatTheirFiltersSay(t *testing.T) {
	w := makeWorld(t)
	for _, of := range []string{"", "acme", "initech", "nobody"} {
		req := &pb.ListApiKeysRequest{PartyId: of}
		got := pages(t, req.String(), w.size(), func(size int32, token string) ([]string, string, error) {
			req.PageSize, req.PageToken = size, token
			page, err := w.Keys(t.Context(), chief, req)
			return ids(page.GetApiKeys(), (*pb.ApiKey).GetApiKeyId, func(*pb.ApiKey) bool { return true }), page.GetNextPageToken(), err
		})
		var want []string
		for _, company := range companies {
			for i := range 3 {
				if of == "" || of == company {
					want = append(want, numbered("k-"+company, i))
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("keys of %q: %v", of, got)
		}
	}
	for _, who := range []rules.Caller{chief, eye, member("acme"), member("initech")} {
		var known []string
		for _, company := range companies {
			if _, err := w.Party(t.Context(), who, company); err == nil {
				known = append(known, company)
			}
		}
		req := &pb.ListPartiesRequest{}
		got := pages(t, who.PrincipalID, 1, func(size int32, token string) ([]string, string, error) {
			req.PageSize, req.PageToken = size, token
			page, err := w.Parties(t.Context(), who, req)
			return ids(page.GetParties(), (*pb.Party).GetPartyId, func(*pb.Party) bool { return true }), page.GetNextPageToken(), err
		})
		if !slices.Equal(got, known) {
			t.Errorf("%s lists %v and may read %v", who.PrincipalID, got, known)
		}
	}
}

// A page of large things ends early, and the next one goes on; the answer stays a message.
func TestLargeThingsMakeShortPages(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	terms := text("Large")
	for i := range 200 {
		c := oneOff(numbered("c", i), pb.Side_SIDE_VENDOR, "2026-02-02")
		c.Description = string(make([]byte, 4000))
		terms.Commitments = append(terms.Commitments, c)
	}
	for i := range 8 {
		d.must(vendor, &pb.CreateAgreementRequest{AgreementId: numbered("a", i), Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: terms}})
	}
	req, held := &pb.ListAgreementsRequest{PageSize: 1000}, 0
	for {
		page, err := d.Agreements(t.Context(), vendor, req)
		if err != nil {
			t.Fatal(err)
		}
		if proto.Size(page) > 4<<20 {
			t.Errorf("a page of %d bytes", proto.Size(page))
		}
		held += len(page.GetAgreements())
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	if held != 8 {
		t.Errorf("the pages hold %d of 8", held)
	}
}
