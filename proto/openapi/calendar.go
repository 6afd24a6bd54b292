package main

// calendars adds the two paths that no proto describes: files for calendar programs.
func (d *document) calendars(all components) {
	id := func(name, description string) object {
		return object{"name": name, "in": "path", "required": true, "description": description, "schema": object{"type": "string"}}
	}
	for path, of := range map[string]struct {
		id                 object
		operation, summary string
	}{
		"/v1/agreements/{agreement_id}/calendar.ics": {id("agreement_id", "The agreement."), "CalendarService_GetAgreementCalendar", "The calendar of an agreement"},
		"/v1/parties/{party_id}/calendar.ics":        {id("party_id", "The party."), "CalendarService_GetPartyCalendar", "The calendar of all agreements of a party"},
	} {
		d.Paths[path] = object{"get": object{
			"tags": []any{"CalendarService"}, "operationId": of.operation, "summary": of.summary,
			"description": "What was due up to 31 days ago and will be up to 400 days ahead, at most 2,000 entries, as an iCalendar file that calendar " +
				"programs subscribe to. An entry keeps its UID for ever, and its SEQUENCE grows with every change.",
			"security":   []any{object{"bearer": []any{}}, object{"feed": []any{}}},
			"parameters": []any{of.id, ref("parameters", paramParty), ref("parameters", paramIfNoneMatch)},
			"responses": object{
				"200": object{
					"description": "An iCalendar file (RFC 5545).",
					"headers":     object{headerETag: ref("headers", headerETag)},
					"content":     object{"text/calendar": object{"schema": object{"type": "string"}}},
				},
				"304": ref("responses", responseNotModified), "4XX": ref("responses", responseProblem), "default": ref("responses", responseProblem),
			},
		}}
	}
	d.Components.Headers[headerETag], d.Components.Parameters[paramIfNoneMatch] = all.Headers[headerETag], all.Parameters[paramIfNoneMatch]
	d.Components.Responses[responseNotModified] = all.Responses[responseNotModified]
}
