package bench

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// what is a kind of call.
type what int

const (
	submittedIt what = iota
	returnedIt
	got
	restGot
	kinds

	// nothing is a call that does not count.
	nothing what = -1
)

func (w what) String() string { return [...]string{"submit", "return", "get", "rest-get"}[w] }

// Latencies are kept from a microsecond to the longest that a call may take, to three digits.
const (
	shortestLatency = 1
	longestLatency  = int64(10 * time.Minute / time.Microsecond)
	latencyDigits   = 3
)

// tally counts the calls of the callers that share a connection.
type tally struct {
	mu     sync.Mutex
	took   [kinds]*hdrhistogram.Histogram
	errors map[string]int64
}

func newTally() *tally { return &tally{errors: map[string]int64{}} }

// add counts a call: how long it took if it succeeded, why it failed if not.
func (t *tally) add(w what, took time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.errors[cause(err)]++
		return
	}
	if t.took[w] == nil {
		t.took[w] = hdrhistogram.New(shortestLatency, longestLatency, latencyDigits)
	}
	// Cannot fail: the value is within the bounds.
	_ = t.took[w].RecordValue(min(max(took.Microseconds(), shortestLatency), longestLatency))
}

// Report is what a run found.
type Report struct {
	Verb           Verb    `json:"verb"`
	Callers        int     `json:"callers"`
	Connections    int     `json:"connections"`
	Agreements     int     `json:"agreements"`
	Prefix         string  `json:"prefix"`
	Prepared       int64   `json:"prepared"`
	PrepareSeconds float64 `json:"prepareSeconds"`

	// Seconds is how long it was counted. All is every call that succeeded, Calls the same by kind.
	Seconds float64          `json:"seconds"`
	All     Figures          `json:"all"`
	Calls   []Figures        `json:"calls"`
	Errors  map[string]int64 `json:"errors"`

	Disk Disk `json:"disk"`
}

// Figures are those of one kind of call. Latencies are in microseconds.
type Figures struct {
	Name      string  `json:"name"`
	Calls     int64   `json:"calls"`
	PerSecond float64 `json:"perSecond"`
	P50       int64   `json:"p50Micros"`
	P90       int64   `json:"p90Micros"`
	P99       int64   `json:"p99Micros"`
	Max       int64   `json:"maxMicros"`
}

// count adds up what the tallies hold.
func (r *Report) count(counted time.Duration, tallies []*tally) {
	r.Seconds, r.Errors = counted.Seconds(), map[string]int64{}
	all := hdrhistogram.New(shortestLatency, longestLatency, latencyDigits)
	for w := range kinds {
		one := hdrhistogram.New(shortestLatency, longestLatency, latencyDigits)
		for _, t := range tallies {
			if t.took[w] != nil {
				one.Merge(t.took[w])
			}
		}
		if one.TotalCount() > 0 {
			r.Calls = append(r.Calls, figures(w.String(), one, r.Seconds))
			all.Merge(one)
		}
	}
	r.All = figures("all", all, r.Seconds)
	for _, t := range tallies {
		for why, n := range t.errors {
			r.Errors[why] += n
		}
	}
}

func figures(name string, h *hdrhistogram.Histogram, seconds float64) Figures {
	return Figures{
		Name: name, Calls: h.TotalCount(), PerSecond: float64(h.TotalCount()) / seconds,
		P50: h.ValueAtQuantile(50), P90: h.ValueAtQuantile(90), P99: h.ValueAtQuantile(99), Max: h.Max(),
	}
}

// Print writes the report for people.
func (r *Report) Print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(to, "%d agreements under the prefix %s; %d agreed in this run; ready after %.1f s\n",
		r.Agreements, r.Prefix, r.Prepared, r.PrepareSeconds)
	fmt.Fprintf(to, "a durable 4 KiB overwrite (%s) in %s: p50 %s, p99 %s\n", r.Disk.Call, r.Disk.Dir, micros(r.Disk.P50), micros(r.Disk.P99))
	if r.Seconds == 0 {
		return nil
	}
	connections := fmt.Sprint(r.Connections)
	if r.Verb == RESTGet {
		connections = "as many"
	}
	fmt.Fprintf(to, "%s: %d callers on %s connections, %.1f s\n\n", r.Verb, r.Callers, connections, r.Seconds)
	fmt.Fprintln(w, "call\tcalls\tper second\tp50\tp90\tp99\tmax\t")
	lines := r.Calls
	if len(lines) != 1 {
		lines = append(slices.Clone(lines), r.All)
	}
	for _, f := range lines {
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%s\t%s\t%s\t%s\t\n", f.Name, f.Calls, f.PerSecond, micros(f.P50), micros(f.P90), micros(f.P99), micros(f.Max))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if len(r.Errors) == 0 {
		_, err := fmt.Fprintln(to, "\nno errors")
		return err
	}
	fmt.Fprintln(to, "\nerrors")
	for _, why := range slices.Sorted(maps.Keys(r.Errors)) {
		fmt.Fprintf(to, "  %d  %s\n", r.Errors[why], why)
	}
	return nil
}

// micros writes microseconds in the unit that people would choose.
func micros(n int64) string {
	d := time.Duration(n) * time.Microsecond
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", n)
	case d < time.Second:
		return fmt.Sprintf("%.1f ms", float64(n)/1e3)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}
