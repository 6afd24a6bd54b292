package journal

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// What agreements wait for, by party. Both sides of an agreement have what it waits for in their portfolios, each as its own
// or as theirs, and the neutral has what is disputed. As with lists nobody tends them: what a record waits for follows from
// it (rules.Awaits), and the journal writes the difference. Who the parties are follows from the agreement, of which only
// the neutral can change.
//
// Counts are kept by party, and by agreement within its chain, which is written with every event anyway.

// mostAwaits is what a record waits for at most: both sides and the neutral, and one that lingers.
const mostAwaits = 4

// maxLingering ends a page, be it empty, when so many places were looked at in vain, each in some microseconds: a page is a
// matter of milliseconds also for a party that has submitted something in each of ten thousand agreements.
const maxLingering = 5_000

// seats is how many may have a task in an agreement: the neutral and two sides, by the numbers of sides.
const seats = 3

// moveAwaits writes the difference between what a record waited for and what it waits for now.
func (b *batch) moveAwaits(ref rules.Ref, c rules.Change) error {
	var room [2][mostAwaits]rules.Await
	was, now := rules.Awaits(room[0][:0], c.Was), rules.Awaits(room[1][:0], c.Now)
	listed, list := withLingering(was, c.Was), withLingering(now, c.Now)
	if slices.Equal(listed, list) {
		return nil // but see moveNeutral
	}
	then, a := b.agreements(ref.Agreement)
	for _, w := range was {
		if err := b.count(then, w, now, -1); err != nil {
			return err
		}
	}
	for _, w := range now {
		if err := b.count(a, w, was, 1); err != nil {
			return err
		}
	}
	for _, w := range listed {
		if !slices.Contains(list, w) {
			b.place(then, ref, w, nil)
		}
	}
	for _, w := range list {
		if !slices.Contains(listed, w) {
			b.place(a, ref, w, []byte{})
		}
	}
	return b.state.Err()
}

func withLingering(awaits []rules.Await, m proto.Message) []rules.Await {
	if w, lingers := rules.Lingers(m); lingers {
		return append(awaits, w)
	}
	return awaits
}

// agreements is an agreement as it was before the batch and as it is. The parties of a new one are those it has.
func (b *batch) agreements(id string) (was, now *pb.Agreement) {
	ref := rules.Ref{Kind: rules.KindAgreement, Agreement: id}
	now, _ = b.state.Get(ref).(*pb.Agreement)
	if was, _ = b.state.Before(ref).(*pb.Agreement); was == nil {
		was = now
	}
	return was, now
}

// seenBy is the parties in whose portfolios an await is, and as which task each sees it.
func seenBy(a *pb.Agreement, w rules.Await) iter.Seq2[string, pb.PortfolioTask] {
	return func(yield func(string, pb.PortfolioTask) bool) {
		party := rules.PartyOn(a, w.On)
		if party == "" || !yield(party, w.Task) {
			return // no neutral was agreed on
		}
		if theirs := rules.Theirs(w.Task); theirs != 0 {
			yield(rules.PartyOn(a, rules.Other(w.On)), theirs)
		}
	}
}

// place writes, or for nil takes away, the places of an await in portfolios.
func (b *batch) place(a *pb.Agreement, ref rules.Ref, w rules.Await, value []byte) {
	for party, task := range seenBy(a, w) {
		b.write(tableIndex, awaitKey(party, task, ref, w), value)
	}
}

// count counts an await, or discounts it, unless it is among others.
func (b *batch) count(a *pb.Agreement, w rules.Await, others []rules.Await, by int64) error {
	if slices.Contains(others, w) {
		return nil
	}
	chain, err := b.chain(a.GetAgreementId())
	if err != nil {
		return err
	}
	chain.Awaited = counted(chain.GetAwaited(), seat(w), by)
	for party, task := range seenBy(a, w) {
		sum, err := b.awaited(party)
		if err != nil {
			return err
		}
		sum.Counts = counted(sum.GetCounts(), int(task), by)
	}
	return nil
}

// seat is where an agreement counts an await.
func seat(w rules.Await) int { return int(w.Task)*seats + int(w.On) }

