package main

import (
	"fmt"
	"io"

	"github.com/concordhq/concord/server"
)

// tell prints a key per side, and lines that work as they stand. On the last day of the half year the vendor's joint
// review is due and not yet submitted, so that there is something to do.
func (d *demoStory) tell(w io.Writer, started server.Started) {
	fmt.Fprintf(w, `Concord demo: %[1]s, a throw-away store. It is %[2]s here.

Tallgrass Systems Ltd (vendor) and Orchard & Vale Foods plc (client) negotiated the agreement
%[3]s and have worked under it for half a year, all of it through the public API.

  export VENDOR=%[4]s
  export CLIENT=%[5]s

What is due now, on both sides:
  curl -s -H "Authorization: Bearer $VENDOR" "http://%[1]s/v1/agreements/%[3]s/obligations?state=OBLIGATION_STATE_DUE"

The vendor says its joint review is done, and the client accepts that:
  curl -s -H "Authorization: Bearer $VENDOR" --json '{"note": "Held on 10 July, minutes sent."}' "http://%[1]s/v1/agreements/%[3]s/obligations/v7-2:submit"
  curl -s -H "Authorization: Bearer $CLIENT" --json '{"note": "It was a good one."}' "http://%[1]s/v1/agreements/%[3]s/obligations/v7-2:accept"

Nobody closes their own promise. The client tries to (its side of the review is c7) and is refused:
  curl -s -H "Authorization: Bearer $CLIENT" --json '{"note": "We were there too."}' "http://%[1]s/v1/agreements/%[3]s/obligations/c7-2:submit"
  curl -s -H "Authorization: Bearer $CLIENT" --json '{}' "http://%[1]s/v1/agreements/%[3]s/obligations/c7-2:accept"

The same over gRPC:
  grpcurl -plaintext -H "authorization: Bearer $VENDOR" -d '{"agreement_id": "%[3]s"}' %[6]s concord.v1.CommitmentService/ListCommitments
  grpcurl -plaintext -H "authorization: Bearer $VENDOR" -d '{"agreement_id": "%[3]s", "obligation_id": "c7-2"}' %[6]s concord.v1.ObligationService/AcceptObligation
  grpcurl -plaintext -H "authorization: Bearer $CLIENT" -d '{"agreement_id": "%[3]s", "page_size": 10}' %[6]s concord.v1.HistoryService/ListEvents

With the command line of Concord:
  go run ./cmd/concord --addr %[6]s --key $CLIENT obligation list %[3]s
  go run ./cmd/concord --addr %[6]s --key $CLIENT event list %[3]s

Read the API at http://%[1]s/docs. Stop with Ctrl-C.
`, started.HTTPAddr, demoEnds.Format("2 January 2006"), demoAgreement, d.vendor, d.buyer, started.GRPCAddr)
}
