package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	"github.com/concordhq/concord/client"
	"github.com/concordhq/concord/cmd/concord/bench"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// echo is a gRPC service that keeps and decides nothing: to every call it gives an answer that lay ready. It has just as
// much of Concord's contract as its load needs, so that the same client makes the same calls of both, and the answers are
// Concord's own, byte for byte. What it takes is what no service behind these interceptors can be without.
type echo struct {
	pb.UnimplementedPartyServiceServer
	pb.UnimplementedAdminServiceServer
	pb.UnimplementedObligationServiceServer

	submitted, returned *pb.Obligation
	reads               []*pb.Obligation
	turn                atomic.Uint64
	door                *door
	log                 *appendLog // nil: nothing is kept
}

// echoKey is the operator's key of every echo, with the length that keys have.
const echoKey = "concord.key_operator.0000000000000000000000000000000000000000000"

// CreateParty answers with what it was asked.
func (e *echo) CreateParty(_ context.Context, q *pb.CreatePartyRequest) (*pb.Party, error) {
	return q.GetParty(), nil
}

// CreateApiKey lets a new caller in.
func (e *echo) CreateApiKey(_ context.Context, q *pb.CreateApiKeyRequest) (*pb.CreateApiKeyResponse, error) {
	id := "key_" + strconv.FormatUint(e.turn.Add(1), 10)
	secret := "concord." + id + echoKey[len(echoKey)-44:]
	e.door.admit(secret, q.GetApiKey().GetPrincipal())
	key := proto.CloneOf(q.GetApiKey())
	key.ApiKeyId = id
	return &pb.CreateApiKeyResponse{ApiKey: key, Secret: secret}, nil
}

// RevokeApiKey answers without doing so.
func (e *echo) RevokeApiKey(context.Context, *pb.RevokeApiKeyRequest) (*pb.ApiKey, error) {
	return &pb.ApiKey{}, nil
}

// GetObligation answers with one after another of the answers to reads.
func (e *echo) GetObligation(context.Context, *pb.GetObligationRequest) (*pb.Obligation, error) {
	return e.reads[e.turn.Add(1)%uint64(len(e.reads))], nil
}

// SubmitObligation answers with the answer to a submission.
func (e *echo) SubmitObligation(context.Context, *pb.SubmitObligationRequest) (*pb.Obligation, error) {
	return e.submitted, e.log.append()
}

// ReturnObligation answers with the answer to a return.
func (e *echo) ReturnObligation(context.Context, *pb.ReturnObligationRequest) (*pb.Obligation, error) {
	return e.returned, e.log.append()
}

// door knows callers by the hash of their key, as Concord's does.
type door struct {
	mu    sync.RWMutex
	known map[[sha256.Size]byte]*pb.Principal
}

func (d *door) admit(secret string, p *pb.Principal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known[sha256.Sum256([]byte(secret))] = p
}

func (d *door) principal(credentials string) *pb.Principal {
	secret, _ := strings.CutPrefix(credentials, "Bearer ")
	hash := sha256.Sum256([]byte(secret))
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.known[hash]
}

// echoCommand is the hidden command that serves an echo. It reads its answers from standard input: that to a submission,
// that to a return, and those to reads. The one line it writes is its address.
func echoCommand() *cobra.Command {
	var otel bool
	var log string
	cmd := &cobra.Command{Use: asEcho, Hidden: true, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		e := &echo{door: &door{known: map[[sha256.Size]byte]*pb.Principal{}}}
		if err := e.learn(cmd.InOrStdin()); err != nil {
			return err
		}
		if log != "" {
			var err error
			if e.log, err = newAppendLog(log); err != nil {
				return err
			}
		}
		e.door.admit(echoKey, &pb.Principal{Role: pb.Role_ROLE_OPERATOR})
		options, err := interceptors(e.door, otel)
		if err != nil {
			return err
		}
		server := grpc.NewServer(options...)
		pb.RegisterPartyServiceServer(server, e)
		pb.RegisterAdminServiceServer(server, e)
		pb.RegisterObligationServiceServer(server, e)
		port, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		fmt.Fprintln(cmd.OutOrStdout(), port.Addr())
		go func() {
			<-cmd.Context().Done()
			server.Stop()
		}()
		return server.Serve(port)
	}}
	cmd.Flags().BoolVar(&otel, "otelgrpc", false, "be watched by otelgrpc")
	cmd.Flags().StringVar(&log, "log", "", "append to this file for each command, and sync")
	return cmd
}

func (e *echo) learn(from io.Reader) error {
	for r := bufio.NewReader(from); ; {
		o := &pb.Obligation{}
		if err := protodelim.UnmarshalFrom(r, o); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("read the answers: %w", err)
		}
		switch {
		case e.submitted == nil:
			e.submitted = o
		case e.returned == nil:
			e.returned = o
		default:
			e.reads = append(e.reads, o)
		}
	}
	if len(e.reads) == 0 {
		return errors.New("read the answers: there are too few")
	}
	return nil
}

// echoAt is an echo in a process of its own.
type echoAt struct {
	stage   *stage
	process *child
	addr    string
}

// newEcho starts an echo that answers as the service does.
func (s *stage) newEcho(ctx context.Context, like *concordd, flags ...string) (*echoAt, error) {
	answers, err := like.samples(ctx)
	if err != nil {
		return nil, fmt.Errorf("sample answers: %w", err)
	}
	var input bytes.Buffer
	for _, a := range answers {
		if _, err := protodelim.MarshalTo(&input, a); err != nil {
			return nil, fmt.Errorf("sample answers: %w", err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	e := &echoAt{stage: s}
	if e.process, err = s.launch("echo", self, &input, append([]string{asEcho}, flags...)...); err != nil {
		return nil, err
	}
	e.addr, err = e.process.line(ctx)
	return e, err
}

// load is a turn of the same load that Concord gets.
func (e *echoAt) load(like *concordd, verb bench.Verb, at, agreements int) contestant {
	settings := like.settings(verb, at, min(agreements, like.prepared))
	settings.Addr, settings.Options = e.addr, client.Options{Key: echoKey}
	return contestant{turn: func(ctx context.Context) (Turn, error) { return loaded(ctx, settings) }}
}
