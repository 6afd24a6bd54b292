package journal

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"time"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// Every list of the API, each as the ranges of keys that hold it.

const sep = byte(keySeparator)

// choices is the one filter value that was asked for, or all there are.
func choices[E ~int32](asked E, all map[int32]string) []byte {
	if asked != 0 {
		return []byte{byte(asked)}
	}
	var every []byte
	for n := range all {
		if n != 0 {
			every = append(every, byte(n))
		}
	}
	slices.Sort(every)
	return every
}

var bothSides = pb.Side_name

// prefixes crosses filter values with what stands before them.
func prefixes(head []byte, filters ...[]byte) [][]byte {
	all := [][]byte{head}
	for _, values := range filters {
		var longer [][]byte
		for _, p := range all {
			for _, v := range values {
				longer = append(longer, append(append(make([]byte, 0, len(p)+1), p...), v))
			}
		}
		all = longer
	}
	return all
}

// Obligations lists an agreement's obligations by due date.
func (j *Journal) Obligations(ctx context.Context, caller rules.Caller, req *pb.ListObligationsRequest) (*pb.ListObligationsResponse, error) {
	list := &pb.ListObligationsResponse{}
	q, none, err := obligationQuery(req)
	if err != nil {
		return nil, err
	}
	return list, j.seeing(ctx, caller, req.GetAgreementId(), req.GetAsOf(), func(s sight, _ *pb.Agreement) error {
		if none, err := none(s); none || err != nil {
			return err
		}
		var err error
		list.NextPageToken, err = j.page(s, caller, req, q, func(place, _ []byte) (int, error) {
			o, size, err := listed[*pb.Obligation](ctx, s, rules.Ref{Kind: rules.KindObligation, Agreement: req.GetAgreementId(), ID: rules.Place(place).ID(rules.KindObligation)})
			if err == nil && req.GetState() != 0 && req.GetState() != o.GetState() {
				return 0, errPassedOver // another one of its group
			}
			list.Obligations = append(list.Obligations, o)
			return size, err
		})
		return err
	})
}

// obligationQuery is the ranges for a combination of filters. A commitment has one obligor, so naming both is either
// the commitment's list or, as none tells, an empty one.
func obligationQuery(req *pb.ListObligationsRequest) (q query, none func(store.Snapshot) (bool, error), err error) {
	q.table = tableRecords
	none = func(store.Snapshot) (bool, error) { return false, nil }
	var wrong []rules.Violation
	bound := func(field, date string) []byte {
		if date == "" {
			return nil
		}
		day, err := rules.ParseDay(date)
		if err != nil {
			wrong = append(wrong, rules.Violation{Field: field, Description: err.Error()})
			return nil
		}
		return be32(uint32(day))
	}
	q.from, q.to = bound("due_from", req.GetDueFrom()), bound("due_before", req.GetDueBefore())
	if wrong != nil {
		return q, none, rules.Invalid(wrong...)
	}
	if q.from != nil && q.to == nil {
		q.to = be32(math.MaxUint32) // what has no day yet is not due from any day on
	}
	states := groups(choices(req.GetState(), pb.ObligationState_name))
	if req.GetCommitmentId() == "" {
		q.prefixes = prefixes(join(req.GetAgreementId(), sep, subLists, listObligations), choices(req.GetObligor(), bothSides), states)
		return q, none, nil
	}
	q.prefixes = prefixes(join(req.GetAgreementId(), sep, subLists, listByCommitment, req.GetCommitmentId(), sep), states)
	none = func(snap store.Snapshot) (bool, error) {
		m, err := readRecord(snap, rules.Ref{Kind: rules.KindCommitment, Agreement: req.GetAgreementId(), ID: req.GetCommitmentId()})
		c, _ := m.(*pb.Commitment)
		return req.GetObligor() != 0 && c.GetObligor() != req.GetObligor(), err
	}
	return q, none, nil
}

