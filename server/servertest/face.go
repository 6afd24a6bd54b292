package servertest

import (
	"context"
	"io"
	"slices"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Caller is who calls, and what a call says beside its request.
type Caller struct {
	// Key is the secret; empty: none is sent.
	Key string
	// Party is the party to act for; empty: not said.
	Party string
	// Header is more metadata (headers, over REST), by lower-case names; each value is sent.
	Header map[string][]string
}

// With is the same caller with one more value of metadata.
func (c Caller) With(name, value string) Caller {
	more := map[string][]string{}
	for n, v := range c.Header {
		more[n] = v
	}
	more[name] = append(more[name][:len(more[name]):len(more[name])], value)
	c.Header = more
	return c
}

// headers is everything a call says beside its request.
func (c Caller) headers() map[string][]string {
	all := map[string][]string{}
	for n, v := range c.Header {
		all[n] = v
	}
	if c.Key != "" {
		all["authorization"] = append([]string{"Bearer " + c.Key}, all["authorization"]...)
	}
	if c.Party != "" {
		all["concord-party"] = append([]string{c.Party}, all["concord-party"]...)
	}
	return all
}

// Face is a way into the service.
type Face interface {
	// Name is "gRPC" or "REST".
	Name() string
	// Offers says whether a call can be made this way.
	Offers(rpc RPC) bool
	// Call makes the call that takes req, whichever it is, and returns its answer or why it was refused. A call that takes
	// a stream is sent the one; of one that gives a stream the first message is the answer.
	Call(t testing.TB, who Caller, req proto.Message) (proto.Message, *Refusal)
	// Watch begins a watch, which ends with the test, or returns why it was refused.
	Watch(t testing.TB, who Caller, req *pb.WatchEventsRequest) (*Watch, *Refusal)
	// Must is Call for what must not be refused.
	Must(t testing.TB, who Caller, req proto.Message) proto.Message
}

// Faces are both ways in.
func (s *Server) Faces() []Face { return []Face{s.GRPC(), s.REST()} }

// RPC is one call of the API, as its proto describes it.
type RPC struct {
	protoreflect.MethodDescriptor
	// Rule is where REST has it; nil: nowhere.
	Rule *annotations.HttpRule
	// Allow are the roles that may call it.
	Allow []pb.Role
}

// Path is the name that gRPC calls it by.
func (r RPC) Path() string { return "/" + string(r.Parent().FullName()) + "/" + string(r.Name()) }

// Writes says whether it may change something.
func (r RPC) Writes() bool { return r.Input().Fields().ByName("request_id") != nil }

// Streams says whether it takes, or gives, more than one message.
func (r RPC) Streams() bool { return r.IsStreamingClient() || r.IsStreamingServer() }

// Calls that are streams, and calls that REST does not offer: few, and by name, so that an HTTP rule cannot be forgotten.
var (
	streams  = []protoreflect.Name{"ImportAgreements", "ExportAudit", "WatchEvents"}
	gRPCOnly = []protoreflect.Name{"GetCalendar", "GetScorecardPicture", "ImportAgreements", "GetTile", "GetEntryBundle", "ExportAudit"}
)

// RPCs are all calls of the API. It panics if one has no place over REST and is not named above, or the other way round.
func RPCs() []RPC {
	var all []RPC
	protoregistry.GlobalFiles.RangeFilesByPackage("concord.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			for j := range f.Services().Get(i).Methods().Len() {
				m := f.Services().Get(i).Methods().Get(j)
				rule, _ := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
				access, _ := proto.GetExtension(m.Options(), pb.E_Access).(*pb.AccessRule)
				rpc := RPC{m, rule, access.GetAllow()}
				if rpc.Streams() != slices.Contains(streams, m.Name()) || (rule == nil) != slices.Contains(gRPCOnly, m.Name()) {
					panic(rpc.Path() + " is not the kind of call that servertest takes it for")
				}
				all = append(all, rpc)
			}
		}
		return true
	})
	return all
}

// RPCOf is the call that takes req.
func RPCOf(t testing.TB, req proto.Message) RPC {
	t.Helper()
	for _, rpc := range RPCs() {
		if rpc.Input().FullName() == req.ProtoReflect().Descriptor().FullName() {
			return rpc
		}
	}
	t.Fatalf("no RPC takes %T", req)
	return RPC{}
}

// newAnswer is an empty answer of a call.
func newAnswer(t testing.TB, rpc RPC) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(rpc.Output().FullName())
	if err != nil {
		t.Fatal(err)
	}
	return kind.New().Interface()
}

// GRPC is the gRPC face.
func (s *Server) GRPC() Face { return grpcFace{s} }

type grpcFace struct{ s *Server }

func (grpcFace) Name() string { return "gRPC" }

func (grpcFace) Offers(RPC) bool { return true }

func (f grpcFace) Call(t testing.TB, who Caller, req proto.Message) (proto.Message, *Refusal) {
	t.Helper()
	rpc := RPCOf(t, req)
	ctx, cancel := context.WithTimeout(Outgoing(context.Background(), who), Patience)
	defer cancel()
	answer := newAnswer(t, rpc)
	var err error
	if rpc.Streams() {
		err = f.stream(ctx, rpc, req, answer)
	} else {
		err = f.s.conn.Invoke(ctx, rpc.Path(), req, answer, grpc.WaitForReady(true))
	}
	if err != nil {
		return nil, RefusalOf(err)
	}
	return answer, nil
}

// stream makes a call that takes or gives a stream, of one message.
func (f grpcFace) stream(ctx context.Context, rpc RPC, req, answer proto.Message) error {
	s, err := f.s.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: rpc.IsStreamingClient(), ServerStreams: rpc.IsStreamingServer()}, rpc.Path(), grpc.WaitForReady(true))
	if err != nil {
		return err
	}
	if err := s.SendMsg(req); err != nil && err != io.EOF { // EOF: refused already, as RecvMsg says
		return err
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	return s.RecvMsg(answer)
}

func (f grpcFace) Must(t testing.TB, who Caller, req proto.Message) proto.Message {
	t.Helper()
	answer, refusal := f.Call(t, who, req)
	if refusal != nil {
		t.Fatalf("over gRPC %T was refused: %v", req, refusal)
	}
	return answer
}

// Outgoing puts what a caller says beside a request into the metadata of a gRPC call.
func Outgoing(ctx context.Context, who Caller) context.Context {
	return metadata.NewOutgoingContext(ctx, metadata.MD(who.headers()))
}

// RefusalOf reads a gRPC error.
func RefusalOf(err error) *Refusal {
	s := status.Convert(err)
	r := &Refusal{Code: s.Code(), Message: s.Message()}
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			r.Reason, r.Domain, r.Metadata = d.GetReason(), d.GetDomain(), d.GetMetadata()
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				r.Violations = append(r.Violations, Violation{v.GetField(), v.GetDescription()})
			}
		case *errdetails.PreconditionFailure:
			for _, v := range d.GetViolations() {
				r.Preconditions = append(r.Preconditions, Precondition{v.GetType(), v.GetSubject(), v.GetDescription()})
			}
		}
	}
	return r
}
