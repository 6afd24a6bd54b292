package main

// object is any JSON object of the document.
type object = map[string]any

// document is an OpenAPI 3.1 document; its keys are written in this order, all others sorted.
type document struct {
	OpenAPI    string            `json:"openapi"`
	Info       object            `json:"info"`
	Servers    []any             `json:"servers"`
	Security   []any             `json:"security"`
	Tags       []any             `json:"tags"`
	Paths      map[string]object `json:"paths"`
	Components components        `json:"components"`
}

// components are the parts of a document that others refer to by name.
type components struct {
	Schemas         map[string]object `json:"schemas"`
	Responses       map[string]object `json:"responses,omitempty"`
	Parameters      map[string]object `json:"parameters,omitempty"`
	Headers         map[string]object `json:"headers,omitempty"`
	SecuritySchemes map[string]object `json:"securitySchemes,omitempty"`
}

// The names under which shared components stand. A component that no call uses is not written.
const (
	schemaProblem       = "Problem"
	responseProblem     = "Problem"
	responseNotModified = "NotModified"
	responseChanged     = "PreconditionFailed"
	headerETag          = "ETag"
	headerLocation      = "Location"
	paramIfMatch        = "IfMatch"
	paramIfNoneMatch    = "IfNoneMatch"
	paramIdempotencyKey = "IdempotencyKey"
	paramLastEventID    = "LastEventID"
	paramParty          = "ConcordParty"
)

// ref is a reference to a component, such as ref("responses", "Problem").
func ref(kind, name string) object { return object{"$ref": "#/components/" + kind + "/" + name} }

// info describes the API as a whole. Its version is that of the proto package, not of a release.
func info() object {
	return object{
		"title":   "Concord",
		"version": "v1",
		"description": "Partnership agreements between a vendor and a client: what each side owes the other, how each " +
			"keeps it, and a history that nobody can quietly rewrite.\n\n" +
			"Fields of requests and resources are lowerCamelCase, 64-bit integers are strings, times are RFC 3339 in UTC. " +
			"Unknown query parameters and unknown body fields are refused. Errors are problem details (RFC 9457).",
		"license": object{"name": "Apache License 2.0", "identifier": "Apache-2.0"},
	}
}

// shared holds every component that calls may refer to.
func shared() components {
	text := func(description string) object { return object{"type": "string", "description": description} }
	header := func(name, description string) object {
		return object{"name": name, "in": "header", "description": description, "schema": object{"type": "string"}}
	}
	problem := func(description string) object {
		return object{
			"description": description,
			"content":     object{"application/problem+json": object{"schema": ref("schemas", schemaProblem)}},
		}
	}
	return components{
		Schemas: map[string]object{schemaProblem: {
			"type":        "object",
			"description": "Why a request was refused, as problem details (RFC 9457).",
			"required":    []any{"type", "title", "status", "detail", "reason", "domain"},
			"properties": object{
				"type":    object{"type": "string", "format": "uri-reference", "description": "Names the kind of problem."},
				"title":   text("The kind of problem in a few words."),
				"status":  object{"type": "integer", "format": "int32", "description": "The HTTP status, repeated."},
				"detail":  text("What happened, in words that the caller can act on."),
				"reason":  text("The reason from Concord's catalogue, in upper snake case. Programs decide by this one."),
				"domain":  text("Who gave the reason: \"concord\"."),
				"traceId": text("Finds this request in the service's traces and logs."),
				"metadata": object{
					"type": "object", "additionalProperties": object{"type": "string"},
					"description": "Further facts about the reason, such as the state that forbids the change.",
				},
				"violations": list("Every field that is wrong.", object{
					"field":       text("The path of the field in the request."),
					"description": text("What is wrong with it."),
				}),
				"preconditions": list("Every rule that refused.", object{
					"type":        text("The kind of rule."),
					"subject":     text("What the rule is about, such as the id of an obligation."),
					"description": text("What would have to be true."),
				}),
			},
		}},
		Responses: map[string]object{
			responseProblem:     problem("The request was refused or failed."),
			responseNotModified: {"description": "The entity tag in `If-None-Match` is still current."},
			responseChanged:     problem("The entity tag in `If-Match` or `etag` is not current: read again first."),
		},
		Parameters: map[string]object{
			paramIfMatch: header("If-Match",
				"The `ETag` that the caller read. The change is refused if it is no longer current. Stands for the field `etag`."),
			paramIfNoneMatch: header("If-None-Match",
				"An `ETag` that the caller holds. If it is still current, the answer is 304 and empty."),
			paramIdempotencyKey: header("Idempotency-Key",
				"Makes the request safe to repeat: the same key and body again give the first answer again. Stands for the field `requestId`."),
			paramParty: header("Concord-Party",
				"The party a service acts for. Needed only by a caller that may act for several."),
			paramLastEventID: header("Last-Event-ID",
				"The `id` of the last event that the caller has; the stream goes on after it."),
		},
		Headers: map[string]object{
			headerETag:     {"description": "The entity tag of the resource, the same as its `etag`.", "schema": object{"type": "string"}},
			headerLocation: {"description": "Where the new resource is read.", "schema": object{"type": "string"}},
		},
		SecuritySchemes: map[string]object{
			"bearer": {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer KEY`."},
			"feed":   {"type": "apiKey", "in": "query", "name": "token", "description": "The secret of a feed: of calendars for a calendar, of scorecards for a picture. No other key is taken in a URL."},
		},
	}
}

// list is the schema of an array of objects with these properties.
func list(description string, properties object) object {
	return object{"type": "array", "description": description, "items": object{"type": "object", "properties": properties}}
}