// Commitments lists an agreement's commitments by id.
func (j *Journal) Commitments(ctx context.Context, caller rules.Caller, req *pb.ListCommitmentsRequest) (*pb.ListCommitmentsResponse, error) {
	list := &pb.ListCommitmentsResponse{}
	q := query{table: tableRecords, prefixes: prefixes(join(req.GetAgreementId(), sep, subLists, listCommitments),
		choices(req.GetObligor(), bothSides), choices(req.GetState(), pb.CommitmentState_name))}
	return list, j.seeing(ctx, caller, req.GetAgreementId(), req.GetAsOf(), func(s sight, _ *pb.Agreement) (err error) {
		list.NextPageToken, err = j.page(s, caller, req, q, func(place, _ []byte) (int, error) {
			c, size, err := listed[*pb.Commitment](ctx, s, rules.Ref{Kind: rules.KindCommitment, Agreement: req.GetAgreementId(), ID: string(place)})
			list.Commitments = append(list.Commitments, c)
			return size, err
		})
		return err
	})
}

// Proposals lists an agreement's proposals in the order they were made.
func (j *Journal) Proposals(ctx context.Context, caller rules.Caller, req *pb.ListProposalsRequest) (*pb.ListProposalsResponse, error) {
	list := &pb.ListProposalsResponse{}
	q := query{table: tableRecords, prefixes: prefixes(join(req.GetAgreementId(), sep, subLists, listProposals), choices(req.GetState(), pb.ProposalState_name))}
	return list, j.seeing(ctx, caller, req.GetAgreementId(), req.GetAsOf(), func(s sight, _ *pb.Agreement) (err error) {
		list.NextPageToken, err = j.page(s, caller, req, q, func(place, _ []byte) (int, error) {
			p, size, err := listed[*pb.Proposal](ctx, s, rules.Ref{Kind: rules.KindProposal, Agreement: req.GetAgreementId(), ID: rules.Place(place).ID(rules.KindProposal)})
			list.Proposals = append(list.Proposals, p)
			return size, err
		})
		return err
	})
}

// Concerns lists an agreement's concerns in the order they were raised.
func (j *Journal) Concerns(ctx context.Context, caller rules.Caller, req *pb.ListConcernsRequest) (*pb.ListConcernsResponse, error) {
	list := &pb.ListConcernsResponse{}
	states := grouped(choices(req.GetState(), pb.ConcernState_name), concernGroup)
	q := query{table: tableRecords, prefixes: prefixes(join(req.GetAgreementId(), sep, subLists, listConcerns),
		choices(req.GetRaisedBy(), bothSides), choices(req.GetKind(), pb.ConcernKind_name), states)}
	if req.GetObligationId() != "" { // few concerns are about one: the other filters are looked up
		q.prefixes = prefixes(join(req.GetAgreementId(), sep, subLists, listConcernsAbout, req.GetObligationId(), sep), states)
	}
	return list, j.seeing(ctx, caller, req.GetAgreementId(), req.GetAsOf(), func(s sight, _ *pb.Agreement) (err error) {
		list.NextPageToken, err = j.page(s, caller, req, q, func(place, _ []byte) (int, error) {
			m, size, err := listed[*pb.Concern](ctx, s, rules.Ref{Kind: rules.KindConcern, Agreement: req.GetAgreementId(), ID: rules.Place(place).ID(rules.KindConcern)})
			if err != nil {
				return 0, err
			}
			if req.GetState() != 0 && req.GetState() != m.GetState() || req.GetKind() != 0 && req.GetKind() != m.GetKind() || req.GetRaisedBy() != 0 && req.GetRaisedBy() != m.GetRaisedBy() {
				return 0, errPassedOver
			}
			list.Concerns = append(list.Concerns, m)
			return size, nil
		})
		return err
	})
}

