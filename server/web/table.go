package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// maxSegments is the most parts a path may have; the longest of the API has seven.
const maxSegments = 12

// routeTable finds the RPC of a request. The gateway's own routing is not used: the checks need to know
// the RPC first, a tree finds it without trying every route there is, and nothing then depends on what
// the gateway would make of encoded slashes, colons or an overridden method.
type routeTable struct{ root node }

// node is one place in the tree of paths.
type node struct {
	literal map[string]*node
	param   *node             // below any id
	verbs   map[string]*place // what can be done here: by the word behind the colon, "" without one
}

// place is a path that exists: its routes by HTTP method, and the methods as the Allow header has them.
type place struct {
	byMethod map[string]*route
	allow    string
}

// newRouteTable makes the table of all routes. It fails if two of them have the same path.
func newRouteTable(all []*route) (*routeTable, error) {
	t := &routeTable{}
	for _, r := range all {
		if err := t.add(r); err != nil {
			return nil, fmt.Errorf("%s: %w", r.rpc.FullName(), err)
		}
		r.findLocation(all)
	}
	return t, nil
}

// add puts a route into the tree.
func (t *routeTable) add(r *route) error {
	path, verb, _ := strings.Cut(r.template, ":")
	at := &t.root
	for _, segment := range strings.Split(path, "/")[1:] {
		if strings.HasPrefix(segment, "{") {
			if at.param == nil {
				at.param = &node{}
			}
			at = at.param
			continue
		}
		if at.literal == nil {
			at.literal = map[string]*node{}
		}
		if at.literal[segment] == nil {
			at.literal[segment] = &node{}
		}
		at = at.literal[segment]
	}
	if at.verbs == nil {
		at.verbs = map[string]*place{}
	}
	p := at.verbs[verb]
	if p == nil {
		p = &place{byMethod: map[string]*route{}}
		at.verbs[verb] = p
	}
	if other := p.byMethod[r.method]; other != nil {
		return fmt.Errorf("has the path of %s", other.rpc.FullName())
	}
	p.byMethod[r.method] = r
	methods := []string{}
	for m := range p.byMethod {
		if methods = append(methods, m); m == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	p.allow = strings.Join(methods, ", ")
	return nil
}

// match finds the place that a decoded path names and puts the path's parts into segments, the last
// without its verb. It returns nil when there is no such place.
func (t *routeTable) match(path string, segments *[maxSegments]string) *place {
	at, verb := &t.root, ""
	for n, rest := 0, path[1:]; ; n++ {
		if n == maxSegments {
			return nil
		}
		segment, tail, more := strings.Cut(rest, "/")
		if !more {
			segment, verb, _ = strings.Cut(segment, ":")
			if verb == "" && strings.HasSuffix(rest, ":") {
				return nil
			}
		}
		segments[n] = segment
		next := at.literal[segment]
		if next == nil && isID(segment) {
			next = at.param
		}
		if next == nil {
			return nil
		}
		at = next
		if !more {
			return at.verbs[verb]
		}
		rest = tail
	}
}

// isID tells whether a segment can be an id at all: letters, digits, "_" and "-" only, so that no id
// can be taken for another part of a path. How an id is spelled exactly the API checks, for gRPC and
// REST alike.
func isID(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', 'A' <= c && c <= 'Z', c == '_', c == '-':
		default:
			return false
		}
	}
	return s != ""
}
