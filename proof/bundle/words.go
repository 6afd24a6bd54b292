package bundle

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// line is what people read of an event: its number, when it was recorded, and what it says, on one line whatever a party
// wrote, so that nobody's reason can look like another event.
func line(e *pb.Event) string {
	return fmt.Sprintf("%d\t%s\t%s\n", e.GetVersion(), e.GetRecordTime().AsTime().Format(time.RFC3339Nano), rules.OneLine(rules.Words(e)))
}

// words is the history for people being compared with the events that it tells, so that who reads it instead of them is
// told nothing else. Releases may word an event differently: what differs is not sound, and no proof of tampering.
type words struct {
	in    *bufio.Reader
	have  []byte
	found func(what string, args ...any) // nil once it was called
}

func (v *verifier) words(c *chain) *words {
	s := c.history
	return &words{
		in: bufio.NewReaderSize(io.NewSectionReader(v.in, s.at, s.size), int(min(s.size, 1<<16))),
		found: func(what string, args ...any) {
			v.found.add(Incomplete, CheckWords, c.at+fileHistory, what+" It was changed, or written by another release: do not rely on it.", args...)
		},
	}
}

// follow holds that the next line is an event's.
func (w *words) follow(e *pb.Event) {
	if w.found == nil {
		return
	}
	should := line(e)
	w.have = slices.Grow(w.have[:0], len(should))[:len(should)]
	if _, err := io.ReadFull(w.in, w.have); err != nil || string(w.have) != should {
		w.found("It does not say of version %d what this program says: %q.", e.GetVersion(), should)
		w.found = nil
	}
}

// end holds that there are no more lines.
func (w *words) end() {
	if w.found == nil {
		return
	}
	if _, err := w.in.ReadByte(); err == nil {
		w.found("It goes on behind the last event.")
	}
}

// recorded is when an event was recorded, and where it stands in the log.
type recorded struct {
	index, seconds int64
	nanos          int32
}

// times holds that of all events in the bundle, in the order of the log, none was recorded earlier than the one before it:
// so that a chain that is made up today cannot be dated back behind what others were told since.
func (v *verifier) times() {
	type from struct {
		recorded
		*chain
		version int
	}
	var all []from
	for _, c := range v.chains {
		for i, r := range c.recorded {
			all = append(all, from{r, c, i + 1})
		}
	}
	slices.SortFunc(all, func(a, b from) int { return cmp.Compare(a.index, b.index) })
	for i := 1; i < len(all); i++ {
		a, b := all[i-1], all[i]
		if cmp.Or(cmp.Compare(a.seconds, b.seconds), cmp.Compare(a.nanos, b.nanos)) > 0 {
			v.found.add(Tampered, CheckTime, b.at+fileEvents, "Version %d was dated back: it stands in the log at %d, and says that it was recorded at %s; before it, at %d, stands version %d of %s, of %s.",
				b.version, b.index, b.when(), a.index, a.version, a.at+fileEvents, a.when())
		}
	}
}

func (r recorded) when() string {
	return time.Unix(r.seconds, int64(r.nanos)).UTC().Format(time.RFC3339Nano)
}
