package main

import (
	"fmt"
	"io"

	"github.com/concordhq/concord/server"
)

// tell prints a key per side and the auditor's, and lines that work as they stand. All that was due has been done by then; so
// the vendor delivers something more, which the client must answer.
func tell(w io.Writer, started server.Started, keys map[string]string) {
	fmt.Fprintf(w, `Concord demo: %[1]s, a throw-away store. It is the evening of %[2]s here.

Tallgrass Systems Ltd (vendor) and Orchard & Vale Foods plc (client) negotiated the agreement
%[3]s and have worked under it for half a year, all of it through the public API.

  export VENDOR=%[4]s
  export CLIENT=%[5]s
  export AUDITOR=%[7]s

What either side has owed so far (43 promises), and how one due date came about: data that the client brought 14 business
days late moved the vendor's module by as many.
  curl -s -H "Authorization: Bearer $CLIENT" "http://%[1]s/v1/agreements/%[3]s/obligations?due_before=2026-07-11&page_size=50"
  curl -s -H "Authorization: Bearer $CLIENT" "http://%[1]s/v1/agreements/%[3]s/obligations/v4-1"

Are both winning? Both sides' figures by the same formulas, what they say together, what one of them is made of, and what they
said to each other:
  go run ./cmd/concord --addr %[6]s --key $CLIENT scorecard show %[3]s
  go run ./cmd/concord --addr %[6]s --key $VENDOR scorecard explain %[3]s --figure kept
  curl -s -H "Authorization: Bearer $CLIENT" "http://%[1]s/v1/agreements/%[3]s/scorecard"
  curl -s -H "Authorization: Bearer $VENDOR" "http://%[1]s/v1/agreements/%[3]s/concerns"

The vendor delivers another module. The client owes an answer within ten business days; it accepts the module, and the
vendor agrees that it was answered:
  curl -s -H "Authorization: Bearer $VENDOR" --json '{"title": "module 2", "occurred_date": "2026-07-10"}' "http://%[1]s/v1/agreements/%[3]s/obligations/c4-3:trigger"
  curl -s -H "Authorization: Bearer $CLIENT" --json '{"note": "Accepted, it is better still."}' "http://%[1]s/v1/agreements/%[3]s/obligations/c4-3:submit"

Nobody closes their own promise. The client tries to, and is refused; the vendor may:
  curl -s -H "Authorization: Bearer $CLIENT" --json '{}' "http://%[1]s/v1/agreements/%[3]s/obligations/c4-3:accept"
  curl -s -H "Authorization: Bearer $VENDOR" --json '{}' "http://%[1]s/v1/agreements/%[3]s/obligations/c4-3:accept"

An amendment waits for its day, 1 August; this is what it will do:
  curl -s -H "Authorization: Bearer $VENDOR" "http://%[1]s/v1/agreements/%[3]s/proposals/amendment-1"

The same over gRPC:
  grpcurl -plaintext -H "authorization: Bearer $VENDOR" -d '{"agreement_id": "%[3]s"}' %[6]s concord.v1.CommitmentService/ListCommitments
  grpcurl -plaintext -H "authorization: Bearer $VENDOR" -d '{"agreement_id": "%[3]s", "obligation_id": "v2-7"}' %[6]s concord.v1.ObligationService/AcceptObligation
  grpcurl -plaintext -H "authorization: Bearer $CLIENT" -d '{"agreement_id": "%[3]s", "page_size": 10}' %[6]s concord.v1.HistoryService/ListEvents

With the command line of Concord:
  go run ./cmd/concord --addr %[6]s --key $CLIENT obligation list %[3]s
  go run ./cmd/concord --addr %[6]s --key $CLIENT event list %[3]s
  go run ./cmd/concord --addr %[6]s --key $CLIENT portfolio
  go run ./cmd/concord --addr %[6]s --key $CLIENT outlook %[3]s
  go run ./cmd/concord --addr %[6]s --key $VENDOR review show %[3]s q2

Read the API at http://%[1]s/docs. Stop with Ctrl-C.
`, started.HTTPAddr, demoEnds.Format("2 January 2006"), demoAgreement, keys["ines"], keys["rafael"], started.GRPCAddr, keys["nora"])
}
