package api

import (
	"context"

	"golang.org/x/sync/semaphore"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/auth"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/seal"
	"github.com/concordhq/concord/server/watch"
)

// The services, a line per RPC. A type embeds its Unsafe interface, so that an RPC without a handler does not compile.
type (
	parties struct {
		pb.UnsafePartyServiceServer
		j *journal.Journal
	}
	admin struct {
		pb.UnsafeAdminServiceServer
		j *journal.Journal
	}
	agreements struct {
		pb.UnsafeAgreementServiceServer
		j *journal.Journal
	}
	proposals struct {
		pb.UnsafeProposalServiceServer
		j *journal.Journal
	}
	commitments struct {
		pb.UnsafeCommitmentServiceServer
		j *journal.Journal
	}
	obligations struct {
		pb.UnsafeObligationServiceServer
		j *journal.Journal
	}
	history struct {
		pb.UnsafeHistoryServiceServer
		j   *journal.Journal
		hub *watch.Hub
	}
	logs struct {
		pb.UnsafeLogServiceServer
		j       *journal.Journal
		policy  *seal.Policy
		exports *semaphore.Weighted
	}
	reviews struct {
		pb.UnsafeReviewServiceServer
		j *journal.Journal
	}
	calendars struct {
		pb.UnsafeCalendarServiceServer
		j *journal.Journal
	}
	portfolios struct {
		pb.UnsafePortfolioServiceServer
		j *journal.Journal
	}
)

func (s parties) CreateParty(ctx context.Context, r *pb.CreatePartyRequest) (*pb.Party, error) {
	return do[*pb.Party](ctx, s.j, r)
}

func (s parties) UpdateParty(ctx context.Context, r *pb.UpdatePartyRequest) (*pb.Party, error) {
	return do[*pb.Party](ctx, s.j, r)
}

func (s parties) GetParty(ctx context.Context, r *pb.GetPartyRequest) (*pb.Party, error) {
	return s.j.Party(ctx, auth.Caller(ctx), r.GetPartyId())
}

func (s parties) ListParties(ctx context.Context, r *pb.ListPartiesRequest) (*pb.ListPartiesResponse, error) {
	return s.j.Parties(ctx, auth.Caller(ctx), r)
}

func (s admin) CreateApiKey(ctx context.Context, r *pb.CreateApiKeyRequest) (*pb.CreateApiKeyResponse, error) {
	return do[*pb.CreateApiKeyResponse](ctx, s.j, r)
}

func (s admin) ErasePrivateData(ctx context.Context, r *pb.ErasePrivateDataRequest) (*pb.ErasePrivateDataResponse, error) {
	return do[*pb.ErasePrivateDataResponse](ctx, s.j, r)
}

func (s admin) RevokeApiKey(ctx context.Context, r *pb.RevokeApiKeyRequest) (*pb.ApiKey, error) {
	return do[*pb.ApiKey](ctx, s.j, r)
}

func (s admin) AddLogKey(ctx context.Context, r *pb.AddLogKeyRequest) (*pb.Log, error) {
	return do[*pb.Log](ctx, s.j, r)
}

func (s admin) RetireLogKey(ctx context.Context, r *pb.RetireLogKeyRequest) (*pb.Log, error) {
	return do[*pb.Log](ctx, s.j, r)
}

func (s admin) GetApiKey(ctx context.Context, r *pb.GetApiKeyRequest) (*pb.ApiKey, error) {
	key, err := s.j.Key(ctx, r.GetApiKeyId())
	if err == nil && key == nil {
		err = rules.NotFound("key", r.GetApiKeyId())
	}
	return key.GetApiKey(), err
}

func (s admin) ListApiKeys(ctx context.Context, r *pb.ListApiKeysRequest) (*pb.ListApiKeysResponse, error) {
	return s.j.Keys(ctx, auth.Caller(ctx), r)
}

