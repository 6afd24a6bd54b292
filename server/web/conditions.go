package web

import "strings"

// ifMatch reads an If-Match header. It returns the etag to compare, "" for "*", which asks for nothing
// that a call does not check anyway, or what is wrong with it.
func ifMatch(header string) (etag, wrong string) {
	header = strings.TrimSpace(header)
	if header == "*" {
		return "", ""
	}
	tag, rest, ok := cutEtag(header)
	switch {
	case strings.HasPrefix(header, "W/"):
		return "", "takes a strong etag, without W/"
	case !ok || tag == "":
		return "", `takes one etag in double quotes, as the ETag header has it`
	case rest != "":
		return "", "takes one etag, not a list"
	}
	return tag, ""
}

// noneMatch tells whether an If-None-Match header, given in any number of lines, names etag. A list it
// cannot read names nothing: the answer is then sent in full, which is never wrong.
func noneMatch(headers []string, etag string) bool {
	for _, header := range headers {
		rest := strings.TrimSpace(header)
		if rest == "*" {
			return true
		}
		for rest != "" {
			tag, tail, ok := cutEtag(strings.TrimPrefix(rest, "W/")) // weak comparison: RFC 9110, 13.1.2
			if !ok {
				break
			}
			if tag == etag {
				return true
			}
			rest = strings.TrimLeft(tail, " \t,")
		}
	}
	return false
}

// cutEtag takes the quoted etag off the front of s.
func cutEtag(s string) (tag, rest string, ok bool) {
	s, ok = strings.CutPrefix(s, `"`)
	if !ok {
		return "", "", false
	}
	tag, rest, ok = strings.Cut(s, `"`)
	return tag, rest, ok && !strings.ContainsAny(tag, " \\")
}
