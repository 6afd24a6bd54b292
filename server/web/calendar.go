package web

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// A calendar is no resource in JSON but a file, and who asks for it is a calendar program, which can remember a URL and
// nothing else. So these two paths are served by hand, and they and the pictures of scorecards alone take a secret in the
// query. It goes to the RPC as what it is, "Feed" and not "Bearer": behind the door only the secret of a feed is taken for
// it, so that no other key ever works in a URL, where proxies and histories keep it.

// tokenParam is the query parameter that holds the secret of a feed.
const tokenParam = "token"

// calendarAt reads the path of a calendar; nil if it is none.
func calendarAt(path string) *pb.GetCalendarRequest {
	noun, rest, _ := strings.Cut(strings.TrimPrefix(path, "/v1/"), "/")
	id, file, _ := strings.Cut(rest, "/")
	switch {
	case file != "calendar.ics" || !isID(id):
		return nil
	case noun == "agreements":
		return &pb.GetCalendarRequest{AgreementId: id}
	case noun == "parties":
		return &pb.GetCalendarRequest{PartyId: id}
	}
	return nil
}

// serveCalendar answers with a calendar, or with 304 if the program has it.
func (h *handler) serveCalendar(x *exchange, request *pb.GetCalendarRequest) {
	if p := onlyRead(x.request); p != nil {
		x.refuse(p)
		return
	}
	x.Header().Set("Referrer-Policy", "no-referrer") // the URL may hold a secret
	if p := x.readHeaders(); p != nil {
		x.refuse(p)
		return
	}
	if p := x.readToken(); p != nil {
		x.refuse(p)
		return
	}
	answer := &pb.GetCalendarResponse{}
	if h.fetch(x, pb.CalendarService_GetCalendar_FullMethodName, request, answer) {
		x.writeFile("text/calendar; charset=utf-8", answer.GetEtag(), answer.GetIcs())
	}
}

// readToken takes the secret out of the query, where nothing else may be.
func (x *exchange) readToken() *problem {
	query, err := url.ParseQuery(x.request.URL.RawQuery)
	if err != nil {
		return malformed(http.StatusBadRequest, "The query cannot be read.") // without its words: they may hold the secret
	}
	var found []violation
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if name != tokenParam {
			found = append(found, violation{name, "is not a parameter of this call"})
		} else if wrong := x.useToken(query[name]); wrong != "" {
			found = append(found, violation{name, wrong})
		}
	}
	if len(found) > 0 {
		return invalid(found)
	}
	return nil
}

// useToken takes what the query says of the secret for the caller's, or says what is wrong with it.
func (x *exchange) useToken(values []string) (wrong string) {
	switch {
	case len(values) > 1:
		return "is given " + strconv.Itoa(len(values)) + " times; once is enough"
	case values[0] == "" || !isPrintable(values[0]):
		return "is not the secret of a feed"
	case len(x.metadata["authorization"]) > 0:
		return "is given beside an Authorization header; one of them is enough"
	}
	x.metadata["authorization"] = []string{"Feed " + values[0]}
	return ""
}
