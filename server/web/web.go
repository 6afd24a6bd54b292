// Package web is everything Concord says over HTTP: the REST interface, its description and the
// pages for people and for probes.
//
// A REST call is a gRPC call in other clothes. Each request passes through four hands. The route
// table, made from the HTTP rules in the protos, finds the RPC and answers unknown paths and
// methods. The checks then read headers, query and body strictly and refuse what the API would not
// understand, naming everything that is wrong at once. The gateway, generated from the protos,
// turns the request into a message and calls the RPC over an in-process channel, behind which the
// same interceptors run as for any gRPC call. Last, the answer gets its ETag, its Location and its
// cache rules, or becomes a problem (RFC 9457) with the reason the gRPC error carried.
//
// This package decides nothing about agreements, knows no credentials and holds no state.
package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

const (
	// DefaultMaxBody is the largest request body taken when Config.MaxBody is 0: what a gRPC server
	// takes by default, so that both doors are equally wide.
	DefaultMaxBody = 4 << 20
	// DefaultTimeout bounds a call when Config.Timeout is 0. A call that takes longer is stuck, and
	// its client has most likely given up.
	DefaultTimeout = 30 * time.Second
)

// Config is what New needs.
type Config struct {
	// Conn carries the calls. It must lead to every service of concord.v1, with authentication,
	// access rules and recovery from panics behind it. Required.
	Conn grpc.ClientConnInterface
	// OpenAPI is the OpenAPI document in JSON, served as it is at /openapi.json. Required.
	OpenAPI []byte
	// Ready answers nil when the service can do its work. The words of its error are shown to anyone
	// at /readyz. Required.
	Ready func() error
	// Metrics answers /metrics, to anyone; nil: there is no such path.
	Metrics http.Handler
	// Log takes faults of this package. Required.
	Log *slog.Logger
	// MaxBody is the largest request body in bytes; 0 means DefaultMaxBody.
	MaxBody int64
	// Timeout bounds each call, reading its body included; 0 means DefaultTimeout.
	Timeout time.Duration
}

// handler answers every request of the service's HTTP port.
type handler struct {
	Config
	routes *routeTable
	pages  map[string]http.Handler
	audits map[string]*route // of bundles, by the noun in front of the id
	cards  *route            // of the pictures of scorecards
}

// New makes the one handler for all paths. It fails when the protos say something that this package
// would not keep, so that a route is never served half.
func New(c Config) (http.Handler, error) {
	if c.Conn == nil || len(c.OpenAPI) == 0 || c.Ready == nil || c.Log == nil {
		return nil, errors.New("web: Conn, OpenAPI, Ready and Log are required")
	}
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	h := &handler{Config: c}
	routes, err := h.newRoutes()
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if h.routes, err = newRouteTable(routes); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if h.audits, err = auditRoutes(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if h.cards, err = pictureRoute(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if h.pages, err = newPages(c); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{ResponseWriter: w, request: r}
	x.guard()
	defer func() {
		if fault := recover(); fault != nil {
			h.recovered(x, fault)
		}
	}()
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		if calendar := calendarAt(r.URL.Path); calendar != nil && r.URL.RawPath == "" {
			h.serveCalendar(x, calendar)
			return
		}
		var id string
		if x.route, id = h.auditAt(r.URL.Path); x.route != nil && r.URL.RawPath == "" {
			h.serveAudit(x, id)
			return
		}
		if id = pictureAt(r.URL.Path); id != "" && r.URL.RawPath == "" {
			x.route = h.cards
			h.servePicture(x, id)
			return
		}
		h.serveCall(x)
		return
	}
	if strings.HasPrefix(r.URL.Path, tlogPrefix) {
		h.serveTlog(x)
		return
	}
	h.servePage(x)
}

// recovered turns a panic into a problem. An answer that has begun is broken off instead, so that its
// client does not take half of it for the whole.
func (h *handler) recovered(x *exchange, fault any) {
	if fault == http.ErrAbortHandler {
		panic(fault) // net/http's own way to drop a connection
	}
	h.Log.Error("web: panic", "fault", fault, "method", x.request.Method, "path", x.request.URL.Path,
		"trace_id", x.traceID(), "stack", string(debug.Stack()))
	if x.begun {
		panic(http.ErrAbortHandler)
	}
	x.refuse(newProblem(pb.ErrorReason_ERROR_REASON_INTERNAL, codes.Internal, ""))
}
