package rules

import (
	"fmt"
	"math/bits"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	// Time zones come with the binary, so that they exist on any machine.
	_ "time/tzdata"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Calendar says what a day and a business day are in one agreement. A business day is neither
// weekend nor holiday. It never changes once made and is safe for concurrent use.
type Calendar struct {
	location *time.Location
	// weekend has bit n set when time.Weekday n is no business day.
	weekend uint8
	// holidays are sorted.
	holidays []Day
}

// CalendarMaxHolidays bounds the holidays of one calendar: forty years of ten. Beyond checking its
// input it keeps every search below short, because at most so many weeks can be without a
// business day.
const CalendarMaxHolidays = 400

// calendarZoneName is what the name of a time zone looks like. It leaves no room for a second
// spelling of the same file ("Europe//Lisbon", "Europe/./Lisbon"), which would also fill the cache.
var calendarZoneName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$`)

// calendarZones caches zones by name: loading one takes longer than all else a command does. Only
// names that loaded are kept, so it cannot outgrow the time zone database (about 600 names).
var calendarZones sync.Map

// NewCalendar makes the calendar of the terms, or lists everything that is wrong with it; field is
// the path that the violations start with, for example "terms.calendar". Either the calendar or
// the list is nil.
func NewCalendar(c *pb.Calendar, field string) (*Calendar, []Violation) {
	var wrong []Violation
	calendar := &Calendar{}
	location, err := calendarZone(c.GetTimeZone())
	if err != nil {
		wrong = append(wrong, Violation{Field: field + ".time_zone", Description: err.Error()})
	}
	calendar.location = location

	for i, day := range c.GetWeekend() {
		if day < pb.Weekday_WEEKDAY_MONDAY || day > pb.Weekday_WEEKDAY_SUNDAY {
			wrong = append(wrong, Violation{
				Field:       fmt.Sprintf("%s.weekend[%d]", field, i),
				Description: fmt.Sprintf("%d is no day of the week", day),
			})
			continue
		}
		// Concord counts Sunday as 7, Go as 0.
		calendar.weekend |= 1 << (day % 7)
	}
	if len(c.GetWeekend()) == 0 {
		calendar.weekend = 1<<time.Saturday | 1<<time.Sunday
	}
	if bits.OnesCount8(calendar.weekend) == 7 {
		wrong = append(wrong, Violation{
			Field:       field + ".weekend",
			Description: "covers all seven days and leaves no business day",
		})
	}

	if n := len(c.GetHolidays()); n > CalendarMaxHolidays {
		wrong = append(wrong, Violation{
			Field:       field + ".holidays",
			Description: fmt.Sprintf("has %d days; at most %d are kept", n, CalendarMaxHolidays),
		})
		return nil, wrong
	}
	calendar.holidays = make([]Day, 0, len(c.GetHolidays()))
	for i, text := range c.GetHolidays() {
		day, err := ParseDay(text)
		if err != nil {
			wrong = append(wrong, Violation{Field: fmt.Sprintf("%s.holidays[%d]", field, i), Description: err.Error()})
			continue
		}
		calendar.holidays = append(calendar.holidays, day)
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	slices.Sort(calendar.holidays)
	calendar.holidays = slices.Compact(calendar.holidays)
	return calendar, nil
}

// calendarZone finds an IANA time zone by its name.
func calendarZone(name string) (*time.Location, error) {
	if zone, ok := calendarZones.Load(name); ok {
		return zone.(*time.Location), nil
	}
	switch {
	case name == "":
		return nil, fmt.Errorf(`is missing: want an IANA name, for example "Europe/Lisbon"`)
	case name == "Local" || name == "localtime" || name == "posixrules":
		// These are what the machine is set to, which differs from server to server.
		return nil, fmt.Errorf(`%q is not a place: want an IANA name, for example "Europe/Lisbon"`, name)
	case !calendarZoneName.MatchString(name), strings.HasPrefix(name, "posix/"), strings.HasPrefix(name, "right/"):
		// The last two are variants that some machines hold and others do not.
		return nil, fmt.Errorf(`%.64q is not an IANA time zone, for example "Europe/Lisbon"`, name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf(`%q is not a time zone that is known here: want an IANA name, for example "Europe/Lisbon"`, name)
	}
	calendarZones.Store(name, zone)
	return zone, nil
}
