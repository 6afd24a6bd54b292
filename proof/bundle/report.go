package bundle

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
)

// Outcome is what checking a bundle ends in.
type Outcome int

// The outcomes, from good to bad.
const (
	// Sound: everything was checked, and is as it should be.
	Sound Outcome = iota
	// Incomplete: nothing is wrong with what is there, but something that a full check needs is not.
	Incomplete
	// Tampered: something is not as it was recorded and signed.
	Tampered
)

var outcomeWords = [...]string{"sound", "incomplete", "tampered"}

// String is the outcome in a word.
func (o Outcome) String() string { return outcomeWords[o] }

// MarshalText implements encoding.TextMarshaler.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Report is what checking a bundle found out.
type Report struct {
	// Outcome is the worst of the findings'; Sound if there are none.
	Outcome Outcome `json:"outcome"`
	// Scope is what the bundle says it is about, and WholeLog whether it holds the log as a whole, so that nothing of a chain
	// can have been left out.
	Scope    Scope `json:"scope"`
	WholeLog bool  `json:"whole_log"`
	// Origin, Size and Root are the log's name, how many entries it has, and the root of its tree in base64, as signed.
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Root   string `json:"root"`
	// Signatures are the names of the keys whose signatures on the checkpoint were verified.
	Signatures []string `json:"signatures"`
	// Since is the size of the log in the earlier checkpoint that the log was shown to have grown from; absent if none was
	// given.
	Since *int64 `json:"since,omitempty"`
	// Events is how many events the bundle holds, and Others how many entries of the log belong to chains that it does not.
	Events int64 `json:"events"`
	Others int64 `json:"others"`
	// Chains are the chains in the bundle.
	Chains []ChainReport `json:"chains"`
	// Findings are what is wrong or missing: MaxFindings at most, More are not listed.
	Findings []Finding `json:"findings"`
	More     int       `json:"more,omitempty"`
}

// ChainReport is what checking one chain found out.
type ChainReport struct {
	// AgreementID is whose chain it is; empty for the service's own. LogID is the name that its key gives it.
	AgreementID string `json:"agreement_id"`
	LogID       string `json:"log_id"`
	// Version is the number of its newest event, and Records how many records its events have led to.
	Version uint64 `json:"version"`
	Records int    `json:"records"`
	// Scorecards is how many scorecards reviews froze, each of which was reckoned again.
	Scorecards int `json:"scorecards,omitempty"`
	// Erased are the versions of which texts were erased, and Withheld those of which they are withheld from who exported.
	Erased   []uint64 `json:"erased,omitempty"`
	Withheld []uint64 `json:"withheld,omitempty"`
}

// Finding is one thing that is wrong or missing.
type Finding struct {
	// Outcome says how bad it is.
	Outcome Outcome `json:"outcome"`
	// Check is what found it: one of the Checks.
	Check string `json:"check"`
	// Where is the file of the bundle, and the place in it.
	Where string `json:"where"`
	// What happened, in words.
	What string `json:"what"`
}

// The checks, in the order in which they are made.
const (
	CheckFile        = "file"        // every byte of the bundle is where and what it was when it was written
	CheckCheckpoint  = "checkpoint"  // signatures and quorum, as the policy asks for them
	CheckConsistency = "consistency" // the log is the one of an earlier checkpoint, and has only grown
	CheckLog         = "log"         // the tiles and entries are those that the checkpoint is signed over
	CheckInclusion   = "inclusion"   // each event makes just the entry that stands in the log
	CheckChain       = "chain"       // versions from 1 on without a gap, each naming the one before it
	CheckPrivate     = "private"     // texts kept apart are those that were committed to, or were erased
	CheckTime        = "time"        // nothing was recorded earlier than what stands before it in the log
	CheckReplay      = "replay"      // the rules carry the events
	CheckState       = "state"       // the records are what the events lead to
	CheckPulse       = "pulse"       // what rounds of the pulse came to is what the answers add up to
	CheckScore       = "score"       // scorecards that reviews froze are those that the events before them lead to
	CheckWords       = "words"       // what is written for people is what the events say
	CheckLabels      = "labels"      // no place in a chain was taken twice, and none was left out
)

var checks = []string{CheckFile, CheckCheckpoint, CheckConsistency, CheckLog, CheckInclusion, CheckChain, CheckPrivate, CheckTime, CheckReplay, CheckState, CheckPulse, CheckScore, CheckWords, CheckLabels}

// MaxFindings is how many findings are listed: who has read as many knows enough.
const MaxFindings = 100

// findings collects what the checks find, from wherever they run.
type findings struct {
	mu   sync.Mutex
	list []Finding
	more int
}

func (f *findings) add(o Outcome, check, where, what string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, Finding{o, check, where, fmt.Sprintf(what, args...)})
	if len(f.list) > 2*MaxFindings {
		f.trim()
	}
}

// trim keeps the worst and first.
func (f *findings) trim() {
	slices.SortStableFunc(f.list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Outcome, a.Outcome), cmp.Compare(slices.Index(checks, a.Check), slices.Index(checks, b.Check)), cmp.Compare(a.Where, b.Where), cmp.Compare(a.What, b.What))
	})
	if over := len(f.list) - MaxFindings; over > 0 {
		f.more += over
		f.list = f.list[:MaxFindings]
	}
}

// put enters what was found into a report.
func (f *findings) put(r *Report) {
	f.trim()
	r.Findings, r.More = append([]Finding{}, f.list...), f.more
	for _, found := range f.list {
		r.Outcome = max(r.Outcome, found.Outcome)
	}
}
