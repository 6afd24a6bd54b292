package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/servertest"
)

// seat is a kind of caller: its role and what it may see.
type seat struct {
	name string
	who  servertest.Caller
	role pb.Role
	// party is the party it acts for; named are the agreements an auditor is confined to.
	party string
	named []string
}

// seats is a caller of every role, for a party of the agreements and for one that has nothing to do with them.
func seats(t *testing.T, s *stage) (all []seat) {
	t.Helper()
	for _, party := range []string{acme, initech} {
		for _, role := range []pb.Role{viewer, contributor, signatory} {
			all = append(all, seat{fmt.Sprint(role, " of ", party), s.Member(t, role, party), role, party, nil})
		}
		who := s.Key(t, &pb.Principal{Role: service, ServicePartyIds: []string{party}})
		all = append(all, seat{"SERVICE for " + party, who, service, party, nil})
		all = append(all, seat{"FEED of " + party, s.feed(t, party, "", calendarFeed), feed, party, nil})
		all = append(all, seat{"SCORECARD_FEED of " + party, s.feed(t, party, "", scorecardFeed), pb.Role_ROLE_SCORECARD_FEED, party, nil})
	}
	for _, named := range [][]string{nil, {"running", "draft"}, {"other"}} {
		who := s.Key(t, &pb.Principal{Role: auditor, AgreementIds: named})
		all = append(all, seat{fmt.Sprint("AUDITOR of ", named), who, auditor, "", named})
	}
	return append(all, seat{"OPERATOR", s.operator, operator, "", nil})
}

// What feeds read.
const (
	calendarFeed  = pb.FeedKind_FEED_KIND_CALENDAR
	scorecardFeed = pb.FeedKind_FEED_KIND_SCORECARD
)

// feed makes a feed of a party and is who holds its secret.
func (s *stage) feed(t *testing.T, party, agreement string, kind pb.FeedKind) servertest.Caller {
	t.Helper()
	made := s.GRPC().Must(t, s.Member(t, viewer, party), &pb.CreateFeedRequest{Feed: &pb.Feed{DisplayName: "A feed", AgreementId: agreement, Kind: kind}})
	return servertest.Caller{Key: made.(*pb.CreateFeedResponse).GetSecret()}
}

// sees is the rule of who may know of an agreement of the stage, in other words than the service's.
func (c seat) sees(agreement string) bool {
	if c.role == auditor {
		return agreement != "draft" && (c.named == nil || slices.Contains(c.named, agreement))
	}
	return c.party == acme
}

// expected is the reason a seat is refused a ready request for; "" if it is not. It follows from the access option of the
// RPC and from who may see what.
func (c seat) expected(rpc servertest.RPC, req proto.Message) string {
	if !slices.Contains(rpc.Allow, c.role) {
		return "ROLE_NOT_ALLOWED"
	}
	switch r := req.(type) {
	case *pb.CreateAgreementRequest:
		if c.party != acme {
			return "WRONG_SIDE"
		}
	case *pb.GetPartyRequest: // globex
		if c.party != acme && c.role != operator && (c.role != auditor || c.named != nil) {
			return "NOT_FOUND"
		}
	case *pb.GetPartyScorecardRequest: // globex, which is in "running"
		if !c.sees("running") {
			return "NOT_FOUND"
		}
	case *pb.GetFeedRequest, *pb.RevokeFeedRequest: // of acme
		if c.party != acme {
			return "NOT_FOUND"
		}
	case *pb.ErasePrivateDataRequest: // the operator's, who sees none of it
	case *pb.ImportAgreementRequest: // makes the agreement that it names
	case interface{ GetAgreementId() string }:
		if !c.sees(r.GetAgreementId()) {
			return "NOT_FOUND"
		}
	}
	return ""
}

