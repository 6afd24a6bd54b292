package main

// bundles adds the three paths of audit bundles, which are files.
func (d *document) bundles() {
	param := func(name, in, kind, description string) object {
		return object{"name": name, "in": in, "required": in == "path", "description": description, "schema": object{"type": kind}}
	}
	for path, of := range map[string]struct {
		operation, summary string
		id                 []any
	}{
		"/v1/agreements/{agreement_id}/audit.zip": {"LogService_ExportAgreementAudit", "The audit bundle of an agreement", []any{param("agreement_id", "path", "string", "The agreement.")}},
		"/v1/parties/{party_id}/audit.zip":        {"LogService_ExportPartyAudit", "The audit bundle of all agreements of a party", []any{param("party_id", "path", "string", "The party.")}},
		"/v1/audit.zip":                           {"LogService_ExportServiceAudit", "The audit bundle of the whole service", nil},
	} {
		d.Paths[path] = object{"get": object{
			"tags": []any{"LogService"}, "operationId": of.operation, "summary": of.summary,
			"description": "Exact events, what they have led to, and the log that proves them, in one zip file that `concord audit verify` checks without the " +
				"service and without a network. The same export at the same checkpoint is the same bytes. See the RPC ExportAudit.",
			"security": []any{object{"bearer": []any{}}},
			"parameters": append(of.id,
				param("proofsOnly", "query", "boolean", "Leave out the log but for the tiles that prove the exported events."),
				param("size", "query", "string", "The size of the published checkpoint up to which is exported; the newest if not given."),
				ref("parameters", paramParty)),
			"responses": object{
				"200": object{
					"description": "A zip file.",
					"content":     object{"application/zip": object{"schema": object{"type": "string", "format": "binary"}}},
				},
				"4XX": ref("responses", responseProblem), "default": ref("responses", responseProblem),
			},
		}}
	}
}
