package bundle

import (
	"fmt"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Bounds of a rating; pulse.proto says the same.
const (
	worstRating = 1
	bestRating  = 5
)

// said is an answer in a round of the pulse. Without a view it was erased, or is not in the bundle.
type said struct {
	version uint64
	side    pb.Side
	view    *pb.PulseView
}

// pulses holds that what a round of the pulse is said to have come to is the sum of its answers. One that was erased before the
// round closed says nothing to it; of one that was erased later any ratings may be in it that there are.
func (v *verifier) pulses(c *chain, e *pb.Event) {
	if given := e.GetPulseAnswered(); given != nil {
		if c.answers == nil {
			c.answers = map[string][]said{}
		}
		c.answers[given.GetPulseRoundId()] = append(c.answers[given.GetPulseRoundId()], said{e.GetVersion(), e.GetActor().GetSide(), given.GetView()})
	}
	closed := e.GetPulseClosed()
	if closed == nil {
		return
	}
	for _, of := range []struct {
		side pb.Side
		sum  *pb.PulseSum
	}{{pb.Side_SIDE_VENDOR, closed.GetResult().GetVendor()}, {pb.Side_SIDE_CLIENT, closed.GetResult().GetClient()}} {
		if what := c.added(closed.GetPulseRoundId(), of.side, of.sum); what != "" {
			v.found.add(Tampered, CheckPulse, c.at+fileEvents, "Version %d: of what one side said in the round %q of the pulse %s.", e.GetVersion(), closed.GetPulseRoundId(), what)
		}
	}
	delete(c.answers, closed.GetPulseRoundId())
}

// added says where the sums of a side are not those of its answers; empty if they are.
func (c *chain) added(round string, side pb.Side, sum *pb.PulseSum) string {
	var known, gone int64
	var others, own []*pb.Ratings
	for _, a := range c.answers[round] {
		switch {
		case a.side != side:
		case a.view != nil:
			known++
			others, own = append(others, a.view.GetOfOther()), append(own, a.view.GetOfSelf())
		case c.erased[a.version] == 0:
			gone++
		}
	}
	if n := int64(sum.GetRespondents()); n != known+gone {
		return fmt.Sprintf("%d answers are said to be added up, and there were %d", n, known+gone)
	}
	if what := ratings(sum.GetOfOther(), others, gone); what != "" {
		return what + " (of the other side)"
	}
	if what := ratings(sum.GetOfSelf(), own, gone); what != "" {
		return what + " (of its own)"
	}
	return ""
}

// ratings says which rating is not the sum of those that are known, and of so many that are gone.
func ratings(sums *pb.RatingSums, known []*pb.Ratings, gone int64) string {
	fields := sums.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		f, total := fields.Get(i), int64(0)
		for _, r := range known {
			total += r.ProtoReflect().Get(r.ProtoReflect().Descriptor().Fields().ByName(f.Name())).Int()
		}
		if is := sums.ProtoReflect().Get(f).Int(); is < total+worstRating*gone || is > total+bestRating*gone {
			return fmt.Sprintf("%s is said to add up to %d, and the answers that are there to %d", f.Name(), is, total)
		}
	}
	return ""
}
