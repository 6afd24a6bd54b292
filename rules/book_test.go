package rules

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/life-cycles.md anew")

// TestTheBookIsTrue holds docs/life-cycles.md to the tables: it is made of them, and of nothing else.
func TestTheBookIsTrue(t *testing.T) {
	path := filepath.Join("..", "docs", "life-cycles.md")
	book := lifeCycles()
	if *update {
		if err := os.WriteFile(path, []byte(book), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil || string(have) != book {
		t.Errorf("%s is not what the tables say (%v): go test ./rules -run TestTheBookIsTrue -update", path, err)
	}
}

const bookOpening = `# Life cycles

Made from the tables of moves in ` + "`rules/moves_*.go`" + `; a test holds it to them. A refusal names the row it comes from: the rule
` + "`obligation submit`" + ` is the verb *submit* of an obligation, and what stands after a colon is the condition that failed.

Who moves: the **obligor** owes a promise, the **beneficiary** is owed it. The **author** is the side whose text is on the table, the
**answerer** the side whose turn it is. The **clock** is time itself: such a move is told at the instant it comes, with that
instant as its effective time, however late the service is. A **rule** is nobody's command: it follows from another move.
States in bold are final: nothing leaves them.
`

// lifeCycles is the whole book.
func lifeCycles() string {
	var b strings.Builder
	b.WriteString(bookOpening)
	chapter(&b, "Proposal", ProposalMoves)
	chapter(&b, "Agreement", AgreementMoves)
	chapter(&b, "Commitment", CommitmentMoves)
	chapter(&b, "Obligation", ObligationMoves)
	chapter(&b, "Concern", ConcernMoves)
	chapter(&b, "Pulse round", PulseMoves)
	chapter(&b, "Objective", ObjectiveMoves)
	chapter(&b, "Observation", ObservationMoves)
	chapter(&b, "Review", ReviewMoves)
	b.WriteString("\n## What time brings\n\nAt one instant the clock looks at an agreement first, then at its proposals, its commitments, its obligations, its concerns and the rounds of its pulse.\n\n" +
		"| noun | from | verb | to | when |\n|---|---|---|---|---|\n")
	clockRows(&b, "proposal", ProposalMoves)
	clockRows(&b, "agreement", AgreementMoves)
	clockRows(&b, "commitment", CommitmentMoves)
	clockRows(&b, "obligation", ObligationMoves)
	clockRows(&b, "concern", ConcernMoves)
	clockRows(&b, "pulse round", PulseMoves)
	return b.String()
}

// chapter is one life cycle: its picture, and its rows.
func chapter[S state](b *strings.Builder, noun string, table []Move[S]) {
	left := map[S]bool{}
	for _, m := range table {
		if m.From != m.To {
			left[m.From] = true
		}
	}
	show := func(s S) string {
		if left[s] {
			return word(s)
		}
		return "**" + word(s) + "**"
	}
	fmt.Fprintf(b, "\n## %s\n\n```mermaid\nstateDiagram-v2\n", noun)
	for _, edge := range edges(table) {
		fmt.Fprintf(b, "  %s --> %s: %s\n", word(edge.from), word(edge.to), strings.Join(edge.verbs, ", "))
	}
	ended := map[S]bool{}
	for _, m := range table {
		if !left[m.To] && !ended[m.To] {
			ended[m.To] = true
			fmt.Fprintf(b, "  %s --> [*]\n", word(m.To))
		}
	}
	b.WriteString("```\n\n| from | verb | by | to | if |\n|---|---|---|---|---|\n")
	for _, m := range table {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", word(m.From), m.Verb, m.By, show(m.To), m.If)
	}
}

// edge is all the verbs that lead from one state to another.
type edge[S state] struct {
	from, to S
	verbs    []string
}

func edges[S state](table []Move[S]) (list []edge[S]) {
next:
	for _, m := range table {
		for i, e := range list {
			if e.from == m.From && e.to == m.To {
				list[i].verbs = appendNew(e.verbs, m.Verb)
				continue next
			}
		}
		list = append(list, edge[S]{m.From, m.To, []string{m.Verb}})
	}
	return list
}

func clockRows[S state](b *strings.Builder, noun string, table []Move[S]) {
	for _, m := range table {
		if m.By == ClockActor {
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", noun, word(m.From), m.Verb, word(m.To), m.If)
		}
	}
}