func (s admin) GetCaller(ctx context.Context, _ *pb.GetCallerRequest) (*pb.Principal, error) {
	return auth.Principal(ctx), nil
}

func (s agreements) CreateAgreement(ctx context.Context, r *pb.CreateAgreementRequest) (*pb.Agreement, error) {
	return do[*pb.Agreement](ctx, s.j, r)
}

func (s agreements) UpdateAgreement(ctx context.Context, r *pb.UpdateAgreementRequest) (*pb.Agreement, error) {
	return do[*pb.Agreement](ctx, s.j, r)
}

func (s agreements) GiveNotice(ctx context.Context, r *pb.GiveNoticeRequest) (*pb.Agreement, error) {
	return do[*pb.Agreement](ctx, s.j, r)
}

func (s agreements) SuspendAgreement(ctx context.Context, r *pb.SuspendAgreementRequest) (*pb.Agreement, error) {
	return do[*pb.Agreement](ctx, s.j, r)
}

func (s agreements) ResumeAgreement(ctx context.Context, r *pb.ResumeAgreementRequest) (*pb.Agreement, error) {
	return do[*pb.Agreement](ctx, s.j, r)
}

func (s agreements) TerminateAgreement(ctx context.Context, r *pb.TerminateAgreementRequest) (*pb.Agreement, error) {
	return do[*pb.Agreement](ctx, s.j, r)
}

func (s agreements) GetAgreement(ctx context.Context, r *pb.GetAgreementRequest) (*pb.Agreement, error) {
	return read[*pb.Agreement](ctx, s.j, rules.Ref{Kind: rules.KindAgreement, Agreement: r.GetAgreementId()}, "agreement", r)
}

func (s agreements) ListAgreements(ctx context.Context, r *pb.ListAgreementsRequest) (*pb.ListAgreementsResponse, error) {
	return s.j.Agreements(ctx, auth.Caller(ctx), r)
}

func (s agreements) GetRevision(ctx context.Context, r *pb.GetRevisionRequest) (*pb.Revision, error) {
	return read[*pb.Revision](ctx, s.j, rules.Ref{Kind: rules.KindRevision, Agreement: r.GetAgreementId(), Number: r.GetRevision()}, "revision", r)
}

func (s agreements) ListRevisions(ctx context.Context, r *pb.ListRevisionsRequest) (*pb.ListRevisionsResponse, error) {
	return s.j.Revisions(ctx, auth.Caller(ctx), r)
}

func (s proposals) CreateProposal(ctx context.Context, r *pb.CreateProposalRequest) (*pb.Proposal, error) {
	return do[*pb.Proposal](ctx, s.j, r)
}

func (s proposals) CounterProposal(ctx context.Context, r *pb.CounterProposalRequest) (*pb.Proposal, error) {
	return do[*pb.Proposal](ctx, s.j, r)
}

func (s proposals) AcceptProposal(ctx context.Context, r *pb.AcceptProposalRequest) (*pb.Proposal, error) {
	return do[*pb.Proposal](ctx, s.j, r)
}

func (s proposals) DeclineProposal(ctx context.Context, r *pb.DeclineProposalRequest) (*pb.Proposal, error) {
	return do[*pb.Proposal](ctx, s.j, r)
}

func (s proposals) WithdrawProposal(ctx context.Context, r *pb.WithdrawProposalRequest) (*pb.Proposal, error) {
	return do[*pb.Proposal](ctx, s.j, r)
}

func (s proposals) GetProposal(ctx context.Context, r *pb.GetProposalRequest) (*pb.Proposal, error) {
	return read[*pb.Proposal](ctx, s.j, rules.Ref{Kind: rules.KindProposal, Agreement: r.GetAgreementId(), ID: r.GetProposalId()}, "proposal", r)
}

func (s proposals) ListProposals(ctx context.Context, r *pb.ListProposalsRequest) (*pb.ListProposalsResponse, error) {
	return s.j.Proposals(ctx, auth.Caller(ctx), r)
}

