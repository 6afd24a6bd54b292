package rules

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// pending names what the contract has and no story tells yet: events by their arm, commands by their message, rows as
// "obligation CURING waive WAIVED" and reasons without their prefix. It only ever gets shorter: what is told and still
// stands here fails.
var pending = []string{
	// Events.
	// Rows.
	"obligation SUBMITTED lapse DISCHARGED",
	"obligation BREACHED lapse DISCHARGED",
	"obligation CURING lapse DISCHARGED",
	"obligation DISPUTED lapse DISCHARGED",
	"obligation SUBMITTED be deemed EXCUSED",
	"obligation CURING release DISCHARGED",
	"obligation DISPUTED shift DISPUTED",
	"obligation DISPUTED settle SUBMITTED",
	"obligation DISPUTED settle CURING",
	"obligation DISPUTED settle FULFILLED",
	"obligation DISPUTED settle CURED",
	"obligation DISPUTED settle EXCUSED",
	"obligation DISPUTED settle DEFAULTED",
	"obligation DISPUTED settle DISCHARGED",
	"obligation DISPUTED settle NOT_DETERMINED",
	// Reasons.
	"NOT_SUPPORTED",
}

// untold checks that a thing is told in a story, or pending and not told.
func untold(t *testing.T, name string, told bool) {
	t.Helper()
	switch waits := slices.Contains(pending, name); {
	case waits && told:
		t.Errorf("%s is told in a story: strike it off the pending ones", name)
	case !waits && !told:
		t.Errorf("no story tells %s", name)
	}
}

// TestPendingCommandsAreRefused holds that a command whose law is not there says so, and no other does.
func TestPendingCommandsAreRefused(t *testing.T) {
	w := busyWorld(t)
	names := []string{}
	for _, c := range commands() {
		m := c.ProtoReflect()
		name := string(m.Descriptor().Name())
		names = append(names, name)
		for field, value := range map[protoreflect.Name]any{
			"agreement_id": "care", "kind": pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS.Number(),
		} {
			if f := m.Descriptor().Fields().ByName(field); f != nil {
				m.Set(f, protoreflect.ValueOf(value))
			}
		}
		_, err := w.do(vendor, c)
		refused := reasonOf(err) == pb.ErrorReason_ERROR_REASON_NOT_SUPPORTED
		if refused != slices.Contains(pending, name) {
			t.Errorf("%s: pending %v, and answered with %v", name, !refused, err)
		}
	}
	for _, name := range pending {
		known := slices.Contains(names, name)
		for i := range changes().Len() {
			known = known || string(changes().Get(i).Name()) == name
		}
		_, reason := pb.ErrorReason_value["ERROR_REASON_"+name]
		if !known && !reason && !isRow(name) {
			t.Errorf("%s is neither an event, nor a command, a row or a reason", name)
		}
	}
}

// isRow says whether a table of life cycles has a row of this name.
func isRow(name string) bool {
	return slices.ContainsFunc(CommitmentMoves, func(m Move[pb.CommitmentState]) bool { return rowName("commitment", m) == name }) ||
		slices.ContainsFunc(ObligationMoves, func(m Move[pb.ObligationState]) bool { return rowName("obligation", m) == name }) ||
		slices.ContainsFunc(ProposalMoves, func(m Move[pb.ProposalState]) bool { return rowName("proposal", m) == name }) ||
		slices.ContainsFunc(AgreementMoves, func(m Move[pb.AgreementState]) bool { return rowName("agreement", m) == name })
}

// rowName is a row in words.
func rowName[S state](noun string, m Move[S]) string {
	return noun + " " + word(m.From) + " " + m.Verb + " " + word(m.To)
}
