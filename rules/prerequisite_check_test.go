package rules

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// waitingTerms is a text of commitments c0, c1, … that wait for others, each by the numbers of those.
func waitingTerms(t rapid.TB, waits ...[]int) *pb.Terms {
	t.Helper()
	terms := &pb.Terms{Title: "Care", EffectiveDate: "2026-01-01", Calendar: &pb.Calendar{TimeZone: "UTC"}}
	for i, others := range waits {
		c := &pb.CommitmentTerms{
			CommitmentId: fmt.Sprintf("c%d", i), Title: "t", Category: pb.Category_CATEGORY_OTHER, Weight: 1, Obligor: pb.Side_SIDE_VENDOR,
			Schedule: &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{DueDate: "2026-02-02"}},
		}
		for _, n := range others {
			c.Prerequisites = append(c.Prerequisites, fmt.Sprintf("c%d", n))
		}
		terms.Commitments = append(terms.Commitments, c)
	}
	return terms
}

// TestCirclesAreRefused holds that a circle is spelled out on each of its members, and nothing else is.
func TestCirclesAreRefused(t *testing.T) {
	for _, c := range []struct {
		waits [][]int
		want  []string
	}{
		{[][]int{{}, {0}, {0, 1}, {2, 0}}, nil},
		{[][]int{{0}}, []string{"[0].prerequisites[0]: it would wait for itself"}},
		{[][]int{{9}}, []string{"[0].prerequisites[0]: there is no commitment"}},
		{[][]int{{1}, {2}, {0}, {2}}, []string{
			"[0].prerequisites[0]: it waits for itself: c0 waits for c1 waits for c2 waits for c0",
			"[1].prerequisites[0]: it waits for itself: c1 waits for c2 waits for c0 waits for c1",
			"[2].prerequisites[0]: it waits for itself: c2 waits for c0 waits for c1 waits for c2",
		}},
		{[][]int{{1}, {0}, {3, 1}, {2}}, []string{
			"[0].prerequisites[0]: it waits for itself: c0 waits for c1 waits for c0", "[1].prerequisites[0]: it waits for itself: c1",
			"[2].prerequisites[0]: it waits for itself: c2 waits for c3 waits for c2", "[3].prerequisites[0]: it waits for itself: c3",
		}},
	} {
		wrong := CheckTerms(waitingTerms(t, c.waits...), "terms")
		if len(wrong) != len(c.want) {
			t.Errorf("%v: %v", c.waits, wrong)
			continue
		}
		for i, want := range c.want {
			if got := wrong[i].Field + ": " + wrong[i].Description; !strings.HasPrefix(got, "terms.commitments"+want) {
				t.Errorf("%v: %s", c.waits, got)
			}
		}
	}
}

// TestACompletionMayCloseACircle holds that dates that count from a completion are waited for, too.
func TestACompletionMayCloseACircle(t *testing.T) {
	terms := waitingTerms(t, nil, []int{0})
	terms.Commitments[0].Schedule = &pb.CommitmentTerms_OneOff{OneOff: &pb.OneOff{Relative: &pb.RelativeDue{
		Anchor: pb.DueAnchor_DUE_ANCHOR_COMPLETION, CommitmentId: "c1", After: &pb.After{Days: 1},
	}}}
	wrong := CheckTerms(terms, "terms")
	if len(wrong) != 2 || wrong[0].Field != "terms.commitments[0].one_off.relative.commitment_id" || wrong[1].Field != "terms.commitments[1].prerequisites[0]" {
		t.Errorf("%v", wrong)
	}
}

// TestWhatCannotBeKeptFirst tries what else a prerequisite may be wrong by.
func TestWhatCannotBeKeptFirst(t *testing.T) {
	for want, change := range map[string]func(*pb.Terms){
		"is due later, on 2026-02-03": func(terms *pb.Terms) { terms.Commitments[0].GetOneOff().DueDate = "2026-02-03" },
		"is neither ONE_OFF nor RECURRING": func(terms *pb.Terms) {
			terms.Commitments[0].Schedule = &pb.CommitmentTerms_Conditional{Conditional: &pb.Conditional{Condition: "c", Within: &pb.After{Days: 1}}}
		},
		"more than 50 commitments wait for ": func(terms *pb.Terms) {
			terms.Commitments = waitingTerms(t, append([][]int{{}}, rows(51)...)...).Commitments
		},
	} {
		terms := waitingTerms(t, nil, []int{0})
		change(terms)
		if wrong := CheckTerms(terms, "terms"); len(wrong) != 1 || !strings.Contains(wrong[0].Description, want) {
			t.Errorf("%s: %v", want, wrong)
		}
	}
	if wrong := CheckTerms(waitingTerms(t, append([][]int{{}}, rows(50)...)...), "terms"); wrong != nil {
		t.Errorf("fifty may wait for one: %v", wrong)
	}
}

// rows is n commitments that wait for c0.
func rows(n int) (list [][]int) {
	for range n {
		list = append(list, []int{0})
	}
	return list
}

// TestALongCircleIsFoundAtOnce holds that a text as long as may be is checked in no time.
func TestALongCircleIsFoundAtOnce(t *testing.T) {
	waits := make([][]int, MaxCommitments)
	for i := range waits {
		waits[i] = []int{(i + 1) % len(waits)}
	}
	if wrong := CheckTerms(waitingTerms(t, waits...), "terms"); len(wrong) != MaxCommitments {
		t.Errorf("%d of %d are in a circle", len(wrong), MaxCommitments)
	}
}

// TestCirclesAreExactlyThose compares with what can be reached by walking, on random graphs.
func TestCirclesAreExactlyThose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, terms := graph{}, &pb.Terms{}
		n := rapid.IntRange(1, 8).Draw(t, "commitments")
		for i := range n {
			id := fmt.Sprintf("c%d", i)
			terms.Commitments = append(terms.Commitments, &pb.CommitmentTerms{CommitmentId: id})
			for k := range n {
				if k != i && rapid.IntRange(0, 3).Draw(t, "edge") == 0 {
					g[id] = append(g[id], fmt.Sprintf("c%d", k))
				}
			}
		}
		circle := g.circles(terms)
		for i := range n {
			for k := range n {
				a, b := fmt.Sprintf("c%d", i), fmt.Sprintf("c%d", k)
				around := a != b && g.reaches(a, b) && g.reaches(b, a)
				if together := a != b && circle[a] != 0 && circle[a] == circle[b]; together != around {
					t.Fatalf("%v: %s and %s: %v, not %v", g, a, b, together, around)
				}
			}
		}
	})
}

func (g graph) reaches(a, b string) bool {
	seen := map[string]bool{}
	for queue := []string{a}; len(queue) > 0; queue = queue[1:] {
		for _, next := range g[queue[0]] {
			if next == b {
				return true
			}
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return false
}
