package journal_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/store"
)

// whole is every event there is, by position, as the table has them.
func (e *engine) whole(t *testing.T) (all []*pb.Event) {
	t.Helper()
	err := e.View(t.Context(), func(s store.Snapshot) error {
		for r, err := range s.Scan("events", nil, nil) {
			if err != nil {
				return err
			}
			event := &pb.Event{}
			if err := proto.Unmarshal(committed(r.Value)[proof.EntrySize+proof.KeySize+4:], event); err != nil {
				return err
			}
			if all = append(all, event); binary.BigEndian.Uint64(r.Key) != uint64(len(all)) {
				t.Fatalf("event %d lies at %x", len(all), r.Key)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// events walks a list of events to its end, and is the positions it held.
func (d *desk) events(who rules.Caller, req *pb.ListEventsRequest) (positions []uint64, pages int) {
	d.t.Helper()
	req = proto.CloneOf(req)
	for {
		pages++
		page, err := d.Events(d.t.Context(), who, req)
		if err != nil {
			d.t.Fatalf("%v: %v", req, err)
		}
		if len(page.GetEvents()) > cmp.Or(int(req.GetPageSize()), journal.DefaultPageSize) {
			d.t.Fatalf("a page of %d holds %d", req.GetPageSize(), len(page.GetEvents()))
		}
		for _, r := range page.GetEvents() {
			positions = append(positions, r.GetPosition())
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return positions, pages
		}
	}
}

// mayKnow is the rule of who sees the events of an agreement, in other words than the service's.
func mayKnow(who rules.Caller, a *pb.Agreement) bool {
	draft := a.GetState() == pb.AgreementState_AGREEMENT_STATE_DRAFT
	author := map[pb.Side]string{pb.Side_SIDE_VENDOR: a.GetVendorPartyId(), pb.Side_SIDE_CLIENT: a.GetClientPartyId()}[a.GetAuthor()]
	switch {
	case who.PrincipalID == eye.PrincipalID:
		return !draft
	case who.PrincipalID == confined.PrincipalID:
		return !draft && slices.Contains(confined.AgreementIDs, a.GetAgreementId())
	case who.PartyID == "":
		return false
	}
	return who.PartyID == author || !draft && slices.Contains([]string{a.GetVendorPartyId(), a.GetClientPartyId(), a.GetNeutralPartyId()}, who.PartyID)
}

// TestEventsAreThoseThatAreAskedFor compares every list of events, with random filters, for every caller, with what stands in
// the history.
func TestEventsAreThoseThatAreAskedFor(t *testing.T) {
	l := &life{desk: openDesk(t, nil, nil), chance: rand.New(rand.NewPCG(3, 7))}
	l.run()
	for _, company := range companies {
		l.must(chief, party(company))
	}
	l.must(vendor, &pb.CreateAgreementRequest{AgreementId: "secret", Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: text("Secret")}})
	judged := text("Judged")
	judged.NeutralPartyId = "initech"
	l.propose("judged", judged)
	l.must(client, accepts("judged", judged))
	l.clock.set(l.Now().Add(time.Hour))
	l.wake()
	for range 300 {
		l.clock.set(l.Now().Add(time.Duration(l.chance.IntN(3*60)) * time.Minute)) // sometimes it stands still
		if l.chance.IntN(3) > 0 {
			l.wake()
		}
		l.move()
	}
	l.must(chief, &pb.UpdatePartyRequest{PartyId: "acme", Party: &pb.Party{DisplayName: "Acme SA"}})
	all := l.store.whole(t)
	agreements := map[string]*pb.Agreement{}
	for _, e := range all {
		if m, err := l.Read(t.Context(), rules.Caller{Role: pb.Role_ROLE_SIGNATORY, PartyID: "acme"}, rules.Ref{Kind: rules.KindAgreement, Agreement: e.GetAgreementId()}, "agreement"); err == nil {
			agreements[e.GetAgreementId()] = m.(*pb.Agreement)
		} else if m, err := l.Read(t.Context(), client, rules.Ref{Kind: rules.KindAgreement, Agreement: e.GetAgreementId()}, "agreement"); err == nil {
			agreements[e.GetAgreementId()] = m.(*pb.Agreement)
		}
	}
	people := []rules.Caller{vendor, client, neutral, eye, confined, chief, member("nobody")}
	found := map[string]int{}
	for range 400 {
		who, req := people[l.chance.IntN(len(people))], l.filter(all)
		var want []uint64
		for i, e := range all {
			if l.asked(who, req, agreements, e, uint64(i)+1) {
				want = append(want, uint64(i)+1)
			}
		}
		if id := req.GetAgreementId(); id != "" && !mayKnow(who, agreements[id]) {
			if _, err := l.Events(t.Context(), who, req); reason(err) != "NOT_FOUND" && req.GetPartyId() == "" {
				t.Errorf("%s, %v: %v", who.PrincipalID, req, err)
			}
			continue
		}
		if got, _ := l.events(who, req); !slices.Equal(got, want) {
			t.Errorf("%s asked for %v and was told\n%v, not\n%v", who.PrincipalID, req, got, want)
		}
		found[who.PrincipalID] += len(want)
	}
	for _, who := range people {
		if n := found[who.PrincipalID]; n < 20 != (who.PrincipalID == "of-nobody") {
			t.Errorf("%d events for %s prove nothing", n, who.PrincipalID)
		}
	}
}

// filter is a random question.
func (l *life) filter(all []*pb.Event) *pb.ListEventsRequest {
	req := &pb.ListEventsRequest{PageSize: []int32{1, 3, 7, 50}[l.chance.IntN(4)]}
	some := func() *pb.Event { return all[l.chance.IntN(len(all))] }
	set := func() bool { return l.chance.IntN(4) == 0 }
	if set() {
		req.AgreementId = some().GetAgreementId()
		if req.AgreementId != "" && set() {
			req.AfterVersion = some().GetVersion()
		}
	}
	if set() {
		req.PartyId = append(companies, "nobody")[l.chance.IntN(4)]
	}
	if set() {
		req.PrincipalId = []string{"ann", "bob", "clock", "chief", "who"}[l.chance.IntN(5)]
	}
	if set() {
		req.Kinds = []string{rules.EventKind(some()), rules.EventKind(some()), "agreement_renewed"}
	}
	if set() {
		req.RecordedFrom = timestamppb.New(some().GetRecordTime().AsTime().Add(time.Duration(l.chance.IntN(3)-1) * time.Microsecond))
	}
	if set() {
		req.RecordedBefore = timestamppb.New(some().GetRecordTime().AsTime().Add(time.Duration(l.chance.IntN(3)-1) * time.Microsecond))
	}
	if set() {
		req.AfterPosition = uint64(l.chance.IntN(len(all) + 3))
	}
	return req
}

// asked says whether an event belongs to an answer.
func (l *life) asked(who rules.Caller, req *pb.ListEventsRequest, agreements map[string]*pb.Agreement, e *pb.Event, position uint64) bool {
	id := e.GetAgreementId()
	a := agreements[id]
	sees := mayKnow(who, a)
	if id == "" {
		sees = who.PrincipalID == chief.PrincipalID || who.PrincipalID == eye.PrincipalID
	}
	if p := req.GetPartyId(); p != "" {
		sees = sees && id != "" && slices.Contains([]string{a.GetVendorPartyId(), a.GetClientPartyId(), a.GetNeutralPartyId()}, p)
		if who.Role != pb.Role_ROLE_AUDITOR {
			sees = sees && p == who.PartyID
		}
	}
	at := e.GetRecordTime().AsTime()
	return sees && (req.GetAgreementId() == "" || req.GetAgreementId() == id) && e.GetVersion() > req.GetAfterVersion() && position > req.GetAfterPosition() &&
		(req.GetPrincipalId() == "" || req.GetPrincipalId() == e.GetActor().GetPrincipalId()) &&
		(len(req.GetKinds()) == 0 || slices.Contains(req.GetKinds(), rules.EventKind(e))) &&
		(req.GetRecordedFrom() == nil || !at.Before(req.GetRecordedFrom().AsTime())) && (req.GetRecordedBefore() == nil || at.Before(req.GetRecordedBefore().AsTime()))
}

// TestManyAgreementsAreLookedThrough holds that a party with more agreements than are read beside each other finds all of its
// events too, that nobody finds others', and that no page looks at more than a bounded number.
func TestManyAgreementsAreLookedThrough(t *testing.T) {
	const many = 1005
	d := openDesk(t, nil, nil)
	d.run()
	for _, company := range companies {
		d.must(chief, party(company))
	}
	d.must(client, &pb.CreateAgreementRequest{AgreementId: "theirs", Agreement: &pb.Agreement{VendorPartyId: "initech", ClientPartyId: "globex", DraftTerms: text("theirs")}})
	for round := range 6 {
		for i := range many {
			id := fmt.Sprintf("a%04d", i)
			if round == 0 {
				d.must(vendor, &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex"}})
				continue
			}
			d.must(vendor, &pb.UpdateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{DraftTerms: text(numbered("t", round))}})
		}
	}
	d.must(client, &pb.UpdateAgreementRequest{AgreementId: "theirs", Agreement: &pb.Agreement{DraftTerms: text("still theirs")}})
	last := uint64(len(d.store.whole(t)))

	mine, _ := d.events(vendor, &pb.ListEventsRequest{PageSize: 1000})
	if len(mine) != 6*many || mine[0] != 5 || mine[len(mine)-1] != last-1 {
		t.Errorf("%d events, from %d to %d", len(mine), mine[0], mine[len(mine)-1])
	}
	if created, pages := d.events(vendor, &pb.ListEventsRequest{PageSize: 1000, Kinds: []string{"agreement_drafted"}}); len(created) != many || pages < 3 {
		t.Errorf("%d agreements were drafted, on %d pages", len(created), pages)
	}
	// A page ends where enough was looked at, be it empty.
	page, err := d.Events(t.Context(), vendor, &pb.ListEventsRequest{Kinds: []string{"obligation_waived"}})
	if err != nil || len(page.GetEvents()) > 0 || page.GetNextPageToken() == "" {
		t.Errorf("a page of nothing: %v, %v", page, err)
	}
	if none, pages := d.events(vendor, &pb.ListEventsRequest{Kinds: []string{"obligation_waived"}}); len(none) > 0 || pages != 2 {
		t.Errorf("%d events on %d pages", len(none), pages)
	}
	// Who has few agreements has few chains to read, however much others did between.
	if theirs, pages := d.events(client, &pb.ListEventsRequest{}); !slices.Equal(theirs, []uint64{4, last}) || pages != 1 {
		t.Errorf("%v on %d pages", theirs, pages)
	}
	if none, _ := d.events(eye, &pb.ListEventsRequest{PageSize: 1000, PartyId: "acme"}); len(none) > 0 {
		t.Errorf("an auditor sees %d events of drafts", len(none))
	}
	if own, _ := d.events(chief, &pb.ListEventsRequest{}); !slices.Equal(own, []uint64{1, 2, 3}) {
		t.Errorf("the operator sees %v", own)
	}
}

// TestOneEvent holds that an event is the same by its version, by its position and in a list, and that it is missing for who
// may not see it.
func TestOneEvent(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	for _, company := range companies {
		d.must(chief, party(company))
	}
	d.propose("a", text("Draft"))
	d.must(vendor, &pb.CreateAgreementRequest{AgreementId: "draft", Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex"}})
	ask := func(who rules.Caller, req *pb.GetEventRequest) (*pb.RecordedEvent, string) {
		t.Helper()
		r, err := d.Event(t.Context(), who, req)
		if err != nil && reason(err) == "" {
			t.Fatal(err)
		}
		return r, reason(err)
	}
	for _, who := range []rules.Caller{vendor, client, eye, chief} {
		page, err := d.Events(t.Context(), who, &pb.ListEventsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[uint64]bool{}
		for _, r := range page.GetEvents() {
			seen[r.GetPosition()] = true
			at, _ := ask(who, &pb.GetEventRequest{Position: r.GetPosition()})
			by, _ := ask(who, &pb.GetEventRequest{AgreementId: r.GetEvent().GetAgreementId(), Version: r.GetEvent().GetVersion()})
			if !proto.Equal(r, at) || !proto.Equal(r, by) {
				t.Errorf("%s: in the list\n%v\nby position\n%v\nby version\n%v", who.PrincipalID, r, at, by)
			}
		}
		for i, e := range d.store.whole(t) {
			position := uint64(i) + 1
			if seen[position] {
				continue
			}
			_, at := ask(who, &pb.GetEventRequest{Position: position})
			_, by := ask(who, &pb.GetEventRequest{AgreementId: e.GetAgreementId(), Version: e.GetVersion()})
			if at != "NOT_FOUND" || by != "NOT_FOUND" {
				t.Errorf("%s sees event %d: %q, %q", who.PrincipalID, position, at, by)
			}
		}
	}
	if r, _ := ask(client, &pb.GetEventRequest{AgreementId: "a", Version: 1}); !r.GetWithheld() || r.GetEvent().GetAgreementDrafted().GetTerms() != nil || bytes.Contains(r.GetBody(), []byte("Draft")) {
		t.Errorf("the other side reads of the draft: %v", r)
	}
	for name, c := range map[string]struct {
		req  *pb.GetEventRequest
		want string
	}{
		"nothing":          {&pb.GetEventRequest{}, "INVALID_FIELDS"},
		"an agreement":     {&pb.GetEventRequest{AgreementId: "a"}, "INVALID_FIELDS"},
		"both":             {&pb.GetEventRequest{Version: 1, Position: 1}, "INVALID_FIELDS"},
		"another's place":  {&pb.GetEventRequest{AgreementId: "a", Position: 4}, "INVALID_FIELDS"},
		"behind the end":   {&pb.GetEventRequest{Position: 99}, "NOT_FOUND"},
		"the largest":      {&pb.GetEventRequest{Position: 1<<64 - 1}, "NOT_FOUND"},
		"a version ahead":  {&pb.GetEventRequest{AgreementId: "a", Version: 3}, "NOT_FOUND"},
		"the last version": {&pb.GetEventRequest{AgreementId: "a", Version: 1<<64 - 1}, "NOT_FOUND"},
		"no agreement":     {&pb.GetEventRequest{AgreementId: "b", Version: 1}, "NOT_FOUND"},
		"the service's":    {&pb.GetEventRequest{Version: 1}, "NOT_FOUND"},
	} {
		if _, got := ask(vendor, c.req); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestFiltersThatMeanNothingAreRefused(t *testing.T) {
	d := openDesk(t, nil, nil)
	_, err := d.Events(t.Context(), eye, &pb.ListEventsRequest{
		AfterVersion: 3, Kinds: []string{"obligation_waived", "obligation-waived", "event"},
		RecordedFrom: &timestamppb.Timestamp{Nanos: -1}, RecordedBefore: &timestamppb.Timestamp{Seconds: 1 << 60},
	})
	refusal, _ := err.(*rules.Error)
	var fields []string
	for _, v := range refusal.Violations {
		fields = append(fields, v.Field)
	}
	slices.Sort(fields)
	if !slices.Equal(fields, []string{"after_version", "kinds[1]", "kinds[2]", "recorded_before", "recorded_from"}) {
		t.Errorf("told of %v: %v", fields, err)
	}
	if page, err := d.Events(t.Context(), eye, &pb.ListEventsRequest{RecordedFrom: timestamppb.New(morning), AfterPosition: 1<<64 - 1}); err != nil || len(page.GetEvents()) > 0 {
		t.Errorf("of an empty history: %v, %v", page, err)
	}
}
