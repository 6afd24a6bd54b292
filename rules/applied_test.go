package rules

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// What an event does to its record, for the events that no command brings forth yet: one line each, on what came before.
// "manual-1" of care is SUBMITTED at first, "fee-1" DUE; first is care's proposal.
var applied = []struct{ event, record, leads string }{
	{`{"agreementSuspended": {"cause": "SUSPENSION_CAUSE_RIGHT", "side": "SIDE_VENDOR", "rightId": "r", "reason": "flood"}}`, "agreement",
		`{"state": "AGREEMENT_STATE_SUSPENDED", "suspension": {"cause": "SUSPENSION_CAUSE_RIGHT", "side": "SIDE_VENDOR", "rightId": "r", "reason": "flood", "startTime": "2026-02-02T00:00:00Z"}}`},
	{`{"agreementNoticeGiven": {"side": "SIDE_CLIENT", "reason": "enough", "endTime": "2026-06-01T00:00:00Z"}}`, "agreement",
		`{"state": "AGREEMENT_STATE_ENDING", "notice": {"side": "SIDE_CLIENT", "reason": "enough", "giveTime": "2026-02-03T00:00:00Z", "endTime": "2026-06-01T00:00:00Z"}}`},
	{`{"agreementNoticeWithdrawn": {}}`, "agreement", `{"state": "AGREEMENT_STATE_SUSPENDED", "notice": null}`},
	{`{"agreementResumed": {}}`, "agreement", `{"state": "AGREEMENT_STATE_ACTIVE", "suspension": null}`},
	{`{"agreementNoticeGiven": {}}`, "agreement", `{"state": "AGREEMENT_STATE_ENDING"}`},
	{`{"agreementResumed": {}}`, "agreement", `{"state": "AGREEMENT_STATE_ENDING"}`},
	{`{"agreementNoticeWithdrawn": {}}`, "agreement", `{"state": "AGREEMENT_STATE_ACTIVE"}`},
	{`{"proposalMade": {"proposalId": "more", "kind": "PROPOSAL_KIND_AMENDMENT", "proposer": "SIDE_CLIENT", "baseRevision": 1, "expireTime": "2026-03-01T00:00:00Z", "impact": {"supersededCount": 2}}}`, "proposal/more",
		`{"state": "PROPOSAL_STATE_OPEN", "turn": "SIDE_VENDOR", "expireTime": "2026-03-01T00:00:00Z", "impact": {"supersededCount": 2}}`},
	{`{"proposalCountered": {"proposalId": "more", "revision": 2, "author": "SIDE_VENDOR", "impact": {"supersededCount": 1}}}`, "agreement", `{"openProposalId": "more", "title": "Care"}`},
	{`{"proposalAccepted": {"proposalId": "more", "revision": 2, "impact": {"supersededCount": 3}}}`, "proposal/more", `{"state": "PROPOSAL_STATE_ACCEPTED", "turn": "SIDE_UNSPECIFIED", "impact": {"supersededCount": 3}}`},
	{`{"agreementAmended": {"revision": 2, "proposalId": "more", "title": "More care", "termsDigest": "d", "calendar": {"timeZone": "UTC"}, "neutralPartyId": "oldco"}}`, "agreement",
		`{"openProposalId": "", "revision": 2, "title": "More care", "termsDigest": "d", "neutralPartyId": "oldco", "endTime": null}`},
	{`{"proposalMade": {"proposalId": "pause", "kind": "PROPOSAL_KIND_SUSPEND", "proposer": "SIDE_CLIENT", "motion": true}}`, "agreement", `{"openProposalId": "", "state": "AGREEMENT_STATE_ACTIVE"}`},
	{`{"proposalLapsed": {"proposalId": "pause"}}`, "proposal/pause", `{"state": "PROPOSAL_STATE_LAPSED", "turn": "SIDE_UNSPECIFIED"}`},
	{`{"proposalBecameStale": {"proposalId": "more", "reason": "revision 3"}}`, "proposal/more", `{"state": "PROPOSAL_STATE_STALE", "reason": "revision 3"}`},
	{`{"agreementRenewed": {"successorAgreementId": "care2", "proposalId": "again"}}`, "agreement", `{"renewedByAgreementId": "care2", "state": "AGREEMENT_STATE_ACTIVE"}`},

	{`{"commitmentAgreed": {"commitmentId": "extra", "terms": {"obligor": "SIDE_CLIENT", "oneOff": {}}, "dependents": ["fee"], "remedyOf": "manual", "revision": 2}}`, "commitment/extra",
		`{"state": "COMMITMENT_STATE_DORMANT", "kind": "COMMITMENT_KIND_ONE_OFF", "obligor": "SIDE_CLIENT", "beneficiary": "SIDE_VENDOR", "dependents": ["fee"], "remedyOf": "manual", "revision": 2}`},
	{`{"commitmentSuspended": {"commitmentId": "fee", "from": "COMMITMENT_STATE_IN_FORCE"}}`, "commitment/fee", `{"state": "COMMITMENT_STATE_SUSPENDED", "priorState": "COMMITMENT_STATE_IN_FORCE"}`},
	{`{"commitmentResumed": {"commitmentId": "fee", "to": "COMMITMENT_STATE_IN_FORCE", "wordsFromDate": "2026-02-03"}}`, "commitment/fee",
		`{"state": "COMMITMENT_STATE_IN_FORCE", "priorState": "COMMITMENT_STATE_UNSPECIFIED", "wordsFromDate": "2026-02-03"}`},
	{`{"commitmentRevised": {"commitmentId": "fee", "terms": {"title": "Other"}, "revision": 2, "dependents": ["manual"]}}`, "commitment/fee", `{"terms": {"title": "Other"}, "wordsFromDate": "2026-02-03", "dependents": ["manual"]}`},
	{`{"commitmentRevised": {"commitmentId": "fee", "revision": 3, "superseding": true, "wordsFromDate": "2026-05-01", "lastRuleDate": "2026-04-30", "ruleDateCount": 4}}`, "commitment/fee",
		`{"revision": 3, "wordsFromDate": "2026-05-01", "lastRuleDate": "2026-04-30", "ruleDateCount": 4}`},
	{`{"commitmentRested": {"commitmentId": "fee"}}`, "commitment/fee", `{"state": "COMMITMENT_STATE_DORMANT"}`},

	{`{"obligationDeemed": {"obligationId": "manual-1", "to": "OBLIGATION_STATE_FULFILLED", "keptTime": "2026-01-10T00:00:00Z", "timeliness": "TIMELINESS_ON_TIME"}}`, "obligation/manual-1",
		`{"state": "OBLIGATION_STATE_FULFILLED", "deemed": true, "keptTime": "2026-01-10T00:00:00Z", "timeliness": "TIMELINESS_ON_TIME", "acceptance": null}`},
	{`{"obligationBlocked": {"obligationId": "fee-1", "blockedBy": "manual-1"}}`, "obligation/fee-1", `{"blockedBy": "manual-1", "state": "OBLIGATION_STATE_DUE"}`},
	{`{"obligationNoticeGiven": {"obligationId": "fee-1", "notice": {"obligationId": "manual-1", "note": "we wait"}}}`, "obligation/fee-1", `{"reliefNotices": [{"obligationId": "manual-1", "note": "we wait"}]}`},
	{`{"obligationNoticeGiven": {"obligationId": "fee-1", "notice": {"obligationId": "manual-1", "note": "still"}}}`, "obligation/fee-1", `{"reliefNotices": [{"obligationId": "manual-1", "note": "still"}]}`},
	{`{"obligationShifted": {"obligationId": "fee-1", "to": "OBLIGATION_STATE_DUE", "prerequisiteBusinessDays": 3, "deadlines": {"dueDate": "2026-02-09", "dueTime": "2026-02-10T00:00:00Z", "step": {"kind": "DUE_STEP_KIND_PREREQUISITE", "businessDays": 3, "subject": "manual-1"}}}}`, "obligation/fee-1",
		`{"blockedBy": "", "prerequisiteBusinessDays": 3, "dueDate": "2026-02-09", "dueTime": "2026-02-10T00:00:00Z", "trace": [{"kind": "DUE_STEP_KIND_DATE", "date": "2026-01-12"}, {"kind": "DUE_STEP_KIND_PREREQUISITE", "businessDays": 3, "subject": "manual-1"}]}`},
	{`{"obligationBreached": {"obligationId": "fee-1", "cureEndTime": "2026-03-01T00:00:00Z"}}`, "obligation/fee-1",
		`{"state": "OBLIGATION_STATE_BREACHED", "breachTime": "2026-02-02T00:00:00Z", "cureEndTime": "2026-03-01T00:00:00Z", "disclosedBy": "SIDE_UNSPECIFIED"}`},
	{`{"obligationCurePlanned": {"obligationId": "fee-1", "plan": {"number": 1, "fix": "pay"}}}`, "obligation/fee-1", `{"state": "OBLIGATION_STATE_CURING", "curePlan": {"number": 1, "fix": "pay"}}`},
	{`{"obligationCureObjected": {"obligationId": "fee-1", "interest": "wages"}}`, "obligation/fee-1", `{"state": "OBLIGATION_STATE_BREACHED", "objection": {"side": "SIDE_VENDOR", "note": "wages", "time": "2026-02-03T00:00:00Z"}}`},
	{`{"obligationExtended": {"obligationId": "fee-1", "reason": "a holiday", "to": "OBLIGATION_STATE_DUE", "deadlines": {"dueDate": "2026-03-02", "graceEndTime": "2026-03-05T00:00:00Z"}}}`, "obligation/fee-1",
		`{"state": "OBLIGATION_STATE_DUE", "dueDate": "2026-03-02", "graceEndTime": "2026-03-05T00:00:00Z", "breachTime": null, "cureEndTime": null, "curePlan": null, "extension": {"side": "SIDE_VENDOR", "note": "a holiday", "time": "2026-02-03T00:00:00Z"}}`},
	{`{"obligationDisputed": {"obligationId": "fee-1", "dispute": {"openedBy": "SIDE_CLIENT", "ground": "DISPUTE_GROUND_DUE", "reason": "not yet", "priorState": "OBLIGATION_STATE_DUE"}}}`, "obligation/fee-1",
		`{"state": "OBLIGATION_STATE_DISPUTED"}`},
	{`{"obligationDisputeSettled": {"obligationId": "fee-1", "to": "OBLIGATION_STATE_BREACHED", "settlement": {"outcome": "SETTLEMENT_OUTCOME_BREACHED", "reason": "it was"}, "deadlines": {"cureEndTime": "2026-04-01T00:00:00Z"}}}`, "obligation/fee-1",
		`{"state": "OBLIGATION_STATE_BREACHED", "breachTime": "2026-02-02T00:00:00Z", "cureEndTime": "2026-04-01T00:00:00Z"}`},
	{`{"obligationSuspended": {"obligationId": "fee-1", "priorState": "OBLIGATION_STATE_BREACHED"}}`, "obligation/fee-1", `{"state": "OBLIGATION_STATE_SUSPENDED", "priorState": "OBLIGATION_STATE_BREACHED"}`},
	{`{"obligationResumed": {"obligationId": "fee-1", "to": "OBLIGATION_STATE_BREACHED", "deadlines": {"cureEndTime": "2026-04-05T00:00:00Z"}}}`, "obligation/fee-1",
		`{"state": "OBLIGATION_STATE_BREACHED", "priorState": "OBLIGATION_STATE_UNSPECIFIED", "cureEndTime": "2026-04-05T00:00:00Z"}`},
	{`{"obligationDefaulted": {"obligationId": "fee-1"}}`, "commitment/fee", `{"openObligationCount": 0}`},

	{`{"obligationScheduled": {"obligationId": "extra-1", "commitmentId": "extra", "ordinal": 1, "ruleDate": "2026-03-31", "ruleDateCount": 7, "windowStartDate": "2026-01-01", "windowEndDate": "2026-03-31", "remedyOf": "fee-1", "amount": {"currency": "EUR", "value": "1"}, "trace": [{"kind": "DUE_STEP_KIND_WINDOW"}]}}`, "obligation/extra-1",
		`{"state": "OBLIGATION_STATE_SCHEDULED", "dueDate": "", "ruleDate": "2026-03-31", "windowStartDate": "2026-01-01", "windowEndDate": "2026-03-31", "remedyOf": "fee-1", "amount": {"currency": "EUR", "value": "1"}, "trace": [{"kind": "DUE_STEP_KIND_WINDOW"}]}`},
	{`{"obligationDated": {"obligationId": "extra-1", "deadlines": {"dueDate": "2026-04-10"}}}`, "obligation/extra-1", `{"dueDate": "2026-04-10", "agreedDueDate": "2026-04-10", "state": "OBLIGATION_STATE_SCHEDULED"}`},
	{`{"obligationTriggered": {"obligationId": "extra-1", "trigger": {"title": "it rains", "by": "SIDE_VENDOR"}, "deadlines": {"dueDate": "2026-04-12"}}}`, "obligation/extra-1",
		`{"state": "OBLIGATION_STATE_DUE", "trigger": {"title": "it rains", "by": "SIDE_VENDOR"}, "dueDate": "2026-04-12", "agreedDueDate": "2026-04-10"}`},
	{`{"obligationMeasured": {"obligationId": "extra-1", "to": "OBLIGATION_STATE_SUBMITTED", "claim": "OBLIGATION_STATE_EXCUSED", "excuse": {"measure": "gateway"}, "reviewEndTime": "2026-05-01T00:00:00Z", "measurement": {"by": "SIDE_CLIENT", "value": "99.7"}}}`, "obligation/extra-1",
		`{"state": "OBLIGATION_STATE_SUBMITTED", "submissionCount": 1, "excuse": {"measure": "gateway"}, "submission": {"number": 1, "from": "OBLIGATION_STATE_DUE", "claim": "OBLIGATION_STATE_EXCUSED", "submitTime": "2026-02-03T00:00:00Z", "reviewEndTime": "2026-05-01T00:00:00Z"}}`},
	{`{"obligationMeasured": {"obligationId": "extra-1", "to": "OBLIGATION_STATE_DISPUTED", "disagreement": "by 0.3", "measurement": {"by": "SIDE_VENDOR", "value": "99.4"}}}`, "obligation/extra-1",
		`{"state": "OBLIGATION_STATE_DISPUTED", "measurements": [{"by": "SIDE_CLIENT", "value": "99.7"}, {"by": "SIDE_VENDOR", "value": "99.4"}], "dispute": {"openedBy": "SIDE_VENDOR", "ground": "DISPUTE_GROUND_MEASUREMENT", "reason": "by 0.3", "priorState": "OBLIGATION_STATE_SUBMITTED", "openTime": "2026-02-03T00:00:00Z"}}`},
	{`{"obligationDisputeSettled": {"obligationId": "extra-1", "to": "OBLIGATION_STATE_DUE", "settlement": {"outcome": "SETTLEMENT_OUTCOME_RESTORE", "reason": "again"}}}`, "obligation/extra-1", `{"state": "OBLIGATION_STATE_DUE"}`},
	{`{"obligationMeasured": {"obligationId": "extra-1", "to": "OBLIGATION_STATE_BREACHED", "cureEndTime": "2026-05-02T00:00:00Z", "measurement": {"by": "SIDE_VENDOR", "value": "1"}}}`, "obligation/extra-1",
		`{"state": "OBLIGATION_STATE_BREACHED", "disclosedBy": "SIDE_VENDOR", "cureEndTime": "2026-05-02T00:00:00Z", "breachTime": "2026-02-02T00:00:00Z"}`},
	{`{"obligationNotDetermined": {"obligationId": "extra-1"}}`, "obligation/extra-1", `{"state": "OBLIGATION_STATE_NOT_DETERMINED"}`},
	{`{"obligationImported": {"obligationId": "extra-2", "ordinal": 2, "keptTime": "2025-02-02T00:00:00Z", "deadlines": {"dueDate": "2025-02-01"}, "past": {"commitmentId": "extra", "dueDate": "2025-02-01", "state": "OBLIGATION_STATE_CURED", "timeliness": "TIMELINESS_LATE", "disclosedBy": "SIDE_CLIENT"}}}`, "obligation/extra-2",
		`{"state": "OBLIGATION_STATE_CURED", "imported": true, "dueDate": "2025-02-01", "timeliness": "TIMELINESS_LATE", "disclosedBy": "SIDE_CLIENT", "keptTime": "2025-02-02T00:00:00Z", "obligor": "SIDE_CLIENT"}`},
	{`{"obligationScheduled": {"obligationId": "extra-3", "commitmentId": "extra", "ordinal": 3}}`, "commitment/extra", `{"obligationCount": 3, "openObligationCount": 1, "ruleDateCount": 7}`},
	{`{"obligationSuperseded": {"obligationId": "extra-3", "revision": 2}}`, "obligation/extra-3", `{"state": "OBLIGATION_STATE_SUPERSEDED"}`},
	{`{"obligationScheduled": {"obligationId": "extra-4", "commitmentId": "extra", "ordinal": 4}}`, "obligation/extra-4", `{"ordinal": 4}`},
	{`{"obligationDischarged": {"obligationId": "extra-4", "cause": "DISCHARGE_CAUSE_RELEASED"}}`, "obligation/extra-4", `{"state": "OBLIGATION_STATE_DISCHARGED", "dischargeCause": "DISCHARGE_CAUSE_RELEASED"}`},
	{`{"obligationScheduled": {"obligationId": "extra-5", "commitmentId": "extra", "ordinal": 5}}`, "obligation/extra-5", `{"ordinal": 5}`},
	{`{"obligationExcused": {"obligationId": "extra-5", "excuse": {"causedBy": "SIDE_VENDOR", "obligationId": "fee-1"}}}`, "obligation/extra-5", `{"state": "OBLIGATION_STATE_EXCUSED", "excuse": {"causedBy": "SIDE_VENDOR", "obligationId": "fee-1"}}`},

	{`{"agreementEnded": {"to": "AGREEMENT_STATE_TERMINATED", "cause": "AGREEMENT_END_CAUSE_CAUSE", "obligationId": "fee-1"}}`, "agreement",
		`{"state": "AGREEMENT_STATE_TERMINATED", "endCause": "AGREEMENT_END_CAUSE_CAUSE", "finalTime": "2026-02-02T00:00:00Z"}`},
}

