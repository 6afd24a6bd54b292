package rules

import (
	"fmt"
	"slices"
	"strings"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// MaxDependents is how many commitments may wait for one: the end of one obligation is carried into all of them.
const MaxDependents = 50

// maxPaths is how many circles are spelled out to who proposed them; of more there is only said that they are.
const maxPaths = 50

// checkPrerequisites lists the prerequisites of a text that could never be kept first.
func checkPrerequisites(t *pb.Terms, f frame, field string) (wrong []Violation) {
	dependents := map[string]int{}
	for i, c := range t.GetCommitments() {
		for k, id := range c.GetPrerequisites() {
			at := fmt.Sprintf("%s.commitments[%d].prerequisites[%d]", field, i, k)
			if why := notFirst(c, f.byID[id], id); why != "" {
				wrong = append(wrong, Violation{at, why})
			}
			if dependents[id]++; dependents[id] == MaxDependents+1 {
				wrong = append(wrong, Violation{at, fmt.Sprintf("more than %d commitments wait for commitment %q", MaxDependents, id)})
			}
		}
	}
	return append(wrong, checkCircles(t, field)...)
}

// notFirst says why a commitment cannot wait for another one; empty if it can.
func notFirst(c, other *pb.CommitmentTerms, id string) string {
	switch {
	case id == c.GetCommitmentId():
		return "it would wait for itself"
	case other == nil:
		return fmt.Sprintf("there is no commitment %q", id)
	case other.GetOneOff() == nil && other.GetRecurring() == nil:
		return fmt.Sprintf("commitment %q is neither ONE_OFF nor RECURRING: nothing of it is kept first", id)
	case c.GetOneOff().GetDueDate() != "" && c.GetOneOff().GetDueDate() < other.GetOneOff().GetDueDate():
		return fmt.Sprintf("commitment %q must be kept first, and is due later, on %s", id, other.GetOneOff().GetDueDate())
	}
	return ""
}

// checkCircles lists the commitments that would wait for each other in a circle, so that none could begin: by prerequisites,
// or by dates that count from a completion.
func checkCircles(t *pb.Terms, field string) (wrong []Violation) {
	g := graph{}
	for _, c := range t.GetCommitments() {
		g[c.GetCommitmentId()] = append(slices.Clone(c.GetPrerequisites()), anchorsOf(c)...)
	}
	circle := g.circles(t)
	for i, c := range t.GetCommitments() {
		id := c.GetCommitmentId()
		if circle[id] == 0 {
			continue
		}
		why := "it waits for itself, by way of others"
		if len(wrong) < maxPaths {
			why = "it waits for itself: " + strings.Join(g.path(id, circle), " waits for ")
		}
		wrong = append(wrong, Violation{fmt.Sprintf("%s.commitments[%d].%s", field, i, waitingField(c, circle)), why})
	}
	return wrong
}

// waitingField is the field by which a commitment is part of a circle.
func waitingField(c *pb.CommitmentTerms, circle map[string]int) string {
	for k, id := range c.GetPrerequisites() {
		if circle[id] == circle[c.GetCommitmentId()] {
			return fmt.Sprintf("prerequisites[%d]", k)
		}
	}
	return "one_off.relative.commitment_id"
}

// graph is what each commitment waits for.
type graph map[string][]string

// circles numbers the circles of a text, from 1, and says in which one a commitment is; not in any: 0. It is Tarjan's
// algorithm for strongly connected components, without recursion, as a chain may be as long as a text.
func (g graph) circles(t *pb.Terms) map[string]int {
	type frame struct {
		id   string
		next int
	}
	var (
		index, low = map[string]int{}, map[string]int{}
		onStack    = map[string]bool{}
		stack      []string
		circle     = map[string]int{}
		found      int
	)
	for _, c := range t.GetCommitments() {
		var calls []frame
		enter := func(id string) {
			index[id], low[id] = len(index)+1, len(index)+1
			stack, onStack[id] = append(stack, id), true
			calls = append(calls, frame{id: id})
		}
		if index[c.GetCommitmentId()] == 0 {
			enter(c.GetCommitmentId())
		}
		for len(calls) > 0 {
			top := &calls[len(calls)-1]
			if top.next < len(g[top.id]) {
				other := g[top.id][top.next]
				top.next++
				switch {
				case index[other] == 0:
					enter(other)
				case onStack[other]:
					low[top.id] = min(low[top.id], index[other])
				}
				continue
			}
			id := top.id
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				caller := calls[len(calls)-1].id
				low[caller] = min(low[caller], low[id])
			}
			if low[id] != index[id] {
				continue
			}
			from := slices.Index(stack, id)
			if members := stack[from:]; len(members) > 1 {
				found++
				for _, m := range members {
					circle[m] = found
				}
			}
			for _, m := range stack[from:] {
				onStack[m] = false
			}
			stack = stack[:from]
		}
	}
	return circle
}

// path is the shortest way round a circle, from a commitment to itself.
func (g graph) path(id string, circle map[string]int) []string {
	from := map[string]string{}
	for queue := []string{id}; len(queue) > 0; queue = queue[1:] {
		for _, other := range g[queue[0]] {
			if _, seen := from[other]; seen || circle[other] != circle[id] {
				continue
			}
			from[other] = queue[0]
			if other == id {
				way := []string{id}
				for at := from[id]; at != id; at = from[at] {
					way = append(way, at)
				}
				way = append(way, id)
				slices.Reverse(way)
				return way
			}
			queue = append(queue, other)
		}
	}
	return []string{id, id}
}
