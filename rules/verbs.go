package rules

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// deed is what an event tells of: a verb of the tables of life cycles (or, where something begins, of no table) and the
// noun it is done to.
type deed struct{ noun, verb string }

// deeds is the deed of every event, by the name of its arm of Event.change.
var deeds = map[string]deed{
	"party_registered":                {"party", "register"},
	"party_updated":                   {"party", "update"},
	"api_key_issued":                  {"api key", "issue"},
	"api_key_revoked":                 {"api key", "revoke"},
	"log_opened":                      {"log", "open"},
	"log_key_added":                   {"log key", "add"},
	"log_key_retired":                 {"log key", "retire"},
	"private_data_erased":             {"private data", "erase"},
	"agreement_drafted":               {"agreement", "draft"},
	"draft_rewritten":                 {"agreement", "rewrite"},
	"agreement_accepted":              {"agreement", "accept"},
	"agreement_activated":             {"agreement", "activate"},
	"proposal_made":                   {"proposal", "propose"},
	"proposal_countered":              {"proposal", "counter"},
	"proposal_accepted":               {"proposal", "accept"},
	"proposal_declined":               {"proposal", "decline"},
	"proposal_withdrawn":              {"proposal", "withdraw"},
	"proposal_took_effect":            {"proposal", "take effect"},
	"commitment_entered_into_force":   {"commitment", "enter into force"},
	"commitment_ended":                {"commitment", "end"},
	"obligation_scheduled":            {"obligation", "schedule"},
	"obligation_fell_due":             {"obligation", "fall due"},
	"obligation_submitted":            {"obligation", "submit"},
	"obligation_accepted":             {"obligation", "accept"},
	"obligation_returned":             {"obligation", "return"},
	"obligation_receipt_acknowledged": {"obligation", "acknowledge"},
	"obligation_waived":               {"obligation", "waive"},
	"obligation_miss_admitted":        {"obligation", "admit"},
	"agreement_suspended":             {"agreement", "suspend"},
	"agreement_resumed":               {"agreement", "resume"},
	"agreement_notice_given":          {"agreement", "give notice"},
	"agreement_notice_withdrawn":      {"agreement", "withdraw notice"},
	"agreement_ended":                 {"agreement", "end"},
	"agreement_amended":               {"agreement", "amend"},
	"agreement_renewed":               {"agreement", "renew"},
	"change_deferred":                 {"agreement", "defer"},
	"change_carried":                  {"agreement", "carry"},
	"proposal_lapsed":                 {"proposal", "lapse"},
	"proposal_became_stale":           {"proposal", "go stale"},
	"commitment_agreed":               {"commitment", "agree"},
	"commitment_revised":              {"commitment", "revise"},
	"commitment_suspended":            {"commitment", "suspend"},
	"commitment_resumed":              {"commitment", "resume"},
	"commitment_rested":               {"commitment", "rest"},
	"obligation_triggered":            {"obligation", "trigger"},
	"obligation_dated":                {"obligation", "be dated"},
	"obligation_breached":             {"obligation", "breach"},
	"obligation_deemed":               {"obligation", "be deemed"},
	"obligation_measured":             {"obligation", "measure"},
	"obligation_cure_planned":         {"obligation", "cure"},
	"obligation_cure_objected":        {"obligation", "object"},
	"obligation_defaulted":            {"obligation", "default"},
	"obligation_extended":             {"obligation", "extend"},
	"obligation_excused":              {"obligation", "excuse"},
	"obligation_notice_given":         {"obligation", "notify"},
	"obligation_blocked":              {"obligation", "be blocked"},
	"obligation_shifted":              {"obligation", "shift"},
	"obligation_suspended":            {"obligation", "suspend"},
	"obligation_resumed":              {"obligation", "resume"},
	"obligation_superseded":           {"obligation", "supersede"},
	"obligation_discharged":           {"obligation", "lapse"},
	"obligation_disputed":             {"obligation", "dispute"},
	"obligation_dispute_settled":      {"obligation", "settle"},
	"obligation_not_determined":       {"obligation", "stay unknown"},
	"obligation_imported":             {"obligation", "import"},
	"concern_raised":                  {"concern", "raise"},
	"concern_acknowledged":            {"concern", "acknowledge"},
	"concern_response_missed":         {"concern", "go unheard"},
	"concern_replied":                 {"concern", "reply to"},
	"concern_admitted":                {"concern", "admit"},
	"concern_contested":               {"concern", "contest"},
	"concern_remedy_proposed":         {"concern", "propose a remedy for"},
	"concern_remedy_accepted":         {"concern", "accept the remedy of"},
	"concern_remedy_rejected":         {"concern", "reject the remedy of"},
	"concern_remedy_missed":           {"concern", "wait too long"},
	"concern_escalated":               {"concern", "escalate"},
	"concern_determined":              {"concern", "determine"},
	"concern_withdrawn":               {"concern", "withdraw"},
	"concern_reopened":                {"concern", "reopen"},
	"pulse_scheduled":                 {"pulse round", "schedule"},
	"pulse_opened":                    {"pulse round", "open"},
	"pulse_answered":                  {"pulse round", "answer"},
	"pulse_closed":                    {"pulse round", "close"},
	"pulse_cancelled":                 {"pulse round", "cancel"},
	"objective_agreed":                {"objective", "agree"},
	"objective_revised":               {"objective", "revise"},
	"objective_ended":                 {"objective", "end"},
	"observation_recorded":            {"observation", "observe"},
	"observation_confirmed":           {"observation", "confirm"},
	"observation_returned":            {"observation", "return"},
	"review_opened":                   {"review", "open"},
	"review_updated":                  {"review", "update"},
	"review_signed":                   {"review", "sign"},
	"review_withdrawn":                {"review", "withdraw"},
	"review_action_proposed":          {"review", "propose action"},
}

