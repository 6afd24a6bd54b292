package api

import (
	"bufio"
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/auth"
)

// Bounds of exports.
const (
	// maxExports is how many run at once, through each door. One keeps a core busy, and others have to go on.
	maxExports = 4
	// exportPiece is how much one message holds: enough that messages cost little, and little enough to be held for a slow
	// caller.
	exportPiece = 128 << 10
	// exportPatience is how long a caller may take for one message. Who takes longer has most likely gone.
	exportPatience = 30 * time.Second
)

func (s logs) GetInclusionProof(ctx context.Context, r *pb.GetInclusionProofRequest) (*pb.InclusionProof, error) {
	return s.j.InclusionProof(ctx, auth.Caller(ctx), r)
}

func (s logs) GetConsistencyProof(ctx context.Context, r *pb.GetConsistencyProofRequest) (*pb.ConsistencyProof, error) {
	return s.j.ConsistencyProof(ctx, r)
}

// ExportAudit writes a bundle piece by piece.
func (s logs) ExportAudit(r *pb.ExportAuditRequest, stream grpc.ServerStreamingServer[pb.ExportAuditResponse]) error {
	if err := check(r); err != nil {
		return err
	}
	if !s.exports.TryAcquire(1) {
		return rules.Refuse(pb.ErrorReason_ERROR_REASON_OVERLOADED, "%d exports run already. Try again in a moment.", maxExports)
	}
	defer s.exports.Release(1)
	ctx := stream.Context()
	l, err := s.j.Log(ctx)
	if err != nil {
		return err
	}
	policy := []byte(strings.Join(s.policy.Tell(l).GetTexts(), "\n"))
	out := bufio.NewWriterSize(&pieces{ctx, stream.Send}, exportPiece)
	if err := s.j.ExportAudit(ctx, auth.Caller(ctx), r, policy, out); err != nil {
		return err
	}
	return out.Flush()
}

// pieces is a writer that sends what it is given, and gives up on who does not take it.
type pieces struct {
	ctx  context.Context
	send func(*pb.ExportAuditResponse) error
}

func (p *pieces) Write(b []byte) (n int, err error) {
	for piece := range slices.Chunk(b, exportPiece) { // the manifest of a large service is written at once
		if err := p.write(piece); err != nil {
			return n, err
		}
		n += len(piece)
	}
	return n, nil
}

// write sends one piece.
func (p *pieces) write(b []byte) error {
	sent, piece := make(chan error, 1), &pb.ExportAuditResponse{Data: bytes.Clone(b)}
	go func() { sent <- p.send(piece) }()
	patience := time.NewTimer(exportPatience)
	defer patience.Stop()
	select {
	case err := <-sent:
		return err
	case <-patience.C: // the message ends with the call
		return rules.Refuse(pb.ErrorReason_ERROR_REASON_CALL_ENDED, "A message was not taken for %s.", exportPatience)
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}
