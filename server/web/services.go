package web

import (
	"context"
	"fmt"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// service is one service of the API: the proto file that describes it, and how the generated gateway
// learns of it.
type service struct {
	file     protoreflect.FileDescriptor
	register func(context.Context, *runtime.ServeMux, grpc.ClientConnInterface) error
}

// services are all services that REST offers; a test compares the list with the protos.
var services = []service{
	{pb.File_concord_v1_admin_service_proto, registering(pb.NewAdminServiceClient, pb.RegisterAdminServiceHandlerClient)},
	{pb.File_concord_v1_agreement_service_proto, registering(pb.NewAgreementServiceClient, pb.RegisterAgreementServiceHandlerClient)},
	{pb.File_concord_v1_calendar_service_proto, registering(pb.NewCalendarServiceClient, pb.RegisterCalendarServiceHandlerClient)},
	{pb.File_concord_v1_commitment_service_proto, registering(pb.NewCommitmentServiceClient, pb.RegisterCommitmentServiceHandlerClient)},
	{pb.File_concord_v1_concern_service_proto, registering(pb.NewConcernServiceClient, pb.RegisterConcernServiceHandlerClient)},
	{pb.File_concord_v1_history_service_proto, registering(pb.NewHistoryServiceClient, pb.RegisterHistoryServiceHandlerClient)},
	{pb.File_concord_v1_log_service_proto, registering(pb.NewLogServiceClient, pb.RegisterLogServiceHandlerClient)},
	{pb.File_concord_v1_objective_service_proto, registering(pb.NewObjectiveServiceClient, pb.RegisterObjectiveServiceHandlerClient)},
	{pb.File_concord_v1_obligation_service_proto, registering(pb.NewObligationServiceClient, pb.RegisterObligationServiceHandlerClient)},
	{pb.File_concord_v1_party_service_proto, registering(pb.NewPartyServiceClient, pb.RegisterPartyServiceHandlerClient)},
	{pb.File_concord_v1_portfolio_service_proto, registering(pb.NewPortfolioServiceClient, pb.RegisterPortfolioServiceHandlerClient)},
	{pb.File_concord_v1_proposal_service_proto, registering(pb.NewProposalServiceClient, pb.RegisterProposalServiceHandlerClient)},
	{pb.File_concord_v1_pulse_service_proto, registering(pb.NewPulseServiceClient, pb.RegisterPulseServiceHandlerClient)},
	{pb.File_concord_v1_review_service_proto, registering(pb.NewReviewServiceClient, pb.RegisterReviewServiceHandlerClient)},
	{pb.File_concord_v1_scorecard_service_proto, registering(pb.NewScorecardServiceClient, pb.RegisterScorecardServiceHandlerClient)},
}

// newRoutes makes the routes of all services and gives each the handler that the generated gateway has
// for it.
//
// The gateway offers its handlers only to its own mux, but lets a middleware see each as it is added:
// in the order of the proto file, which is the order of routesOf. Should that order ever change, the
// channel notices that a route calls another RPC than its own, and every test here fails.
func (h *handler) newRoutes() ([]*route, error) {
	var all []*route
	var handlers []runtime.HandlerFunc
	mux := h.newGateway(func(f runtime.HandlerFunc) runtime.HandlerFunc {
		handlers = append(handlers, f)
		return f
	})
	for _, s := range services {
		for i := range s.file.Services().Len() {
			routes, err := routesOf(s.file.Services().Get(i))
			if err != nil {
				return nil, err
			}
			all = append(all, routes...)
		}
		if err := s.register(context.Background(), mux, channel{h.Conn}); err != nil {
			return nil, fmt.Errorf("register %s: %w", s.file.Path(), err)
		}
	}
	if len(all) != len(handlers) {
		return nil, fmt.Errorf("%d routes in the protos, %d in the generated gateway", len(all), len(handlers))
	}
	for i, r := range all {
		r.handler = handlers[i]
	}
	return all, nil
}

// routesOf reads the HTTP rules of a service. It fails on a rule that this package would not serve
// exactly as the proto says.
func routesOf(s protoreflect.ServiceDescriptor) (routes []*route, err error) {
	for i := range s.Methods().Len() {
		m := s.Methods().Get(i)
		rule, _ := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
		if rule == nil {
			continue // an RPC that REST does not offer
		}
		if (m.IsStreamingClient() || m.IsStreamingServer()) && !watches(m) {
			return nil, fmt.Errorf("%s: a stream that is not served", m.FullName())
		}
		for _, one := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
			r, err := newRoute(m, one)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.FullName(), err)
			}
			routes = append(routes, r)
		}
	}
	return routes, nil
}

// watches tells whether an RPC is the one stream that REST offers; see serveWatch.
func watches(m protoreflect.MethodDescriptor) bool {
	return m.FullName() == "concord.v1.HistoryService.WatchEvents"
}

// registering joins the two generated functions of a service: the one that makes its client and the
// one that gives the client to the gateway.
func registering[C any](
	client func(grpc.ClientConnInterface) C,
	register func(context.Context, *runtime.ServeMux, C) error,
) func(context.Context, *runtime.ServeMux, grpc.ClientConnInterface) error {
	return func(ctx context.Context, mux *runtime.ServeMux, conn grpc.ClientConnInterface) error {
		return register(ctx, mux, client(conn))
	}
}
