package main

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

//go:embed demo_terms.json
var demoTerms []byte

// The names of the demonstration.
const (
	demoVendor    = "tallgrass"
	demoClient    = "orchard-vale"
	demoAgreement = "agr-2026-0007"
	demoProposal  = "first-terms"
)

// demoStory is the half year of two companies.
type demoStory struct {
	client *client.Client
	settle func(context.Context) error // lets the clock do all that its time has come for
	clock  *demoClock
	vendor string // secrets
	buyer  string
}

func (d *demoStory) as(ctx context.Context, key string) context.Context {
	return client.WithKey(ctx, key)
}

// key makes a signatory for a party and returns the secret.
func (d *demoStory) key(ctx context.Context, id, name, party string) (string, error) {
	made, err := d.client.Admin.CreateApiKey(ctx, &pb.CreateApiKeyRequest{ApiKeyId: id, ApiKey: &pb.ApiKey{
		DisplayName: name, Principal: &pb.Principal{Role: pb.Role_ROLE_SIGNATORY, PartyId: party},
	}})
	return made.GetSecret(), err
}

// negotiate is how the two come to consent: a draft, a proposal, a counter-proposal, and consent to exact bytes.
func (d *demoStory) negotiate(ctx context.Context) error {
	for id, name := range map[string]string{demoVendor: "Tallgrass Systems Ltd", demoClient: "Orchard & Vale Foods plc"} {
		if _, err := d.client.Parties.CreateParty(ctx, &pb.CreatePartyRequest{PartyId: id, Party: &pb.Party{DisplayName: name}}); err != nil {
			return err
		}
	}
	var err error
	if d.vendor, err = d.key(ctx, "ines", "Ines Holm, Tallgrass", demoVendor); err != nil {
		return err
	}
	if d.buyer, err = d.key(ctx, "rafael", "Rafael Duarte, Orchard & Vale", demoClient); err != nil {
		return err
	}
	terms := &pb.Terms{}
	if err := protojson.Unmarshal(demoTerms, terms); err != nil {
		return err
	}
	first := proto.CloneOf(terms) // the vendor's first word leaves out what the client then asks for
	first.Commitments = first.Commitments[:len(first.Commitments)-1]
	vendor, buyer := d.as(ctx, d.vendor), d.as(ctx, d.buyer)
	if _, err := d.client.Agreements.CreateAgreement(vendor, &pb.CreateAgreementRequest{AgreementId: demoAgreement, Agreement: &pb.Agreement{
		VendorPartyId: demoVendor, ClientPartyId: demoClient, DraftTerms: first,
	}}); err != nil {
		return err
	}
	p, err := d.client.Proposals.CreateProposal(vendor, &pb.CreateProposalRequest{
		AgreementId: demoAgreement, ProposalId: demoProposal, Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS,
	})
	if err != nil {
		return err
	}
	d.clock.set(demoBegins.AddDate(0, 0, 5))
	p, err = d.client.Proposals.CounterProposal(buyer, &pb.CounterProposalRequest{
		AgreementId: demoAgreement, ProposalId: demoProposal, Revision: p.GetRevision(), Terms: terms,
		Note: "We would like to promise you something too: a candid word each quarter.",
	})
	if err != nil {
		return err
	}
	d.clock.set(demoBegins.AddDate(0, 0, 6))
	_, err = d.client.Proposals.AcceptProposal(vendor, &pb.AcceptProposalRequest{
		AgreementId: demoAgreement, ProposalId: demoProposal, Revision: p.GetRevision(), TermsDigest: p.GetTermsDigest(),
	})
	return err
}

// lateBy says how many calendar days after its due date an obligation was done; all others were done on the day.
var lateBy = map[string]int{"v2-4": 4, "c1-3": 6, "c2-5": 3}

// workTogether goes through the half year day by day: who owes something does it, who is owed judges it.
func (d *demoStory) workTogether(ctx context.Context) error {
	for day := demoBegins.AddDate(0, 0, 7); !day.After(demoEnds); day = day.AddDate(0, 0, 1) {
		d.clock.set(day)
		if err := d.settle(ctx); err != nil {
			return err
		}
		if err := d.judge(ctx, day); err != nil {
			return err
		}
		if err := d.work(ctx, day); err != nil {
			return err
		}
	}
	return nil
}

