package main

// picture adds the path of a scorecard's picture, which is a file: it is asked for as the scorecard is, and by pages with the
// secret of a feed.
func (d *document) picture(all components) {
	parameters := []any{ref("parameters", paramIfNoneMatch)}
	scorecard := d.Paths["/v1/agreements/{agreement_id}/scorecard"]["get"].(object)
	d.Paths["/v1/agreements/{agreement_id}/scorecard.svg"] = object{"get": object{
		"tags": scorecard["tags"], "operationId": "ScorecardService_GetAgreementScorecardPicture", "summary": "The scorecard of an agreement as a picture for a page",
		"description": "Both sides' figures as an SVG file that needs nothing from elsewhere. The same events, window and `asOf` give the same bytes; " +
			"without `asOf` they change with the agreement and from day to day only. See the RPC GetScorecardPicture.",
		"security":   []any{object{"bearer": []any{}}, object{"feed": []any{}}},
		"parameters": append(parameters, array(scorecard, "parameters")...),
		"responses": object{
			"200": object{
				"description": "An SVG file.",
				"headers":     object{headerETag: ref("headers", headerETag)},
				"content":     object{"image/svg+xml": object{"schema": object{"type": "string"}}},
			},
			"304": ref("responses", responseNotModified), "4XX": ref("responses", responseProblem), "default": ref("responses", responseProblem),
		},
	}}
	d.Components.Headers[headerETag], d.Components.Parameters[paramIfNoneMatch] = all.Headers[headerETag], all.Parameters[paramIfNoneMatch]
	d.Components.Responses[responseNotModified] = all.Responses[responseNotModified]
}
