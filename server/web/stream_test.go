package web_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/grpc"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func (h *house) WatchEvents(_ *pb.WatchEventsRequest, stream grpc.ServerStreamingServer[pb.WatchEventsResponse]) error {
	for position := range uint64(2) {
		if err := stream.Send(&pb.WatchEventsResponse{Told: &pb.WatchEventsResponse_Bookmark{Bookmark: &pb.WatchBookmark{Position: position}}}); err != nil {
			return err
		}
	}
	return nil
}

func (h *house) ExportAudit(_ *pb.ExportAuditRequest, stream grpc.ServerStreamingServer[pb.ExportAuditResponse]) error {
	for range 2 {
		if err := stream.Send(&pb.ExportAuditResponse{Data: []byte("PK")}); err != nil {
			return err
		}
	}
	return nil
}

// timed is an answer that notes what is done to it: a write, a flush, a deadline set and a deadline taken away.
type timed struct {
	*httptest.ResponseRecorder
	done string
}

func (a *timed) Write(b []byte) (int, error) {
	a.done += "w"
	return a.ResponseRecorder.Write(b)
}

func (a *timed) Flush() { a.done += "f" }

func (a *timed) SetWriteDeadline(at time.Time) error {
	if at.IsZero() {
		a.done += "-"
	} else {
		a.done += "+"
	}
	return nil
}

// A deadline holds for one piece of a stream. Over HTTP/2 one that passes ends the stream though nothing waits to be written, and
// what comes next may be long in coming.
func TestADeadlineHoldsForOnePiece(t *testing.T) {
	h := handler(t, &house{})
	for path, want := range map[string]string{
		"/v1/events:watch":            "+wf-+wf-+wf", // two, and the end
		"/v1/agreements/a1/audit.zip": "+w-+w-+",     // two, and what net/http holds
	} {
		a := &timed{ResponseRecorder: httptest.NewRecorder()}
		h.ServeHTTP(a, httptest.NewRequest("GET", path, nil))
		if a.Code != 200 || a.done != want {
			t.Errorf("%s is answered with %d and %q, want %q", path, a.Code, a.done, want)
		}
	}
}
