package journal

import (
	"context"
	"slices"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// MaxScored is how many agreements a party's scorecard is reckoned over: what takes some tenths of a second.
// scorecard_service.proto says the same.
const MaxScored = 1000

// maxScoredLooked is how many agreements are looked at for those with one partner.
const maxScoredLooked = 20 * MaxScored

// PartyScorecard reckons a party's figures over those of its agreements that the caller may see, all as of one moment.
func (j *Journal) PartyScorecard(ctx context.Context, caller rules.Caller, req *pb.GetPartyScorecardRequest) (*pb.PartyScorecard, error) {
	at, err := j.moment(ctx, req.GetAsOf())
	if err != nil {
		return nil, err
	}
	score, err := rules.NewPartyScore(req.GetPartyId(), req.GetPartnerPartyId(), req.GetFromDate(), req.GetToDate(), at)
	if err != nil {
		return nil, err
	}
	confined := len(caller.AgreementIDs) > 0
	if !confined {
		if _, err := j.Party(ctx, caller, req.GetPartyId()); err != nil {
			return nil, err
		}
	}
	ids, err := j.scoredAgreements(ctx, caller, req, score)
	if err != nil {
		return nil, err
	}
	if confined && len(ids) == 0 {
		return nil, rules.NotFound("party", req.GetPartyId())
	}
	replayed := 0
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		err := j.seeingAt(ctx, caller, id, req.GetAsOf() != nil, at, func(s sight, a *pb.Agreement) error {
			if replayed += s.replayed; replayed > MaxReplay {
				return tooManyScored("events replayed", "These agreements had more than %d events by then. What was is worked out from as many at most. "+fewer(req), MaxReplay)
			}
			if !score.Wants(a) {
				return nil // it was not agreed on yet
			}
			return score.Add(s.state(), id)
		})
		if err != nil && !refusedAs(err, pb.ErrorReason_ERROR_REASON_NOT_FOUND) {
			return nil, err
		}
	}
	return score.Scorecard(), nil
}

// scoredAgreements is the ids of the agreements that a party's scorecard is of, in order: of those that the caller may see.
func (j *Journal) scoredAgreements(ctx context.Context, caller rules.Caller, req *pb.GetPartyScorecardRequest, score *rules.PartyScore) (ids []string, err error) {
	listed := caller.PartyID // a member is told of what it is in, whomever it asks about
	if caller.Role == pb.Role_ROLE_AUDITOR {
		listed = req.GetPartyId()
	}
	for after, looked := "", 0; ; {
		var page []string
		err := j.view(ctx, func(snap store.Snapshot) (err error) {
			if len(caller.AgreementIDs) == 0 {
				page, err = agreementIDs(snap, listed, 0, after, MaxPageSize)
			} else if after == "" {
				page = slices.Compact(slices.Sorted(slices.Values(caller.AgreementIDs)))
			}
			for _, id := range page {
				after = id
				a, seenErr := seen(snap, caller, id)
				switch {
				case refusedAs(seenErr, pb.ErrorReason_ERROR_REASON_NOT_FOUND):
				case seenErr != nil:
					return seenErr
				case score.Wants(a):
					ids = append(ids, id)
				}
			}
			return err
		})
		if looked += len(page); err != nil || len(page) == 0 {
			return ids, err
		}
		if len(ids) > MaxScored || looked > maxScoredLooked {
			return nil, tooManyScored("agreements", "A party's scorecard is reckoned over %d agreements at most. "+fewer(req), MaxScored)
		}
	}
}

// fewer says how to ask for less.
func fewer(req *pb.GetPartyScorecardRequest) string {
	if req.GetPartnerPartyId() == "" {
		return "Name the partner_party_id, or ask for the scorecard of each."
	}
	return "Ask for the scorecard of each."
}

// tooManyScored refuses a scorecard that would take too long.
func tooManyScored(limit, words string, most int) error {
	e := rules.Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, words, most)
	e.Metadata = map[string]string{"limit": limit}
	return e
}
