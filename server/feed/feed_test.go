package feed_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/feed"
)

// report is an obligation that was due on a Sunday and rolled.
func report() *pb.Obligation {
	return &pb.Obligation{
		AgreementId: "care", ObligationId: "report-1", Title: "Weekly report, with figures; all of them", State: pb.ObligationState_OBLIGATION_STATE_DUE,
		Obligor: pb.Side_SIDE_VENDOR, Beneficiary: pb.Side_SIDE_CLIENT, DueDate: "2026-03-02", Etag: "17",
		CreateTime: timestamppb.New(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)), UpdateTime: timestamppb.New(time.Date(2026, 2, 1, 10, 30, 0, 0, time.UTC)),
		Trace: []*pb.DueStep{{Words: "The rule yields 2026-03-01."}, {}, {Words: "That is no business day: 2026-03-02."}},
	}
}

// read renders a calendar of one agreement and has a parser read it.
func read(t *testing.T, all ...*pb.Obligation) (string, []*ics.VEvent) {
	t.Helper()
	c := feed.Calendar{Name: "Help desk", Titles: map[string]string{"care": "Help desk"}, Obligations: all}
	file, err := feed.Render(c)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := feed.Render(c); !bytes.Equal(file, again) {
		t.Error("the same obligations gave other bytes")
	}
	parsed, err := ics.ParseCalendar(bytes.NewReader(file))
	if err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	return string(file), parsed.Events()
}

func value(t *testing.T, e *ics.VEvent, name ics.ComponentProperty) string {
	t.Helper()
	p := e.GetProperty(name)
	if p == nil {
		t.Fatalf("there is no %s", name)
	}
	return p.Value
}

func TestAnObligationIsAnAllDayEvent(t *testing.T) {
	file, events := read(t, report())
	if len(events) != 1 || !strings.HasPrefix(file, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n") || strings.Contains(strings.ReplaceAll(file, "\r\n", ""), "\n") {
		t.Fatalf("%d events in\n%s", len(events), file)
	}
	if !strings.Contains(file, "\r\nREFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n") {
		t.Errorf("no word on when to ask again:\n%s", file)
	}
	for name, want := range map[ics.ComponentProperty]string{
		ics.ComponentPropertyUniqueId: "care.report-1@concord", ics.ComponentPropertySequence: "17", ics.ComponentPropertyStatus: "CONFIRMED",
		ics.ComponentPropertyDtStart: "20260302", ics.ComponentPropertyDtEnd: "20260303", ics.ComponentPropertyDtstamp: "20260201T103000Z",
		ics.ComponentPropertyLastModified: "20260201T103000Z", ics.ComponentPropertyCreated: "20260105T090000Z", ics.ComponentPropertyCategories: "VENDOR",
		ics.ComponentPropertyTransp: "TRANSPARENT", ics.ComponentPropertySummary: "vendor: Weekly report, with figures; all of them",
		ics.ComponentPropertyDescription: "Help desk\nThe vendor promised it to the client.\nState: due.\nThe rule yields 2026-03-01.\n" +
			"That is no business day: 2026-03-02.\nObligation report-1 of agreement care.",
	} {
		if got := value(t, events[0], name); got != want {
			t.Errorf("%s is %q and not %q", name, got, want)
		}
	}
	if p := events[0].GetProperty(ics.ComponentPropertyDtStart); p.ICalParameters["VALUE"][0] != "DATE" {
		t.Errorf("the day is a time: %v", p)
	}
	for line := range strings.SplitSeq(file, "\r\n") {
		if len(line) > 75 {
			t.Errorf("a line of %d bytes: %s", len(line), line)
		}
	}
}

// A program moves the entry it has: the UID stays, the sequence grows.
func TestAShiftMovesTheEntry(t *testing.T) {
	before, after := report(), report()
	after.DueDate, after.Etag = "2026-03-09", "23"
	_, one := read(t, before)
	_, other := read(t, after)
	if value(t, one[0], ics.ComponentPropertyUniqueId) != value(t, other[0], ics.ComponentPropertyUniqueId) {
		t.Error("a shifted obligation is another entry")
	}
	if value(t, other[0], ics.ComponentPropertySequence) != "23" || value(t, other[0], ics.ComponentPropertyDtStart) != "20260309" {
		t.Errorf("%v", other[0])
	}
}

func TestHowItStandsIsTold(t *testing.T) {
	for number, name := range pb.ObligationState_name {
		o, state := report(), pb.ObligationState(number)
		o.State = state
		_, events := read(t, o)
		want := "CONFIRMED"
		switch strings.TrimPrefix(name, "OBLIGATION_STATE_") {
		case "WAIVED", "EXCUSED", "SUPERSEDED", "DISCHARGED":
			want = "CANCELLED"
		case "SUSPENDED", "DISPUTED":
			want = "TENTATIVE"
		}
		if got := value(t, events[0], ics.ComponentPropertyStatus); got != want {
			t.Errorf("%s is %s", name, got)
		}
	}
}

// What a party writes stands in the file as text, and can be no line of it.
func TestATextIsNoLine(t *testing.T) {
	for _, text := range []string{
		"Tea\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:forged", "Tea\rEND:VEVENT", "Tea\u2028END:VEVENT", "Tea\x00\x1b[2J", strings.Repeat("Ünï ", 100), `\n\\;,`, `"`, "ä",
	} {
		o := report()
		o.Title, o.Trace = text, []*pb.DueStep{{Words: text}}
		file, events := read(t, o, proto.CloneOf(report()))
		if len(events) != 2 || strings.Contains(file, "\rEND") || strings.ContainsAny(file, "\x00\x1b\u2028") {
			t.Errorf("%q made\n%s", text, file)
		}
	}
	long := report()
	long.Trace = nil
	for range 100 {
		long.Trace = append(long.Trace, &pb.DueStep{Words: "Würde der Tag verschoben, so stünde er hier."})
	}
	if _, events := read(t, long); len(value(t, events[0], ics.ComponentPropertyDescription)) > 1010 {
		t.Error("a description without end")
	}
}

func TestAnEmptyCalendarIsOne(t *testing.T) {
	if file, events := read(t); len(events) != 0 || !strings.Contains(file, "X-WR-CALNAME:Help desk\r\n") {
		t.Error(file)
	}
	for _, odd := range []*pb.Obligation{{ObligationId: "no-day", Etag: "1"}, {ObligationId: "no-etag", DueDate: "2026-01-01"}} {
		if _, err := feed.Render(feed.Calendar{Obligations: []*pb.Obligation{odd}}); err == nil {
			t.Errorf("%v was written", odd)
		}
	}
}
