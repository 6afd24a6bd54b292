package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gofrs/uuid/v5"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

const (
	// maxPrefix leaves room for the number of an agreement within the 63 characters of an id.
	maxPrefix = 40

	// commitmentID and obligationID name the one promise of every agreement.
	commitmentID = "deliver"
	obligationID = commitmentID + "-1"
	// proposalID names the proposal that each agreement came from.
	proposalID = "first-terms"

	// leadDays is the longest lead time that terms take. What is due dueInDays from now is within it, and so comes up as
	// soon as the agreement is in force; and it does not become overdue during a run.
	leadDays  = 366
	dueInDays = 300
	// reviewDays is long enough for no submission to be accepted by the clock during a run.
	reviewDays = 250

	// settlePause is how long to wait before asking again whether the clock has brought an obligation up.
	settlePause = 100 * time.Millisecond
	// settlePatience is how long no obligation at all may come up before the clock is taken to stand still.
	settlePatience = time.Minute
	// progressEvery is how often preparing says how far it is.
	progressEvery = 5 * time.Second
	// leaveTimeout bounds the tidying up, which is done even when the run was interrupted.
	leaveTimeout = 10 * time.Second
)

var prefixForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,` + strconv.Itoa(maxPrefix-1) + `}$`)

// phase is what the bench knows of an agreement's obligation.
type phase uint8

const (
	unknown   phase = iota // to be read before it is used
	due                    // the vendor may submit
	submitted              // the client may return
	unusable               // in a state from which the bench has no way on
)

// phaseOf reads the phase off an obligation.
func phaseOf(o *pb.Obligation) phase {
	switch o.GetState() {
	case pb.ObligationState_OBLIGATION_STATE_DUE:
		return due
	case pb.ObligationState_OBLIGATION_STATE_SUBMITTED:
		return submitted
	case pb.ObligationState_OBLIGATION_STATE_SCHEDULED:
		return unknown
	}
	return unusable
}

// ground is what the callers work on: two parties, a key for each, and their agreements.
type ground struct {
	lines          lines
	prefix         string
	reused         bool
	vendor, client string   // the secrets of the two parties' keys
	keys           []string // the ids of those keys
	phases         []phase  // of each agreement's obligation; each caller writes its own share only
	made           int64    // agreements that this run made
	took           time.Duration
}

// agreement is the id of an agreement by its number, in seven digits.
func (g *ground) agreement(n int) string { return g.prefix + "-" + strconv.Itoa(maxAgreements + n)[1:] }

func (g *ground) asVendor(ctx context.Context) context.Context { return client.WithKey(ctx, g.vendor) }
func (g *ground) asClient(ctx context.Context) context.Context { return client.WithKey(ctx, g.client) }

// prepare brings the agreements of a run to where the callers can work on them. The ground is returned beside an error
// too, if there is something to tidy up.
func prepare(ctx context.Context, s Settings, l lines, progress io.Writer) (*ground, error) {
	started := time.Now()
	g := &ground{lines: l, prefix: s.Prefix, reused: s.Prefix != "", phases: make([]phase, s.Agreements)}
	if g.prefix == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("make a prefix: %w", err)
		}
		g.prefix = "bench-" + id.String()[:18]
	}
	if err := g.enter(ctx); err != nil {
		return g, err
	}
	fmt.Fprintf(progress, "preparing %d agreements under the prefix %s\n", s.Agreements, g.prefix)
	var made, ready atomic.Int64
	stop := report(progress, func() string {
		return fmt.Sprintf("%d of %d agreed, %d due", made.Load(), s.Agreements, ready.Load())
	})
	defer stop()
	date := time.Now().UTC()
	err := spread(ctx, s.Callers, s.Agreements, func(ctx context.Context, caller, n int) error {
		defer made.Add(1)
		return g.agree(ctx, l.of(caller), n, date)
	})
	if err != nil {
		return g, err
	}
	var last atomic.Int64
	last.Store(time.Now().UnixNano())
	err = spread(ctx, s.Callers, s.Agreements, func(ctx context.Context, caller, n int) error {
		if err := g.settle(ctx, l.of(caller), n, &last); err != nil {
			return err
		}
		ready.Add(1)
		return nil
	})
	g.took = time.Since(started)
	return g, err
}

// enter registers the parties, if they are new, and makes their keys.
func (g *ground) enter(ctx context.Context) error {
	c := g.lines[0]
	for _, side := range []struct {
		name   string
		secret *string
	}{{"vendor", &g.vendor}, {"client", &g.client}} {
		party := g.prefix + "-" + side.name
		_, err := c.Parties.CreateParty(ctx, &pb.CreatePartyRequest{
			PartyId: party, Party: &pb.Party{DisplayName: "Benchmark " + side.name},
		})
		if err != nil && client.Reason(err) != "ALREADY_EXISTS" {
			return err
		}
		made, err := c.Admin.CreateApiKey(ctx, &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{
			DisplayName: "Benchmark " + side.name, Principal: &pb.Principal{Role: pb.Role_ROLE_SIGNATORY, PartyId: party},
		}})
		if err != nil {
			return err
		}
		*side.secret = made.GetSecret()
		g.keys = append(g.keys, made.GetApiKey().GetApiKeyId())
	}
	return nil
}

// leave revokes the keys. Parties and agreements stay: what a service of record was told, it keeps.
func (g *ground) leave(ctx context.Context, progress io.Writer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	for _, key := range g.keys {
		if _, err := g.lines[0].Admin.RevokeApiKey(ctx, &pb.RevokeApiKeyRequest{ApiKeyId: key}); err != nil {
			fmt.Fprintf(progress, "the key %s of this run could not be revoked: %v\n", key, err)
		}
	}
}

// agree brings one agreement to both sides' consent, from wherever an earlier run left it.
func (g *ground) agree(ctx context.Context, c *client.Client, n int, date time.Time) error {
	id := g.agreement(n)
	if g.reused {
		o, err := c.Obligations.GetObligation(g.asVendor(ctx), &pb.GetObligationRequest{AgreementId: id, ObligationId: obligationID})
		if err == nil {
			g.phases[n] = phaseOf(o)
			return nil
		}
		if client.Reason(err) != "NOT_FOUND" {
			return err
		}
	}
	_, err := c.Agreements.CreateAgreement(g.asVendor(ctx), &pb.CreateAgreementRequest{AgreementId: id, Agreement: &pb.Agreement{
		VendorPartyId: g.prefix + "-vendor", ClientPartyId: g.prefix + "-client", DraftTerms: terms(n, date),
	}})
	if err != nil && client.Reason(err) != "ALREADY_EXISTS" {
		return err
	}
	p, err := c.Proposals.CreateProposal(g.asVendor(ctx), &pb.CreateProposalRequest{
		AgreementId: id, ProposalId: proposalID, Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS,
	})
	if err != nil && g.reused {
		// An earlier run may have come this far, and further.
		p, err = c.Proposals.GetProposal(g.asVendor(ctx), &pb.GetProposalRequest{AgreementId: id, ProposalId: proposalID})
	}
	if err != nil {
		return err
	}
	if p.GetState() == pb.ProposalState_PROPOSAL_STATE_OPEN {
		_, err = c.Proposals.AcceptProposal(g.asClient(ctx), &pb.AcceptProposalRequest{
			AgreementId: id, ProposalId: proposalID, Revision: p.GetRevision(), TermsDigest: p.GetTermsDigest(),
		})
	}
	if err == nil {
		atomic.AddInt64(&g.made, 1)
	}
	return err
}

// settle waits until the service's clock has brought an agreement's obligation up.
func (g *ground) settle(ctx context.Context, c *client.Client, n int, last *atomic.Int64) error {
	for g.phases[n] == unknown {
		o, err := c.Obligations.GetObligation(g.asVendor(ctx), &pb.GetObligationRequest{AgreementId: g.agreement(n), ObligationId: obligationID})
		if err != nil && client.Reason(err) != "NOT_FOUND" {
			return err
		}
		if err == nil {
			g.phases[n] = phaseOf(o)
		}
		if g.phases[n] != unknown {
			break
		}
		if time.Since(time.Unix(0, last.Load())) > settlePatience {
			return fmt.Errorf("%s: no obligation has come up as due for %s; does the service's clock run?", g.agreement(n), settlePatience)
		}
		if err := pause(ctx, settlePause); err != nil {
			return err
		}
	}
	if g.phases[n] == unusable {
		return fmt.Errorf("%s: its obligation is neither DUE nor SUBMITTED; use another prefix", g.agreement(n))
	}
	last.Store(time.Now().UnixNano())
	return nil
}

// terms is the text of an agreement: one promise, due within its own lead time.
func terms(n int, date time.Time) *pb.Terms {
	return &pb.Terms{
		Title:         fmt.Sprintf("Benchmark agreement %d", n),
		Calendar:      &pb.Calendar{TimeZone: "UTC"},
		EffectiveDate: date.Format(time.DateOnly),
		Clocks:        &pb.Clocks{LeadDays: new(int32(leadDays)), ReviewBusinessDays: new(int32(reviewDays))},
		Commitments: []*pb.CommitmentTerms{{
			CommitmentId: commitmentID, Obligor: pb.Side_SIDE_VENDOR, Title: "Deliver what was ordered",
			Category: pb.Category_CATEGORY_DELIVERY, Weight: 3,
			Schedule: &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: date.AddDate(0, 0, dueInDays).Format(time.DateOnly)}},
		}},
	}
}

// report says every now and then how far something is, until the returned function is called.
func report(to io.Writer, how func() string) (stop func()) {
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				fmt.Fprintln(to, how())
			}
		}
	}()
	return func() {
		close(done)
		<-gone
	}
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return errors.Join(ctx.Err(), context.Cause(ctx))
	case <-t.C:
		return nil
	}
}
