package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"text/tabwriter"
	"time"
)

// Report is what a run found.
type Report struct {
	Time     time.Time         `json:"time"`
	System   string            `json:"system"`
	CPUs     int               `json:"cpus"`
	Versions map[string]string `json:"versions"`
	Dir      string            `json:"dir"`

	Agreements     int     `json:"agreements"`
	Rounds         int     `json:"rounds"`
	WarmupSeconds  float64 `json:"warmupSeconds"`
	SecondsPerTurn float64 `json:"secondsPerTurn"`

	Measures []*Measure `json:"measures"`
}

// Measure is one comparison.
type Measure struct {
	Name       string       `json:"name"`
	About      string       `json:"about"`
	Seconds    float64      `json:"seconds"`
	Contenders []*Contender `json:"contenders"`
	Verdicts   []Verdict    `json:"verdicts"`
	Notes      []string     `json:"notes,omitempty"`
}

// Contender is one of those compared, turn after turn.
type Contender struct {
	Name  string `json:"name"`
	Turns []Turn `json:"turns"`
}

// Turn is what one of them did in one turn. Times are in microseconds; a figure that means nothing there is 0.
type Turn struct {
	PerSecond float64 `json:"perSecond,omitempty"`
	P50       int64   `json:"p50Micros,omitempty"`
	P99       int64   `json:"p99Micros,omitempty"`
	Errors    int64   `json:"errors,omitempty"`
	// Disk is the median of a durable overwrite of 4 KiB (fdatasync) right before the turn.
	Disk int64 `json:"fdatasyncP50Micros"`
	// Others is how many processors other programs kept busy meanwhile; 0 also where the system does not tell.
	Others float64 `json:"otherCPUs"`
}

// String is for progress.
func (t Turn) String() string {
	return fmt.Sprintf("%.0f/s, p50 %s, p99 %s, %d errors (fdatasync %s, others had %.1f CPUs)",
		t.PerSecond, micros(t.P50), micros(t.P99), t.Errors, micros(t.Disk), t.Others)
}

// Verdict is a figure with its goal. It is the median of the rounds; least and most are the rounds that went furthest.
type Verdict struct {
	What    string  `json:"what"`
	Value   float64 `json:"value"`
	Least   float64 `json:"least"`
	Most    float64 `json:"most"`
	Unit    string  `json:"unit"`
	Goal    float64 `json:"goal,omitempty"` // 0: there is none
	AtLeast bool    `json:"atLeast"`        // else: at most
	Met     bool    `json:"met"`
}

func newReport(p plan, s *stage) *Report {
	r := &Report{
		Time: time.Now().UTC(), System: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(), Dir: s.place, Versions: map[string]string{"go": runtime.Version()},
		Agreements: p.agreements, Rounds: p.rounds, WarmupSeconds: p.warmup.Seconds(), SecondsPerTurn: p.duration.Seconds(),
	}
	// concordd is built by its own go.mod, and etcd and the echo by this one.
	if mine, ok := debug.ReadBuildInfo(); ok {
		r.versionsOf(mine, "")
	}
	if theirs, err := buildinfo.ReadFile(s.binary); err == nil {
		r.versionsOf(theirs, "concordd: ")
	}
	return r
}

var toldVersions = []string{"google.golang.org/grpc", "google.golang.org/protobuf", "go.etcd.io/bbolt", "go.etcd.io/etcd/server/v3"}

func (r *Report) versionsOf(b *debug.BuildInfo, whose string) {
	for _, d := range b.Deps {
		if slices.Contains(toldVersions, d.Path) && r.Versions[d.Path] != d.Version {
			r.Versions[whose+d.Path] = d.Version
		}
	}
}

func (m *Measure) contender(name string) *Contender {
	c := &Contender{Name: name}
	m.Contenders = append(m.Contenders, c)
	return c
}

