package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// FuzzRecurring holds that no rule panics or takes long, that what passes the check yields a date,
// and that dates only ever go forward and due days never back.
func FuzzRecurring(f *testing.F) {
	for _, rule := range []string{
		"FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31", "FREQ=YEARLY;BYDAY=53MO,-53SU;BYSETPOS=-1", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=4;INTERVAL=5",
		"FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,WE;WKST=SU;UNTIL=20270101", "FREQ=YEARLY;BYYEARDAY=366;INTERVAL=3", "FREQ=MONTHLY;BYDAY=53MO",
		"FREQ=YEARLY;BYEASTER=400", "FREQ=DAILY;INTERVAL=9223372036854775807", "FREQ=DAILY;COUNT=5", "freq=monthly;bymonth=2;interval=120",
	} {
		f.Add(rule, int32(20_454), int32(730), int32(5), int32(3), int32(1))
	}
	f.Fuzz(func(t *testing.T, rule string, begin, length, businessDay, offset, roll int32) {
		const slow = 200 * time.Millisecond // many times what the worst rule takes
		effective := min(max(0, Day(begin)), dayLast)
		end := min(effective+max(0, Day(length)%400_000), dayLast)
		r := &pb.Recurring{
			Rrule: rule, BusinessDay: businessDay % 24, OffsetDays: max(0, offset%367), Roll: pb.DayRoll(roll % 5),
		}
		calendar := demoCalendar(t)
		began := time.Now()
		wrong := CheckRecurring(r, effective, &end, calendar, "recurring")
		CheckRecurring(r, effective, nil, calendar, "recurring")
		last, lastDue := effective-1, Day(-1<<30)
		for count := range 20 {
			date, due, ok := NextDue(r, effective, last, count, calendar)
			if !ok {
				if count == 0 && wrong == nil && end < effective.addYears(recurrenceGapYears) {
					t.Fatalf("%q passed the check and yields nothing from %v to %v", rule, effective, end)
				}
				break
			}
			if date <= last || due < lastDue {
				t.Fatalf("%q: %v (due %v) follows %v (due %v)", rule, date, due, last, lastDue)
			}
			last, lastDue = date, due
		}
		if took := time.Since(began); took > slow {
			t.Fatalf("%q took %v", rule, took)
		}
	})
}

func BenchmarkNextDue(b *testing.B) {
	calendar := demoCalendar(b)
	for name, r := range map[string]*pb.Recurring{
		"5th business day":       {Rrule: "FREQ=MONTHLY;BYMONTHDAY=1", BusinessDay: 5},
		"every other week":       {Rrule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH"},
		"last weekday by setpos": {Rrule: "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"},
		"yearly":                 {Rrule: "FREQ=YEARLY"},
	} {
		for after, last := range map[string]Day{"the first": 20_453, "forty years": 20_453 + 14_610} {
			b.Run(name+"/after "+after, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, _, ok := NextDue(r, 20_454, last, 500, calendar); !ok {
						b.Fatal("over")
					}
				}
			})
		}
	}
}

func BenchmarkCheckRecurring(b *testing.B) {
	calendar := demoCalendar(b)
	end := Day(20_454).addYears(99)
	yearDays := ""
	for n := 101; n <= 216; n++ {
		yearDays += fmt.Sprintf(",%d", n)
	}
	for name, rule := range map[string]string{
		"monthly":            "FREQ=MONTHLY;BYMONTHDAY=1",
		"daily for 10 years": "FREQ=DAILY",
		"hostile: nothing":   "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
		"hostile: all days":  "FREQ=MONTHLY;BYDAY=1MO,TU,WE,TH,FR,SA,SU",
		"hostile: listed":    "FREQ=YEARLY;BYYEARDAY=100" + yearDays,
		"hostile: filtered":  "FREQ=DAILY;INTERVAL=3659;BYDAY=MO",
	} {
		b.Run(name, func(b *testing.B) {
			until := &end
			if strings.HasPrefix(name, "daily") {
				until = nil
			}
			for b.Loop() {
				CheckRecurring(&pb.Recurring{Rrule: rule}, 20_454, until, calendar, "recurring")
			}
		})
	}
}
