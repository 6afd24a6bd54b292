package journal

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// Agreements lists agreements by id: a party's, or for an auditor all it may read.
func (j *Journal) Agreements(ctx context.Context, caller rules.Caller, req *pb.ListAgreementsRequest) (*pb.ListAgreementsResponse, error) {
	list := &pb.ListAgreementsResponse{}
	party, theirs := partyAsked(caller, req.GetPartyId())
	if !theirs {
		return list, nil
	}
	if party == "" && req.GetSide() != 0 {
		return nil, rules.Invalid(rules.Violation{Field: "side", Description: "a side is a party's: name the party_id too"})
	}
	switch {
	case len(caller.AgreementIDs) > 0:
		ids := slices.Compact(slices.Sorted(slices.Values(caller.AgreementIDs)))
		return list, j.lookAtAgreements(ctx, caller, req, list, party, func(after string, n int) ([]string, error) {
			first, found := slices.BinarySearch(ids, after)
			if found {
				first++
			}
			return ids[first:min(len(ids), first+n)], nil
		})
	case req.GetAsOf() != nil: // its lists are of today
		return list, j.lookAtAgreements(ctx, caller, req, list, party, func(after string, n int) (ids []string, err error) {
			err = j.view(ctx, func(snap store.Snapshot) error {
				ids, err = agreementIDs(snap, party, req.GetSide(), after, n)
				return err
			})
			return ids, err
		})
	}
	states := choices(req.GetState(), pb.AgreementState_name)
	if caller.Role == pb.Role_ROLE_AUDITOR { // a draft is its author's alone
		states = slices.DeleteFunc(states, func(state byte) bool { return state == byte(pb.AgreementState_AGREEMENT_STATE_DRAFT) })
	}
	q := query{table: tableIndex, prefixes: prefixes(join(listAgreements, party, sep), sidesAsked(party, req.GetSide()), states)}
	return list, j.view(ctx, func(snap store.Snapshot) (err error) {
		list.NextPageToken, err = j.page(snap, caller, req, q, func(place, _ []byte) (int, error) {
			a, size, err := listed[*pb.Agreement](ctx, sight{Snapshot: snap, at: j.Now()}, rules.Ref{Kind: rules.KindAgreement, Agreement: string(place)})
			list.Agreements = append(list.Agreements, a)
			return size, err
		})
		return err
	})
}

// partyAsked is the party whose agreements a list is of: the one that was asked for, else the caller's own; empty for an
// auditor of all parties. A member that asks for another's finds nothing: foreign and missing answer alike.
func partyAsked(caller rules.Caller, asked string) (party string, theirs bool) {
	if caller.Role == pb.Role_ROLE_AUDITOR {
		return asked, true
	}
	return caller.PartyID, asked == "" || asked == caller.PartyID
}

// sidesAsked is which lists of a party's agreements hold what was asked for: those of a side, or all, as the neutral's too.
func sidesAsked(party string, side pb.Side) []byte {
	sides := choices(side, bothSides)
	switch {
	case party == "":
		return []byte{unspecified}
	case side == 0:
		return append(sides, unspecified) // as the neutral
	}
	return sides
}

// agreementIDs is some ids of a party's agreements, or of all agreements for "", in order: n at most, behind one.
func agreementIDs(snap store.Snapshot, party string, side pb.Side, after string, n int) (ids []string, err error) {
	q := query{table: tableIndex, prefixes: prefixes(join(listAgreements, party, sep), sidesAsked(party, side), choices[pb.AgreementState](0, pb.AgreementState_name))}
	if after != "" {
		q.from = append([]byte(after), keySeparator)
	}
	for place, err := range q.walk(snap) {
		if err != nil || len(ids) == n {
			return ids, err
		}
		if id := string(place.Key); len(ids) == 0 || ids[len(ids)-1] != id {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// lookAtAgreements fills a page with the agreements that match, each looked at by itself: candidates yields the ids behind
// one, n at most. A page ends early where more would have to be worked out than for one agreement at most.
func (j *Journal) lookAtAgreements(ctx context.Context, caller rules.Caller, req *pb.ListAgreementsRequest, list *pb.ListAgreementsResponse, party string, candidates func(after string, n int) ([]string, error)) error {
	token, err := j.openToken(caller, req)
	if err != nil {
		return err
	}
	after, size, held, replayed := string(token), pageSize(req.GetPageSize()), 0, 0
	for passed := 0; ; {
		ids, err := candidates(after, size+1)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if len(list.GetAgreements()) == size || held >= MaxPageBytes || replayed >= MaxReplay || passed == maxPassedOver {
				list.NextPageToken = j.sealToken(caller, req, []byte(after))
				return nil
			}
			after = id
			err := j.seeing(ctx, caller, id, req.GetAsOf(), func(s sight, a *pb.Agreement) error {
				replayed += s.replayed
				if matches(a, party, req) {
					list.Agreements = append(list.Agreements, a)
					held += proto.Size(a)
				} else {
					passed++
				}
				return nil
			})
			switch {
			case refusedAs(err, pb.ErrorReason_ERROR_REASON_NOT_FOUND):
				passed++
			case err != nil:
				return err
			}
		}
	}
}

func matches(a *pb.Agreement, party string, req *pb.ListAgreementsRequest) bool {
	member := rules.Caller{PartyID: party}
	side := member.SideOf(a)
	return (party == "" || side != 0 || member.Neutral(a)) && (req.GetSide() == 0 || req.GetSide() == side) &&
		(req.GetState() == 0 || req.GetState() == a.GetState())
}
