package client_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// ImportAgreements takes every row, unless the desk turns callers away.
func (d *desk) ImportAgreements(stream grpc.ClientStreamingServer[pb.ImportAgreementRequest, pb.ImportAgreementsResponse]) error {
	answer, ids := &pb.ImportAgreementsResponse{}, ""
	for {
		row, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if answer.Rows++; answer.Rows == 1 {
			ids = fmt.Sprint(row.GetRow())
		}
		answer.Proposed++
	}
	if err := d.note(stream.Context(), ids); err != nil {
		return err
	}
	return stream.SendAndClose(answer)
}

// rows counts from 1; a row after the last is an error, if there is one.
func rows(last int64, note string, broken error) iter.Seq2[*pb.ImportAgreementRequest, error] {
	return func(yield func(*pb.ImportAgreementRequest, error) bool) {
		for n := range last {
			if !yield(&pb.ImportAgreementRequest{Row: n + 1, Note: note}, nil) {
				return
			}
		}
		if broken != nil {
			yield(nil, broken)
		}
	}
}

// imported is how many rows each answer stands for, and the error at the end.
func imported(t *testing.T, c *client.Client, rows iter.Seq2[*pb.ImportAgreementRequest, error]) (sizes []int64, failed error) {
	t.Helper()
	for answer, err := range c.Import(t.Context(), rows) {
		if err != nil {
			return sizes, err
		}
		sizes = append(sizes, answer.GetRows())
	}
	return sizes, nil
}

func TestAnImportIsManyCalls(t *testing.T) {
	busy := status.Error(codes.Unavailable, "busy")
	d := &desk{away: []error{nil, busy, busy}}
	c := open(t, d, client.Options{})
	if sizes, err := imported(t, c, rows(2500, "", nil)); err != nil || !slices.Equal(sizes, []int64{1000, 1000, 500}) {
		t.Errorf("%v, %v", sizes, err)
	}
	var firsts []string
	for _, call := range d.calls {
		firsts = append(firsts, call.requestID)
	}
	if !slices.Equal(firsts, []string{"1", "1001", "1001", "1001", "2001"}) {
		t.Errorf("the calls began with the rows %v", firsts)
	}
	if sizes, err := imported(t, c, rows(10, string(make([]byte, 3<<20)), nil)); err != nil || !slices.Equal(sizes, []int64{3, 3, 3, 1}) {
		t.Errorf("large rows: %v, %v", sizes, err)
	}
	if sizes, err := imported(t, c, rows(0, "", nil)); err != nil || sizes != nil {
		t.Errorf("no rows: %v, %v", sizes, err)
	}
}

func TestAnImportEndsWithItsError(t *testing.T) {
	refused := status.Error(codes.PermissionDenied, "no")
	d := &desk{away: []error{nil, refused}}
	c := open(t, d, client.Options{})
	if sizes, err := imported(t, c, rows(2500, "", nil)); status.Code(err) != codes.PermissionDenied || !slices.Equal(sizes, []int64{1000}) || len(d.calls) != 2 {
		t.Errorf("%v, %v after %d calls", sizes, err, len(d.calls))
	}
	broken := errors.New("the disk is gone")
	if sizes, err := imported(t, c, rows(1500, "", broken)); !errors.Is(err, broken) || !slices.Equal(sizes, []int64{1000, 500}) {
		t.Errorf("%v, %v", sizes, err)
	}
	busy := status.Error(codes.Unavailable, "busy")
	d.away = []error{busy, busy, busy}
	c = open(t, d, client.Options{Attempts: 2})
	if sizes, err := imported(t, c, rows(1, "", nil)); status.Code(err) != codes.Unavailable || sizes != nil || len(d.away) != 1 {
		t.Errorf("%v, %v", sizes, err)
	}
}
