package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sync/errgroup"

	"github.com/concordhq/concord/client"
	"github.com/concordhq/concord/cmd/concord/bench"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server"
)

const (
	// growthGoal is how much longer a submission may take on a large agreement, at most.
	growthGoal = 1.3

	fewCommitments, manyCommitments = 10, 2_000
	// A rule takes no more dates. Of the obligations that came up, the last pastOpen are left open, for submissions to be
	// made on; the others are kept.
	fewPast, manyPast, pastOpen = 10, 10_000, 10

	// comeUpPatience is how long the clock may take to bring up everything whose time has come.
	comeUpPatience = 5 * time.Minute
	// keepers is how many past obligations are kept at a time.
	keepers = 64
	// dueInDays is when one-off promises are due: within the longest lead time, and after the run.
	dueInDays, leadDays, reviewDays = 300, 366, 250
	// graceDays keeps what is left open DUE while the run lasts.
	graceDays = 250
)

// The parties to what is agreed.
const vendorParty, clientParty = "vendor", "client"

// house is a Concord inside of this process, with somebody at both ends of it.
type house struct {
	server        *server.Server
	client        *client.Client
	vendor, taker context.Context // what either side's calls are made in
	stop          context.CancelFunc
	ended         chan error
}

// growth compares submissions on agreements of few and many commitments, and with few and many past obligations, call by
// call in turns, in the store that keeps and in the one that does not: the second shows what the disk would hide.
func growth(ctx context.Context, s *stage, m *Measure) error {
	for _, engine := range []string{server.StoreBolt, server.StoreMemory} {
		if err := s.grow(ctx, engine, m); err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
	}
	m.Notes = append(m.Notes, "Submissions and returns of one caller; submissions are counted. Pairs were made call by call in turns.")
	return nil
}

func (s *stage) grow(ctx context.Context, engine string, m *Measure) (err error) {
	h, err := s.newHouse(ctx, "growth-"+engine, engine, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	few, many := &plot{id: "few"}, &plot{id: "many"}
	young, old := &plot{id: "young"}, &plot{id: "old"}
	begun := time.Now()
	for plot, terms := range map[*plot]*pb.Terms{
		few: promises(fewCommitments), many: promises(manyCommitments), young: habit(fewPast), old: habit(manyPast),
	} {
		if plot.open, err = h.agree(ctx, plot.id, terms); err != nil {
			return fmt.Errorf("agree on %s: %w", plot.id, err)
		}
	}
	s.say("%s: all is agreed, and the clock has caught up, after %.0f s", engine, time.Since(begun).Seconds())
	for _, p := range []*plot{young, old} {
		past := p.open[:len(p.open)-pastOpen]
		p.open = p.open[len(p.open)-pastOpen:]
		if err := h.keep(ctx, p.id, past); err != nil {
			return fmt.Errorf("keep the past of %s: %w", p.id, err)
		}
	}
	s.say("%s: the past is kept after %.0f s", engine, time.Since(begun).Seconds())
	if err := s.pair(ctx, h, m, engine+", %d commitments", few, fewCommitments, many, manyCommitments); err != nil {
		return err
	}
	return s.pair(ctx, h, m, engine+", %d past obligations", young, fewPast, old, manyPast)
}

// plot is an agreement to submit on, and its open obligations.
type plot struct {
	id        string
	open      []string
	submitted []bool
}

// pair submits on a small and a large agreement in turns, call by call, so that whatever else happens to the machine
// happens to both.
func (s *stage) pair(ctx context.Context, h *house, m *Measure, name string, small *plot, fewer int, large *plot, more int) error {
	one, other := m.contender(fmt.Sprintf(name, fewer)), m.contender(fmt.Sprintf(name, more))
	small.submitted, large.submitted = make([]bool, len(small.open)), make([]bool, len(large.open))
	for range s.rounds {
		disk, err := bench.MeasureDisk(s.place)
		if err != nil {
			return err
		}
		watch := s.watch()
		took := [2]*hdrhistogram.Histogram{newHistogram(), newHistogram()}
		begin := time.Now().Add(s.warmup)
		for finish := begin.Add(s.duration); time.Now().Before(finish); {
			turn := rand.IntN(2) // who goes first is left to chance
			for i := range 2 {
				which := (turn + i) % 2
				started := time.Now()
				submission, err := h.next(ctx, [2]*plot{small, large}[which])
				if err != nil {
					return err
				}
				if submission && started.After(begin) {
					_ = took[which].RecordValue(min(time.Since(started).Microseconds(), longestLatency))
				}
			}
		}
		others := watch()
		for i, c := range []*Contender{one, other} {
			t := turnOf(took[i], s.duration)
			t.PerSecond, t.Disk, t.Others = 0, disk.P50, others // the two share the time
			c.Turns = append(c.Turns, t)
		}
	}
	s.say("%s: %s; %s: %s", one.Name, one.Turns[0], other.Name, other.Turns[0])
	m.judge(other.Name+", per "+fmt.Sprint(fewer), "×", growthGoal, false, m.each(func(r int) float64 { return other.p50(r) / one.p50(r) }))
	return nil
}

// next submits one of the open obligations, or returns it if it was submitted, and says which.
func (h *house) next(ctx context.Context, p *plot) (submitted bool, err error) {
	n := rand.IntN(len(p.open))
	if p.submitted[n] {
		_, err = h.client.Obligations.ReturnObligation(h.taker, giveBack(p.id, p.open[n]))
	} else {
		_, err = h.client.Obligations.SubmitObligation(h.vendor, submission(p.id, p.open[n]))
	}
	p.submitted[n] = !p.submitted[n]
	return p.submitted[n], errors.Join(err, context.Cause(ctx))
}

// promises are terms with so many promises, all of them up for submission at once.
func promises(n int) *pb.Terms {
	t := text(time.Now().UTC())
	due := time.Now().UTC().AddDate(0, 0, dueInDays).Format(time.DateOnly)
	for i := range n {
		t.Commitments = append(t.Commitments, &pb.CommitmentTerms{
			CommitmentId: fmt.Sprintf("promise-%04d", i), Obligor: pb.Side_SIDE_VENDOR, Title: "Deliver what was ordered",
			Category: pb.Category_CATEGORY_DELIVERY, Weight: 3, Schedule: &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: due}},
		})
	}
	return t
}

