package rules

import (
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// randomReview draws something that somebody does to one of a few reviews, more often than not what fits it.
func randomReview(t *rapid.T, w *world, agreement string, by Caller) (Caller, proto.Message) {
	id := []string{"r0", "r0", "r0", "r0", "r0", "r0", "r0", "r1"}[evenly(t, "review")] // one that goes on, and one that is taken back
	r, known := w.records[reviewRef(agreement, id)].(*pb.Review)
	if by.PartyID == "" {
		by = client
	}
	if !known {
		day := DayOf(w.now.Date()).Add(-rapid.IntRange(0, 60).Draw(t, "days")).String()
		return by, &pb.OpenReviewRequest{AgreementId: agreement, ReviewId: id, Title: "Together", FromDate: rapid.SampledFrom([]string{"", "", day}).Draw(t, "from")}
	}
	due := DayOf(w.now.Date()).Add(evenly(t, "due")*20 - 1).String()
	switch verb := evenly(t, "verb"); {
	case id == "r1" && r.GetState() == reviewOpen && verb > 3:
		return w.of(agreement, r.GetOpenedBy()), &pb.WithdrawReviewRequest{AgreementId: agreement, ReviewId: id, Reason: "not now"}
	case r.GetState() == reviewSigned:
		return by, &pb.ProposeReviewActionRequest{AgreementId: agreement, ReviewId: id, Action: 1 + int32(evenly(t, "action")/7), Note: "as we said"}
	case verb == 0 || len(r.GetActions()) == 0:
		return by, &pb.UpdateReviewRequest{AgreementId: agreement, ReviewId: id, Etag: randomEtag(t), Review: &pb.Review{
			Minutes: rapid.SampledFrom([]string{"", "We met.", "We met again."}).Draw(t, "minutes"),
			Actions: []*pb.ReviewAction{{Title: "Call first", Obligor: rapid.SampledFrom([]pb.Side{pb.Side_SIDE_VENDOR, pb.Side_SIDE_CLIENT}).Draw(t, "obligor"), DueDate: due}},
		}}
	}
	side := pb.Side_SIDE_VENDOR
	if len(r.GetSignatures()) > 0 {
		side = Other(r.GetSignatures()[0].GetSide())
	}
	digest := rapid.SampledFrom([]string{r.GetDigest(), r.GetDigest(), r.GetDigest(), "another"}).Draw(t, "digest")
	return w.of(agreement, side), &pb.SignReviewRequest{AgreementId: agreement, ReviewId: id, Revision: r.GetRevision(), Digest: digest}
}
