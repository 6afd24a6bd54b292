package journal

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// Sizes of a page.
const (
	// DefaultPageSize is what a page holds when nobody says.
	DefaultPageSize = 50
	// MaxPageSize is the most a page holds, so that an answer stays a message.
	MaxPageSize = 1000
	// MaxPageBytes ends a page early, so that a page of large things stays a message too.
	MaxPageBytes = 2 << 20
	// maxPassedOver ends a page, be it empty, when so many places were looked at in vain.
	maxPassedOver = 5 * MaxPageSize
)

// query is a list: the ranges of keys that hold it, merged by what follows their prefixes. A combination of filters is a
// set of prefixes, so that a list reads what it returns and little else: states that share a group are told apart by their
// records.
type query struct {
	table    store.Table
	prefixes [][]byte
	from, to []byte // bounds on what follows a prefix; nil: none
	vain     int    // how many places a page looks at in vain; 0: maxPassedOver
}

// pager is what the request of a list says about pages.
type pager interface {
	proto.Message
	GetPageSize() int32
	GetPageToken() string
}

// errPassedOver says of a place that what lies there is not asked for.
var errPassedOver = errors.New("not of this list")

// page walks a list from where the token says, lets take have each place (what follows the prefix, and the value there)
// until the page is full, and returns the token of the next page. take returns the bytes it added, or errPassedOver.
func (j *Journal) page(snap store.Snapshot, caller rules.Caller, req pager, q query, take func(place, value []byte) (int, error)) (string, error) {
	after, err := j.openToken(caller, req)
	if err != nil {
		return "", err
	}
	if after != nil {
		q.from = append(after, keySeparator) // the first key behind it
	}
	size, held, passed := pageSize(req.GetPageSize()), 0, 0
	var last []byte
	n := 0
	for place, err := range q.walk(snap) {
		if err != nil {
			return "", err
		}
		if n == size || held >= MaxPageBytes {
			return j.sealToken(caller, req, last), nil
		}
		added, err := take(place.Key, place.Value)
		if errors.Is(err, errPassedOver) {
			if passed++; passed == cmp.Or(q.vain, maxPassedOver) {
				return j.sealToken(caller, req, place.Key), nil
			}
			continue
		}
		if err != nil {
			return "", err
		}
		held += added
		n++
		last = append(last[:0], place.Key...)
	}
	return "", nil
}

func pageSize(asked int32) int {
	switch {
	case asked <= 0:
		return DefaultPageSize
	case asked > MaxPageSize:
		return MaxPageSize
	}
	return int(asked)
}

// walk merges the ranges of a query in the order of what follows their prefixes.
func (q query) walk(snap store.Snapshot) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		var h heads
		defer func() {
			for _, c := range h {
				c.stop()
			}
		}()
		for _, prefix := range q.prefixes {
			from, to := append(bytes.Clone(prefix), q.from...), after(prefix)
			if q.to != nil {
				to = append(bytes.Clone(prefix), q.to...)
			}
			next, stop := iter.Pull2(snap.Scan(q.table, from, to))
			c := &cursor{prefix: len(prefix), next: next, stop: stop}
			if c.advance() {
				h = append(h, c)
			} else {
				stop()
			}
		}
		heap.Init(&h)
		for len(h) > 0 {
			c := h[0]
			if !yield(c.record, c.err) || c.err != nil {
				return
			}
			if c.advance() {
				heap.Fix(&h, 0)
			} else {
				c.stop()
				heap.Pop(&h)
			}
		}
	}
}

// cursor is one range of a walk, standing at its next place.
type cursor struct {
	prefix int
	next   func() (store.Record, error, bool)
	stop   func()
	record store.Record
	err    error
}

func (c *cursor) advance() bool {
	r, err, ok := c.next()
	if ok && err == nil {
		r.Key = r.Key[c.prefix:]
	}
	c.record, c.err = r, err
	return ok
}

type heads []*cursor

func (h heads) Len() int           { return len(h) }
func (h heads) Less(i, j int) bool { return bytes.Compare(h[i].record.Key, h[j].record.Key) < 0 }
func (h heads) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *heads) Push(c any)        { *h = append(*h, c.(*cursor)) }
func (h *heads) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// after is the first key behind all that start with prefix; nil if there is none.
func after(prefix []byte) []byte {
	to := bytes.Clone(prefix)
	for i := len(to) - 1; i >= 0; i-- {
		if to[i]++; to[i] != 0 {
			return to[:i+1]
		}
	}
	return nil
}

// sealToken makes a page token that fits only this list, with these filters, for this caller.
func (j *Journal) sealToken(caller rules.Caller, req pager, after []byte) string {
	body, err := proto.Marshal(&journalv1.PageToken{FilterHash: j.filterHash(caller, req, after), After: after})
	if err != nil {
		panic(fmt.Sprintf("journal: page token: %v", err)) // two byte fields
	}
	return base64.RawURLEncoding.EncodeToString(body)
}

// openToken is where the page starts that a token names: nil for the first.
func (j *Journal) openToken(caller rules.Caller, req pager) ([]byte, error) {
	if req.GetPageToken() == "" {
		return nil, nil
	}
	token := &journalv1.PageToken{}
	body, err := base64.RawURLEncoding.DecodeString(req.GetPageToken())
	if err == nil {
		err = proto.Unmarshal(body, token)
	}
	if err != nil || !hmac.Equal(token.GetFilterHash(), j.filterHash(caller, req, token.GetAfter())) {
		return nil, rules.Refuse(pb.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN, "The page_token is not one that this list gave you with these filters. Start again without it.")
	}
	return append(make([]byte, 0, len(token.GetAfter())+1), token.GetAfter()...), nil
}

func (j *Journal) filterHash(caller rules.Caller, req pager, after []byte) []byte {
	filters := proto.Clone(req)
	fields := filters.ProtoReflect().Descriptor().Fields()
	filters.ProtoReflect().Clear(fields.ByName("page_token"))
	filters.ProtoReflect().Clear(fields.ByName("page_size"))
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(filters)
	if err != nil {
		body = fmt.Append(nil, err) // cannot happen for a request that was parsed; then no token fits
	}
	h := hmac.New(sha256.New, j.pageKey)
	fmt.Fprintf(h, "%s\n%s\n%s\n%d\n", filters.ProtoReflect().Descriptor().FullName(), caller.PrincipalID, caller.PartyID, len(after))
	h.Write(after)
	h.Write(body)
	return h.Sum(nil)[:16]
}

// listed reads the record at a place in a list, as a caller sees it, and its size.
func listed[M proto.Message](ctx context.Context, s sight, ref rules.Ref) (M, int, error) {
	var none M
	if err := ctx.Err(); err != nil {
		return none, 0, err
	}
	m, err := readRecord(s, ref)
	if err != nil {
		return none, 0, err
	}
	typed, ok := m.(M)
	if !ok {
		return none, 0, fmt.Errorf("journal: a list names %+v, which is missing", ref)
	}
	rules.Present(typed, s.at)
	return typed, proto.Size(typed), nil
}
