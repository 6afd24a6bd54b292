package rules

import (
	"slices"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Caller is a principal with what it may do, for one call.
type Caller struct {
	// PrincipalID names it in the history.
	PrincipalID string
	// Role is what it may do.
	Role pb.Role
	// PartyID is the party it acts for in this call; empty for an auditor, the operator and the clock.
	PartyID string
	// AgreementIDs are the agreements an auditor, or a feed, is confined to; none means all it could read else.
	AgreementIDs []string
}

// Clock is the service's own clock, which acts for no party.
func Clock() Caller { return Caller{PrincipalID: "clock"} }

// Service is the service itself, on its first start.
func Service() Caller { return Caller{PrincipalID: "service"} }

// SideOf is the side a caller's party has in an agreement; unspecified if it has none.
func (c Caller) SideOf(a *pb.Agreement) pb.Side {
	switch c.PartyID {
	case "":
		return pb.Side_SIDE_UNSPECIFIED
	case a.GetVendorPartyId():
		return pb.Side_SIDE_VENDOR
	case a.GetClientPartyId():
		return pb.Side_SIDE_CLIENT
	}
	return pb.Side_SIDE_UNSPECIFIED
}

// Sees says whether a caller may know of an agreement. A draft is seen by its author's party alone.
func (c Caller) Sees(a *pb.Agreement) bool {
	if a == nil || len(c.AgreementIDs) > 0 && !slices.Contains(c.AgreementIDs, a.GetAgreementId()) {
		return false
	}
	draft := a.GetState() == pb.AgreementState_AGREEMENT_STATE_DRAFT
	if c.Role == pb.Role_ROLE_AUDITOR {
		return !draft
	}
	side := c.SideOf(a)
	if side == pb.Side_SIDE_UNSPECIFIED {
		return c.Neutral(a)
	}
	return !draft || side == a.GetAuthor()
}

// SeesService says whether a caller may know of the service's own chain: parties, keys and the log. Who runs the service
// does, and who audits all of it.
func (c Caller) SeesService() bool {
	return c.Role == pb.Role_ROLE_OPERATOR || c.Role == pb.Role_ROLE_AUDITOR && len(c.AgreementIDs) == 0
}

// Told says whether a caller who watches is told of an event, of an agreement as it stands now or, for nil, of the service.
// A draft is its author's alone, so that who comes late is told the same as who was there.
func (c Caller) Told(e *pb.Event, a *pb.Agreement) bool {
	if a == nil {
		return c.SeesService()
	}
	switch e.GetChange().(type) {
	case *pb.Event_AgreementDrafted, *pb.Event_DraftRewritten:
		return c.Sees(a) && c.SideOf(a) == a.GetAuthor()
	}
	return c.Sees(a)
}

// Neutral says whether a caller acts for the party that both sides of an agreement agreed on to settle their disputes. It is
// no side: it reads the agreement from the acceptance on, and determines.
func (c Caller) Neutral(a *pb.Agreement) bool {
	return c.PartyID != "" && c.PartyID == a.GetNeutralPartyId()
}

// Other is the other side.
func Other(s pb.Side) pb.Side {
	switch s {
	case pb.Side_SIDE_VENDOR:
		return pb.Side_SIDE_CLIENT
	case pb.Side_SIDE_CLIENT:
		return pb.Side_SIDE_VENDOR
	}
	return pb.Side_SIDE_UNSPECIFIED
}

// seen reads the agreement a command names, as time has left it, and the side its caller has there. What the caller may
// not see is missing.
func (d *Decision) seen(agreementID string) (*pb.Agreement, pb.Side, *Error) {
	d.agreementPasses(agreementID)
	a := d.State.agreement(agreementID)
	if !d.stamp.By.Sees(a) {
		return nil, pb.Side_SIDE_UNSPECIFIED, NotFound("agreement", agreementID)
	}
	return a, d.stamp.By.SideOf(a), nil
}

// Withhold leaves out of an event what the caller may not see: the text of a draft is its author's alone, also after the
// agreement was proposed, and an answer in a round of the pulse is its own side's while that is open. It is all that is
// private of such an event, so that the body can be shown, and with it that the history is whole. It may change r.
func Withhold(r *pb.RecordedEvent, c Caller, a *pb.Agreement) *pb.RecordedEvent {
	side := c.SideOf(a)
	switch change := r.GetEvent().GetChange().(type) {
	case *pb.Event_AgreementDrafted:
		if side == a.GetAuthor() {
			return r
		}
		change.AgreementDrafted.Terms = nil
	case *pb.Event_DraftRewritten:
		if side == a.GetAuthor() {
			return r
		}
		change.DraftRewritten.Terms = nil
	case *pb.Event_PulseAnswered:
		if side == r.GetEvent().GetActor().GetSide() || change.PulseAnswered.GetPulseRoundId() != a.GetOpenPulseRoundId() {
			return r
		}
		change.PulseAnswered.View = nil
	default:
		return r
	}
	r.Private, r.PrivateSalt, r.Withheld = nil, nil, len(r.GetPrivate()) > 0
	return r
}

// Tell is an event as a watch tells of it: an answer in a round of the pulse without what it says, to everybody and for ever,
// so that who comes late is told the same as who was there. It may change r.
func Tell(r *pb.RecordedEvent) *pb.RecordedEvent {
	if answered := r.GetEvent().GetPulseAnswered(); answered != nil {
		answered.View = nil
		r.Private, r.PrivateSalt, r.Withheld = nil, nil, len(r.GetPrivate()) > 0
	}
	return r
}

// WithholdRecord leaves out of a record what Withhold leaves out of the events that made it, and says whether it has. It may
// change m.
func WithholdRecord(m proto.Message, c Caller, a *pb.Agreement) bool {
	answer, ok := m.(*pb.PulseAnswer)
	if !ok || answer.GetPulseRoundId() != a.GetOpenPulseRoundId() || c.SideOf(a) == answer.GetSide() {
		return false
	}
	answer.View = nil
	return true
}
