package client

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// TestOnlyDraftsAreWithheld holds that a service cannot keep back what people wrote by saying that it is another's draft, or
// sealed.
func TestOnlyDraftsAreWithheld(t *testing.T) {
	declined := &pb.Event{Version: 3, PrivateCommitment: make([]byte, 32), Change: &pb.Event_ProposalDeclined{ProposalDeclined: &pb.ProposalDeclined{ProposalId: "first"}}}
	draft := &pb.Event{Version: 1, PrivateCommitment: make([]byte, 32), Change: &pb.Event_AgreementDrafted{AgreementDrafted: &pb.AgreementDrafted{}}}
	answered := &pb.Event{Version: 2, PrivateCommitment: make([]byte, 32), Change: &pb.Event_PulseAnswered{PulseAnswered: &pb.PulseAnswered{}}}
	for _, c := range []struct {
		event            *pb.Event
		erased, withheld bool
		says             string
	}{
		{draft, false, true, ""},
		{answered, false, true, ""},
		{answered, false, false, "neither erased nor withheld"},
		{draft, false, false, "neither erased nor withheld"},
		{declined, true, false, ""},
		{declined, false, false, "neither erased nor withheld"},
		{declined, false, true, "it is no draft of another's"},
		{declined, true, true, "it is no draft of another's"},
	} {
		body, err := proto.Marshal(c.event)
		if err != nil {
			t.Fatal(err)
		}
		_, err = readTold(&pb.RecordedEvent{Event: c.event, Body: body, Erased: c.erased, Withheld: c.withheld})
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%T, erased %v, withheld %v: %v", c.event.GetChange(), c.erased, c.withheld, err)
		}
	}
}