// counted adds to one of some counts.
func counted(counts []int64, i int, by int64) []int64 {
	for len(counts) <= i {
		counts = append(counts, 0)
	}
	counts[i] += by
	return counts
}

// countAt is one of some counts; what is missing is 0.
func countAt(counts []int64, i int) int32 {
	if i >= len(counts) {
		return 0
	}
	return int32(min(counts[i], math.MaxInt32))
}

// awaited is the counts of a party, as the batch leaves them: those of the batch ahead, or those in the store, to begin with.
func (b *batch) awaited(party string) (*journalv1.Awaited, error) {
	if sum, ok := b.sums[party]; ok {
		return sum, nil
	}
	sum := &journalv1.Awaited{}
	var err error
	if was, ok := b.sumsAhead(party); ok {
		sum.Counts = slices.Clone(was.GetCounts())
	} else {
		sum, err = readAwaited(b.snap, party)
	}
	b.sums[party] = sum
	return sum, err
}

func (b *batch) sumsAhead(party string) (*journalv1.Awaited, bool) {
	if b.ahead == nil {
		return nil, false
	}
	sum, ok := b.ahead.sums[party]
	return sum, ok
}

// readAwaited is the counts of a party as they are stored.
func readAwaited(snap store.Snapshot, party string) (*journalv1.Awaited, error) {
	sum := &journalv1.Awaited{}
	value, err := snap.Get(tableIndex, join(listAwaited, party))
	if err == nil {
		err = proto.Unmarshal(value, sum)
	}
	if err != nil {
		return nil, fmt.Errorf("journal: the counts of %s: %w", party, err)
	}
	return sum, nil
}

// moveNeutral has what the neutral of an agreement settles follow the neutral, where the batch made it another. What came to be
// disputed in the batch itself, or ceased to be, stands where it belongs.
func (b *batch) moveNeutral(ref rules.Ref, c rules.Change) error {
	was, ok := c.Was.(*pb.Agreement)
	now, same := c.Now.(*pb.Agreement)
	if !ok || !same || was.GetNeutralPartyId() == now.GetNeutralPartyId() {
		return nil
	}
	settled := map[rules.Ref]proto.Message{}
	for _, o := range b.state.Obligations(ref.Agreement, "", []pb.ObligationState{pb.ObligationState_OBLIGATION_STATE_DISPUTED}, "", math.MaxInt) {
		settled[rules.Ref{Kind: rules.KindObligation, Agreement: ref.Agreement, ID: o.GetObligationId()}] = o
	}
	for _, m := range b.state.Concerns(ref.Agreement, []pb.ConcernState{pb.ConcernState_CONCERN_STATE_ESCALATED}, "", math.MaxInt) {
		settled[rules.Ref{Kind: rules.KindConcern, Agreement: ref.Agreement, ID: m.GetConcernId()}] = m
	}
	for at, m := range settled {
		then := rules.Awaits(nil, b.state.Before(at))
		for _, w := range rules.Awaits(nil, m) {
			if w.On != pb.Side_SIDE_UNSPECIFIED || !slices.Contains(then, w) {
				continue
			}
			if err := b.count(was, w, nil, -1); err != nil {
				return err
			}
			if err := b.count(now, w, nil, 1); err != nil {
				return err
			}
			b.place(was, at, w, nil)
			b.place(now, at, w, []byte{})
		}
	}
	return b.state.Err()
}

// awaitKey is where an await stands in the portfolio of a party. Built by hand: a submission makes two.
func awaitKey(party string, task pb.PortfolioTask, ref rules.Ref, w rules.Await) []byte {
	key := make([]byte, 0, len(party)+len(ref.Agreement)+len(ref.ID)+20)
	key = append(append(append(key, listAwaits), party...), keySeparator, byte(task))
	key = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(key, uint32(w.Day)), uint64(w.Since))
	key = append(append(key, ref.Agreement...), keySeparator, byte(ref.Kind))
	return append(append(key, ref.ID...), keySeparator, byte(task)) // so that one place is not another's, whichever task was asked for
}

