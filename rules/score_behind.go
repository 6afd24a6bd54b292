package rules

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// madeOf is the records that figures are made of.
var madeOf = map[pb.FigureId]Kind{
	pb.FigureId_FIGURE_ID_KEPT: KindObligation, pb.FigureId_FIGURE_ID_RECOVERY: KindObligation, pb.FigureId_FIGURE_ID_CANDOUR: KindObligation,
	pb.FigureId_FIGURE_ID_BLOCKED: KindObligation, pb.FigureId_FIGURE_ID_EVIDENCE: KindObligation,
	pb.FigureId_FIGURE_ID_RESPONSIVENESS: KindConcern,
	pb.FigureId_FIGURE_ID_PULSE:          KindPulseRound, pb.FigureId_FIGURE_ID_PULSE_GAP: KindPulseRound,
	pb.FigureId_FIGURE_ID_ATTAINMENT: KindObjective,
}

// MadeOf is what the figure is made of: KindObligation, KindConcern, KindPulseRound or KindObjective; 0 for BALANCE, which is
// made of what the text promises.
func (x *Explanation) MadeOf() Kind { return madeOf[x.id] }

// Answer is what was explained but for the obligations, concerns and rounds behind the figure, which Put adds.
func (x *Explanation) Answer() *pb.ExplainFigureResponse {
	return &pb.ExplainFigureResponse{Figure: x.Figure, OtherFigure: x.Other, FromDate: x.From.String(), ToDate: x.To.String(), Commitments: x.Shares, Objectives: x.Objectives}
}

// Put adds an obligation, a concern or a round of the pulse to an answer, and says whether it is behind the figure: else it is
// of the other side, or outside the window, or none that the figure is about. Position is not set: only the journal knows it.
func (x *Explanation) Put(answer *pb.ExplainFigureResponse, m proto.Message) bool {
	switch r := m.(type) {
	case *pb.Obligation:
		if is := x.Obligation(r); is != nil {
			answer.Obligations = append(answer.Obligations, is)
			return true
		}
	case *pb.Concern:
		if is := x.concern(r); is != nil {
			answer.Concerns = append(answer.Concerns, is)
			return true
		}
	case *pb.PulseRound:
		if is := x.round(r); is != nil {
			answer.PulseRounds = append(answer.PulseRounds, is)
			return true
		}
	}
	return false
}

// Behind is the records of an agreement that Put is to be asked about, in the order in which the service lists them: of all that
// the state knows, as it is once a history was replayed.
func (x *Explanation) Behind(s *State, agreementID string) (all []proto.Message) {
	places := map[proto.Message]Place{}
	for ref, m := range s.Records() {
		if ref.Agreement != agreementID || ref.Kind != x.MadeOf() || x.MadeOf() == KindObjective {
			continue
		}
		place := ScoredPlace(m)
		if ref.Kind == KindObligation {
			place = PlaceOf(m)
		}
		if place != "" {
			places[m] = place
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b proto.Message) int { return cmp.Compare(places[a], places[b]) })
	return all
}

// Locate tells of each event that an answer names where it stands in the log.
func Locate(answer *pb.ExplainFigureResponse, positionOf func(version uint64) (uint64, error)) (err error) {
	at := func(version uint64) (position uint64) {
		if version > 0 && err == nil {
			position, err = positionOf(version)
		}
		return position
	}
	for _, is := range answer.GetObligations() {
		is.Position = at(is.GetVersion())
	}
	for _, is := range answer.GetConcerns() {
		is.Position = at(is.GetVersion())
	}
	for _, is := range answer.GetPulseRounds() {
		is.Position = at(is.GetVersion())
	}
	for _, is := range answer.GetObjectives() {
		is.Position = at(is.GetVersion())
	}
	return err
}

// ScoredPlace is where a concern or a round of the pulse stands among those that scores count: by the day on which it counts,
// then by id. Empty for one that counts nowhere, and for other records.
func ScoredPlace(m proto.Message) Place {
	at := marksOf(m)[0]
	if !at.counts() {
		return ""
	}
	switch r := m.(type) {
	case *pb.Concern:
		return dayPlace(uint32(at.day), r.GetConcernId())
	case *pb.PulseRound:
		return dayPlace(uint32(at.day), r.GetPulseRoundId())
	}
	return ""
}

// concern is what a concern adds to the figure, or why it is left out; nil if it is neither.
func (x *Explanation) concern(c *pb.Concern) *pb.ScoredConcern {
	m := concernMark(c)
	if x.MadeOf() != KindConcern || !m.counts() || c.GetRespondent() != x.side || !x.has(m.day) {
		return nil
	}
	is := &pb.ScoredConcern{Concern: c, Version: versionOf(c.GetEtag()), LeftOut: m.class.reason(), InNumerator: m.class == classOnTime}
	switch {
	case is.InNumerator:
		is.CountsAs = "acknowledged in time"
	case m.class == classBroken && c.GetAcknowledgeTime() != nil:
		is.CountsAs = "acknowledged late"
	case m.class == classBroken:
		is.CountsAs = "not acknowledged"
	}
	return is
}

// round is what a round of the pulse adds to the figure; nil if it adds nothing.
func (x *Explanation) round(r *pb.PulseRound) *pb.ScoredPulseRound {
	own, other := r.GetResult().GetVendor(), r.GetResult().GetClient()
	if x.side == pb.Side_SIDE_CLIENT {
		own, other = other, own
	}
	m, told := pulseMark(r, x.side, own), pulseMark(r, Other(x.side), other)
	if x.MadeOf() != KindPulseRound || !m.counts() || !x.has(m.day) {
		return nil
	}
	const most = pulseQuestions * pulseSpan
	is := &pb.ScoredPulseRound{PulseRound: r, Points: m.ofOther, MostPoints: m.answers * most, LeftOut: m.class.reason(), Version: versionOf(r.GetEtag())}
	if x.id == pb.FigureId_FIGURE_ID_PULSE_GAP {
		is.Points, is.ToldPoints, is.MostToldPoints = m.ofSelf, told.ofOther, told.answers*most
	}
	return is
}

// objectives is what each objective of a side adds to its M11, in the order of the text.
func (r *reckoning) objectives(s *State, side pb.Side, at time.Time) (all []*pb.ScoredObjective) {
	for _, o := range r.text.GetObjectives() {
		if o.GetSide() != side {
			continue
		}
		is := &pb.ScoredObjective{Terms: o}
		if seen := r.observed[o.GetObjectiveId()]; seen != nil {
			is.Observation = proto.CloneOf(seen)
			Present(is.Observation, at)
			is.Share, is.Version = proto.Float64(rounded(progress(o, seen.GetValue())).float()), versionOf(seen.GetEtag())
		} else {
			is.LeftOut = pb.LeftOutReason_LEFT_OUT_REASON_NOT_OBSERVED
			is.Version = versionOf(get[*pb.Objective](s, objectiveRef(r.agreement.GetAgreementId(), o.GetObjectiveId())).GetEtag())
		}
		all = append(all, is)
	}
	return all
}

// has says whether a day is in the window.
func (x *Explanation) has(d Day) bool { return x.From <= d && d <= x.To }

// versionOf is the version of the event that an etag is of; 0 for none.
func versionOf(etag string) uint64 {
	version, _ := strconv.ParseUint(etag, 10, 64) // an etag is a version: see etag
	return version
}
