package journal

import (
	"cmp"
	"context"

	"golang.org/x/mod/sumdb/tlog"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// InclusionProof proves that an event that the caller may see stands in the log.
func (j *Journal) InclusionProof(ctx context.Context, caller rules.Caller, req *pb.GetInclusionProofRequest) (*pb.InclusionProof, error) {
	r, err := j.Event(ctx, caller, &pb.GetEventRequest{AgreementId: req.GetAgreementId(), Version: req.GetVersion(), Position: req.GetPosition()})
	if err != nil {
		return nil, err
	}
	c, err := j.Checkpoint(ctx, req.GetSize())
	if err != nil {
		return nil, err
	}
	if r.GetPosition() > c.GetSize() {
		return nil, rules.Refuse(pb.ErrorReason_ERROR_REASON_NOT_FOUND, "The checkpoint does not reach event %d yet: the newest follows it within a second or so.", r.GetPosition())
	}
	proved := &pb.InclusionProof{Position: r.GetPosition(), Size: c.GetSize()}
	return proved, j.view(ctx, func(snap store.Snapshot) error {
		head, err := readHead(snap, r.GetEvent().GetAgreementId())
		if err != nil {
			return err
		}
		tree, err := newTree(snap)
		if err != nil {
			return err
		}
		index := int64(r.GetPosition() - 1)
		hashes, err := tlog.ProveRecord(int64(c.GetSize()), index, tree)
		proved.TlogProof = string(proof.FormatInclusion(index, r.GetSalt(), head.GetLogKey(), r.GetEvent().GetVersion(), hashes, []byte(c.GetNote())))
		return err
	})
}

// ConsistencyProof proves that the log of one size has grown from the log of another.
func (j *Journal) ConsistencyProof(ctx context.Context, req *pb.GetConsistencyProofRequest) (*pb.ConsistencyProof, error) {
	newest, err := j.Checkpoint(ctx, 0)
	if err != nil {
		return nil, err
	}
	p := &pb.ConsistencyProof{OldSize: req.GetOldSize(), NewSize: cmp.Or(req.GetNewSize(), newest.GetSize())}
	if p.GetNewSize() > newest.GetSize() || req.GetNewSize() == 0 && p.GetOldSize() > newest.GetSize() {
		return nil, rules.Refuse(pb.ErrorReason_ERROR_REASON_NOT_FOUND, "The newest checkpoint has %d entries and does not reach so far.", newest.GetSize())
	}
	if p.GetOldSize() > p.GetNewSize() {
		return nil, rules.Invalid(rules.Violation{Field: "old_size", Description: "is larger than new_size: a log only grows"})
	}
	return p, j.Tree(ctx, func(tree *Tree) error {
		hashes, err := tlog.ProveTree(int64(p.GetNewSize()), int64(p.GetOldSize()), tree)
		for _, h := range hashes {
			p.Hashes = append(p.Hashes, h[:])
		}
		return err
	})
}
