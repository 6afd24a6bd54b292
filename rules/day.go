package rules

import (
	"fmt"
	"time"
)

// Day is a civil date, as days since 1970-01-01. It knows no time zone: a Calendar says when it
// begins and ends. Days from 1970 to 9999 can be read and written.
type Day int32

const (
	// dayFirst and dayLast are the days that "YYYY-MM-DD" can name here. Nobody agreed on anything
	// in Concord before 1970, and four digits end in 9999.
	dayFirst Day = 0
	dayLast  Day = 2932896

	daySeconds = 24 * 60 * 60
)

// ParseDay reads a date written "YYYY-MM-DD". It refuses any other form, days that do not exist
// (31 February) and years before 1970.
func ParseDay(text string) (Day, error) {
	// Not time.Parse: every command reads the holidays of a calendar, and this is several times as fast.
	if len(text) == len(time.DateOnly) && text[4] == '-' && text[7] == '-' {
		year, ok1 := dayDigits(text[:4])
		month, ok2 := dayDigits(text[5:7])
		day, ok3 := dayDigits(text[8:])
		// A day that does not exist is carried over by DayOf and so comes back as another.
		d := DayOf(year, time.Month(month), day)
		y, m, dd := d.Date()
		if ok1 && ok2 && ok3 && y == year && int(m) == month && dd == day && year >= 1970 {
			return d, nil
		}
	}
	return 0, fmt.Errorf("%.40q is not a date: want YYYY-MM-DD, a day that exists, from 1970 to 9999", text)
}

// dayDigits reads a number of digits alone.
func dayDigits(text string) (n int, ok bool) {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// DayOf is the day of that year, month and day of the month. What overflows is carried over, as
// time.Date does: day 0 is the last day of the month before, month 13 the next January.
func DayOf(year int, month time.Month, day int) Day {
	seconds := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix()
	// Midnight UTC is a whole number of days, before 1970 too.
	return Day(seconds / daySeconds)
}

// String writes the day as YYYY-MM-DD.
func (d Day) String() string { return d.utc().Format(time.DateOnly) }

// Date is the year, the month and the day of the month.
func (d Day) Date() (year int, month time.Month, day int) { return d.utc().Date() }

// Weekday is the day of the week.
func (d Day) Weekday() time.Weekday {
	// 1970-01-01 was a Thursday.
	return time.Weekday(((int(d)+int(time.Thursday))%7 + 7) % 7)
}

// Add is the day n days later, or earlier if n is negative.
func (d Day) Add(n int) Day { return d + Day(n) }

// utc is midnight of the day in UTC, which has no transitions and so serves for civil arithmetic.
func (d Day) utc() time.Time { return time.Unix(int64(d)*daySeconds, 0).UTC() }
