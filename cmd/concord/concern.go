package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

var concernColumns = []column[*pb.Concern]{
	{"CONCERN", (*pb.Concern).GetConcernId},
	{"KIND", func(m *pb.Concern) string { return word(m.GetKind()) }},
	{"ABOUT", (*pb.Concern).GetTitle},
	{"RAISED BY", func(m *pb.Concern) string { return word(m.GetRaisedBy()) }},
	{"STATE", concernState},
	{"NEXT BY", concernDue},
}

// concernDue is by when something must follow; empty for a concern that is over.
func concernDue(m *pb.Concern) string {
	if m.GetState() == pb.ConcernState_CONCERN_STATE_RESOLVED {
		return ""
	}
	_, by := concernNext(m)
	return by
}

// concernState is the state, how far it is escalated, and whether somebody is late with it.
func concernState(m *pb.Concern) string {
	state := word(m.GetState())
	if m.GetState() == pb.ConcernState_CONCERN_STATE_ESCALATED {
		state += fmt.Sprintf(" %d", m.GetLevel())
	}
	if m.GetRemedyOverdue() || m.GetResponseMissed() && m.GetAcknowledgeTime() == nil {
		state += ", overdue"
	}
	return state
}

// concernNext is what comes next of a concern, and by when.
func concernNext(m *pb.Concern) (what, by string) {
	switch m.GetState() {
	case pb.ConcernState_CONCERN_STATE_OPEN:
		return "acknowledge until", moment(m.GetResponseEndTime())
	case pb.ConcernState_CONCERN_STATE_ACKNOWLEDGED, pb.ConcernState_CONCERN_STATE_ADMITTED, pb.ConcernState_CONCERN_STATE_CONTESTED:
		return "remedy until", moment(m.GetRemedyEndTime())
	case pb.ConcernState_CONCERN_STATE_REMEDY_PROPOSED:
		return "answer the remedy until", moment(m.GetRemedyEndTime())
	case pb.ConcernState_CONCERN_STATE_ESCALATED:
		return "next level from", moment(m.GetStepEndTime())
	}
	return "can be reopened until", moment(m.GetReopenEndTime())
}

// concernFacts is all there is to say of a concern: what it is about, where it is, and what each side said.
func concernFacts(m *pb.Concern) []fact {
	facts := []fact{
		{"agreement", m.GetAgreementId()}, {"concern", m.GetConcernId()}, {"kind", word(m.GetKind())}, {"about", m.GetTitle()}, {"  says", m.GetText()},
	}
	for _, e := range m.GetEvidence() {
		facts = append(facts, fact{"  evidence", evidenceText(e)})
	}
	next, by := concernNext(m)
	facts = append(facts, fact{"raised by", word(m.GetRaisedBy())}, fact{"answered by", word(m.GetRespondent())}, fact{"about the", word(m.GetAbout())},
		fact{"commitment", m.GetCommitmentId()}, fact{"obligations", strings.Join(m.GetObligationIds(), ", ")}, fact{"state", concernState(m)}, fact{next, by})
	said := func(name string, j *pb.Judgement) {
		if j != nil {
			facts = append(facts, fact{name, fmt.Sprintf("by the %s, %s", word(j.GetSide()), moment(j.GetTime()))}, fact{"  says", j.GetNote()})
		}
	}
	if m.GetAcknowledgement() == nil {
		facts = append(facts, fact{"acknowledged", moment(m.GetAcknowledgeTime())})
	}
	if m.GetResponseMissed() {
		facts = append(facts, fact{"acknowledged in time", "no"})
	}
	said("acknowledged", m.GetAcknowledgement())
	if said("replied", m.GetReply()); m.GetReply() != nil {
		facts = append(facts, fact{"  takes it", map[bool]string{true: "yes", false: "no"}[m.GetTaken()]})
	}
	said("contested", m.GetContest())
	for _, e := range m.GetContestEvidence() {
		facts = append(facts, fact{"  evidence", evidenceText(e)})
	}
	said("admitted", m.GetAdmission())
	if r := m.GetRemedy(); r != nil {
		facts = append(facts, fact{"remedy", fmt.Sprintf("by the %s, %s", word(r.GetBy()), moment(r.GetProposeTime()))}, fact{"  says", r.GetText()}, fact{"  done by", r.GetDueDate()})
	}
	said("to the remedy", m.GetRemedyAnswer())
	said("escalated", m.GetEscalation())
	for _, p := range m.GetContacts() {
		facts = append(facts, fact{"  ask", contactText(p)})
	}
	for _, w := range m.GetDeterminations() {
		facts = append(facts, fact{"determined", fmt.Sprintf("%s by the %s, %s", word(w.GetOutcome()), determiner(w), moment(w.GetTime()))}, fact{"  says", w.GetReason()})
	}
	said("reopened", m.GetReopening())
	said("withdrawn", m.GetWithdrawal())
	return append(facts, fact{"resolution", word(m.GetResolution())}, fact{"resolved", moment(m.GetResolveTime())},
		fact{"raised", moment(m.GetCreateTime())}, fact{"changed", moment(m.GetUpdateTime())}, fact{"etag", m.GetEtag()})
}

