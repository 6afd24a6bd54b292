package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// An audit bundle is no resource in JSON but a file, and may be long: it goes out as it comes in, piece by piece.

// auditFile is the last part of the paths of bundles.
const auditFile = "/audit.zip"

// auditPatience is how long a client may take for one piece.
const auditPatience = 30 * time.Second

// auditRoutes are the paths of bundles, by the noun in front of the id.
func auditRoutes() (map[string]*route, error) {
	m := pb.File_concord_v1_log_service_proto.Services().ByName("LogService").Methods().ByName("ExportAudit")
	all := map[string]*route{}
	for noun, path := range map[string]string{"agreements": "agreements/{agreement_id}", "parties": "parties/{party_id}", "": ""} {
		template := "/v1/" + path + auditFile
		if path == "" {
			template = "/v1" + auditFile
		}
		r, err := newRoute(m, &annotations.HttpRule{Pattern: &annotations.HttpRule_Get{Get: template}})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", template, err)
		}
		all[noun] = r
	}
	return all, nil
}

// auditAt finds the route of a bundle, and the id in its path; nil if it is none.
func (h *handler) auditAt(path string) (r *route, id string) {
	rest, ok := strings.CutSuffix(strings.TrimPrefix(path, "/v1"), auditFile)
	if !ok {
		return nil, ""
	}
	if rest == "" {
		return h.audits[""], ""
	}
	noun, id, _ := strings.Cut(rest[1:], "/")
	if noun == "" || !isID(id) {
		return nil, ""
	}
	return h.audits[noun], id
}

// serveAudit answers with a bundle.
func (h *handler) serveAudit(x *exchange, id string) {
	if p := onlyRead(x.request); p != nil {
		x.refuse(p)
		return
	}
	request, p := x.auditRequest(id)
	if p != nil {
		x.refuse(p)
		return
	}
	ctx, cancel := context.WithCancel(metadata.NewOutgoingContext(x.request.Context(), x.metadata))
	defer cancel() // a client that is gone wants no more of it
	stream, err := h.auditStream(ctx, request)
	piece := &pb.ExportAuditResponse{}
	if err == nil {
		err = stream.RecvMsg(piece)
	}
	if err != nil {
		h.refuseFile(x, pb.LogService_ExportAudit_FullMethodName, err)
		return
	}
	header := x.Header()
	header.Set("Content-Type", "application/zip")
	header.Set("Content-Disposition", `attachment; filename="`+auditName(request)+`"`)
	header.Set("Cache-Control", "no-store")
	header["Vary"] = varyByCaller
	if x.request.Method == http.MethodHead {
		x.WriteHeader(http.StatusOK)
		return
	}
	control := http.NewResponseController(x)
	for err == nil {
		_ = control.SetWriteDeadline(time.Now().Add(auditPatience)) // where there is a connection, it has deadlines
		if _, err = x.Write(piece.GetData()); err == nil {
			_ = control.SetWriteDeadline(time.Time{}) // HTTP/2 would break off at it, however long the next piece takes to make
			piece.Reset()
			err = stream.RecvMsg(piece)
		}
	}
	_ = control.SetWriteDeadline(time.Now().Add(auditPatience)) // for what net/http holds yet
	if !errors.Is(err, io.EOF) {
		panic(http.ErrAbortHandler) // so that nobody takes half a bundle for a whole one
	}
}

// auditStream makes the call. The generated client cannot: where a call is refused before its request is taken it tells of
// the end of the stream, and not why.
func (h *handler) auditStream(ctx context.Context, request *pb.ExportAuditRequest) (grpc.ClientStream, error) {
	stream, err := h.Conn.NewStream(ctx, &grpc.StreamDesc{StreamName: "ExportAudit", ServerStreams: true}, pb.LogService_ExportAudit_FullMethodName)
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(request); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return stream, stream.CloseSend()
}

// auditRequest reads what is asked for: headers, path and query.
func (x *exchange) auditRequest(id string) (*pb.ExportAuditRequest, *problem) {
	if p := x.readHeaders(); p != nil {
		return nil, p
	}
	form, found := checkQuery(x.route, x.request.URL.RawQuery)
	if len(found) > 0 {
		return nil, invalid(found)
	}
	request := &pb.ExportAuditRequest{}
	if err := runtime.PopulateQueryParameters(request, form, utilities.NewDoubleArray(nil)); err != nil {
		return nil, malformed(http.StatusBadRequest, "The query is not what the API understands: "+err.Error())
	}
	for _, p := range x.route.params {
		request.ProtoReflect().Set(p.field, protoreflect.ValueOfString(id))
	}
	return request, nil
}

// auditName is what the file is called.
func auditName(r *pb.ExportAuditRequest) string {
	name := "service"
	if id := r.GetAgreementId() + r.GetPartyId(); id != "" {
		name = id
	}
	return name + "-audit.zip"
}
