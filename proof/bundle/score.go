package bundle

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// frozen holds that the scorecard that an event freezes is the one that the events before it lead to. It is reckoned from the
// obligations themselves, and not from the tallies that the service keeps of them.
func (v *verifier) frozen(c *chain, s *rules.State, e *pb.Event) {
	opened := e.GetReviewOpened()
	if opened == nil {
		return
	}
	c.report.Scorecards++
	card := opened.GetScorecard()
	wrong := func(o Outcome, check, what string, args ...any) {
		v.found.add(o, check, c.at+fileEvents, "Version "+number(e.GetVersion())+": "+what, args...)
	}
	if by := formulas(card); by > rules.FormulaVersion {
		wrong(Incomplete, CheckScore, "the scorecard of review %q is reckoned by version %d of a formula, and this program knows %d at most. If a newer release froze it, check with that one.", opened.GetReviewId(), by, rules.FormulaVersion)
		return
	}
	if card.GetVersion()+1 != e.GetVersion() || !card.GetAsOf().AsTime().Equal(e.GetRecordTime().AsTime()) {
		wrong(Tampered, CheckScore, "the scorecard of review %q is said to be as of %s, with event %d; the review was opened as of %s, behind event %d.",
			opened.GetReviewId(), instant(card.GetAsOf()), card.GetVersion(), instant(e.GetRecordTime()), e.GetVersion()-1)
		return
	}
	again, err := s.FoldScorecard(c.id, card.GetFromDate(), card.GetToDate(), card.GetAsOf().AsTime())
	if err != nil {
		wrong(Tampered, CheckScore, "the scorecard of review %q cannot be reckoned: %v.", opened.GetReviewId(), err)
		return
	}
	differ := Differences(card, again)
	if len(differ) > 0 {
		wrong(Tampered, CheckScore, "the scorecard of review %q is not what the events before it lead to: %v.", opened.GetReviewId(), differ[0])
	} else if !proto.Equal(card, again) {
		wrong(Incomplete, CheckWords, "the scorecard of review %q has the figures that the events lead to, and says in other words what they mean: %q.", opened.GetReviewId(), card.GetVerdictWords())
	}
}

func instant(t *timestamppb.Timestamp) string { return t.AsTime().Format(time.RFC3339Nano) }

// Ask says which scorecard to reckon from a bundle.
type Ask struct {
	// AgreementID is whose it is; empty: that of the only agreement in the bundle.
	AgreementID string
	// FromDate and ToDate are the window, as in GetScorecard.
	FromDate, ToDate string
	// AsOf is the time as of which it is; zero: when the newest event that is in it was recorded.
	AsOf time.Time
	// Version is the newest event that is in it; 0: the newest that was recorded by AsOf.
	Version uint64
	// Figure is one to explain, of Side; not set: none.
	Figure pb.FigureId
	Side   pb.Side
	// Review is one that somebody was shown, as of the event that its etag is; nil: none. rules.CheckReview finds no fault in it.
	Review *pb.Review
}

// AtOnce is how long before a question an event was recorded at most that its answer may leave out: it may have been on its way
// to the disk. It is far longer than that takes.
const AtOnce = time.Minute

// Reckoned is a scorecard, reckoned from the events of a bundle, with its position in the log.
type Reckoned struct {
	Card *pb.Scorecard
	// Newest is the newest event that was recorded by AsOf, long enough before it to have been told: Version, or a newer one
	// that a scorecard of that version leaves out.
	Newest uint64
	// Explained is what the figure that was asked for is made of, with all obligations behind it; nil: none was.
	Explained *pb.ExplainFigureResponse
	// Review is where the review that was shown says something else than the events up to its etag.
	Review []Difference
}

// Reckon checks a bundle as Verify does, and reckons a scorecard from its events: from the obligations themselves. There is
// none if the bundle was tampered with; else the error says why there is none.
func Reckon(in io.ReaderAt, size int64, trust Trust, ask Ask) (*Report, *Reckoned, error) {
	v := &verifier{trust: trust, found: &findings{}, report: &Report{}, asked: &asked{Ask: ask}}
	v.verify(in, size)
	v.found.put(v.report)
	switch {
	case v.report.Outcome == Tampered:
		return v.report, nil, nil
	case v.asked.err != nil:
		return v.report, nil, v.asked.err
	case v.asked.done == nil:
		return v.report, nil, v.asked.missed(v.chains)
	}
	return v.report, v.asked.done, nil
}

// asked is a scorecard that is to be reckoned while a bundle is checked; nil: none.
type asked struct {
	Ask
	done   *Reckoned
	review []Difference
	err    error
}

// errNoAgreement says that the bundle cannot answer which agreement is meant.
var errNoAgreement = errors.New("the bundle holds several agreements: name one")

// missed says why nothing was reckoned.
func (a *asked) missed(chains []*chain) error {
	var held []string
	for _, c := range chains {
		if c.id != "" {
			held = append(held, c.id)
		}
	}
	if a.AgreementID == "" && len(held) > 1 {
		return errNoAgreement
	}
	return fmt.Errorf("the bundle holds no such agreement, or not that it could be reckoned: it is about %s", strings.Join(held, ", "))
}

