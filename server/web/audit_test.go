package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/web"
)

// exporting is a channel to a service that answers an export with some pieces, and then with an error.
type exporting struct {
	grpc.ClientConnInterface
	pieces []string
	end    error
}

func (e *exporting) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return &exportStream{pieces: e.pieces, end: e.end}, nil
}

type exportStream struct {
	grpc.ClientStream
	pieces []string
	end    error
}

func (*exportStream) SendMsg(any) error { return io.EOF } // as where a call is refused before its request is taken

func (*exportStream) CloseSend() error { return nil }

func (s *exportStream) RecvMsg(m any) error {
	if len(s.pieces) == 0 {
		return s.end
	}
	proto.Merge(m.(proto.Message), &pb.ExportAuditResponse{Data: []byte(s.pieces[0])})
	s.pieces = s.pieces[1:]
	return nil
}

// A bundle that ends too early is no answer: its client must not take half of it for the whole.
func TestHalfABundleIsNoAnswer(t *testing.T) {
	for _, c := range []struct {
		name    string
		service exporting
		status  int
		body    string
		broken  bool
	}{
		{"whole", exporting{pieces: []string{"ab", "cd"}, end: io.EOF}, http.StatusOK, "abcd", false},
		{"broken off", exporting{pieces: []string{"ab", "cd"}, end: status.Error(codes.Canceled, "gone")}, http.StatusOK, "abcd", true},
		{"refused", exporting{end: status.Error(codes.PermissionDenied, "no")}, http.StatusForbidden, "", false},
		{"failed", exporting{end: errors.New("no disk")}, http.StatusInternalServerError, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, server := open(t, func(config *web.Config) { config.Conn = &c.service })
			answer, err := server.Client().Get(server.URL + "/v1/agreements/help/audit.zip")
			if c.broken && err != nil {
				return // it did not even begin
			}
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if answer.StatusCode != c.status || (err != nil) != c.broken || c.body != "" && !c.broken && string(body) != c.body {
				t.Errorf("%d %q, %v", answer.StatusCode, body, err)
			}
		})
	}
}
