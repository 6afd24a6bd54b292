package server_test

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

// newWatch begins a watch that must not be refused.
func newWatch(t *testing.T, face servertest.Face, who servertest.Caller, req *pb.WatchEventsRequest) *servertest.Watch {
	t.Helper()
	w, refusal := face.Watch(t, who, req)
	if refusal != nil {
		t.Fatalf("over %s a watch of %v was refused: %v", face.Name(), req, refusal)
	}
	return w
}

// history is every event of the stage by position, from 1, as its agreement's list shows it; nil where it is of the service.
func (s *stage) history(t *testing.T) []*pb.RecordedEvent {
	t.Helper()
	all := make([]*pb.RecordedEvent, newWatch(t, s.GRPC(), s.operator, &pb.WatchEventsRequest{}).Position+1)
	for _, id := range []string{"asked", "broken", "draft", "judged", "level", "offered", "paused", "running"} {
		for _, e := range s.GRPC().Must(t, s.acme, &pb.ListEventsRequest{AgreementId: id, PageSize: 1000}).(*pb.ListEventsResponse).GetEvents() {
			all[e.GetPosition()] = e
		}
	}
	return all
}

// told is the rule of which events of the stage a seat is told, in other words than the service's.
func (c seat) told(e *pb.RecordedEvent) bool {
	if e == nil {
		return c.role == operator || c.role == auditor && c.named == nil
	}
	id := e.GetEvent().GetAgreementId()
	ofDraft := e.GetEvent().GetAgreementDrafted() != nil || e.GetEvent().GetDraftRewritten() != nil
	return c.sees(id) && (!ofDraft || c.party == acme && id != "asked" && id != "judged") // which globex and umbra wrote
}

// Every kind of caller is told what it may see and nothing else, in order, over both faces.
func TestAWatchTellsWhatItsCallerMaySee(t *testing.T) {
	s := setStage(t, servertest.Options{})
	table := seats(t, s)
	all := s.history(t)
	for _, c := range table {
		if c.role == feed {
			continue
		}
		for _, face := range s.Faces() {
			for _, after := range []int{0, len(all) / 2, len(all) - 1} {
				var got, want []*pb.RecordedEvent
				w := newWatch(t, face, c.who, &pb.WatchEventsRequest{AfterPosition: proto.Uint64(uint64(after))})
				got = w.Hear(t, uint64(len(all)-1))
				w.Stop()
				for _, e := range all[after+1:] {
					if c.told(e) {
						want = append(want, e)
					}
				}
				if !slices.EqualFunc(got, want, func(a, b *pb.RecordedEvent) bool {
					return b == nil && a.GetEvent().GetAgreementId() == "" || proto.Equal(a, b)
				}) {
					t.Errorf("%s over %s was told of %d events after %d; it may see %d", c.name, face.Name(), len(got), after, len(want))
				}
			}
		}
	}
}

// Who was there when it happened and who comes later are told the same.
func TestAWatchTellsTheSameLiveAndLater(t *testing.T) {
	s := &stage{Server: servertest.Start(t, servertest.Options{})}
	for _, party := range []string{acme, globex} {
		s.Party(t, party)
	}
	s.acme, s.globex = s.Member(t, signatory, acme), s.Member(t, signatory, globex)
	type place struct {
		name string
		who  servertest.Caller
		face servertest.Face
		live *servertest.Watch
	}
	var there []place
	for name, who := range map[string]servertest.Caller{"author": s.acme, "other": s.globex, "auditor": s.Key(t, &pb.Principal{Role: auditor}), "operator": s.Operator} {
		for _, face := range s.Faces() {
			there = append(there, place{name, who, face, newWatch(t, face, who, &pb.WatchEventsRequest{})})
		}
	}
	begin := there[0].live.Position
	for i := range 5 {
		id := fmt.Sprint("a", i)
		s.propose(t, s.acme, id, "first", text("Help desk", oneOff("desk", vendor, "2026-01-12")))
		s.accept(t, s.globex, id, "first")
	}
	s.Settle(t)
	s.Member(t, viewer, acme)
	end := newWatch(t, s.GRPC(), s.Operator, &pb.WatchEventsRequest{}).Position
	s.propose(t, s.acme, "last", "first", text("Last")) // each of them is told of something behind the end
	s.Party(t, hooli)
	heard := func(w *servertest.Watch) (positions []uint64) {
		for _, e := range w.Hear(t, end+1) {
			if e.GetPosition() <= end {
				positions = append(positions, e.GetPosition())
			}
		}
		return positions
	}
	for _, p := range there {
		told, later := heard(p.live), heard(newWatch(t, p.face, p.who, &pb.WatchEventsRequest{AfterPosition: &begin}))
		if len(told) == 0 || !slices.Equal(told, later) {
			t.Errorf("the %s was told over %s of %v, and who came later of %v", p.name, p.face.Name(), told, later)
		}
	}
}
