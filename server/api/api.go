// Package api is the gRPC face of Concord. A handler is one line: a command goes to the journal, a question to the
// reading side of it. What all calls have in common stands here once: headers that mean a field, the bounds the protos
// declare, and the one table that makes a refusal a status.
package api

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/auth"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/seal"
	"github.com/concordhq/concord/server/watch"
)

// Register adds every service to a server. policy is who cosigns the log, hub who tells what happens.
func Register(s grpc.ServiceRegistrar, j *journal.Journal, policy *seal.Policy, hub *watch.Hub) {
	pb.RegisterPartyServiceServer(s, parties{j: j})
	pb.RegisterAdminServiceServer(s, admin{j: j})
	pb.RegisterAgreementServiceServer(s, agreements{j: j})
	pb.RegisterProposalServiceServer(s, proposals{j: j})
	pb.RegisterCommitmentServiceServer(s, commitments{j: j})
	pb.RegisterObligationServiceServer(s, obligations{j: j})
	pb.RegisterConcernServiceServer(s, concerns{j: j})
	pb.RegisterPulseServiceServer(s, pulses{j: j})
	pb.RegisterObjectiveServiceServer(s, objectives{j: j})
	pb.RegisterHistoryServiceServer(s, history{j: j, hub: hub})
	pb.RegisterLogServiceServer(s, logs{j: j, policy: policy, exports: semaphore.NewWeighted(maxExports)})
	pb.RegisterReviewServiceServer(s, reviews{j: j})
	pb.RegisterCalendarServiceServer(s, calendars{j: j})
	pb.RegisterScorecardServiceServer(s, scorecards{j: j})
	pb.RegisterPortfolioServiceServer(s, portfolios{j: j})
}

// do has a command decided for the caller.
func do[M proto.Message](ctx context.Context, j *journal.Journal, command proto.Message) (M, error) {
	var none M
	answer, err := j.Do(ctx, auth.Caller(ctx), command)
	if err != nil {
		return none, err
	}
	typed, ok := answer.(M)
	if !ok {
		return none, fmt.Errorf("api: %T was answered with %T", command, answer)
	}
	return typed, nil
}

// read is a record of an agreement, as the caller may see it, now or as of a time.
func read[M proto.Message](ctx context.Context, j *journal.Journal, ref rules.Ref, noun string, r interface{ GetAsOf() *timestamppb.Timestamp }) (M, error) {
	var none M
	found, err := j.ReadAsOf(ctx, auth.Caller(ctx), ref, noun, r.GetAsOf())
	if err != nil {
		return none, err
	}
	typed, ok := found.(M)
	if !ok {
		return none, fmt.Errorf("api: %+v is a %T", ref, found)
	}
	return typed, nil
}

// Metadata that stands for a field of the request.
const (
	// IfMatch stands for etag.
	IfMatch = "if-match"
	// IdempotencyKey stands for request_id.
	IdempotencyKey = "idempotency-key"
)

// Prepare makes a request ready for its handler: metadata that means a field is put there, and everything the protos
// declare is checked, all violations at once.
func Prepare(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	m, ok := req.(proto.Message)
	if !ok {
		return next(ctx, req)
	}
	if err := check(m, fillIn(ctx, m.ProtoReflect())...); err != nil {
		return nil, err
	}
	return next(ctx, req)
}

// check refuses a message that breaks what the protos declare, or that something else is wrong with already. Calls pass it
// in Prepare, and so does every row of a stream.
func check(m proto.Message, wrong ...rules.Violation) error {
	var p parts
	if p.walk(m.ProtoReflect(), ""); p.count > maxParts {
		return rules.Invalid(rules.Violation{Description: fmt.Sprintf("the request has more than %d parts; it is refused unread", maxParts)})
	}
	wrong = append(append(wrong, p.wrong...), rules.Check(m, "")...)
	if len(wrong) > 0 {
		return rules.Invalid(wrong...)
	}
	return nil
}

// fillIn puts metadata into the fields it stands for.
func fillIn(ctx context.Context, m protoreflect.Message) (wrong []rules.Violation) {
	for _, h := range [...]struct{ key, field string }{{IfMatch, "etag"}, {IdempotencyKey, "request_id"}} {
		field := m.Descriptor().Fields().ByName(protoreflect.Name(h.field))
		if field == nil || field.Kind() != protoreflect.StringKind {
			continue // a read: nothing to guard
		}
		values := metadata.ValueFromIncomingContext(ctx, h.key)
		if len(values) == 0 {
			continue
		}
		have := m.Get(field).String()
		if len(values) > 1 || have != "" && have != values[0] {
			wrong = append(wrong, rules.Violation{Field: h.field, Description: "the header " + h.key + " says something else"})
			continue
		}
		m.Set(field, protoreflect.ValueOfString(values[0]))
	}
	return wrong
}

// maxParts is how many messages within messages a request may have: a text of rules.MaxCommitments commitments with all
// they can have, its past, and room to spare. Checking more, part by part, would cost far more than sending them.
const maxParts = 10*rules.MaxCommitments + rules.MaxPastObligations

// parts walks a request and lists where it holds fields that this release does not know: what a newer client asked for
// must not be silently left out.
type parts struct {
	count int
	wrong []rules.Violation
}

func (p *parts) walk(m protoreflect.Message, path string) {
	if p.count++; p.count > maxParts {
		return
	}
	if len(m.GetUnknown()) > 0 {
		p.wrong = append(p.wrong, rules.Violation{Field: path, Description: "has a field that this release does not know"})
	}
	for _, f := range innerFields(m.Descriptor()) {
		if !m.Has(f) {
			continue
		}
		at := string(f.Name())
		if path != "" {
			at = path + "." + at
		}
		if !f.IsList() {
			p.walk(m.Get(f).Message(), at)
			continue
		}
		for i, list := 0, m.Get(f).List(); i < list.Len() && p.count <= maxParts; i++ {
			p.walk(list.Get(i).Message(), at+"["+strconv.Itoa(i)+"]")
		}
	}
}

// innerFields are the fields of a kind of message that hold messages.
func innerFields(m protoreflect.MessageDescriptor) []protoreflect.FieldDescriptor {
	if known, ok := inner.Load(m); ok {
		return known.([]protoreflect.FieldDescriptor)
	}
	var found []protoreflect.FieldDescriptor
	for i := range m.Fields().Len() {
		if f := m.Fields().Get(i); f.Message() != nil && !f.IsMap() {
			found = append(found, f)
		}
	}
	inner.Store(m, found)
	return found
}

// inner is what innerFields found, so that a call that has few of them is not searched for them.
var inner sync.Map