// awaitAt is the record and the task at a place in a portfolio.
func awaitAt(place []byte) (ref rules.Ref, task pb.PortfolioTask, err error) {
	const head, tail = 4 + 8, 2 // the day and since when
	if len(place) < head+tail {
		return ref, 0, fmt.Errorf("journal: %q is no place in a portfolio", place)
	}
	ref, err = recordRef(place[head : len(place)-tail])
	return ref, pb.PortfolioTask(place[len(place)-1]), err
}

// Portfolio counts what waits in the agreements of a party.
func (j *Journal) Portfolio(ctx context.Context, caller rules.Caller, req *pb.GetPortfolioRequest) (*pb.Portfolio, error) {
	party, theirs, err := portfolioAsked(caller, req.GetPartyId())
	if err != nil || !theirs {
		return &pb.Portfolio{PartyId: req.GetPartyId()}, err
	}
	p := &pb.Portfolio{PartyId: party}
	return p, j.view(ctx, func(snap store.Snapshot) error {
		var sum *journalv1.Awaited
		var err error
		if len(caller.AgreementIDs) > 0 {
			sum, err = awaitedIn(snap, caller, party)
		} else {
			sum, err = readAwaited(snap, party)
		}
		for task := range pb.PortfolioTask_name {
			if count := countOf(p, pb.PortfolioTask(task)); count != nil {
				*count = countAt(sum.GetCounts(), int(task))
			}
		}
		return err
	})
}

// portfolioAsked is partyAsked for a portfolio, which is always a party's.
func portfolioAsked(caller rules.Caller, asked string) (party string, theirs bool, err error) {
	if party, theirs = partyAsked(caller, asked); theirs && party == "" {
		err = rules.Invalid(rules.Violation{Field: "party_id", Description: "a portfolio is a party's: name the party"})
	}
	return party, theirs, err
}

// awaitedIn is the counts of a party in the agreements that a caller is confined to.
func awaitedIn(snap store.Snapshot, caller rules.Caller, party string) (*journalv1.Awaited, error) {
	sum := &journalv1.Awaited{}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(caller.AgreementIDs))) {
		m, err := readRecord(snap, rules.Ref{Kind: rules.KindAgreement, Agreement: id})
		if err != nil {
			return nil, err
		}
		a, _ := m.(*pb.Agreement)
		if !caller.Sees(a) {
			continue
		}
		m, err = readRecord(snap, rules.Ref{Kind: rules.KindChain, Agreement: id})
		if err != nil {
			return nil, err
		}
		for i, count := range m.(*journalv1.Chain).GetAwaited() {
			w := rules.Await{Task: pb.PortfolioTask(i / seats), On: pb.Side(i % seats)}
			for who, task := range seenBy(a, w) {
				if who == party {
					sum.Counts = counted(sum.GetCounts(), int(task), count)
				}
			}
		}
	}
	return sum, nil
}

// countOf is where a portfolio says how many there are of a task.
func countOf(p *pb.Portfolio, task pb.PortfolioTask) *int32 {
	switch task {
	case pb.PortfolioTask_PORTFOLIO_TASK_TO_DO:
		return &p.ToDo
	case pb.PortfolioTask_PORTFOLIO_TASK_TO_JUDGE:
		return &p.ToJudge
	case pb.PortfolioTask_PORTFOLIO_TASK_TO_ANSWER:
		return &p.ToAnswer
	case pb.PortfolioTask_PORTFOLIO_TASK_TO_SETTLE:
		return &p.ToSettle
	case pb.PortfolioTask_PORTFOLIO_TASK_THEIRS_TO_DO:
		return &p.TheirsToDo
	case pb.PortfolioTask_PORTFOLIO_TASK_THEIRS_TO_JUDGE:
		return &p.TheirsToJudge
	case pb.PortfolioTask_PORTFOLIO_TASK_THEIRS_TO_ANSWER:
		return &p.TheirsToAnswer
	}
	return nil
}

