package rules

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// The clocks that hold where neither the commitment nor the agreement says otherwise (business days; lead in days).
const (
	DefaultGraceBusinessDays  = 2
	DefaultLeadDays           = 14
	DefaultReviewBusinessDays = 10
	DefaultCureBusinessDays   = 20
	DefaultNoticeBusinessDays = 10
)

// MaxDays bounds the time between an agreement's first day and its last, so that what its recurrences bring forth can be
// reckoned before anyone consents: 30 years.
const MaxDays = 30*365 + 8

// latestDay is the latest day a promise may name. What is computed from it (grace, an offset, a time zone) must have a
// time that JSON can still write, and those end with the year 9999.
const latestDay Day = 2896372 // 9899-12-31

// promisedDay reads a day that a promise may name.
func promisedDay(text string) (Day, error) {
	day, err := ParseDay(text)
	if err == nil && day > latestDay {
		err = errors.New(tooFar(day))
	}
	return day, err
}

func tooFar(day Day) string {
	return fmt.Sprintf("%v is too far away: name a day up to %v, or leave the end open", day, latestDay)
}

// MaxCommitments is how many promises one agreement has at most; terms.proto says the same.
const MaxCommitments = 2000

// MaxPastObligations is how many obligations of the past one agreement brings along at most; terms.proto says the same.
const MaxPastObligations = 10_000

// MaxBacklog is how many obligations a text may make due on the day it is proposed: what the clock catches up with in
// seconds.
const MaxBacklog = 20_000

// MaxTermsBytes bounds a text, so that consenting to it stays one request and one event.
const MaxTermsBytes = 1 << 20

// CheckTerms lists everything that is wrong with a text before anyone is asked to consent to it.
func CheckTerms(t *pb.Terms, field string) []Violation {
	if t == nil {
		return []Violation{{field, "write the terms before you propose them"}}
	}
	if wrong := checkSize(t, field); wrong != nil {
		return wrong // before anything is looked at part by part
	}
	wrong := Check(t, field)
	if wrong != nil {
		return wrong // what follows relies on the declared bounds
	}
	cal, bad := NewCalendar(t.GetCalendar(), field+".calendar")
	wrong = append(wrong, bad...)
	first, err := promisedDay(t.GetEffectiveDate())
	if err != nil {
		wrong = append(wrong, Violation{field + ".effective_date", err.Error()})
	}
	var last *Day
	if t.GetEndDate() != "" {
		day, err := ParseDay(t.GetEndDate())
		switch {
		case err != nil:
			wrong = append(wrong, Violation{field + ".end_date", err.Error()})
		case day < first:
			wrong = append(wrong, Violation{field + ".end_date", "the last day is before the first"})
		case day > first.Add(MaxDays):
			wrong = append(wrong, Violation{field + ".end_date", "an agreement lasts at most 30 years: make it shorter and renew it, or leave the end open"})
		}
		last = &day
	}
	wrong = append(wrong, checkRights(t, field)...)
	wrong = append(wrong, checkConcernTerms(t, field)...)
	if wrong != nil {
		return wrong // dates of commitments cannot be judged without these
	}
	f := frame{first: first, last: last, cal: cal, text: t, byID: map[string]*pb.CommitmentTerms{}}
	return slices.Concat(checkPromises(t, f, field), checkHistory(t, f, field), checkPulse(t, f, field), checkObjectives(t, f, field))
}

// checkSize refuses a text that is too long to be looked at, also as a draft.
func checkSize(t *pb.Terms, field string) []Violation {
	if n := proto.Size(t); n > MaxTermsBytes {
		return []Violation{{field, fmt.Sprintf("the text has %d bytes; at most %d fit", n, MaxTermsBytes)}}
	}
	if n := len(t.GetCommitments()); n > MaxCommitments {
		return []Violation{{field + ".commitments", fmt.Sprintf("there are %d commitments; an agreement has at most %d", n, MaxCommitments)}}
	}
	return nil
}

// checkBacklog refuses a text by which more obligations would be due already than the clock should have to catch up
// with: a first day that lies far back, by mistake or not, would keep it from everybody else's.
func checkBacklog(t *pb.Terms, now time.Time, field string) []Violation {
	cal, wrong := NewCalendar(t.GetCalendar(), field+".calendar")
	if wrong != nil {
		return wrong
	}
	a := &pb.Agreement{EffectiveTime: timestamppb.New(cal.StartOfDay(mustParse(t.GetEffectiveDate())))}
	if t.GetEndDate() != "" {
		a.EndTime = timestamppb.New(cal.EndOfDay(mustParse(t.GetEndDate())))
	}
	today, backlog := cal.DayAt(now), 0
	for _, ct := range t.GetCommitments() {
		c := &pb.Commitment{Terms: ct, Kind: KindOf(ct), EffectiveTime: a.GetEffectiveTime()}
		for {
			next, ok := nextInstance(a, c, cal)
			if !ok || next.waits() || next.day > today {
				break
			}
			advance(c, next)
			if backlog++; backlog > MaxBacklog {
				return []Violation{{field + ".effective_date", fmt.Sprintf("by these words more than %d obligations would be due already; begin later", MaxBacklog)}}
			}
		}
	}
	return nil
}

// mustParse reads a date that was checked.
func mustParse(date string) Day {
	day, err := ParseDay(date)
	if err != nil {
		panic(fmt.Sprintf("rules: a date that was checked: %v", err))
	}
	return day
}

// clocksOf is the clocks that hold for a commitment: its own, else the agreement's, else the defaults.
func clocksOf(c *pb.CommitmentTerms, t *pb.Terms) *pb.Clocks {
	held := &pb.Clocks{
		GraceBusinessDays:  proto.Int32(DefaultGraceBusinessDays),
		LeadDays:           proto.Int32(DefaultLeadDays),
		ReviewBusinessDays: proto.Int32(DefaultReviewBusinessDays),
		CureBusinessDays:   proto.Int32(DefaultCureBusinessDays),
		NoticeBusinessDays: proto.Int32(DefaultNoticeBusinessDays),
	}
	if t.GetClocks() != nil {
		proto.Merge(held, t.GetClocks())
	}
	if c.GetClocks() != nil {
		proto.Merge(held, c.GetClocks())
	}
	return held
}
