package api

import (
	"context"
	"errors"
	"io"
	"maps"
	"strconv"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/auth"
	"github.com/concordhq/concord/server/journal"
)

// Bounds of an import. A stream may be as long as a file is; what of it is held at a time may not.
const (
	// maxImportRows is how many rows one call takes: the largest register of agreements one would move at once.
	maxImportRows = 1_000_000
	// importAhead is how many rows are decided together, and how many more are read meanwhile. More would make the store no
	// faster, and everybody else wait longer.
	importAhead = 64
	// importBytes is how much the rows that are not decided yet may hold, which is as much as a batch of the journal.
	importBytes = journal.MaxBatchBytes
	// importIdle ends a call whose caller sends nothing: it has most likely gone.
	importIdle = 30 * time.Second
	// maxRowErrors is how many refused rows are listed, so that the answer stays a message.
	maxRowErrors = 1000
)

// importing is one call of ImportAgreements under way.
type importing struct {
	j      *journal.Journal
	caller rules.Caller
	base   string // of the request ids of rows that have none; empty: they go without
	last   int64  // the last row that is settled: proposed, or refused
	answer *pb.ImportAgreementsResponse
}

// row is one row as it came. It takes up room until it is settled.
type row struct {
	*pb.ImportAgreementRequest
	bytes int64
}

// ImportAgreements takes rows as they come and has them decided, many at a time. Each is done or refused by itself. What
// would refuse all that follow ends the call, and says behind which row to go on.
func (s agreements) ImportAgreements(stream grpc.ClientStreamingServer[pb.ImportAgreementRequest, pb.ImportAgreementsResponse]) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	i := &importing{j: s.j, caller: auth.Caller(ctx), answer: &pb.ImportAgreementsResponse{}}
	for _, key := range metadata.ValueFromIncomingContext(ctx, IdempotencyKey) {
		i.base = key
	}
	room := semaphore.NewWeighted(importBytes)
	rows, end := make(chan row, importAhead), make(chan error, 1)
	go func() {
		end <- readRows(ctx, stream, room, rows)
		close(rows)
	}()
	for {
		batch, err := gatherRows(ctx, rows)
		if err == nil && len(batch) == 0 {
			err = <-end
			if err == nil {
				return stream.SendAndClose(i.answer)
			}
		}
		if err == nil {
			err = i.decide(ctx, batch)
		}
		if err != nil {
			return i.brokenOff(err)
		}
		for _, r := range batch {
			room.Release(r.bytes)
		}
	}
}

