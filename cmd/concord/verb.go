package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// rpc is a method of a generated client: what a verb of the product is called by.
type rpc[Service, Req, Res any] func(Service, context.Context, Req, ...grpc.CallOption) (Res, error)

// onObligation is a command that is a verb done to an obligation. It needs its words, its request and its RPC; what goes
// into the request beside the ids are flags of its own. prepare fills in what no flag can.
func onObligation[Req proto.Message](s *session, use, short string, request Req, call rpc[pb.ObligationServiceClient, Req, *pb.Obligation], prepare ...func() error) *cobra.Command {
	return onThing(s, "AGREEMENT OBLIGATION", use, short, request, func(ctx context.Context, c *client.Client) error {
		return s.obligation(call(c.Obligations, ctx, request))
	}, prepare)
}

// onProposal is onObligation for proposals.
func onProposal[Req proto.Message](s *session, use, short string, request Req, call rpc[pb.ProposalServiceClient, Req, *pb.Proposal], prepare ...func() error) *cobra.Command {
	return onThing(s, "AGREEMENT PROPOSAL", use, short, request, func(ctx context.Context, c *client.Client) error {
		return s.proposal(call(c.Proposals, ctx, request))
	}, prepare)
}

// onConcern is onObligation for concerns.
func onConcern[Req proto.Message](s *session, use, short string, request Req, call rpc[pb.ConcernServiceClient, Req, *pb.Concern], prepare ...func() error) *cobra.Command {
	return onThing(s, "AGREEMENT CONCERN", use, short, request, func(ctx context.Context, c *client.Client) error {
		return s.concern(call(c.Concerns, ctx, request))
	}, prepare)
}

// onAgreement is onObligation for agreements.
func onAgreement[Req proto.Message](s *session, use, short string, request Req, call rpc[pb.AgreementServiceClient, Req, *pb.Agreement]) *cobra.Command {
	return onThing(s, "AGREEMENT", use, short, request, func(ctx context.Context, c *client.Client) error {
		return s.agreement(call(c.Agreements, ctx, request))
	}, nil)
}

// onThing is a command that is a verb done to what its arguments name.
func onThing(s *session, names, use, short string, request proto.Message, do func(context.Context, *client.Client) error, prepare []func() error) *cobra.Command {
	verb, flags, _ := strings.Cut(use, " ")
	var change change
	return change.flags(&cobra.Command{
		Use: strings.TrimSpace(verb + " " + names + " " + flags), Short: short, Args: cobra.ExactArgs(len(strings.Fields(names))),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			for _, p := range prepare {
				if err := p(); err != nil {
					return err
				}
			}
			change.put(request, args)
			return do(ctx, c)
		}),
	})
}

// put writes into a request what it names, which its first fields do, and what every change can be told.
func (c *change) put(request proto.Message, ids []string) {
	m := request.ProtoReflect()
	fields := m.Descriptor().Fields()
	for i, id := range ids {
		m.Set(fields.ByNumber(protoreflect.FieldNumber(i+1)), protoreflect.ValueOfString(id))
	}
	m.Set(fields.ByName("etag"), protoreflect.ValueOfString(c.etag))
	m.Set(fields.ByName("request_id"), protoreflect.ValueOfString(c.requestID))
	m.Set(fields.ByName("validate_only"), protoreflect.ValueOfBool(c.check))
}
