// Package client speaks to a Concord service from Go.
//
// Dial gives a Client, whose fields are the service's own nouns: Parties, Agreements, Proposals, Commitments,
// Obligations, Concerns, Objectives, Pulses, Scorecards, Reviews, Portfolios, Calendars, History, Log and Admin. Every call carries
// the caller's key, gets a deadline if it has none, and is safe to repeat: a command without a request_id is given one before it leaves, so that a call which found the service
// unavailable is made again, and is never recorded twice. What the service refuses comes back as an error that Reason,
// Violations and Details read; Pages walks a list to its end; Import sends rows, as many as there are; Watch tells
// what happens, and goes on where it was when a service restarts. With Options.Verify it checks the history it reads
// against the service's log.
//
// A Client may be used by any number of goroutines. It never speaks in the clear to anything but its own machine.
package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/keepalive"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

const (
	// DefaultTimeout is the deadline of a call that comes without one: far above what a busy service takes, and short
	// enough that a caller notices.
	DefaultTimeout = 10 * time.Second

	// maxReceiveBytes bounds one answer. A page may hold 1,000 events, and the largest of them carry a whole text.
	maxReceiveBytes = 64 << 20
	// maxSendBytes bounds one request. It is above what the service takes, so that the refusal comes from there, with its
	// reason.
	maxSendBytes = 16 << 20

	// pingAfter is how long a connection with a call under way may be silent before it is probed. Five minutes is the
	// least that gRPC servers take by default; anything less may be answered by hanging up.
	pingAfter = 5 * time.Minute
	// pingTimeout is how long a probe, or anything else sent, may stay unacknowledged before the connection is given up.
	pingTimeout = 20 * time.Second

	// A connection that failed is tried again after reconnectFirst, then ever later up to reconnectMax: a restarted
	// service is found within seconds, and a dead one is not hammered.
	reconnectFirst   = 100 * time.Millisecond
	reconnectMax     = 5 * time.Second
	reconnectFactor  = 1.6
	reconnectJitter  = 0.2
	reconnectTimeout = 5 * time.Second
)

// Client is a connection to a Concord service. Its fields are the generated clients of the service's nouns.
type Client struct {
	// Parties are the organisations that make agreements.
	Parties pb.PartyServiceClient
	// Agreements are partnerships and their texts.
	Agreements pb.AgreementServiceClient
	// Proposals are how two sides come to consent.
	Proposals pb.ProposalServiceClient
	// Commitments are what each side promised the other.
	Commitments pb.CommitmentServiceClient
	// Obligations are where promises are kept, and judged.
	Obligations pb.ObligationServiceClient
	// Objectives are what each side hopes to gain, and how far it has come.
	Objectives pb.ObjectiveServiceClient
	// Pulses are how both sides feel.
	Pulses pb.PulseServiceClient
	// Concerns are what the sides have to say to each other.
	Concerns pb.ConcernServiceClient
	// Scorecards are both sides' figures, by the same rules.
	Scorecards pb.ScorecardServiceClient
	// Reviews are both sides looking at one scorecard together.
	Reviews pb.ReviewServiceClient
	// Portfolios are what waits in all agreements of a party.
	Portfolios pb.PortfolioServiceClient
	// Calendars show what is due to calendar programs.
	Calendars pb.CalendarServiceClient
	// History is what happened.
	History pb.HistoryServiceClient
	// Log is what proves that the history was not rewritten.
	Log pb.LogServiceClient
	// Admin hands out and takes back credentials.
	Admin pb.AdminServiceClient

	conn     *grpc.ClientConn
	attempts uint // of a call
	watching uint // attempts of a watch
}

// Dial returns a Client of the service at addr, "host:port" or any other target gRPC knows. It does not wait for the
// service to answer, unless Options.Wait asks it to; ctx bounds that wait and nothing else. The error says which option
// is wrong, or why there is no connection.
func Dial(ctx context.Context, addr string, o Options) (*Client, error) {
	transport, secure, err := o.transport(addr)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	layers := []grpc.UnaryClientInterceptor{deadline(o.timeout()), identify, again(o.attempts())}
	if o.Verify != nil {
		v, err := newVerifier(*o.Verify)
		if err != nil {
			return nil, fmt.Errorf("dial %s: %w", addr, err)
		}
		layers = slices.Insert(layers, 1, v.unary) // within the call's deadline, around its attempts
	}
	conn, err := grpc.NewClient(addr,
		grpc.WithTransportCredentials(transport),
		grpc.WithPerRPCCredentials(newIdentity(o.Key, o.Party, secure)),
		grpc.WithChainUnaryInterceptor(layers...),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReceiveBytes), grpc.MaxCallSendMsgSize(maxSendBytes)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingAfter, Timeout: pingTimeout}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: reconnectFirst, Multiplier: reconnectFactor, Jitter: reconnectJitter, MaxDelay: reconnectMax,
			},
			MinConnectTimeout: reconnectTimeout,
		}),
		// Who may change how calls behave is the caller, not whoever can write the service's DNS records.
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(), // ours are the attempts; grpc-go would keep each call for its own
		grpc.WithUserAgent("concord-client"),
	)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	if o.Wait {
		if err := ready(ctx, conn); err != nil {
			return nil, errors.Join(fmt.Errorf("dial %s: %w", addr, err), conn.Close())
		}
	}
	return &Client{
		Parties:     pb.NewPartyServiceClient(conn),
		Agreements:  pb.NewAgreementServiceClient(conn),
		Proposals:   pb.NewProposalServiceClient(conn),
		Commitments: pb.NewCommitmentServiceClient(conn),
		Obligations: pb.NewObligationServiceClient(conn),
		Objectives:  pb.NewObjectiveServiceClient(conn),
		Pulses:      pb.NewPulseServiceClient(conn),
		Concerns:    pb.NewConcernServiceClient(conn),
		Scorecards:  pb.NewScorecardServiceClient(conn),
		Reviews:     pb.NewReviewServiceClient(conn),
		Portfolios:  pb.NewPortfolioServiceClient(conn),
		Calendars:   pb.NewCalendarServiceClient(conn),
		History:     pb.NewHistoryServiceClient(conn),
		Log:         pb.NewLogServiceClient(conn),
		Admin:       pb.NewAdminServiceClient(conn),
		conn:        conn,
		attempts:    o.attempts(),
		watching:    o.watchAttempts(),
	}, nil
}

// Close ends the connection. Calls under way fail.
func (c *Client) Close() error { return c.conn.Close() }

// Conn is the connection, for who knows a call by its descriptor only. What goes through it is treated like any other call.
func (c *Client) Conn() grpc.ClientConnInterface { return c.conn }

// ready waits until there is a connection, or ctx ends.
func ready(ctx context.Context, conn *grpc.ClientConn) error {
	for {
		conn.Connect()
		state := conn.GetState()
		if state == connectivity.Ready {
			return nil
		}
		if !conn.WaitForStateChange(ctx, state) {
			return fmt.Errorf("no connection (%s): %w", state, ctx.Err())
		}
	}
}