// readRows reads until the caller has sent all, as far ahead as there is room.
func readRows(ctx context.Context, stream grpc.ClientStreamingServer[pb.ImportAgreementRequest, pb.ImportAgreementsResponse], room *semaphore.Weighted, rows chan<- row) error {
	for n := 0; ; n++ {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n == maxImportRows {
			e := rules.Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "One call takes at most %d rows. Send the others with another.", maxImportRows)
			e.Metadata = map[string]string{"limit": "import rows"}
			return e
		}
		taken := row{r, min(int64(proto.Size(r)), importBytes)}
		if err := room.Acquire(ctx, taken.bytes); err != nil {
			return err
		}
		select {
		case rows <- taken:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// gatherRows waits for a row and takes what else is there; none: there are no more.
func gatherRows(ctx context.Context, rows <-chan row) (batch []row, err error) {
	idle := time.NewTimer(importIdle)
	defer idle.Stop()
	select {
	case r, more := <-rows:
		if !more {
			return nil, nil
		}
		batch = append(batch, r)
	case <-idle.C:
		return nil, rules.Refuse(pb.ErrorReason_ERROR_REASON_CALL_ENDED, "No row came for %s.", importIdle)
	case <-ctx.Done(): // the caller has gone and hears nothing, or the service stops
		return nil, rules.Refuse(pb.ErrorReason_ERROR_REASON_SHUTTING_DOWN, "The service is stopping. Try again in a moment.")
	}
	for len(batch) < importAhead {
		select {
		case r, more := <-rows:
			if !more {
				return batch, nil
			}
			batch = append(batch, r)
		default:
			return batch, nil
		}
	}
	return batch, nil
}

// decide has rows decided and counts what came of them.
func (i *importing) decide(ctx context.Context, batch []row) error {
	wrong := make([]error, len(batch))
	var commands []proto.Message
	for n, r := range batch {
		if i.base != "" && r.GetRequestId() == "" {
			r.RequestId = i.base + ":" + strconv.FormatInt(r.GetRow(), 10)
		}
		if wrong[n] = check(r.ImportAgreementRequest); wrong[n] == nil {
			commands = append(commands, r.ImportAgreementRequest)
		}
	}
	decided := i.j.DoAll(ctx, i.caller, commands)
	for n, r := range batch {
		err := wrong[n]
		if err == nil {
			err, decided = decided[0], decided[1:]
		}
		if err != nil && endsImport(err) {
			return err
		}
		if err != nil && i.wasProposed(ctx, r.ImportAgreementRequest, err) {
			err = nil
		}
		i.settle(r, err)
	}
	return nil
}

// settle counts a row, and lists why it was refused if it was.
func (i *importing) settle(r row, err error) {
	i.last = r.GetRow()
	i.answer.Rows++
	if err == nil {
		i.answer.Proposed++
		return
	}
	i.answer.Failed++
	if i.answer.Truncated = len(i.answer.Errors) == maxRowErrors; i.answer.Truncated {
		return
	}
	var refusal *rules.Error
	errors.As(err, &refusal) // endsImport holds that it is one
	e := &pb.RowError{Row: r.GetRow(), AgreementId: r.GetAgreementId(), Reason: reasonWord(refusal.Reason), Description: short(refusal.Message)}
	if len(refusal.Violations) > 0 {
		e.Field, e.Description = refusal.Violations[0].Field, short(refusal.Violations[0].Description)
	}
	i.answer.Errors = append(i.answer.Errors, e)
}

// endsImport says of an error that it is not the row's: the rows that follow would fare no better.
func endsImport(err error) bool {
	var refusal *rules.Error
	if !errors.As(err, &refusal) {
		return true
	}
	switch refusal.Reason {
	case pb.ErrorReason_ERROR_REASON_OVERLOADED, pb.ErrorReason_ERROR_REASON_SHUTTING_DOWN, pb.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN,
		pb.ErrorReason_ERROR_REASON_STORE_FULL, pb.ErrorReason_ERROR_REASON_INTERNAL:
		return true
	}
	return false
}

// brokenOff tells the caller behind which row to go on.
func (i *importing) brokenOff(err error) error {
	var refusal *rules.Error
	if !errors.As(err, &refusal) {
		return err
	}
	told := *refusal
	told.Metadata = maps.Clone(refusal.Metadata)
	if told.Metadata == nil {
		told.Metadata = map[string]string{}
	}
	told.Metadata["settled_row"] = strconv.FormatInt(i.last, 10)
	return &told
}

// wasProposed says whether a row was refused because it was done before, longer ago than answers are kept: the agreement is
// there, and its first text is this one.
func (i *importing) wasProposed(ctx context.Context, r *pb.ImportAgreementRequest, err error) bool {
	var refusal *rules.Error
	if !errors.As(err, &refusal) || refusal.Reason != pb.ErrorReason_ERROR_REASON_ALREADY_EXISTS {
		return false
	}
	there, err := i.j.Read(ctx, i.caller, rules.Ref{Kind: rules.KindAgreement, Agreement: r.GetAgreementId()}, "agreement")
	a, _ := there.(*pb.Agreement)
	if err != nil || a.GetVendorPartyId() != r.GetVendorPartyId() || a.GetClientPartyId() != r.GetClientPartyId() {
		return false // an agreement of others
	}
	list, err := i.j.Proposals(ctx, i.caller, &pb.ListProposalsRequest{AgreementId: r.GetAgreementId(), PageSize: 1})
	if err != nil || len(list.GetProposals()) == 0 {
		return false // a draft
	}
	first, err := i.j.Read(ctx, i.caller, rules.Ref{
		Kind: rules.KindProposalRevision, Agreement: r.GetAgreementId(), ID: list.GetProposals()[0].GetProposalId(), Number: 1,
	}, "proposal revision")
	text, _ := first.(*pb.ProposalRevision)
	_, digest := rules.Digest(r.GetTerms())
	return err == nil && text.GetTermsDigest() == digest
}