// habit is terms with one promise that has been due on each of so many days gone by.
func habit(days int) *pb.Terms {
	t := text(time.Now().UTC().AddDate(0, 0, -days))
	t.Commitments = []*pb.CommitmentTerms{{
		CommitmentId: "daily", Obligor: pb.Side_SIDE_VENDOR, Title: "Deliver every day", Category: pb.Category_CATEGORY_DELIVERY, Weight: 3,
		Schedule: &pb.CommitmentTerms_Recurring{Recurring: &pb.Recurring{Rrule: fmt.Sprintf("FREQ=DAILY;COUNT=%d", days)}},
	}}
	return t
}

func text(from time.Time) *pb.Terms {
	return &pb.Terms{
		Title: "An agreement to be measured", Calendar: &pb.Calendar{TimeZone: "UTC"}, EffectiveDate: from.Format(time.DateOnly),
		Clocks: &pb.Clocks{LeadDays: new(int32(leadDays)), ReviewBusinessDays: new(int32(reviewDays)), GraceBusinessDays: new(int32(graceDays))},
	}
}

// due lists the obligations that terms bring up at once.
func due(t *pb.Terms, days int) []string {
	var ids []string
	for _, c := range t.GetCommitments() {
		if c.GetOneOff() != nil {
			ids = append(ids, c.GetCommitmentId()+"-1")
		}
		for n := 1; c.GetRecurring() != nil && n <= days; n++ {
			ids = append(ids, fmt.Sprintf("%s-%d", c.GetCommitmentId(), n))
		}
	}
	return ids
}

