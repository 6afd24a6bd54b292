package web

import (
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// statusCallCancelled is what log files call a request whose client went away; nobody sees it there.
const statusCallCancelled = 499

// verdict is how REST words a reason: its title, which never changes, and its HTTP status. Where the
// catalogue names several, byCode tells them apart by the gRPC code.
type verdict struct {
	title  string
	status int
	byCode map[codes.Code]int
}

// verdicts holds every reason of the catalogue; a test compares it with the comments in error.proto.
var verdicts = map[pb.ErrorReason]verdict{
	pb.ErrorReason_ERROR_REASON_INVALID_FIELDS:        {title: "Some fields are not valid", status: http.StatusBadRequest},
	pb.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN:    {title: "The page token does not belong to this list", status: http.StatusBadRequest},
	pb.ErrorReason_ERROR_REASON_MALFORMED_REQUEST:     {title: "The request could not be understood", status: http.StatusBadRequest},
	pb.ErrorReason_ERROR_REASON_CREDENTIALS_MISSING:   {title: "Credentials are needed", status: http.StatusUnauthorized},
	pb.ErrorReason_ERROR_REASON_CREDENTIALS_INVALID:   {title: "The credentials are not valid", status: http.StatusUnauthorized},
	pb.ErrorReason_ERROR_REASON_ROLE_NOT_ALLOWED:      {title: "The caller's role may not do this", status: http.StatusForbidden},
	pb.ErrorReason_ERROR_REASON_WRONG_SIDE:            {title: "The other side must do this", status: http.StatusForbidden},
	pb.ErrorReason_ERROR_REASON_ACTING_PARTY_REQUIRED: {title: "Say for which party", status: http.StatusBadRequest},
	pb.ErrorReason_ERROR_REASON_NOT_FOUND:             {title: "There is no such thing", status: http.StatusNotFound},
	pb.ErrorReason_ERROR_REASON_ALREADY_EXISTS:        {title: "The id is taken", status: http.StatusConflict},
	pb.ErrorReason_ERROR_REASON_WRONG_STATE:           {title: "Not possible in this state", status: http.StatusConflict},
	pb.ErrorReason_ERROR_REASON_NOT_YOUR_TURN:         {title: "It is the other side's turn", status: http.StatusConflict},
	pb.ErrorReason_ERROR_REASON_DIGEST_MISMATCH:       {title: "The text quoted is not the current one", status: http.StatusConflict},
	pb.ErrorReason_ERROR_REASON_ETAG_MISMATCH:         {title: "Changed since it was read", status: http.StatusPreconditionFailed},
	pb.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED:     {title: "The request id belongs to another request", status: http.StatusUnprocessableEntity},
	pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED:        {title: "A limit would be passed", status: http.StatusTooManyRequests},
	pb.ErrorReason_ERROR_REASON_STORE_FULL:            {title: "The store is full", status: http.StatusInsufficientStorage},
	pb.ErrorReason_ERROR_REASON_OVERLOADED:            {title: "Too busy at the moment", status: http.StatusServiceUnavailable},
	pb.ErrorReason_ERROR_REASON_SHUTTING_DOWN:         {title: "The service is stopping", status: http.StatusServiceUnavailable},
	pb.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN:       {title: "The outcome is not known", status: http.StatusServiceUnavailable},
	pb.ErrorReason_ERROR_REASON_NOT_SUPPORTED:         {title: "Not supported yet", status: http.StatusNotImplemented},
	pb.ErrorReason_ERROR_REASON_UNKNOWN_METHOD: {
		title: "There is no such path or method", status: http.StatusNotFound,
		byCode: map[codes.Code]int{codes.Unimplemented: http.StatusMethodNotAllowed},
	},
	pb.ErrorReason_ERROR_REASON_CALL_ENDED: {
		title: "The call ended before it was done", status: http.StatusGatewayTimeout,
		byCode: map[codes.Code]int{codes.Canceled: statusCallCancelled},
	},
	pb.ErrorReason_ERROR_REASON_INTERNAL:         {title: "The service failed", status: http.StatusInternalServerError},
	pb.ErrorReason_ERROR_REASON_RULE_REFUSED:     {title: "A rule refuses this", status: http.StatusConflict},
	pb.ErrorReason_ERROR_REASON_TOO_EARLY:        {title: "It is too early for this", status: http.StatusConflict},
	pb.ErrorReason_ERROR_REASON_TOO_LATE:         {title: "It is too late for this", status: http.StatusConflict},
	pb.ErrorReason_ERROR_REASON_WRONG_KIND:       {title: "Not for commitments of this kind", status: http.StatusConflict},
	pb.ErrorReason_ERROR_REASON_CURE_PERIOD_RUNS: {title: "A cure period still runs", status: http.StatusConflict},
	pb.ErrorReason_ERROR_REASON_TOO_SLOW:         {title: "Took too long to take what was told", status: http.StatusServiceUnavailable},
	pb.ErrorReason_ERROR_REASON_STALE_BASE:       {title: "The text it would change has changed", status: http.StatusConflict},
}

// reasonOfCode says what an error means that carries no reason of the catalogue: it comes from the
// machinery below the API, or from a context that ended.
func reasonOfCode(c codes.Code) pb.ErrorReason {
	switch c {
	case codes.InvalidArgument, codes.OutOfRange:
		return pb.ErrorReason_ERROR_REASON_INVALID_FIELDS
	case codes.Unauthenticated:
		return pb.ErrorReason_ERROR_REASON_CREDENTIALS_INVALID
	case codes.PermissionDenied:
		return pb.ErrorReason_ERROR_REASON_ROLE_NOT_ALLOWED
	case codes.NotFound:
		return pb.ErrorReason_ERROR_REASON_NOT_FOUND
	case codes.AlreadyExists:
		return pb.ErrorReason_ERROR_REASON_ALREADY_EXISTS
	case codes.FailedPrecondition, codes.Aborted:
		return pb.ErrorReason_ERROR_REASON_RULE_REFUSED
	case codes.ResourceExhausted:
		return pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED
	case codes.Unavailable:
		return pb.ErrorReason_ERROR_REASON_OVERLOADED
	case codes.Unimplemented:
		return pb.ErrorReason_ERROR_REASON_NOT_SUPPORTED
	case codes.DeadlineExceeded, codes.Canceled:
		return pb.ErrorReason_ERROR_REASON_CALL_ENDED
	default:
		return pb.ErrorReason_ERROR_REASON_INTERNAL
	}
}

// reasonName is a reason as both doors spell it: without the prefix of its enum.
func reasonName(r pb.ErrorReason) string {
	return strings.TrimPrefix(r.String(), "ERROR_REASON_")
}

// reasonNamed is the reverse of reasonName; ok is false for a name the catalogue does not have.
func reasonNamed(name string) (r pb.ErrorReason, ok bool) {
	number, ok := pb.ErrorReason_value["ERROR_REASON_"+name]
	return pb.ErrorReason(number), ok && number != 0
}
