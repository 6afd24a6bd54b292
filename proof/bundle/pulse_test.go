package bundle

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func rated(n int32) *pb.Ratings {
	return &pb.Ratings{Trust: n, Communication: n, Fairness: n, Focus: n, WouldRenew: n}
}

func summed(people, n int32) *pb.PulseSum {
	return &pb.PulseSum{Respondents: people, OfOther: &pb.RatingSums{Trust: n, Communication: n, Fairness: n, Focus: n, WouldRenew: n},
		OfSelf: &pb.RatingSums{Trust: 4 * people, Communication: 4 * people, Fairness: 4 * people, Focus: 4 * people, WouldRenew: 4 * people}}
}

// TestSumsOfAPulseAreThoseOfItsAnswers holds that a round cannot be said to have come to anything else than what is in its answers,
// as far as these are there.
func TestSumsOfAPulseAreThoseOfItsAnswers(t *testing.T) {
	answer := func(n int32, side pb.Side, rating int32) *pb.Event {
		return &pb.Event{Actor: &pb.Actor{PrincipalId: "p", Side: side}, Change: &pb.Event_PulseAnswered{PulseAnswered: &pb.PulseAnswered{
			PulseRoundId: "spring", Number: n, View: &pb.PulseView{OfOther: rated(rating), OfSelf: rated(4), Comment: "So it is."},
		}}}
	}
	const opened = 10 // its version; the answers follow
	for _, c := range []struct {
		name           string
		vendor, client *pb.PulseSum
		before, after  []uint64 // erased before the round closed, and afterwards
		want           string
	}{
		{"as it is", summed(2, 7), summed(1, 3), nil, nil, ""},
		{"a better word", summed(2, 7), summed(1, 5), nil, nil, "trust is said to add up to 5, and the answers that are there to 3 (of the other side)"},
		{"a better word about oneself", summed(2, 7), &pb.PulseSum{Respondents: 1, OfOther: summed(1, 3).OfOther, OfSelf: summed(1, 5).OfOther}, nil, nil, "(of its own)"},
		{"a person more", summed(3, 7), summed(1, 3), nil, nil, "3 answers are said to be added up, and there were 2"},
		{"nobody", summed(2, 7), nil, nil, nil, "0 answers are said to be added up, and there were 1"},
		{"erased in time", summed(1, 5), summed(1, 3), []uint64{opened + 1}, nil, ""},
		{"erased in time, and added up", summed(2, 7), summed(1, 3), []uint64{opened + 1}, nil, "2 answers are said to be added up, and there were 1"},
		{"erased later", summed(2, 7), summed(1, 3), nil, []uint64{opened + 1}, ""},
		{"erased later, and more than anybody can say", summed(2, 11), summed(1, 3), nil, []uint64{opened + 1}, "add up to 11"},
		{"erased later, and less", summed(2, 5), summed(1, 3), nil, []uint64{opened + 1}, "add up to 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := partners(t)
			w.record("works", &pb.Event{Change: &pb.Event_PulseOpened{PulseOpened: &pb.PulseOpened{PulseRoundId: "spring", Respondents: 2, EndTime: &timestamppb.Timestamp{Seconds: w.now() + 1e6}}}},
				answer(1, pb.Side_SIDE_VENDOR, 2), answer(2, pb.Side_SIDE_VENDOR, 5), answer(3, pb.Side_SIDE_CLIENT, 3))
			if e := mustEvent(t, w.chain("works"), opened-1); e.GetPulseOpened() == nil {
				t.Fatalf("event %d is %v", opened, e)
			}
			if c.before != nil {
				w.record("works", erased(c.before...))
			}
			w.record("works", &pb.Event{Change: &pb.Event_PulseClosed{PulseClosed: &pb.PulseClosed{PulseRoundId: "spring", Result: &pb.PulseResult{Vendor: c.vendor, Client: c.client}}}})
			if c.after != nil {
				w.record("works", erased(c.after...))
			}
			for _, version := range append(c.before, c.after...) {
				w.chain("works").forget(int(version))
			}
			r := verify(whole(w), w.trust())
			if c.want == "" {
				if r.Outcome != Sound {
					t.Error(told(r))
				}
			} else if r.Outcome != Tampered || len(r.Findings) == 0 || r.Findings[0].Check != CheckPulse || !strings.Contains(told(r), c.want) {
				t.Error(told(r))
			}
		})
	}
}