// Revisions lists the texts both sides consented to, oldest first, without their commitments and bytes.
func (j *Journal) Revisions(ctx context.Context, caller rules.Caller, req *pb.ListRevisionsRequest) (*pb.ListRevisionsResponse, error) {
	list := &pb.ListRevisionsResponse{}
	q := query{table: tableTexts, prefixes: [][]byte{join(req.GetAgreementId(), sep, byte(rules.KindRevision), sep)}}
	return list, j.seeing(ctx, caller, req.GetAgreementId(), req.GetAsOf(), func(s sight, _ *pb.Agreement) (err error) {
		list.NextPageToken, err = j.page(s, caller, req, q, func(place, _ []byte) (int, error) {
			r, size, err := listed[*pb.Revision](ctx, s, rules.Ref{Kind: rules.KindRevision, Agreement: req.GetAgreementId(), Number: int32(binary.BigEndian.Uint32(place))})
			if err != nil {
				return 0, err
			}
			r.Body, r.Terms.Commitments = nil, nil
			list.Revisions = append(list.Revisions, r)
			return size, nil
		})
		return err
	})
}

// Parties lists the parties the caller may know of, by id.
func (j *Journal) Parties(ctx context.Context, caller rules.Caller, req *pb.ListPartiesRequest) (*pb.ListPartiesResponse, error) {
	list := &pb.ListPartiesResponse{}
	q := query{table: tableRecords, prefixes: [][]byte{join(sep, byte(rules.KindParty))}}
	if !caller.SeesService() {
		q = query{table: tableIndex, prefixes: [][]byte{join(listCounterparts, caller.PartyID, sep)}}
	}
	return list, j.view(ctx, func(snap store.Snapshot) (err error) {
		list.NextPageToken, err = j.page(snap, caller, req, q, func(place, _ []byte) (int, error) {
			p, size, err := listed[*pb.Party](ctx, sight{Snapshot: snap, at: j.Now()}, rules.Ref{Kind: rules.KindParty, ID: string(place)})
			list.Parties = append(list.Parties, p)
			return size, err
		})
		return err
	})
}

// Keys lists API keys by id, all or those of one party's members.
func (j *Journal) Keys(ctx context.Context, caller rules.Caller, req *pb.ListApiKeysRequest) (*pb.ListApiKeysResponse, error) {
	list := &pb.ListApiKeysResponse{}
	q := query{table: tableRecords, prefixes: [][]byte{join(sep, byte(rules.KindApiKey))}}
	if req.GetPartyId() != "" {
		q = query{table: tableIndex, prefixes: [][]byte{join(listKeysOfAParty, req.GetPartyId(), sep)}}
	}
	return list, j.view(ctx, func(snap store.Snapshot) (err error) {
		list.NextPageToken, err = j.page(snap, caller, req, q, func(place, _ []byte) (int, error) {
			k, size, err := listed[*journalv1.StoredKey](ctx, sight{Snapshot: snap, at: j.Now()}, rules.Ref{Kind: rules.KindApiKey, ID: string(place)})
			list.ApiKeys = append(list.ApiKeys, k.GetApiKey())
			return size, err
		})
		return err
	})
}

// Feeds lists the feeds of the caller's party by id.
func (j *Journal) Feeds(ctx context.Context, caller rules.Caller, req *pb.ListFeedsRequest) (*pb.ListFeedsResponse, error) {
	list := &pb.ListFeedsResponse{}
	q := query{table: tableIndex, prefixes: [][]byte{join(listFeeds, caller.PartyID, sep)}}
	return list, j.view(ctx, func(snap store.Snapshot) (err error) {
		list.NextPageToken, err = j.page(snap, caller, req, q, func(place, _ []byte) (int, error) {
			k, size, err := listed[*journalv1.StoredKey](ctx, sight{Snapshot: snap, at: j.Now()}, rules.Ref{Kind: rules.KindApiKey, ID: string(place)})
			list.Feeds = append(list.Feeds, rules.FeedOf(k.GetApiKey()))
			return size, err
		})
		return err
	})
}

// timerTime is the time in the key of a timer.
func timerTime(key []byte) time.Time {
	return time.UnixMicro(int64(binary.BigEndian.Uint64(key) ^ 1<<63)).UTC()
}