func (s proposals) GetProposalRevision(ctx context.Context, r *pb.GetProposalRevisionRequest) (*pb.ProposalRevision, error) {
	return read[*pb.ProposalRevision](ctx, s.j, rules.Ref{
		Kind: rules.KindProposalRevision, Agreement: r.GetAgreementId(), ID: r.GetProposalId(), Number: r.GetRevision(),
	}, "proposal revision", r)
}

func (s commitments) GetCommitment(ctx context.Context, r *pb.GetCommitmentRequest) (*pb.Commitment, error) {
	return read[*pb.Commitment](ctx, s.j, rules.Ref{Kind: rules.KindCommitment, Agreement: r.GetAgreementId(), ID: r.GetCommitmentId()}, "commitment", r)
}

func (s commitments) ListCommitments(ctx context.Context, r *pb.ListCommitmentsRequest) (*pb.ListCommitmentsResponse, error) {
	return s.j.Commitments(ctx, auth.Caller(ctx), r)
}

func (s obligations) GetObligation(ctx context.Context, r *pb.GetObligationRequest) (*pb.Obligation, error) {
	return read[*pb.Obligation](ctx, s.j, rules.Ref{Kind: rules.KindObligation, Agreement: r.GetAgreementId(), ID: r.GetObligationId()}, "obligation", r)
}

func (s obligations) ListObligations(ctx context.Context, r *pb.ListObligationsRequest) (*pb.ListObligationsResponse, error) {
	return s.j.Obligations(ctx, auth.Caller(ctx), r)
}

func (s obligations) SubmitObligation(ctx context.Context, r *pb.SubmitObligationRequest) (*pb.Obligation, error) {
	return do[*pb.Obligation](ctx, s.j, r)
}

func (s obligations) AcceptObligation(ctx context.Context, r *pb.AcceptObligationRequest) (*pb.Obligation, error) {
	return do[*pb.Obligation](ctx, s.j, r)
}

func (s obligations) ReturnObligation(ctx context.Context, r *pb.ReturnObligationRequest) (*pb.Obligation, error) {
	return do[*pb.Obligation](ctx, s.j, r)
}

func (s obligations) AcknowledgeObligation(ctx context.Context, r *pb.AcknowledgeObligationRequest) (*pb.Obligation, error) {
	return do[*pb.Obligation](ctx, s.j, r)
}

func (s obligations) WaiveObligation(ctx context.Context, r *pb.WaiveObligationRequest) (*pb.Obligation, error) {
	return do[*pb.Obligation](ctx, s.j, r)
}

func (s obligations) AdmitObligation(ctx context.Context, r *pb.AdmitObligationRequest) (*pb.Obligation, error) {
	return do[*pb.Obligation](ctx, s.j, r)
}

func (s obligations) TriggerObligation(ctx context.Context, r *pb.TriggerObligationRequest) (*pb.Obligation, error) {
	return do[*pb.Obligation](ctx, s.j, r)
}

func (s obligations) MeasureObligation(ctx context.Context, r *pb.MeasureObligationRequest) (*pb.Obligation, error) {
	return do[*pb.Obligation](ctx, s.j, r)
}

func (s obligations) CureObligation(ctx context.Context, r *pb.CureObligationRequest) (*pb.Obligation, error) {
	return do[*pb.Obligation](ctx, s.j, r)
}

func (s obligations) ObjectObligation(ctx context.Context, r *pb.ObjectObligationRequest) (*pb.Obligation, error) {
	return do[*pb.Obligation](ctx, s.j, r)
}

func (s obligations) ExtendObligation(ctx context.Context, r *pb.ExtendObligationRequest) (*pb.Obligation, error) {
	return do[*pb.Obligation](ctx, s.j, r)
}

func (s obligations) ExcuseObligation(ctx context.Context, r *pb.ExcuseObligationRequest) (*pb.Obligation, error) {
	return do[*pb.Obligation](ctx, s.j, r)
}