func (d *demoStory) list(ctx context.Context, state pb.ObligationState) ([]*pb.Obligation, error) {
	page, err := d.client.Obligations.ListObligations(d.as(ctx, d.vendor), &pb.ListObligationsRequest{
		AgreementId: demoAgreement, State: state, PageSize: 1000,
	})
	return page.GetObligations(), err
}

// side is a context in which one side speaks.
func (d *demoStory) side(ctx context.Context, s pb.Side) context.Context {
	if s == pb.Side_SIDE_VENDOR {
		return d.as(ctx, d.vendor)
	}
	return d.as(ctx, d.buyer)
}

// work is a day of those who owe.
func (d *demoStory) work(ctx context.Context, day time.Time) error {
	due, err := d.list(ctx, pb.ObligationState_OBLIGATION_STATE_DUE)
	if err != nil {
		return err
	}
	for _, o := range due {
		obligor, beneficiary := d.side(ctx, o.GetObligor()), d.side(ctx, o.GetBeneficiary())
		doneOn, err := time.Parse(time.DateOnly, o.GetDueDate())
		if err != nil {
			return err
		}
		today := day.Format(time.DateOnly)
		switch id := o.GetObligationId(); {
		case id == "c3-1":
			if today == "2026-03-11" {
				_, err = d.client.Obligations.AdmitObligation(obligor, &pb.AdmitObligationRequest{AgreementId: demoAgreement, ObligationId: id,
					Reason: "The pilot stores get their new gateways two weeks late; the test data will be late with them."})
			}
		case id == "c2-3":
			if today == "2026-03-30" {
				_, err = d.client.Obligations.WaiveObligation(beneficiary, &pb.WaiveObligationRequest{AgreementId: demoAgreement, ObligationId: id,
					Reason: "Stores are frozen over Easter: there is nothing to forecast."})
			}
		case doneOn.AddDate(0, 0, lateBy[id]).Format(time.DateOnly) > today || today == demoEnds.Format(time.DateOnly):
		case o.GetCommitmentId() == "c1":
			_, err = d.client.Obligations.AcknowledgeObligation(beneficiary, &pb.AcknowledgeObligationRequest{AgreementId: demoAgreement, ObligationId: id,
				ReceivedTime: timestamppb.New(day), Note: "EUR 42,000 received."})
		default:
			_, err = d.client.Obligations.SubmitObligation(obligor, &pb.SubmitObligationRequest{AgreementId: demoAgreement, ObligationId: id,
				Evidence: []*pb.Evidence{{Title: o.GetTitle(), Uri: "https://files.example/" + demoAgreement + "/" + id, MediaType: "text/html"}}})
		}
		if err != nil {
			return fmt.Errorf("%s on %s: %w", o.GetObligationId(), today, err)
		}
	}
	return nil
}

// judge is a day of those who are owed: what was submitted the day before is accepted, but for a module that lacked
// its manual the first time.
func (d *demoStory) judge(ctx context.Context, day time.Time) error {
	waiting, err := d.list(ctx, pb.ObligationState_OBLIGATION_STATE_SUBMITTED)
	if err != nil {
		return err
	}
	for _, o := range waiting {
		beneficiary := d.side(ctx, o.GetBeneficiary())
		if o.GetObligationId() == "v4-1" && o.GetSubmissionCount() == 1 {
			_, err = d.client.Obligations.ReturnObligation(beneficiary, &pb.ReturnObligationRequest{AgreementId: demoAgreement, ObligationId: "v4-1",
				Reason: "It counts well. The manual for the store managers is missing."})
		} else {
			_, err = d.client.Obligations.AcceptObligation(beneficiary, &pb.AcceptObligationRequest{AgreementId: demoAgreement, ObligationId: o.GetObligationId()})
		}
		if err != nil {
			return fmt.Errorf("%s on %s: %w", o.GetObligationId(), day.Format(time.DateOnly), err)
		}
	}
	return nil
}