// PortfolioItems lists what waits in the agreements of a party, by day.
func (j *Journal) PortfolioItems(ctx context.Context, caller rules.Caller, req *pb.ListPortfolioRequest) (*pb.ListPortfolioResponse, error) {
	list := &pb.ListPortfolioResponse{}
	var before []byte
	if req.GetDueBefore() != "" {
		day, err := rules.ParseDay(req.GetDueBefore())
		if err != nil {
			return nil, rules.Invalid(rules.Violation{Field: "due_before", Description: err.Error()})
		}
		before = be32(uint32(day))
	}
	party, theirs, err := portfolioAsked(caller, req.GetPartyId())
	if err != nil || !theirs {
		return list, err
	}
	q := query{table: tableIndex, prefixes: prefixes(join(listAwaits, party, sep), choices(req.GetTask(), pb.PortfolioTask_name)), to: before, vain: maxLingering}
	return list, j.view(ctx, func(snap store.Snapshot) (err error) {
		s := sight{Snapshot: snap, at: j.Now()}
		list.NextPageToken, err = j.page(snap, caller, req, q, func(place, _ []byte) (int, error) {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			item, err := portfolioItem(s, caller, party, place)
			if err == nil {
				list.Items = append(list.Items, item)
			}
			return proto.Size(item), err
		})
		return err
	})
}

// portfolioItem is what stands at a place in the portfolio of a party, as a caller sees it.
func portfolioItem(s sight, caller rules.Caller, party string, place []byte) (*pb.PortfolioItem, error) {
	ref, task, err := awaitAt(place)
	if err != nil {
		return nil, err
	}
	if len(caller.AgreementIDs) > 0 && !slices.Contains(caller.AgreementIDs, ref.Agreement) {
		return nil, errPassedOver
	}
	if lingers, err := lingering(s, ref, task); lingers || err != nil {
		return nil, cmp.Or(err, errPassedOver)
	}
	m, err := readRecord(s, ref)
	if err != nil {
		return nil, err
	}
	header, err := readRecord(s, rules.Ref{Kind: rules.KindAgreement, Agreement: ref.Agreement})
	if err != nil {
		return nil, err
	}
	a, _ := header.(*pb.Agreement)
	if m == nil || !caller.Sees(a) {
		return nil, fmt.Errorf("journal: the portfolio of %s names %+v", party, ref)
	}
	for _, w := range rules.Awaits(nil, m) {
		for who, as := range seenBy(a, w) {
			if who == party && as == task {
				return w.Item(a, m, party, task, s.at), nil
			}
		}
	}
	return nil, fmt.Errorf("journal: the portfolio of %s has %+v as %s", party, ref, task)
}

// lingering says whether what stands among what is to be done is with its judge meanwhile. It looks at the state alone, as
// many may be passed over for one that is shown.
func lingering(snap store.Snapshot, ref rules.Ref, task pb.PortfolioTask) (bool, error) {
	if ref.Kind != rules.KindObligation || task != pb.PortfolioTask_PORTFOLIO_TASK_TO_DO && task != pb.PortfolioTask_PORTFOLIO_TASK_THEIRS_TO_DO {
		return false, nil
	}
	value, err := snap.Get(recordTable(ref.Kind), recordKey(ref))
	if err != nil {
		return false, err
	}
	state, err := stateOf(value)
	return state == pb.ObligationState_OBLIGATION_STATE_SUBMITTED, err
}

// stateOf is the state of a serialized obligation, read without the rest.
func stateOf(value []byte) (pb.ObligationState, error) {
	const field = 8 // of concord.v1.Obligation
	for len(value) > 0 {
		number, kind, size := protowire.ConsumeTag(value)
		if size < 0 {
			return 0, fmt.Errorf("journal: an obligation: %w", protowire.ParseError(size))
		}
		value = value[size:]
		if number == field && kind == protowire.VarintType {
			state, _ := protowire.ConsumeVarint(value)
			return pb.ObligationState(state), nil
		}
		if size = protowire.ConsumeFieldValue(number, kind, value); size < 0 {
			return 0, fmt.Errorf("journal: an obligation: %w", protowire.ParseError(size))
		}
		value = value[size:]
	}
	return 0, nil
}
