package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sdk "github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

// row is a row that acme imports: an agreement with globex.
func row(n int64) *pb.ImportAgreementRequest {
	return &pb.ImportAgreementRequest{
		Row: n, AgreementId: fmt.Sprintf("old-%d", n), VendorPartyId: acme, ClientPartyId: globex, RequestId: fmt.Sprintf("move:%d", n),
		Terms: text(fmt.Sprintf("Agreement %d", n), oneOff("desk", vendor, "2026-02-02")),
	}
}

// imported sends rows in one call.
func (s *stage) imported(t *testing.T, who servertest.Caller, rows ...*pb.ImportAgreementRequest) (*pb.ImportAgreementsResponse, *servertest.Refusal) {
	t.Helper()
	stream := s.importing(t, t.Context(), who)
	for _, r := range rows {
		if err := stream.Send(r); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
	answer, err := stream.CloseAndRecv()
	if err != nil {
		return nil, servertest.RefusalOf(err)
	}
	return answer, nil
}

func (s *stage) importing(t *testing.T, ctx context.Context, who servertest.Caller) pb.AgreementService_ImportAgreementsClient {
	t.Helper()
	stream, err := pb.NewAgreementServiceClient(s.Conn()).ImportAgreements(servertest.Outgoing(ctx, who))
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// count is how many agreements a caller's party has proposed.
func (s *stage) count(t *testing.T, who servertest.Caller) (n int) {
	t.Helper()
	req := &pb.ListAgreementsRequest{State: pb.AgreementState_AGREEMENT_STATE_PROPOSED, PageSize: 1000}
	for {
		page := s.GRPC().Must(t, who, req).(*pb.ListAgreementsResponse)
		n += len(page.GetAgreements())
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return n
		}
	}
}

// A row that is wrong is told with its field, and the rest goes on; a row is done whole or not at all.
func TestABadRowDoesNotStopTheOthers(t *testing.T) {
	s := setStage(t, servertest.Options{})
	before := s.count(t, s.acme)
	rows := []*pb.ImportAgreementRequest{row(1), row(2), row(3), row(4), row(5), row(6), row(7)}
	rows[1].AgreementId = "NOT AN ID"
	rows[2].Terms.Commitments[0].Weight = 9
	rows[3].Terms.Commitments[0].GetOneOff().DueDate = "2026-02-31"
	rows[4].VendorPartyId = initech
	rows[5].AgreementId = "running"
	answer, refusal := s.imported(t, s.acme, rows...)
	if refusal != nil {
		t.Fatal(refusal)
	}
	if answer.GetRows() != 7 || answer.GetProposed() != 2 || answer.GetFailed() != 5 || answer.GetTruncated() {
		t.Errorf("%v", answer)
	}
	var told []string
	for _, e := range answer.GetErrors() {
		told = append(told, fmt.Sprintf("%d %s %s %s", e.GetRow(), e.GetAgreementId(), e.GetReason(), e.GetField()))
		if e.GetDescription() == "" {
			t.Errorf("not a word: %v", e)
		}
	}
	want := []string{
		"2 NOT AN ID INVALID_FIELDS agreement_id", "3 old-3 INVALID_FIELDS terms.commitments[0].weight",
		"4 old-4 INVALID_FIELDS terms.commitments[0].one_off.due_date", "5 old-5 WRONG_SIDE ", "6 running ALREADY_EXISTS ",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told\n%s\nwanted\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
	if now := s.count(t, s.acme); now != before+2 {
		t.Errorf("%d agreements were proposed", now-before)
	}
	for _, id := range []string{"old-3", "old-4", "old-5"} {
		_, refusal := s.GRPC().Call(t, s.acme, &pb.GetAgreementRequest{AgreementId: id})
		refused(t, "half an agreement: "+id, refusal, "NOT_FOUND")
	}
}

// Only checking writes nothing, whatever the rows are.
func TestADryImportWritesNothing(t *testing.T) {
	s := setStage(t, servertest.Options{})
	before := s.Written(t)
	rows := []*pb.ImportAgreementRequest{row(1), row(2), row(3)}
	rows[1].Terms.Commitments[0].Weight = 9
	for _, r := range rows {
		r.ValidateOnly = true
	}
	answer, refusal := s.imported(t, s.acme, rows...)
	if refusal != nil || answer.GetProposed() != 2 || answer.GetFailed() != 1 {
		t.Errorf("%v, %v", answer, refusal)
	}
	if after := s.Written(t); after != before+1 {
		t.Errorf("%d events were written", after-before-1)
	}
}

// A row that was done is not done again: within a day by its request id, ever after by its agreement id and its text.
func TestARepeatedRowIsDoneOnce(t *testing.T) {
	s := setStage(t, servertest.Options{})
	first := row(1)
	if _, refusal := s.imported(t, s.acme, first); refusal != nil {
		t.Fatal(refusal)
	}
	before := s.Written(t)
	other := row(1)
	other.RequestId = "another"
	keyed := row(1)
	keyed.RequestId = ""
	for what, c := range map[string]struct {
		who servertest.Caller
		row *pb.ImportAgreementRequest
	}{
		"the same": {s.acme, first}, "under another id": {s.acme, other}, "under its number": {s.acme.With("idempotency-key", "move"), keyed},
	} {
		if answer, refusal := s.imported(t, c.who, proto.CloneOf(c.row)); refusal != nil || answer.GetProposed() != 1 || answer.GetFailed() != 0 {
			t.Errorf("%s: %v, %v", what, answer, refusal)
		}
	}
	changed := row(1)
	changed.RequestId, changed.Terms.Title = "", "Something else"
	if answer, _ := s.imported(t, s.acme, changed); answer.GetFailed() != 1 || answer.GetErrors()[0].GetReason() != "ALREADY_EXISTS" {
		t.Errorf("another text under a taken id: %v", answer)
	}
	if after := s.Written(t); after != before+1 {
		t.Errorf("%d events were written", after-before-1)
	}
}

// A connection breaks in the middle of a large import. Begun anew, it does what is missing and nothing twice; and however
// long it is, the service holds little of it.
func TestAnImportIsResumed(t *testing.T) {
	const all, cut = 10_000, 5_000
	s := setStage(t, servertest.Options{})
	before := s.count(t, s.acme)
	ctx, breaks := context.WithCancel(t.Context())
	stream := s.importing(t, ctx, s.acme)
	for n := range int64(cut) {
		if err := stream.Send(row(n + 1)); err != nil {
			t.Fatal(err)
		}
	}
	breaks()
	if _, err := stream.CloseAndRecv(); err == nil {
		t.Fatal("a broken call was answered")
	}
	c, err := sdk.Dial(t.Context(), s.GRPCAddr, sdk.Options{Key: s.acme.Key})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	rows := iter.Seq2[*pb.ImportAgreementRequest, error](func(yield func(*pb.ImportAgreementRequest, error) bool) {
		for n := range int64(all) {
			r := row(n + 1)
			if n == all/2 {
				r.Terms.Title = "" // a bad one in the middle
			}
			if !yield(r, nil) {
				return
			}
		}
	})
	sum := &pb.ImportAgreementsResponse{}
	for answer, err := range c.Import(t.Context(), rows) {
		if err != nil {
			t.Fatal(err)
		}
		sum.Rows, sum.Proposed, sum.Failed = sum.Rows+answer.GetRows(), sum.Proposed+answer.GetProposed(), sum.Failed+answer.GetFailed()
		sum.Errors = append(sum.Errors, answer.GetErrors()...)
	}
	if sum.GetRows() != all || sum.GetProposed() != all-1 || len(sum.GetErrors()) != 1 || sum.GetErrors()[0].GetRow() != all/2+1 || sum.GetErrors()[0].GetField() != "terms.title" {
		t.Errorf("%v", sum)
	}
	if now := s.count(t, s.acme); now != before+all-1 {
		t.Errorf("%d agreements were proposed", now-before)
	}
}

// However long an import is, and however large its rows are, the service holds little of it.
func TestAnImportIsNotHeld(t *testing.T) {
	const rows, most = 1500, 48 << 20 // of 100 MB that go through
	s := setStage(t, servertest.Options{})
	large := row(1)
	large.ValidateOnly, large.RequestId = true, "" // so that the store, which is memory here, does not grow either
	for n := range 30 {
		promise := oneOff(fmt.Sprintf("desk-%d", n), vendor, "2026-02-02")
		promise.Description = strings.Repeat("x", 2000)
		large.Terms.Commitments = append(large.Terms.Commitments, promise)
	}
	held := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := held()
	stream := s.importing(t, t.Context(), s.acme)
	for n := range rows {
		if err := stream.Send(large); err != nil {
			t.Fatal(err)
		}
		if n%250 == 249 {
			if now := held(); now > before+most {
				t.Errorf("after %d rows of %d bytes %d bytes are held", n+1, proto.Size(large), now-before)
			}
		}
	}
	if answer, err := stream.CloseAndRecv(); err != nil || answer.GetProposed() != rows {
		t.Errorf("%v, %v", answer, err)
	}
}

// Many refused rows make a short answer.
func TestRefusedRowsAreListedUpToABound(t *testing.T) {
	s := setStage(t, servertest.Options{})
	var rows []*pb.ImportAgreementRequest
	for n := range int64(1001) {
		r := row(n + 1)
		r.Terms = nil
		rows = append(rows, r)
	}
	answer, refusal := s.imported(t, s.acme, rows...)
	if refusal != nil || answer.GetFailed() != 1001 || len(answer.GetErrors()) != 1000 || !answer.GetTruncated() {
		t.Errorf("%d errors of %d, %v", len(answer.GetErrors()), answer.GetFailed(), refusal)
	}
}

// A service that stops says behind which row to go on.
func TestAStoppingServiceEndsAnImport(t *testing.T) {
	s := setStage(t, servertest.Options{})
	stream := s.importing(t, t.Context(), s.acme)
	if err := stream.Send(row(1)); err != nil {
		t.Fatal(err)
	}
	servertest.Eventually(t, "the row is proposed", func() bool {
		_, refusal := s.GRPC().Call(t, s.acme, &pb.GetAgreementRequest{AgreementId: "old-1"})
		return refusal == nil
	})
	s.Begin()
	refusal := servertest.RefusalOf(stream.RecvMsg(&pb.ImportAgreementsResponse{})) // without a word that there are no more
	if refusal.Code != codes.Unavailable || refusal.Reason != "SHUTTING_DOWN" || refusal.Metadata["settled_row"] != "1" {
		t.Errorf("%v %v", refusal, refusal.Metadata)
	}
}

// Every field of a row is checked like a request's. A row is told with one field that is wrong: where a part of a text was
// made for the field, another of that part may be wrong before it.
func TestEveryFieldOfARowIsChecked(t *testing.T) {
	s := setStage(t, servertest.Options{})
	var rows []*pb.ImportAgreementRequest
	var want []string
	add := func(path string, change func(*pb.ImportAgreementRequest)) {
		r := row(int64(len(rows) + 1))
		change(r)
		rows, want = append(rows, r), append(want, path)
	}
	for _, p := range places((&pb.ImportAgreementRequest{}).ProtoReflect().Descriptor(), place{}) {
		if p.out {
			continue
		}
		for _, bad := range badValues(p.field) {
			add(p.path, func(r *pb.ImportAgreementRequest) { p.put(r, bad) })
		}
	}
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 9999, protowire.VarintType), 1)
	add("", func(r *pb.ImportAgreementRequest) { r.ProtoReflect().SetUnknown(unknown) })
	add("terms", func(r *pb.ImportAgreementRequest) { r.Terms.ProtoReflect().SetUnknown(unknown) })
	for _, id := range badIDs {
		if utf8.ValidString(id) {
			add("agreement_id", func(r *pb.ImportAgreementRequest) { r.AgreementId = id })
		}
	}
	before := s.Written(t)
	answer, refusal := s.imported(t, s.acme, rows...)
	if refusal != nil || len(answer.GetErrors()) != len(rows) || len(rows) < 100 {
		t.Fatalf("%d of %d rows were refused: %v", len(answer.GetErrors()), len(rows), refusal)
	}
	for n, e := range answer.GetErrors() {
		part, _, _ := strings.Cut(want[n], ".")
		if e.GetReason() != "INVALID_FIELDS" || !strings.HasPrefix(e.GetField(), part) || e.GetDescription() == "" {
			t.Errorf("%s: told %v", want[n], e)
		}
	}
	if after := s.Written(t); after != before+1 {
		t.Errorf("%d events were written", after-before-1)
	}
}

// badValues are values that no field of a kind takes.
func badValues(f protoreflect.FieldDescriptor) []protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return []protoreflect.Value{protoreflect.ValueOfString(strings.Repeat("x", 5000))}
	case protoreflect.EnumKind:
		return []protoreflect.Value{protoreflect.ValueOfEnum(99), protoreflect.ValueOfEnum(-1)}
	case protoreflect.Int32Kind:
		return []protoreflect.Value{protoreflect.ValueOfInt32(math.MinInt32), protoreflect.ValueOfInt32(math.MaxInt32)}
	case protoreflect.Int64Kind:
		return []protoreflect.Value{protoreflect.ValueOfInt64(math.MinInt64)}
	case protoreflect.DoubleKind:
		return []protoreflect.Value{protoreflect.ValueOfFloat64(math.NaN()), protoreflect.ValueOfFloat64(2)}
	}
	return nil
}