func TestEventsChangeTheirRecords(t *testing.T) {
	w := busyWorld(t)
	s := NewState(w.ground())
	seen := map[string]bool{}
	for _, line := range applied {
		e := &pb.Event{}
		if err := protojson.Unmarshal([]byte(line.event), e); err != nil {
			t.Fatalf("%s: %v", line.event, err)
		}
		e.AgreementId, e.Version, e.Actor = "care", s.Version("care")+1, &pb.Actor{Side: pb.Side_SIDE_VENDOR}
		e.RecordTime = timestamppb.New(time.Date(2026, time.February, 3, 0, 0, 0, 0, time.UTC))
		e.EffectiveTime = timestamppb.New(time.Date(2026, time.February, 2, 0, 0, 0, 0, time.UTC))
		seen[kindOf(e)] = true
		if err := Apply(s, e); err != nil {
			t.Fatalf("%s: %v", line.event, err)
		}
		if words := Words(e); !strings.HasSuffix(words, ".") && !strings.Contains(words, ": ") || strings.Contains(words, "%!") {
			t.Errorf("%s has the words %q", kindOf(e), words)
		}
		checkLeads(t, s, line.record, line.leads)
	}
	for _, name := range pending {
		if _, isEvent := eventNames()[name]; isEvent && !seen[name] && !strings.HasPrefix(name, "change_") {
			t.Errorf("nothing is said of what %s changes", name)
		}
	}
}