// newHouse starts a Concord in this process, configured a little further if need be, and makes a key for each side of what
// is to be agreed.
func (s *stage) newHouse(ctx context.Context, name, engine string, configure func(*server.Config)) (*house, error) {
	dir, err := s.under(name)
	if err != nil {
		return nil, err
	}
	config := server.Default()
	config.GRPCAddr, config.HTTPAddr, config.Store, config.DataDir = "127.0.0.1:0", "127.0.0.1:0", engine, dir
	if configure != nil {
		configure(&config)
	}
	built, err := server.New(ctx, config, io.Discard)
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	h := &house{server: built, stop: stop, ended: make(chan error, 1)}
	started := make(chan server.Started, 1)
	go func() { h.ended <- built.Run(running, func(is server.Started) { started <- is }) }()
	select {
	case err := <-h.ended:
		stop()
		return nil, err
	case is := <-started:
		err = h.enter(ctx, is)
	}
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

func (h *house) enter(ctx context.Context, is server.Started) (err error) {
	if h.client, err = client.Dial(ctx, is.GRPCAddr, client.Options{Key: is.FirstKey, Attempts: 1, Wait: true}); err != nil {
		return err
	}
	for id, as := range map[string]*context.Context{vendorParty: &h.vendor, clientParty: &h.taker} {
		if _, err := h.client.Parties.CreateParty(ctx, &pb.CreatePartyRequest{PartyId: id, Party: &pb.Party{DisplayName: "The " + id}}); err != nil {
			return err
		}
		made, err := h.client.Admin.CreateApiKey(ctx, &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{
			DisplayName: "Measures", Principal: &pb.Principal{Role: pb.Role_ROLE_SIGNATORY, PartyId: id},
		}})
		if err != nil {
			return err
		}
		*as = client.WithKey(ctx, made.GetSecret())
	}
	return nil
}

func (h *house) close() error {
	var err error
	if h.client != nil {
		err = h.client.Close()
	}
	h.stop()
	return errors.Join(err, <-h.ended)
}

// consent brings terms to both sides' consent.
func (h *house) consent(id string, terms *pb.Terms) error {
	_, err := h.client.Agreements.CreateAgreement(h.vendor, &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{
		VendorPartyId: vendorParty, ClientPartyId: clientParty, DraftTerms: terms,
	}})
	if err != nil {
		return err
	}
	p, err := h.client.Proposals.CreateProposal(h.vendor, &pb.CreateProposalRequest{
		AgreementId: id, ProposalId: "first", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS,
	})
	if err != nil {
		return err
	}
	_, err = h.client.Proposals.AcceptProposal(h.taker, &pb.AcceptProposalRequest{
		AgreementId: id, ProposalId: "first", Revision: p.GetRevision(), TermsDigest: p.GetTermsDigest(),
	})
	return err
}

// agree brings terms to consent, and returns the obligations once the clock has brought them up.
func (h *house) agree(ctx context.Context, id string, terms *pb.Terms) ([]string, error) {
	if err := h.consent(id, terms); err != nil {
		return nil, err
	}
	first, err := time.Parse(time.DateOnly, terms.GetEffectiveDate())
	if err != nil {
		return nil, fmt.Errorf("read the first day: %w", err)
	}
	ids := due(terms, int(time.Since(first).Hours()/24))
	return ids, h.comeUp(ctx, id, ids)
}

// comeUp waits until the clock has brought obligations up.
func (h *house) comeUp(ctx context.Context, agreement string, ids []string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, comeUpPatience, errors.New("the clock did not bring everything up"))
	defer cancel()
	for _, id := range slices.Backward(ids) { // the last ones come last
		for {
			o, err := h.client.Obligations.GetObligation(h.vendor, &pb.GetObligationRequest{AgreementId: agreement, ObligationId: id})
			if err == nil && o.GetState() == pb.ObligationState_OBLIGATION_STATE_DUE {
				break
			}
			if err != nil && client.Reason(err) != "NOT_FOUND" {
				return err
			}
			if err := sleep(ctx, 10*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep has obligations submitted and accepted.
func (h *house) keep(ctx context.Context, agreement string, ids []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(keepers)
	for _, id := range ids {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			if _, err := h.client.Obligations.SubmitObligation(h.vendor, submission(agreement, id)); err != nil {
				return err
			}
			_, err := h.client.Obligations.AcceptObligation(h.taker, &pb.AcceptObligationRequest{
				AgreementId: agreement, ObligationId: id, Note: "Thank you.",
			})
			return err
		})
	}
	return group.Wait()
}