// EventKind is the kind of an event: the name of its change, for example "obligation_waived"; empty for one that this release
// does not know.
func EventKind(e *pb.Event) string {
	m := e.ProtoReflect()
	if arm := m.WhichOneof(m.Descriptor().Oneofs().ByName("change")); arm != nil {
		return string(arm.Name())
	}
	return ""
}

// EventKinds is every kind of event there is, in the order of the proto.
func EventKinds() (kinds []string) {
	arms := (&pb.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("change").Fields()
	for i := range arms.Len() {
		kinds = append(kinds, string(arms.Get(i).Name()))
	}
	return kinds
}

// VerbOf is what an event tells of: the noun and its id, and the verb as the tables of life cycles have it. One command
// may lead to many events, each with a verb of its own. What the event changes of other nouns, it changes by the same
// verb: declining first terms declines the agreement. All are empty for an event of an unknown kind.
func VerbOf(e *pb.Event) (noun, verb, id string) {
	m := e.ProtoReflect()
	arm := m.WhichOneof(m.Descriptor().Oneofs().ByName("change"))
	if arm == nil {
		return "", "", ""
	}
	done, known := deeds[string(arm.Name())]
	if !known {
		return "", "", ""
	}
	id = e.GetAgreementId()
	field := protoreflect.Name(strings.ReplaceAll(done.noun, " ", "_") + "_id")
	if f := arm.Message().Fields().ByName(field); done.noun != "agreement" && f != nil {
		id = m.Get(arm).Message().Get(f).String()
	}
	if verb := verbByCause(e); verb != "" {
		return done.noun, verb, id
	}
	return done.noun, done.verb, id
}

// verbByCause is the verb of an event that tells of several, by its cause.
func verbByCause(e *pb.Event) string {
	switch c := e.GetChange().(type) {
	case *pb.Event_AgreementEnded:
		return map[pb.AgreementEndCause]string{
			pb.AgreementEndCause_AGREEMENT_END_CAUSE_NOTICE:       "end by notice",
			pb.AgreementEndCause_AGREEMENT_END_CAUSE_BOTH:         "end early",
			pb.AgreementEndCause_AGREEMENT_END_CAUSE_CAUSE:        "terminate",
			pb.AgreementEndCause_AGREEMENT_END_CAUSE_END_DATE:     "expire",
			pb.AgreementEndCause_AGREEMENT_END_CAUSE_NOTHING_OPEN: "complete",
		}[c.AgreementEnded.GetCause()]
	case *pb.Event_ObligationExcused:
		why := c.ObligationExcused.GetExcuse()
		if e.GetActor().GetSide() == pb.Side_SIDE_UNSPECIFIED || why.GetObligationId() != "" || why.GetConcernId() != "" {
			return "be excused"
		}
	case *pb.Event_ObligationDischarged:
		if c.ObligationDischarged.GetCause() == pb.DischargeCause_DISCHARGE_CAUSE_RELEASED {
			return "release"
		}
	case *pb.Event_ObligationDisputeSettled:
		if c.ObligationDisputeSettled.GetProposalId() == "" {
			return "determine"
		}
	}
	return ""
}
