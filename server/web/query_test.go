package web_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

func TestQueriesThatAreUnderstood(t *testing.T) {
	h, s := open(t)
	for _, c := range []struct {
		method, path, body string
		want               proto.Message
	}{
		{"GET", "/v1/agreements?partyId=p1&pageSize=5&page_token=a%20b&state=AGREEMENT_STATE_ACTIVE&side=SIDE_VENDOR", "",
			&pb.ListAgreementsRequest{PartyId: "p1", PageSize: 5, PageToken: "a b", State: pb.AgreementState_AGREEMENT_STATE_ACTIVE, Side: pb.Side_SIDE_VENDOR}},
		{"GET", "/v1/agreements?&", "", &pb.ListAgreementsRequest{}},
		{"GET", "/v1/agreements?", "", &pb.ListAgreementsRequest{}},
		{"GET", "/v1/agreements/a1/events?afterVersion=18446744073709551615", "", &pb.ListEventsRequest{AgreementId: "a1", AfterVersion: 1<<64 - 1}},
		{"PATCH", "/v1/agreements/a1?updateMask=draftTerms.calendar,client_party_id&etag=e&validateOnly=true", `{}`,
			&pb.UpdateAgreementRequest{AgreementId: "a1", Agreement: &pb.Agreement{}, Etag: "e", ValidateOnly: true,
				UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"draft_terms.calendar", "client_party_id"}}}},
		{"PATCH", "/v1/agreements/a1?update_mask=*", `{"vendorPartyId":"p"}`,
			&pb.UpdateAgreementRequest{AgreementId: "a1", Agreement: &pb.Agreement{VendorPartyId: "p"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"*"}}}},
		{"PATCH", "/v1/agreements/a1", `{"vendor_party_id":"p","draftTerms":{"title":"t"}}`,
			&pb.UpdateAgreementRequest{AgreementId: "a1", Agreement: &pb.Agreement{VendorPartyId: "p", DraftTerms: &pb.Terms{Title: "t"}},
				UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"draft_terms.title", "vendor_party_id"}}}},
		{"POST", "/v1/agreements?agreementId=a1&requestId=r", `{"vendorPartyId":"p"}`,
			&pb.CreateAgreementRequest{AgreementId: "a1", RequestId: "r", Agreement: &pb.Agreement{VendorPartyId: "p"}}},
	} {
		a := call(t, s, c.method, c.path, c.body)
		if m, _ := h.last(); a.StatusCode/100 != 2 || !proto.Equal(m, c.want) {
			t.Errorf("%s: %d %s\ngot  %v\nwant %v", c.path, a.StatusCode, a.text, m, c.want)
		}
	}
}

func TestQueriesThatAreNot(t *testing.T) {
	h, s := open(t)
	for _, c := range []struct{ method, path, body, fields string }{
		{"GET", "/v1/agreements?partyID=p1&foo=1&page_size=x&state=ACTIVE&side=2", "", "partyID foo page_size state side"},
		{"GET", "/v1/agreements?pageSize=1&page_size=1", "", "page_size"},
		{"GET", "/v1/agreements?pageSize=1&pageSize=1", "", "pageSize"},
		{"GET", "/v1/agreements?pageSize=", "", "pageSize"},
		{"GET", "/v1/agreements?pageSize=2147483648", "", "pageSize"},
		{"GET", "/v1/agreements?pageSize=1.0&pageToken=%ff", "", "pageSize pageToken"},
		{"GET", "/v1/agreements?a=%zz&%q=1&page_size=1;x=2", "", "a %q page_size"},
		{"GET", "/v1/agreements?agreements.title=x&party_id[a]=b", "", "agreements.title party_id[a]"},
		{"GET", "/v1/agreements/a1?agreementId=a2&x=1", "", "agreementId x"},
		{"GET", "/v1/agreements/a1/events?afterVersion=-1", "", "afterVersion"},
		{"PATCH", "/v1/agreements/a1?updateMask=draftTerms.nope,title,,draftTerms.commitments.title&agreement_id=a2&validateOnly=1", `{}`,
			"updateMask updateMask updateMask agreement_id validateOnly"},
		{"PATCH", "/v1/agreements/a1?updateMask=", `{}`, "updateMask"},
		{"PATCH", "/v1/agreements/a1?agreement=x", `{"nope":1,"vendorPartyId":2}`, "agreement nope vendorPartyId"},
		{"POST", "/v1/agreements/a1/obligations/o1:submit?note=x&requestId=r", `{}`, "note requestId"},
	} {
		a := call(t, s, c.method, c.path, c.body)
		if p := a.problem(t); p.Status != 400 || p.Reason != "INVALID_FIELDS" || p.fields() != c.fields {
			t.Errorf("%s: %s\nwant %s", c.path, a.text, c.fields)
		}
	}
	if m, _ := h.last(); m != nil {
		t.Errorf("reached %T", m)
	}
}