// contactText is who is asked, of which side, and how the person is reached.
func contactText(p *pb.EscalationContact) string {
	text := clean(p.GetDisplayName())
	if p.GetSide() != pb.Side_SIDE_UNSPECIFIED {
		text += " (" + word(p.GetSide()) + ")"
	}
	if p.GetReach() != "" {
		text += ", " + clean(p.GetReach())
	}
	return text
}

// determiner is whose word a determination is.
func determiner(w *pb.ConcernDetermination) string {
	if w.GetBy() == pb.Side_SIDE_UNSPECIFIED {
		return "neutral"
	}
	return word(w.GetBy())
}

// concern prints the answer to a command on a concern.
func (s *session) concern(m *pb.Concern, err error) error {
	if err != nil {
		return err
	}
	return s.printOne(m, concernFacts(m))
}

func (s *session) concernCommand() *cobra.Command {
	return noun("concern", "What the sides have to say to each other, from a kind word to what a neutral determines",
		s.concernRaise(), s.concernList(), s.concernShow(), s.concernAcknowledge(), s.concernReply(), s.concernAdmit(), s.concernContest(),
		s.concernPropose(), s.concernAccept(), s.concernReject(), s.concernEscalate(), s.concernDetermine(), s.concernWithdraw(), s.concernReopen())
}

func (s *session) concernList() *cobra.Command {
	request := &pb.ListConcernsRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use: "list AGREEMENT", Short: "List an agreement's concerns in the order they were raised", Args: cobra.ExactArgs(1),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId = args[0]
			return printList(s, client.Pages(ctx, c.Concerns.ListConcerns, request, (*pb.ListConcernsResponse).GetConcerns), concernColumns)
		}),
	}
	choose(cmd, &request.State, "state", "only in this state")
	choose(cmd, &request.Kind, "kind", "only of this kind")
	choose(cmd, &request.RaisedBy, "raised-by", "only what this side raised")
	cmd.Flags().StringVar(&request.ObligationId, "obligation", "", "only about this obligation")
	return asOf(cmd, &request.AsOf)
}

func (s *session) concernShow() *cobra.Command {
	request := &pb.GetConcernRequest{}
	return asOf(&cobra.Command{
		Use: "show AGREEMENT CONCERN", Short: "Show a concern", Args: cobra.ExactArgs(2),
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			request.AgreementId, request.ConcernId = args[0], args[1]
			return s.concern(c.Concerns.GetConcern(ctx, request))
		}),
	}, &request.AsOf)
}

// concernTermsText is the clocks of concerns that a text names, and whom it has asked.
func concernTermsText(b *strings.Builder, t *pb.ConcernTerms) {
	if t == nil {
		return
	}
	var clocks []string
	for _, clock := range []struct {
		words string
		days  *int32
	}{
		{"acknowledged in %d business days", t.ResponseBusinessDays}, {"remedied in %d business days", t.RemedyBusinessDays},
		{"a level has %d business days", t.EscalationBusinessDays}, {"reopened within %d days", t.ReopenDays},
	} {
		if clock.days != nil {
			clocks = append(clocks, fmt.Sprintf(clock.words, *clock.days))
		}
	}
	if clocks != nil {
		fmt.Fprintf(b, "Concerns: %s.\n", strings.Join(clocks, ", "))
	}
	for _, p := range t.GetContacts() {
		fmt.Fprintf(b, "Concerns at level %d ask %s.\n", p.GetLevel(), contactText(p))
	}
}