func (s obligations) NotifyObligation(ctx context.Context, r *pb.NotifyObligationRequest) (*pb.Obligation, error) {
	return do[*pb.Obligation](ctx, s.j, r)
}

func (s obligations) DisputeObligation(ctx context.Context, r *pb.DisputeObligationRequest) (*pb.Obligation, error) {
	return do[*pb.Obligation](ctx, s.j, r)
}

func (s obligations) DetermineObligation(ctx context.Context, r *pb.DetermineObligationRequest) (*pb.Obligation, error) {
	return do[*pb.Obligation](ctx, s.j, r)
}

func (s history) ListEvents(ctx context.Context, r *pb.ListEventsRequest) (*pb.ListEventsResponse, error) {
	return s.j.Events(ctx, auth.Caller(ctx), r)
}

func (s history) GetEvent(ctx context.Context, r *pb.GetEventRequest) (*pb.RecordedEvent, error) {
	return s.j.Event(ctx, auth.Caller(ctx), r)
}

func (s logs) GetCheckpoint(ctx context.Context, r *pb.GetCheckpointRequest) (*pb.Checkpoint, error) {
	return s.j.Checkpoint(ctx, r.GetSize())
}

func (s logs) ListCheckpoints(ctx context.Context, r *pb.ListCheckpointsRequest) (*pb.ListCheckpointsResponse, error) {
	return s.j.Checkpoints(ctx, auth.Caller(ctx), r)
}

func (s logs) GetLogPolicy(ctx context.Context, _ *pb.GetLogPolicyRequest) (*pb.LogPolicy, error) {
	l, err := s.j.Log(ctx)
	return s.policy.Tell(l), err
}

func (s logs) GetTile(ctx context.Context, r *pb.GetTileRequest) (*pb.GetTileResponse, error) {
	tile, err := s.j.PublishedTile(ctx, int(r.GetLevel()), r.GetIndex(), int(r.GetWidth()))
	return &pb.GetTileResponse{Tile: tile}, err
}

func (s logs) GetEntryBundle(ctx context.Context, r *pb.GetEntryBundleRequest) (*pb.GetEntryBundleResponse, error) {
	entries, err := s.j.PublishedEntries(ctx, r.GetIndex(), int(r.GetWidth()))
	return &pb.GetEntryBundleResponse{Entries: entries}, err
}

func (s calendars) CreateFeed(ctx context.Context, r *pb.CreateFeedRequest) (*pb.CreateFeedResponse, error) {
	return do[*pb.CreateFeedResponse](ctx, s.j, r)
}

func (s calendars) RevokeFeed(ctx context.Context, r *pb.RevokeFeedRequest) (*pb.Feed, error) {
	return do[*pb.Feed](ctx, s.j, r)
}

func (s calendars) GetFeed(ctx context.Context, r *pb.GetFeedRequest) (*pb.Feed, error) {
	key, err := s.j.Key(ctx, r.GetFeedId())
	if err == nil && !auth.Caller(ctx).SeesFeed(key.GetApiKey()) {
		err = rules.NotFound("feed", r.GetFeedId())
	}
	return rules.FeedOf(key.GetApiKey()), err
}

func (s calendars) ListFeeds(ctx context.Context, r *pb.ListFeedsRequest) (*pb.ListFeedsResponse, error) {
	return s.j.Feeds(ctx, auth.Caller(ctx), r)
}

func (s portfolios) GetPortfolio(ctx context.Context, r *pb.GetPortfolioRequest) (*pb.Portfolio, error) {
	return s.j.Portfolio(ctx, auth.Caller(ctx), r)
}

func (s portfolios) ListPortfolio(ctx context.Context, r *pb.ListPortfolioRequest) (*pb.ListPortfolioResponse, error) {
	return s.j.PortfolioItems(ctx, auth.Caller(ctx), r)
}
