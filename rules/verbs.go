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
	return done.noun, done.verb, id
}