// of says whether the scorecard is one of a chain. What is reckoned of it no other chain touches.
func (a *asked) of(c *chain) bool {
	return a != nil && c.id != "" && (c.id == a.AgreementID || a.AgreementID == "" && c.alone)
}

// about says whether the scorecard is one of a chain, and still to be reckoned.
func (a *asked) about(c *chain) bool { return a.of(c) && a.done == nil && a.err == nil }

// look reckons once the next event is none of those that are to be in it, and notes if it should be.
func (a *asked) look(c *chain, s *rules.State, e *pb.Event) {
	if !a.of(c) {
		return
	}
	a.compare(c, s)
	at := e.GetRecordTime().AsTime()
	if later := a.Version > 0 && e.GetVersion() > a.Version || a.Version == 0 && !a.AsOf.IsZero() && at.After(a.AsOf); later && a.about(c) {
		a.take(c, s)
	}
	if a.done != nil && at.Add(AtOnce).Before(a.AsOf) {
		a.done.Newest = e.GetVersion()
	}
}

// end reckons from all events, if no fewer were asked for.
func (a *asked) end(c *chain, s *rules.State) {
	if !a.of(c) {
		return
	}
	a.compare(c, s)
	if newest, last := s.Version(c.id), max(a.Version, versionOf(a.Review)); last > newest {
		a.err = fmt.Errorf("the bundle ends with event %d of %s, and event %d is asked for: take a newer one", newest, c.id, last)
	} else if a.about(c) {
		a.take(c, s)
	}
	if a.done != nil {
		a.done.Review = a.review
	}
}

// versionOf is the event that has brought a review to where it is: its etag. It is 0 for none.
func versionOf(r *pb.Review) uint64 {
	version, _ := strconv.ParseUint(r.GetEtag(), 10, 64) // what is no number is no event's, and never found
	return version
}

// compare holds the review that was shown to the one that the events up to its etag have led to. Its scorecard and paper are
// held to its digest before, and texts that are not there on both sides were erased before one of them was told.
func (a *asked) compare(c *chain, s *rules.State) {
	if a.Review == nil || s.Version(c.id) != versionOf(a.Review) {
		return
	}
	is, _ := s.Get(rules.Ref{Kind: rules.KindReview, Agreement: c.id, ID: a.Review.GetReviewId()}).(*pb.Review)
	if is == nil {
		a.review = []Difference{{"review", a.Review.GetReviewId(), "nothing"}}
		return
	}
	shown, should := proto.CloneOf(a.Review), proto.CloneOf(is)
	for _, r := range []*pb.Review{shown, should} {
		r.Scorecard, r.Body = nil, nil
	}
	for _, text := range [][2]*string{
		{&shown.Title, &should.Title}, {&shown.Reason, &should.Reason}, {&shown.Minutes, &should.Minutes}, {&shown.MinutesSalt, &should.MinutesSalt},
	} {
		if *text[0] == "" || *text[1] == "" {
			*text[0], *text[1] = "", ""
		}
	}
	differences(&a.review, "review", shown.ProtoReflect(), should.ProtoReflect())
	if p := c.position(is.GetScorecard().GetVersion() + 1); shown.GetPosition() != p && shown.GetPosition() != 0 {
		a.review = append(a.review, Difference{"review.position", fmt.Sprint(shown.GetPosition()), fmt.Sprint(p)})
	}
}

// take reckons the scorecard from what the events so far have led to.
func (a *asked) take(c *chain, s *rules.State) {
	version := s.Version(c.id)
	if version == 0 {
		a.err = fmt.Errorf("agreement %s was not there yet", c.id)
		return
	}
	at := a.AsOf
	newest := time.Unix(c.recorded[version-1].seconds, int64(c.recorded[version-1].nanos)).UTC()
	switch {
	case at.IsZero():
		at = newest
	case at.Before(newest):
		a.err = fmt.Errorf("event %d of %s was recorded at %s, after %s, as of which it is asked for", version, c.id, newest.Format(time.RFC3339Nano), at.UTC().Format(time.RFC3339Nano))
		return
	}
	card, err := s.FoldScorecard(c.id, a.FromDate, a.ToDate, at)
	if err != nil {
		a.err = err
		return
	}
	card.Position = c.position(version)
	r := &Reckoned{Card: card, Newest: version}
	if a.Figure != pb.FigureId_FIGURE_ID_UNSPECIFIED {
		r.Explained, a.err = a.explain(c, s, at)
	}
	a.done = r
}

// position is where in the log an event stands, counted from 1 as the service does.
func (c *chain) position(version uint64) uint64 {
	if version == 0 || version > uint64(len(c.recorded)) {
		return 0
	}
	return uint64(c.recorded[version-1].index) + 1
}

// explain lists what the figure that was asked for is made of.
func (a *asked) explain(c *chain, s *rules.State, at time.Time) (*pb.ExplainFigureResponse, error) {
	x, err := s.FoldExplain(c.id, a.Side, a.Figure, a.FromDate, a.ToDate, at)
	if err != nil {
		return nil, err
	}
	answer := x.Answer()
	for _, m := range x.Behind(s, c.id) {
		m = proto.Clone(m)
		rules.Present(m, at)
		x.Put(answer, m)
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	return answer, rules.Locate(answer, func(version uint64) (uint64, error) { return c.position(version), nil })
}
