package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/genproto/googleapis/api/annotations"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// A scorecard can be a picture, which a page embeds. It is the answer of an RPC, so that who may see it stands beside the RPC.

// The path of a picture, around the id of the agreement.
const (
	picturePrefix = "/v1/agreements/"
	pictureFile   = "/scorecard.svg"
)

// picturePolicy is what the picture may do where it is opened by itself: wear the style that it brings, and nothing else.
var picturePolicy = []string{"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}

// pictureRoute is the path of pictures.
func pictureRoute() (*route, error) {
	m := pb.File_concord_v1_scorecard_service_proto.Services().ByName("ScorecardService").Methods().ByName("GetScorecardPicture")
	r, err := newRoute(m, &annotations.HttpRule{Pattern: &annotations.HttpRule_Get{Get: picturePrefix + "{agreement_id}" + pictureFile}})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pictureFile, err)
	}
	return r, nil
}

// pictureAt is the agreement whose picture a path is; empty if it is none.
func pictureAt(path string) string {
	id, ok := strings.CutSuffix(strings.TrimPrefix(path, picturePrefix), pictureFile)
	if !ok || !strings.HasPrefix(path, picturePrefix) || !isID(id) {
		return ""
	}
	return id
}

// servePicture answers with the picture of a scorecard, or with 304 if the page has it.
func (h *handler) servePicture(x *exchange, id string) {
	if p := onlyRead(x.request); p != nil {
		x.refuse(p)
		return
	}
	x.Header().Set("Referrer-Policy", "no-referrer") // the URL may hold a secret
	request, p := x.pictureRequest(id)
	if p != nil {
		x.refuse(p)
		return
	}
	answer := &pb.GetScorecardPictureResponse{}
	if h.fetch(x, pb.ScorecardService_GetScorecardPicture_FullMethodName, request, answer) {
		x.Header()["Content-Security-Policy"] = picturePolicy
		x.writeFile("image/svg+xml", answer.GetEtag(), answer.GetSvg())
	}
}

// pictureRequest reads what is asked for: headers, path, and the query, in which the secret of a feed may stand.
func (x *exchange) pictureRequest(id string) (*pb.GetScorecardPictureRequest, *problem) {
	if p := x.readHeaders(); p != nil {
		return nil, p
	}
	query, err := url.ParseQuery(x.request.URL.RawQuery)
	if err != nil {
		return nil, malformed(http.StatusBadRequest, "The query cannot be read.") // without its words: they may hold the secret
	}
	token := query[tokenParam]
	query.Del(tokenParam)
	form, found := checkQuery(x.route, query.Encode())
	if token != nil {
		if wrong := x.useToken(token); wrong != "" {
			found = append(found, violation{tokenParam, wrong})
		}
	}
	if len(found) > 0 {
		return nil, invalid(found)
	}
	request := &pb.GetScorecardPictureRequest{}
	if err := runtime.PopulateQueryParameters(request, form, utilities.NewDoubleArray(nil)); err != nil {
		return nil, malformed(http.StatusBadRequest, "The query is not what the API understands: "+err.Error())
	}
	request.AgreementId = id
	return request, nil
}
