package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

const schemaPrefix = "#/components/schemas/"

// finish adds to the document what every REST call shares.
func (d *document) finish() {
	all := shared()
	d.Info = info()
	d.Servers = []any{object{"url": "/", "description": "The service this document came from."}}
	d.Security = []any{object{"bearer": []any{}}}
	d.Components.Responses = map[string]object{}
	d.Components.Parameters = map[string]object{}
	d.Components.Headers = map[string]object{}
	d.Components.SecuritySchemes = all.SecuritySchemes
	d.joinPaths()
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(d.Paths[path])) {
			d.operation(method, d.Paths[path][method].(object), all)
		}
		declare(d.Paths[path])
	}
	d.calendars(all)
	d.picture(all)
	d.bundles()
	for _, schema := range d.Components.Schemas {
		declare(schema)
	}
}

// declare gives every schema that only requires properties, as a oneof's "none of these" does,
// the names of those properties too: linters and generators look for them there.
func declare(value any) {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			declare(element)
		}
	case object:
		if required := array(value, "required"); required != nil && value["properties"] == nil {
			properties := object{}
			for _, name := range required {
				properties[name.(string)] = object{}
			}
			value["properties"] = properties
		}
		for _, member := range value {
			declare(member)
		}
	}
}

var placeholder = regexp.MustCompile(`\{([^}]*)\}`)

// joinPaths makes one path of those that differ in the names of their parameters alone, which
// OpenAPI takes for the same path: GET /things/{thing_id} and PATCH /things/{thing.thing_id}.
func (d *document) joinPaths() {
	joined := map[string]object{}
	names := map[string]string{} // shape of a path → the path as it is written
	paths := slices.Collect(maps.Keys(d.Paths))
	slices.SortFunc(paths, func(a, b string) int { // plain names first: they are the ones kept
		if byDots := strings.Count(a, ".") - strings.Count(b, "."); byDots != 0 {
			return byDots
		}
		return strings.Compare(a, b)
	})
	for _, path := range paths {
		shape := placeholder.ReplaceAllString(path, "{}")
		if names[shape] == "" {
			names[shape] = placeholder.ReplaceAllStringFunc(path, func(name string) string {
				return "{" + name[max(1, strings.LastIndexByte(name, '.')+1):]
			})
			joined[names[shape]] = object{}
		}
		from := placeholder.FindAllStringSubmatch(path, -1)
		to := placeholder.FindAllStringSubmatch(names[shape], -1)
		for method, operation := range d.Paths[path] {
			for _, p := range array(operation.(object), "parameters") {
				for i := range from {
					if p := p.(object); p["in"] == "path" && p["name"] == from[i][1] {
						p["name"] = to[i][1]
						break
					}
				}
			}
			joined[names[shape]][method] = operation
		}
	}
	d.Paths = joined
}

// operation finishes one call.
func (d *document) operation(method string, op object, all components) {
	summarize(op)
	responses := op["responses"].(object)
	refuse := func(status, name string) {
		d.Components.Responses[name] = all.Responses[name]
		responses[status] = ref("responses", name)
	}
	accept := func(name string) {
		d.Components.Parameters[name] = all.Parameters[name]
		op["parameters"] = append(array(op, "parameters"), ref("parameters", name))
	}
	d.Components.Schemas[schemaProblem] = all.Schemas[schemaProblem]
	refuse("4XX", responseProblem)
	refuse("default", responseProblem)
	accept(paramParty)

	if empty := content(responses["200"]); len(empty) == 1 && empty["type"] == "object" {
		responses["200"].(object)["description"] = "Done; there is nothing to return."
	}
	result := stream(responses)
	switch {
	case result != nil:
		accept(paramLastEventID)
	case method == "get" && d.properties(content(responses["200"]))["etag"] != nil:
		d.Components.Headers[headerETag] = all.Headers[headerETag]
		responses["200"].(object)["headers"] = object{headerETag: ref("headers", headerETag)}
		refuse("304", responseNotModified)
		accept(paramIfNoneMatch)
	case method != "get" && d.takes(op, "etag"):
		refuse("412", responseChanged)
		accept(paramIfMatch)
	}
	if method == "post" && creating.MatchString(text(op, "operationId")) {
		d.Components.Headers[headerLocation] = all.Headers[headerLocation]
		created := maps.Clone(responses["200"].(object))
		created["description"] = "Created."
		created["headers"] = object{headerLocation: ref("headers", headerLocation)}
		responses["201"] = created
		responses["200"].(object)["description"] = "With `validateOnly`: what would be created."
	}
	if method != "get" && d.takes(op, "requestId") {
		accept(paramIdempotencyKey)
	}
	if method == "patch" {
		d.relax(op)
	}
}

// creating is the operations that make something new; server/web knows them by the same.
var creating = regexp.MustCompile("_(Create|Raise|Record|Request|Open)")

// summarize keeps the first sentence as the summary and leaves the rest to the description: a
// proto's comment wraps where the line ends, and its first paragraph may be long.
func summarize(op object) {
	summary, _ := op["summary"].(string)
	description, _ := op["description"].(string)
	summary = strings.Join(strings.Fields(summary), " ")
	first, rest, found := strings.Cut(summary, ". ")
	if found {
		description = strings.TrimSpace(rest + "\n\n" + description)
	}
	op["summary"] = strings.TrimSuffix(first, ".")
	if description != "" {
		op["description"] = description
	}
}

// stream turns the response of a server-streaming call into server-sent events and returns the
// schema of one event's data; nil if the call does not stream.
func stream(responses object) object {
	ok, _ := responses["200"].(object)
	envelope := content(ok)
	title, _ := envelope["title"].(string)
	if !strings.HasPrefix(title, "Stream result of ") {
		return nil
	}
	result := envelope["properties"].(object)["result"].(object)
	ok["description"] = "Server-sent events. The `data` of each is one JSON object of this schema; its `id` resumes the stream."
	ok["content"] = object{"text/event-stream": object{"schema": result}}
	return result
}

// relax lets the body of a PATCH leave out what the resource requires: only the named fields change.
func (d *document) relax(op object) {
	body := content(op["requestBody"])
	name := strings.TrimPrefix(text(body, "$ref"), schemaPrefix)
	if resource := d.Components.Schemas[name]; resource["required"] != nil {
		patch := maps.Clone(resource)
		delete(patch, "required")
		d.Components.Schemas[name+"Patch"] = patch
		body["$ref"] = schemaPrefix + name + "Patch"
	}
}

// takes reports whether a caller may set a field of this JSON name, in the query or the body.
func (d *document) takes(op object, field string) bool {
	for _, p := range array(op, "parameters") {
		if p := p.(object); p["in"] == "query" && p["name"] == field {
			return true
		}
	}
	property, found := d.properties(content(op["requestBody"]))[field].(object)
	return found && property["readOnly"] != true
}

// properties are those of a schema, or of the one it refers to.
func (d *document) properties(schema object) object {
	if name, found := strings.CutPrefix(text(schema, "$ref"), schemaPrefix); found {
		schema = d.Components.Schemas[name]
	}
	properties, _ := schema["properties"].(object)
	return properties
}

// content is the JSON schema of a request body or response; nil if it has none.
func content(of any) object {
	holder, _ := of.(object)
	types, _ := holder["content"].(object)
	media, _ := types["application/json"].(object)
	schema, _ := media["schema"].(object)
	return schema
}

// array is the list under key; nil if there is none.
func array(of object, key string) []any {
	values, _ := of[key].([]any)
	return values
}

// text is the string under key; "" if there is none.
func text(of object, key string) string {
	value, _ := of[key].(string)
	return value
}
