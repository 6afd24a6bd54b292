package server_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

// Lists of concerns are narrowed by every filter and by all of them together, page by page, now and as of a time.
func TestConcernsAreListedByWhatIsAsked(t *testing.T) {
	s := setStage(t, servertest.Options{})
	g := s.GRPC()
	all := []string{"high", "tone", "new", "heard", "denied", "contested", "loud", "proposed", "refused", "fixed", "ours"}
	then := s.Clock.Now()
	s.Clock.Set(then.Add(time.Hour))
	for _, c := range []*pb.RaiseConcernRequest{
		{ConcernId: "late", Kind: breachConcern, Title: "Late", ObligationIds: []string{"wall-1"}},
		{ConcernId: "warned", Kind: pb.ConcernKind_CONCERN_KIND_EARLY_WARNING, Title: "Paint is out", ObligationIds: []string{"wall-1"}},
	} {
		c.AgreementId = "argued"
		g.Must(t, s.globex, c)
	}
	g.Must(t, s.globex, &pb.WithdrawConcernRequest{AgreementId: "argued", ConcernId: "late"})
	now := append(slices.Clone(all), "late", "warned")
	for _, c := range []struct {
		req  *pb.ListConcernsRequest
		want []string
	}{
		{&pb.ListConcernsRequest{}, now},
		{&pb.ListConcernsRequest{AsOf: timestamppb.New(then)}, all},
		{&pb.ListConcernsRequest{ObligationId: "wall-1", AsOf: timestamppb.New(then)}, nil},
		{&pb.ListConcernsRequest{RaisedBy: vendor}, []string{"ours"}},
		{&pb.ListConcernsRequest{State: pb.ConcernState_CONCERN_STATE_CONTESTED}, []string{"contested", "loud"}},
		{&pb.ListConcernsRequest{State: pb.ConcernState_CONCERN_STATE_RESOLVED, RaisedBy: client}, []string{"fixed"}},
		{&pb.ListConcernsRequest{State: pb.ConcernState_CONCERN_STATE_OPEN, RaisedBy: client}, []string{"tone", "new", "warned"}},
		{&pb.ListConcernsRequest{Kind: pb.ConcernKind_CONCERN_KIND_FEEDBACK}, []string{"tone"}},
		{&pb.ListConcernsRequest{ObligationId: "wall-1"}, []string{"late", "warned"}},
		{&pb.ListConcernsRequest{ObligationId: "wall-1", State: pb.ConcernState_CONCERN_STATE_WITHDRAWN}, []string{"late"}},
		{&pb.ListConcernsRequest{ObligationId: "wall-1", Kind: pb.ConcernKind_CONCERN_KIND_EARLY_WARNING, RaisedBy: vendor}, nil},
		{&pb.ListConcernsRequest{ObligationId: "wall"}, nil},
	} {
		c.req.AgreementId = "argued"
		for _, face := range s.Faces() {
			for _, size := range []int32{1, 3, 0} {
				var got []string
				c.req.PageSize, c.req.PageToken = size, ""
				for {
					page := face.Must(t, s.acme, c.req).(*pb.ListConcernsResponse)
					for _, m := range page.GetConcerns() {
						got = append(got, m.GetConcernId())
					}
					if c.req.PageToken = page.GetNextPageToken(); c.req.PageToken == "" {
						break
					}
				}
				if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(c.want))) {
					t.Errorf("%v over %s: %v, not %v", c.req, face.Name(), got, c.want)
				}
			}
		}
	}
}

// What was raised was created: REST says where it is.
func TestARaisedConcernHasAPlace(t *testing.T) {
	s := setStage(t, servertest.Options{})
	body := `{"kind": "CONCERN_KIND_APPRECIATION", "concernId": "thanks", "title": "You were quick"}`
	req, err := http.NewRequest(http.MethodPost, s.URL("/v1/agreements/argued/concerns"), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.acme.Key)
	req.Header.Set("Content-Type", "application/json")
	answer, err := s.HTTP().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated || answer.Header.Get("Location") != "/v1/agreements/argued/concerns/thanks" {
		t.Errorf("%s, at %q", answer.Status, answer.Header.Get("Location"))
	}
	if status, _, body := s.get(t, s.globex, answer.Header.Get("Location"), ""); status != http.StatusOK || !strings.Contains(string(body), "You were quick") {
		t.Errorf("%d %s", status, body)
	}
}

// Whom a concern is about, what it says and whom it was escalated to are gone once that was erased; that there was one is not.
func TestAConcernCanBeErased(t *testing.T) {
	s := setStage(t, servertest.Options{Dir: t.TempDir()})
	g := s.GRPC()
	list := g.Must(t, s.acme, &pb.ListEventsRequest{AgreementId: "argued", PageSize: 1000, Kinds: []string{"concern_raised", "concern_escalated", "concern_contested"}}).(*pb.ListEventsResponse)
	order := &pb.ErasePrivateDataRequest{AgreementId: "argued", Basis: "Article 17"}
	for _, e := range list.GetEvents() {
		order.Versions = append(order.Versions, e.GetEvent().GetVersion())
	}
	before := g.Must(t, s.acme, &pb.GetConcernRequest{AgreementId: "argued", ConcernId: "high"}).(*pb.Concern)
	g.Must(t, s.operator, order)
	s.Server = s.Restart(t)
	after := s.REST().Must(t, s.acme, &pb.GetConcernRequest{AgreementId: "argued", ConcernId: "high"}).(*pb.Concern)
	if before.GetTitle() == "" || before.GetContacts()[0].GetDisplayName() != "Mia" || before.GetContest().GetNote() == "" {
		t.Fatalf("there was nothing to erase: %v", before)
	}
	if after.GetTitle() != "" || after.GetContacts()[0].GetDisplayName() != "" || after.GetContest().GetNote() != "" || after.GetEscalation().GetNote() != "" {
		t.Errorf("this is still read: %v", after)
	}
	if after.GetState() != before.GetState() || after.GetLevel() != 3 || after.GetContacts()[0].GetLevel() != 3 {
		t.Errorf("erasing changed what is so: %v", after)
	}
}
