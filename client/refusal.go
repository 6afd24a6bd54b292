package client

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// Domain is the domain of the reasons that Reason returns: the service's own, not those of proxies on the way.
const Domain = "concord"

// Violation is one thing that is wrong with a call.
type Violation struct {
	// Subject is what is wrong: the path of a field, or the id of a thing.
	Subject string
	// Type is the rule that is broken, where it has a name.
	Type string
	// Description says in words what is wrong with it.
	Description string
}

// Reason returns why the service refused, as the API's catalogue names it without its prefix, for example "WRONG_STATE".
// It is empty for nil and for an error that is no answer of the service.
func Reason(err error) string {
	if info := errorInfo(err); info != nil {
		return info.GetReason()
	}
	return ""
}

// Details returns what the service says beside the reason: the state a thing is in, the limit that would be passed. It is
// nil where nothing is said.
func Details(err error) map[string]string {
	return errorInfo(err).GetMetadata()
}

// Violations returns everything that is wrong with a call, in the order the service told it: fields first where both
// fields and rules are named. It is empty where the message says it all.
func Violations(err error) []Violation {
	s, ok := status.FromError(err)
	if !ok {
		return nil
	}
	var all []Violation
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				all = append(all, Violation{Subject: v.GetField(), Type: v.GetReason(), Description: v.GetDescription()})
			}
		case *errdetails.PreconditionFailure:
			for _, v := range d.GetViolations() {
				all = append(all, Violation{Subject: v.GetSubject(), Type: v.GetType(), Description: v.GetDescription()})
			}
		}
	}
	return all
}

// errorInfo finds the service's ErrorInfo in an error, however often it was wrapped; nil if there is none.
func errorInfo(err error) *errdetails.ErrorInfo {
	s, ok := status.FromError(err)
	if !ok {
		return nil
	}
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == Domain {
			return info
		}
	}
	return nil
}