// judge adds a verdict on what each round came to.
func (m *Measure) judge(what, unit string, goal float64, atLeast bool, rounds []float64) {
	v := Verdict{What: what, Value: median(rounds), Least: slices.Min(rounds), Most: slices.Max(rounds), Unit: unit, Goal: goal, AtLeast: atLeast}
	v.Met = goal == 0 || atLeast && v.Value >= goal || !atLeast && v.Value <= goal
	m.Verdicts = append(m.Verdicts, v)
}

// each is a figure of every round, of turns that stood next to each other.
func (m *Measure) each(figure func(round int) float64) []float64 {
	all := make([]float64, len(m.Contenders[0].Turns))
	for round := range all {
		all[round] = figure(round)
	}
	return all
}

func (c *Contender) rate(round int) float64 { return c.Turns[round].PerSecond }
func (c *Contender) p50(round int) float64  { return float64(c.Turns[round].P50) }

// median is the one in the middle, or between the two there.
func median[T int64 | float64](all []T) T {
	sorted := slices.Sorted(slices.Values(all))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// middle is the median of a figure of a contender's turns.
func middle[T int64 | float64](c *Contender, of func(Turn) T) T {
	all := make([]T, len(c.Turns))
	for i, t := range c.Turns {
		all[i] = of(t)
	}
	return median(all)
}

func (r *Report) write(to io.Writer, output string) error {
	if output == outputJSON {
		text, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		_, err = fmt.Fprintf(to, "%s\n", text)
		return err
	}
	fmt.Fprintf(to, "%s, %s, %d CPUs; %d agreements; medians of %d turns of %.0f s after %.0f s\n",
		r.Time.Format(time.RFC3339), r.System, r.CPUs, r.Agreements, r.Rounds, r.SecondsPerTurn, r.WarmupSeconds)
	for _, m := range r.Measures {
		if err := m.write(to); err != nil {
			return err
		}
	}
	return nil
}

func (m *Measure) write(to io.Writer) error {
	fmt.Fprintf(to, "\n%s: %s\n\n", m.Name, m.About)
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	if len(m.Contenders) > 0 {
		fmt.Fprintln(w, "  \tper second\tp50\tp99\terrors\tfdatasync before\tothers' CPUs")
	}
	for _, c := range m.Contenders {
		rate := "–"
		if perSecond := middle(c, func(t Turn) float64 { return t.PerSecond }); perSecond > 0 {
			rate = fmt.Sprintf("%.0f", perSecond)
		}
		var errors int64
		for _, t := range c.Turns {
			errors += t.Errors
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%d\t%s\t%.1f\n", c.Name, rate, micros(middle(c, func(t Turn) int64 { return t.P50 })),
			micros(middle(c, func(t Turn) int64 { return t.P99 })), errors, micros(middle(c, func(t Turn) int64 { return t.Disk })),
			middle(c, func(t Turn) float64 { return t.Others }))
	}
	fmt.Fprintln(w)
	for _, v := range m.Verdicts {
		goal := "no goal"
		if v.Goal != 0 {
			sign, word := "≤", "MISSED"
			if v.AtLeast {
				sign = "≥"
			}
			if v.Met {
				word = "met"
			}
			goal = fmt.Sprintf("goal %s %.4g %s: %s", sign, v.Goal, v.Unit, word)
		}
		fmt.Fprintf(w, "  %s\t%.2f %s\t(%.2f to %.2f)\t%s\n", v.What, v.Value, v.Unit, v.Least, v.Most, goal)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	for _, n := range m.Notes {
		if _, err := fmt.Fprintf(to, "  %s\n", n); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	return nil
}

// micros writes microseconds in the unit that people would choose.
func micros(n int64) string {
	switch {
	case n == 0:
		return "–"
	case n < 1e3:
		return fmt.Sprintf("%d µs", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f ms", float64(n)/1e3)
	}
	return fmt.Sprintf("%.2f s", float64(n)/1e6)
}
