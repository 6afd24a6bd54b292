package journal

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

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
	return list, j.seeing(ctx, caller, req.GetAgreementId(), func(snap store.Snapshot, _ *pb.Agreement) error {
		if none, err := none(snap); none || err != nil {
			return err
		}
		var err error
		list.NextPageToken, err = j.page(snap, caller, req, q, func(place, _ []byte) (int, error) {
			o, size, err := listed[*pb.Obligation](ctx, j, snap, rules.Ref{Kind: rules.KindObligation, Agreement: req.GetAgreementId(), ID: rules.Place(place).ID(rules.KindObligation)})
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
	return list, j.seeing(ctx, caller, req.GetAgreementId(), func(snap store.Snapshot, _ *pb.Agreement) (err error) {
		list.NextPageToken, err = j.page(snap, caller, req, q, func(place, _ []byte) (int, error) {
			c, size, err := listed[*pb.Commitment](ctx, j, snap, rules.Ref{Kind: rules.KindCommitment, Agreement: req.GetAgreementId(), ID: string(place)})
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
	return list, j.seeing(ctx, caller, req.GetAgreementId(), func(snap store.Snapshot, _ *pb.Agreement) (err error) {
		list.NextPageToken, err = j.page(snap, caller, req, q, func(place, _ []byte) (int, error) {
			p, size, err := listed[*pb.Proposal](ctx, j, snap, rules.Ref{Kind: rules.KindProposal, Agreement: req.GetAgreementId(), ID: rules.Place(place).ID(rules.KindProposal)})
			list.Proposals = append(list.Proposals, p)
			return size, err
		})
		return err
	})
}

// Revisions lists the texts both sides consented to, oldest first, without their commitments and bytes.
func (j *Journal) Revisions(ctx context.Context, caller rules.Caller, req *pb.ListRevisionsRequest) (*pb.ListRevisionsResponse, error) {
	list := &pb.ListRevisionsResponse{}
	q := query{table: tableTexts, prefixes: [][]byte{join(req.GetAgreementId(), sep, byte(rules.KindRevision), sep)}}
	return list, j.seeing(ctx, caller, req.GetAgreementId(), func(snap store.Snapshot, _ *pb.Agreement) (err error) {
		list.NextPageToken, err = j.page(snap, caller, req, q, func(place, _ []byte) (int, error) {
			r, size, err := listed[*pb.Revision](ctx, j, snap, rules.Ref{Kind: rules.KindRevision, Agreement: req.GetAgreementId(), Number: int32(binary.BigEndian.Uint32(place))})
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

// Events lists an agreement's events, oldest first.
func (j *Journal) Events(ctx context.Context, caller rules.Caller, req *pb.ListEventsRequest) (*pb.ListEventsResponse, error) {
	list := &pb.ListEventsResponse{}
	q := query{table: tableRecords, prefixes: [][]byte{join(req.GetAgreementId(), sep, subEvents)}}
	if req.GetAfterVersion() > 0 {
		q.from = append(be64(req.GetAfterVersion()), keySeparator)
	}
	return list, j.seeing(ctx, caller, req.GetAgreementId(), func(snap store.Snapshot, a *pb.Agreement) (err error) {
		list.NextPageToken, err = j.page(snap, caller, req, q, func(_, position []byte) (int, error) {
			r, err := readEvent(snap, binary.BigEndian.Uint64(position))
			if err != nil {
				return 0, err
			}
			list.Events = append(list.Events, rules.Withhold(r, caller, a))
			return proto.Size(r), nil
		})
		return err
	})
}

// Agreements lists agreements by id: a party's, or for an auditor all it may read.
func (j *Journal) Agreements(ctx context.Context, caller rules.Caller, req *pb.ListAgreementsRequest) (*pb.ListAgreementsResponse, error) {
	list := &pb.ListAgreementsResponse{}
	auditor := caller.Role == pb.Role_ROLE_AUDITOR
	party := req.GetPartyId()
	if !auditor {
		if party != "" && party != caller.PartyID {
			return list, nil // foreign and missing answer alike
		}
		party = caller.PartyID
	}
	if party == "" && req.GetSide() != 0 {
		return nil, rules.Invalid(rules.Violation{Field: "side", Description: "a side is a party's: name the party_id too"})
	}
	if len(caller.AgreementIDs) > 0 {
		return list, j.namedAgreements(ctx, caller, req, list)
	}
	sides := choices(req.GetSide(), bothSides)
	switch {
	case party == "":
		sides = []byte{unspecified}
	case req.GetSide() == 0:
		sides = append(sides, unspecified) // as the neutral
	}
	states := choices(req.GetState(), pb.AgreementState_name)
	if auditor { // a draft is its author's alone
		states = slices.DeleteFunc(states, func(state byte) bool { return state == byte(pb.AgreementState_AGREEMENT_STATE_DRAFT) })
	}
	q := query{table: tableIndex, prefixes: prefixes(join(listAgreements, party, sep), sides, states)}
	return list, j.view(ctx, func(snap store.Snapshot) (err error) {
		list.NextPageToken, err = j.page(snap, caller, req, q, func(place, _ []byte) (int, error) {
			a, size, err := listed[*pb.Agreement](ctx, j, snap, rules.Ref{Kind: rules.KindAgreement, Agreement: string(place)})
			list.Agreements = append(list.Agreements, a)
			return size, err
		})
		return err
	})
}

// namedAgreements is the list of who may read just the agreements its key names. They are few: it reads them.
func (j *Journal) namedAgreements(ctx context.Context, caller rules.Caller, req *pb.ListAgreementsRequest, list *pb.ListAgreementsResponse) error {
	after, err := j.openToken(caller, req)
	if err != nil {
		return err
	}
	ids := slices.Compact(slices.Sorted(slices.Values(caller.AgreementIDs)))
	return j.view(ctx, func(snap store.Snapshot) error {
		for _, id := range ids {
			if id <= string(after) {
				continue
			}
			m, err := readRecord(snap, rules.Ref{Kind: rules.KindAgreement, Agreement: id})
			if err != nil {
				return err
			}
			a, _ := m.(*pb.Agreement)
			if !caller.Sees(a) || !matches(a, req) {
				continue
			}
			if len(list.Agreements) == pageSize(req.GetPageSize()) {
				list.NextPageToken = j.sealToken(caller, req, []byte(list.Agreements[len(list.Agreements)-1].GetAgreementId()))
				return nil
			}
			list.Agreements = append(list.Agreements, a)
		}
		return nil
	})
}

func matches(a *pb.Agreement, req *pb.ListAgreementsRequest) bool {
	party := rules.Caller{PartyID: req.GetPartyId()}
	side := party.SideOf(a)
	return (req.GetPartyId() == "" || side != 0 || party.Neutral(a)) && (req.GetSide() == 0 || req.GetSide() == side) &&
		(req.GetState() == 0 || req.GetState() == a.GetState())
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
			p, size, err := listed[*pb.Party](ctx, j, snap, rules.Ref{Kind: rules.KindParty, ID: string(place)})
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
			k, size, err := listed[*journalv1.StoredKey](ctx, j, snap, rules.Ref{Kind: rules.KindApiKey, ID: string(place)})
			list.ApiKeys = append(list.ApiKeys, k.GetApiKey())
			return size, err
		})
		return err
	})
}

// Feeds lists the calendar feeds of the caller's party by id.
func (j *Journal) Feeds(ctx context.Context, caller rules.Caller, req *pb.ListFeedsRequest) (*pb.ListFeedsResponse, error) {
	list := &pb.ListFeedsResponse{}
	q := query{table: tableIndex, prefixes: [][]byte{join(listFeeds, caller.PartyID, sep)}}
	return list, j.view(ctx, func(snap store.Snapshot) (err error) {
		list.NextPageToken, err = j.page(snap, caller, req, q, func(place, _ []byte) (int, error) {
			k, size, err := listed[*journalv1.StoredKey](ctx, j, snap, rules.Ref{Kind: rules.KindApiKey, ID: string(place)})
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
