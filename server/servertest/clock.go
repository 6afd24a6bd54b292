package servertest

import (
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Clock is a wall clock that stands still until it is set.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock makes a clock that stands at now.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now is the time it shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set sets it, forward or back.
func (c *Clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// Advance sets the server's clock forward and has it do what time brings.
func (s *Server) Advance(t testing.TB, to time.Time) {
	t.Helper()
	s.Clock.Set(to)
	s.Settle(t)
}

// Settle has the server do everything its time has come for.
func (s *Server) Settle(t testing.TB) {
	t.Helper()
	if err := s.built.Settle(t.Context()); err != nil {
		t.Fatalf("the clock did not do its work: %v", err)
	}
}

// Eventually asks until the answer is yes.
func Eventually(t testing.TB, what string, yes func() bool) {
	t.Helper()
	ended := time.After(Patience)
	for !yes() {
		select {
		case <-ended:
			t.Fatalf("in vain waited for this: %s", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// Seal has the log signed and published as it is now, which else happens within a second.
func (s *Server) Seal(t testing.TB) {
	t.Helper()
	if err := s.built.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
}

const bellParty, otherParty, bellAgreement = "bell", "bell-other", "bell"

// Written writes one event and returns its position. Two answers that differ by one say that nothing was written in
// between, neither to an agreement nor to the service's own history.
func (s *Server) Written(t testing.TB) uint64 {
	t.Helper()
	s.bellOnce.Do(func() { s.hangBell(t) })
	face := s.GRPC()
	s.rung++
	title := time.Duration(s.rung).String() // another one each time
	a := face.Must(t, s.bell, &pb.UpdateAgreementRequest{
		AgreementId: bellAgreement, Agreement: &pb.Agreement{DraftTerms: &pb.Terms{Title: title}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"draft_terms.title"}},
	}).(*pb.Agreement)
	list := face.Must(t, s.bell, &pb.ListEventsRequest{AgreementId: bellAgreement, AfterVersion: version(a) - 1}).(*pb.ListEventsResponse)
	return list.GetEvents()[0].GetPosition()
}

// version is the version of an agreement's chain, which its etag is.
func version(a *pb.Agreement) uint64 {
	var n uint64
	for _, digit := range a.GetEtag() {
		n = n*10 + uint64(digit-'0')
	}
	return n
}

// hangBell drafts an agreement that exists to be written to.
func (s *Server) hangBell(t testing.TB) {
	t.Helper()
	face := s.GRPC()
	if _, refusal := face.Call(t, s.Operator, &pb.GetPartyRequest{PartyId: bellParty}); refusal != nil {
		s.Party(t, bellParty)
		s.Party(t, otherParty)
	}
	s.bell = s.Member(t, pb.Role_ROLE_CONTRIBUTOR, bellParty)
	found, refusal := face.Call(t, s.bell, &pb.GetAgreementRequest{AgreementId: bellAgreement})
	if refusal != nil {
		face.Must(t, s.bell, &pb.CreateAgreementRequest{
			AgreementId: bellAgreement, Agreement: &pb.Agreement{VendorPartyId: bellParty, ClientPartyId: otherParty},
		})
		return
	}
	s.rung = int(version(found.(*pb.Agreement)))
}
