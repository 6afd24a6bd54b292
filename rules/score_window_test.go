package rules

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// TestTalliesKnowEveryWindow holds of obligations of many years, due on any day, that change how they count and when they are due
// as they please, that tallies and the obligations themselves say the same of any window.
func TestTalliesKnowEveryWindow(t *testing.T) {
	ends := []pb.ObligationState{scheduled, due, fulfilled, cured, breached, waived, excused}
	rapid.Check(t, func(t *rapid.T) {
		s := NewState(Ground{})
		day := func(what string) Day {
			y := rapid.SampledFrom([]int{1999, 2023, 2024, 2025, 2030}).Draw(t, what+" year")
			return rapid.SampledFrom([]Day{
				DayOf(y, 1, 1), DayOf(y, 1, 31), DayOf(y, 2, 28), DayOf(y, 3, 0), DayOf(y, 3, 1), DayOf(y, 7, 15), DayOf(y, 11, 30), DayOf(y, 12, 1), DayOf(y, 12, 31),
			}).Draw(t, what)
		}
		for range rapid.IntRange(1, 40).Draw(t, "changes") {
			id := fmt.Sprintf("a-%d", rapid.IntRange(1, 8).Draw(t, "n"))
			ref := obligationRef("care", id)
			before := get[*pb.Obligation](s, ref)
			now := &pb.Obligation{AgreementId: "care", ObligationId: id, CommitmentId: "a", Obligor: pb.Side_SIDE_VENDOR}
			if before != nil {
				now = proto.CloneOf(before)
			}
			now.State = rapid.SampledFrom(ends).Draw(t, "state")
			if now.DueDate = day("due").String(); rapid.IntRange(0, 5).Draw(t, "dated") == 0 {
				now.DueDate = ""
			}
			var was proto.Message
			if before != nil {
				was = before
			}
			s.recount("care", was, now)
			s.Put(ref, now)
		}
		tallied, folded := s.tallied("care"), s.folded("care")
		for range 10 {
			w := window{day("from"), day("to")}
			if is, want := tallied("a", w), folded("a", w); fmt.Sprint(is) != fmt.Sprint(want) {
				t.Fatalf("from %v to %v: by tallies\n%v\nby obligations\n%v", w.from, w.to, is, want)
			}
		}
	})
}