// Every RPC, every role, on one's own agreement and on a foreign one, over both faces.
func TestAccessMatrix(t *testing.T) {
	s := setStage(t, servertest.Options{})
	table := seats(t, s)
	cells, all, roles := 0, 0, map[pb.Role]bool{}
	for _, rpc := range servertest.RPCs() {
		for _, face := range s.Faces() {
			if face.Offers(rpc) {
				all += len(table)
			}
		}
	}
	before := s.Written(t)
	for _, req := range s.ready(t) {
		rpc := servertest.RPCOf(t, req)
		set(req, "validate_only", true)
		for _, c := range table {
			roles[c.role] = true
			for _, face := range s.Faces() {
				if !face.Offers(rpc) {
					continue
				}
				cells++
				what := fmt.Sprintf("%s by %s over %s", rpc.Name(), c.name, face.Name())
				_, refusal := face.Call(t, c.who, req)
				want := c.expected(rpc, req)
				if want == "" {
					if refusal != nil {
						t.Errorf("%s: %v", what, refusal)
					}
					continue
				}
				if refused(t, what, refusal, want) && want == "ROLE_NOT_ALLOWED" && refusal.Metadata["role"] != strings.TrimPrefix(c.role.String(), "ROLE_") {
					t.Errorf("%s: metadata %v", what, refusal.Metadata)
				}
			}
		}
	}
	if len(roles) != len(pb.Role_name)-1 || cells != all {
		t.Errorf("%d cells with %d roles were tried", cells, len(roles))
	}
	if after := s.Written(t); after != before+1 {
		t.Errorf("%d events were written", after-before-1)
	}
}

// A bad request tells nothing to a caller who may not make it: who may comes first.
func TestTheDoorComesBeforeTheCounter(t *testing.T) {
	s := setStage(t, servertest.Options{})
	for _, face := range s.Faces() {
		_, refusal := face.Call(t, s.acme, &pb.CreatePartyRequest{PartyId: "NOT AN ID"})
		if face.Name() == "gRPC" { // over REST an empty body is no request at all
			refused(t, face.Name(), refusal, "ROLE_NOT_ALLOWED")
		}
		_, refusal = face.Call(t, s.acme, &pb.CreatePartyRequest{PartyId: "NOT AN ID", Party: &pb.Party{DisplayName: "x"}})
		refused(t, face.Name(), refusal, "ROLE_NOT_ALLOWED")
	}
}

// Lists hold what their caller may see, whatever is asked of them.
func TestListsHoldWhatOneMaySee(t *testing.T) {
	s := setStage(t, servertest.Options{})
	agreements := []string{"argued", "asked", "broken", "draft", "judged", "level", "offered", "paused", "running", "bell"}
	for _, c := range seats(t, s) {
		if c.role == operator || rules.IsFeed(c.role) {
			continue
		}
		for _, face := range s.Faces() {
			for _, req := range []*pb.ListAgreementsRequest{
				{}, {PartyId: acme}, {PartyId: globex}, {State: pb.AgreementState_AGREEMENT_STATE_DRAFT},
				{PartyId: acme, State: pb.AgreementState_AGREEMENT_STATE_DRAFT}, {PartyId: acme, Side: vendor}, {PartyId: "nobody"},
			} {
				var got, want []string
				for _, a := range face.Must(t, c.who, req).(*pb.ListAgreementsResponse).GetAgreements() {
					got = append(got, a.GetAgreementId())
				}
				for _, id := range agreements {
					theirs := id != "bell" && (req.GetPartyId() == "" || req.GetPartyId() == acme || req.GetPartyId() == globex && c.role == auditor)
					theirs = theirs && (id != "judged" || req.GetSide() == 0) // acme is its neutral
					if theirs && c.sees(id) && (req.GetState() == 0 || id == "draft") {
						want = append(want, id)
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s asked %v over %s and got %v; it may see %v", c.name, req, face.Name(), got, want)
				}
			}
		}
	}
	for party, knows := range map[string][]string{acme: {acme, globex, "umbra"}, globex: {acme, globex, "umbra"}, initech: {initech}} {
		var got []string
		for _, p := range s.REST().Must(t, s.Member(t, viewer, party), &pb.ListPartiesRequest{}).(*pb.ListPartiesResponse).GetParties() {
			got = append(got, p.GetPartyId())
		}
		if !slices.Equal(got, knows) {
			t.Errorf("%s knows of %v; wanted %v", party, got, knows)
		}
	}
}