func eventNames() map[string]bool {
	names := map[string]bool{}
	for i := range changes().Len() {
		names[string(changes().Get(i).Name())] = true
	}
	return names
}

// checkLeads holds that a record has the fields that a JSON object names, null for one that is not set.
func checkLeads(t *testing.T, s *State, record, leads string) {
	t.Helper()
	noun, id, _ := strings.Cut(record, "/")
	var got, want proto.Message
	switch noun {
	case "agreement":
		got, want = s.agreement("care"), &pb.Agreement{}
	case "proposal":
		got, want = s.proposal("care", id), &pb.Proposal{}
	case "commitment":
		got, want = s.commitment("care", id), &pb.Commitment{}
	case "obligation":
		got, want = s.obligation("care", id), &pb.Obligation{}
	}
	named := map[string]json.RawMessage{}
	if err := errors.Join(protojson.Unmarshal([]byte(leads), want), json.Unmarshal([]byte(leads), &named)); err != nil {
		t.Fatalf("%s: %v", leads, err)
	}
	for name := range named {
		f := got.ProtoReflect().Descriptor().Fields().ByJSONName(name)
		if one, other := got.ProtoReflect().Get(f), want.ProtoReflect().Get(f); !one.Equal(other) {
			t.Errorf("%s of %s is %v, not %v", name, record, one, other)
		}
	}
}
