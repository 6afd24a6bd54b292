package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// newGateway makes the generated gateway's mux, with everything switched off that reads more of a
// request, or tells more of an answer, than this package decided to. each sees every handler that is
// added.
func (h *handler) newGateway(each runtime.Middleware) *runtime.ServeMux {
	no := func(string) (string, bool) { return "", false }
	return runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, jsonMarshaler{}),
		runtime.WithIncomingHeaderMatcher(no),
		runtime.WithOutgoingHeaderMatcher(no),
		runtime.WithOutgoingTrailerMatcher(no),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
		runtime.WithWriteContentLength(),
		runtime.WithForwardResponseOption(finish),
		runtime.WithErrorHandler(h.answerError),
		runtime.WithMiddlewares(each),
	)
}

// answerError answers with what went wrong.
func (h *handler) answerError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
	x := w.(*exchange)
	switch {
	case errors.Is(err, errNotModified):
		x.Header().Del("Content-Type")
		x.WriteHeader(http.StatusNotModified)
	case x.message == nil:
		x.refuse(h.undecoded(x, err))
	default:
		p, known := problemOf(status.Convert(err), x.route.bodyName)
		if !known && p.Status == http.StatusInternalServerError {
			h.Log.Error("web: call failed", "rpc", x.route.rpc.FullName(), "trace_id", x.trace.id, "error", err)
		}
		x.refuse(p)
	}
}

// undecoded finds out why the gateway did not call the RPC: the body is not one of this call.
func (h *handler) undecoded(x *exchange, err error) *problem {
	if x.route.body == nil || len(x.body) == 0 {
		h.Log.Error("web: gateway refused a checked request", "rpc", x.route.rpc.FullName(), "trace_id", x.trace.id, "error", err)
		return newProblem(pb.ErrorReason_ERROR_REASON_INTERNAL, codes.Internal, "")
	}
	found, p := checkBody(x.body, x.route.body)
	switch {
	case p != nil:
		return p
	case len(found) > 0:
		return invalid(found)
	}
	return malformed(http.StatusBadRequest, "The body is not a "+string(x.route.body.Name())+".")
}

// usualAnswer is the room an answer gets at first: most resources fit, and growing there step by step
// would copy them five times.
const usualAnswer = 1 << 10

// jsonMarshaler is the one way the gateway reads and writes messages. It differs from the gateway's own
// in that nothing may stand behind the JSON value, nothing unknown within it, and that bytes are not
// copied on the way.
type jsonMarshaler struct{}

// ContentType implements runtime.Marshaler.
func (jsonMarshaler) ContentType(any) string { return "application/json" }

// Marshal implements runtime.Marshaler.
func (jsonMarshaler) Marshal(v any) ([]byte, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("web: %T is no message", v)
	}
	return appendJSON(make([]byte, 0, usualAnswer), m)
}

// Unmarshal implements runtime.Marshaler. v is a message or a pointer to a nil one.
func (jsonMarshaler) Unmarshal(data []byte, v any) error {
	if m, ok := v.(proto.Message); ok {
		return parse(data, m)
	}
	at := reflect.ValueOf(v)
	if at.Kind() != reflect.Pointer || at.Elem().Kind() != reflect.Pointer {
		return fmt.Errorf("web: %T is no message", v)
	}
	fresh := reflect.New(at.Elem().Type().Elem())
	m, ok := fresh.Interface().(proto.Message)
	if !ok {
		return fmt.Errorf("web: %T is no message", v)
	}
	if err := parse(data, m); err != nil {
		return err
	}
	at.Elem().Set(fresh)
	return nil
}

// parse reads JSON into a message. protojson takes some things for numbers that JSON does not, such as 0e: so JSON is
// asked first, which costs a fraction of the reading.
func parse(data []byte, m proto.Message) error {
	if !json.Valid(data) {
		return errors.New("web: the body is not JSON")
	}
	return protojson.Unmarshal(data, m)
}

// NewDecoder implements runtime.Marshaler.
func (j jsonMarshaler) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		held, ok := r.(heldBody)
		if !ok {
			all, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			held.all = all
		}
		if len(held.all) == 0 {
			return io.EOF // the gateway's sign for a body that is not there
		}
		return j.Unmarshal(held.all, v)
	})
}

// NewEncoder implements runtime.Marshaler.
func (j jsonMarshaler) NewEncoder(w io.Writer) runtime.Encoder {
	return runtime.EncoderFunc(func(v any) error {
		data, err := j.Marshal(v)
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	})
}
