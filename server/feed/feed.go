// Package feed writes what is due as an iCalendar file (RFC 5545), for the calendar programs of those who owe and are
// owed.
//
// An obligation is an all-day event on the day it is due. Its UID never changes, and its SEQUENCE grows with every change
// of it, so that a program that reads the file again moves the entry it has and makes no second one. The same obligations
// give the same bytes: nothing in them comes from the time of writing.
package feed

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	ics "github.com/arran4/golang-ical"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

const (
	// product names who wrote the file, as the standard asks.
	product = "-//Concord//concord.v1//EN"
	// again is how often a program should ask: what is due seldom moves within the hour.
	again = "PT1H"
	// maxDescription bounds what is said of one entry, in bytes, so that a full file stays a message.
	maxDescription = 1000
)

// Calendar is what a file holds.
type Calendar struct {
	// Name is what people call it.
	Name string
	// Note says what is not in it; empty: all is.
	Note string
	// Titles are the titles of the agreements, by id.
	Titles map[string]string
	// Obligations are the entries, in the order they are written, as rules.Present shows them. All have a due date.
	Obligations []*pb.Obligation
}

// Render writes the file.
func Render(c Calendar) ([]byte, error) {
	file := &ics.Calendar{}
	file.SetVersion("2.0")
	file.SetProductId(product)
	file.SetMethod(ics.MethodPublish)
	file.SetCalscale("GREGORIAN")
	file.SetXWRCalName(plain(c.Name))
	if c.Note != "" {
		file.SetXWRCalDesc(plain(c.Note))
	}
	file.SetRefreshInterval(again)
	file.SetXPublishedTTL(again)
	for _, o := range c.Obligations {
		event, err := entry(o, c.Titles[o.GetAgreementId()])
		if err != nil {
			return nil, err
		}
		file.AddVEvent(event)
	}
	var b bytes.Buffer
	if err := file.SerializeTo(&b, ics.WithNewLineWindows); err != nil {
		return nil, fmt.Errorf("feed: %w", err)
	}
	return b.Bytes(), nil
}

// entry is one obligation on its day.
func entry(o *pb.Obligation, agreement string) (*ics.VEvent, error) {
	day, err := time.Parse(time.DateOnly, o.GetDueDate())
	if err != nil {
		return nil, fmt.Errorf("feed: obligation %s of %s: %w", o.GetObligationId(), o.GetAgreementId(), err)
	}
	version, err := strconv.Atoi(o.GetEtag())
	if err != nil {
		return nil, fmt.Errorf("feed: obligation %s of %s: %w", o.GetObligationId(), o.GetAgreementId(), err)
	}
	e := ics.NewEvent(o.GetAgreementId() + "." + o.GetObligationId() + "@concord") // ids have no dots
	e.SetSequence(version)
	e.SetDtStampTime(o.GetUpdateTime().AsTime())
	e.SetCreatedTime(o.GetCreateTime().AsTime())
	e.SetModifiedAt(o.GetUpdateTime().AsTime())
	e.SetAllDayStartAt(day)
	e.SetAllDayEndAt(day.AddDate(0, 0, 1))
	e.SetSummary(summary(o))
	e.SetDescription(description(o, agreement))
	e.SetStatus(status(o.GetState()))
	e.SetTimeTransparency(ics.TransparencyTransparent) // something is due; nobody is busy all day
	e.AddCategory(name(o.GetObligor(), "SIDE_"))
	return e, nil
}

// summary is what a calendar shows: who owes what, and how it stands once that is not simply to come.
func summary(o *pb.Obligation) string {
	text := word(name(o.GetObligor(), "SIDE_")) + ": " + plain(o.GetTitle())
	switch o.GetState() {
	case pb.ObligationState_OBLIGATION_STATE_SCHEDULED, pb.ObligationState_OBLIGATION_STATE_DUE:
		return text
	}
	return text + " (" + word(name(o.GetState(), "OBLIGATION_STATE_")) + ")"
}

// description says more: of which agreement it is, who owes whom, how it stands, and how its day came about.
func description(o *pb.Obligation, agreement string) string {
	lines := []string{
		plain(agreement),
		fmt.Sprintf("The %s promised it to the %s.", word(name(o.GetObligor(), "SIDE_")), word(name(o.GetBeneficiary(), "SIDE_"))),
		"State: " + word(name(o.GetState(), "OBLIGATION_STATE_")) + ".",
	}
	for _, step := range o.GetTrace() {
		if step.GetWords() != "" {
			lines = append(lines, plain(step.GetWords()))
		}
	}
	lines = append(lines, "Obligation "+o.GetObligationId()+" of agreement "+o.GetAgreementId()+".")
	text := strings.Join(slices.DeleteFunc(lines, func(line string) bool { return line == "" }), "\n")
	if len(text) > maxDescription {
		text = strings.ToValidUTF8(text[:maxDescription], "") + "…"
	}
	return text
}

// status tells programs which entries to strike out, as nobody owes them any more though they were not kept, and whose day
// is not certain, as the clock stands still.
func status(s pb.ObligationState) ics.ObjectStatus {
	switch s {
	case pb.ObligationState_OBLIGATION_STATE_WAIVED, pb.ObligationState_OBLIGATION_STATE_EXCUSED,
		pb.ObligationState_OBLIGATION_STATE_SUPERSEDED, pb.ObligationState_OBLIGATION_STATE_DISCHARGED:
		return ics.ObjectStatusCancelled
	case pb.ObligationState_OBLIGATION_STATE_SUSPENDED, pb.ObligationState_OBLIGATION_STATE_DISPUTED:
		return ics.ObjectStatusTentative
	}
	return ics.ObjectStatusConfirmed
}

// name is an enum value without the prefix of its enum.
func name(value fmt.Stringer, prefix string) string {
	return strings.TrimPrefix(value.String(), prefix)
}

// word is a name in small letters.
func word(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", " ")) }

// plain is a text in one line without control characters: a line break that the standard does not know would let a text
// write lines of its own.
func plain(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text))
}
