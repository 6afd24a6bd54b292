package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// A story is a txtar archive: the script is its comment, the files are texts that the script quotes. A line of a script
// is one of these; what follows a command tells all that came of it, and what is not told fails the story.
//
//	# prose
//	at TIME                          time passes; what falls due on the way does
//	asleep until TIME                time passes while the clock does not look
//	after PROLOGUE                   what NAME.prologue tells has happened, with this story's files
//	caller NAME ROLE [of PARTY]      someone enters; an auditor may be "of" one agreement
//	NAME RPC [SUBJECT] [JSON]        a command. SUBJECT is the ids of its path: care, care/report-1. JSON may go on for
//	                                 lines. "@file" stands for a file, $care/first.digest (.revision) for what is on the
//	                                 table, of a proposal or a review, $care/first.2.digest for a proposal's second text
//	> KIND FIELD=VALUE …             the next event; effective, side and by are those of any event. "> …": and so on
//	! REASON FIELD=VALUE …           the refusal; rule, subject and words (a part of the message), field (a violation), else
//	                                 metadata
//	= NOUN ID FIELD=VALUE …          a record as its readers see it, or "absent"; noun answer: what the caller was told
//	carry N                          a decision holds N events from here on; see CarrySize
//	repeat N … end                   the lines between, N times
type story struct {
	t       *testing.T
	w       *world
	texts   map[string]string
	callers map[string]Caller
	line    int

	told    []*pb.Event // events that no line has told yet
	refusal *Error      // likewise
}

// begin is when stories begin.
var begin = time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)

// TestStories tells every story of testdata.
func TestStories(t *testing.T) {
	for _, path := range stories(t) {
		t.Run(storyName(path), func(t *testing.T) { tell(t, path) })
	}
}

func storyName(path string) string { return strings.TrimSuffix(filepath.Base(path), ".txtar") }

func stories(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	return paths
}

// tell plays one story and is the world at its end.
func tell(t *testing.T, path string) *world {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &story{t: t, w: newWorld(t, begin), texts: map[string]string{}, callers: map[string]Caller{"clock": Clock(), "service": Service()}}
	for _, f := range archive.Files {
		s.texts[f.Name] = strings.TrimSpace(string(f.Data))
	}
	s.play(strings.Split(string(archive.Comment), "\n"), 0)
	s.allTold()
	s.w.close()
	return s.w
}

func (s *story) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("line %d: %s", s.line, fmt.Sprintf(format, args...))
}

// play goes through lines; from is how many lines of the script come before them.
func (s *story) play(lines []string, from int) {
	s.t.Helper()
	for i := 0; i < len(lines); i++ {
		s.line = from + i + 1
		verb, rest, _ := strings.Cut(strings.TrimSpace(lines[i]), " ")
		switch verb {
		case "", "#":
		case "at":
			s.allTold()
			s.told, _ = s.w.take(turn{pass: s.time(rest).Sub(s.w.now)})
		case "asleep":
			s.allTold()
			_, _ = s.w.take(turn{pass: s.time(strings.TrimPrefix(rest, "until ")).Sub(s.w.now), asleep: true})
		case "carry":
			n, _ := strconv.Atoi(rest)
			_, _ = s.w.take(turn{carry: n})
		case "after":
			s.after(rest)
			s.line = from + i + 1
		case "caller":
			s.enter(strings.Fields(rest))
		case ">":
			s.event(rest)
		case "!":
			s.refused(rest)
		case "=":
			s.record(rest)
		case "repeat":
			i = s.repeat(rest, lines, i, from)
		default:
			s.allTold()
			i += s.command(verb, rest, lines[i+1:])
		}
	}
}

// after plays a prologue.
func (s *story) after(name string) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".prologue"))
	if err != nil {
		s.fail("%v", err)
	}
	s.play(strings.Split(string(text), "\n"), 0)
	s.allTold()
}

func (s *story) repeat(times string, lines []string, at, from int) (end int) {
	s.t.Helper()
	n, err := strconv.Atoi(times)
	for end = at; err == nil && strings.TrimSpace(lines[end]) != "end"; end++ {
		if end == len(lines)-1 {
			s.fail("repeat without end")
		}
	}
	for range n {
		s.play(lines[at+1:end], from+at+1)
	}
	return end
}

func (s *story) time(text string) time.Time {
	s.t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.Before(s.w.now) {
		s.fail("%q is no time after %v: %v", text, s.w.now, err)
	}
	return at.UTC()
}

// enter reads "vera signatory of northwind".
func (s *story) enter(words []string) {
	s.t.Helper()
	if len(words) < 2 {
		s.fail("who enters?")
	}
	role, ok := pb.Role_value["ROLE_"+strings.ToUpper(words[1])]
	if !ok {
		s.fail("there is no role %q", words[1])
	}
	c := Caller{PrincipalID: words[0], Role: pb.Role(role)}
	switch {
	case len(words) == 4 && c.Role == pb.Role_ROLE_AUDITOR:
		c.AgreementIDs = []string{words[3]}
	case len(words) == 4:
		c.PartyID = words[3]
	}
	s.callers[words[0]] = c
}

// command has a command decided and is how many further lines its JSON took.
func (s *story) command(name, rest string, below []string) (taken int) {
	s.t.Helper()
	by, known := s.callers[name]
	if !known {
		s.fail("nobody is called %q", name)
	}
	rpc, rest, _ := strings.Cut(rest, " ")
	subject, body, _ := strings.Cut(rest, "{")
	if strings.Contains(rest, "{") {
		body = s.fillIn("{" + body)
		for ; !json.Valid([]byte(body)); taken++ {
			if taken == len(below) {
				s.fail("the JSON does not end: %s", body)
			}
			body += s.fillIn("\n" + below[taken])
		}
	}
	request := s.request(rpc, strings.TrimSpace(subject), body)
	events, err := s.w.take(turn{by: by, command: request})
	s.told, s.refusal = events, nil
	errors.As(err, &s.refusal)
	return taken
}

// request makes the message of an RPC (or of the service's own commands).
func (s *story) request(rpc, subject, body string) proto.Message {
	s.t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName("concord.v1." + rpc + "Request"))
	if err != nil {
		kind, err = protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName("concord.journal.v1." + rpc))
	}
	if err != nil {
		s.fail("there is no RPC %q", rpc)
	}
	m := kind.New()
	if all := storyMask.FindStringSubmatch(body); all != nil { // protojson has no "*"; gRPC callers do
		body = strings.Replace(body, all[0], "", 1)
		mask := &fieldmaskpb.FieldMask{Paths: strings.Split(all[1], ",")}
		m.Set(m.Descriptor().Fields().ByName("update_mask"), protoreflect.ValueOfMessage(mask.ProtoReflect()))
	}
	if body != "" {
		read := kind.New().Interface()
		if err := protojson.Unmarshal([]byte(body), read); err != nil {
			s.fail("%s: %v", rpc, err)
		}
		proto.Merge(m.Interface(), read)
	}
	for i, id := range strings.Split(subject, "/") {
		if id != "" {
			m.Set(m.Descriptor().Fields().ByNumber(protoreflect.FieldNumber(i+1)), protoreflect.ValueOfString(id))
		}
	}
	return m.Interface()
}

var (
	storyMask  = regexp.MustCompile(`, "update_mask": "(\*[^"]*)"`)
	storyText  = regexp.MustCompile(`"@([a-z0-9_.-]+)"`)
	storyTable = regexp.MustCompile(`\$([a-z0-9_-]+)/([a-z0-9_-]+)(?:\.(\d+))?\.(digest|revision)`)
)

// fillIn replaces what a script quotes.
func (s *story) fillIn(line string) string {
	s.t.Helper()
	line = storyText.ReplaceAllStringFunc(line, func(quote string) string {
		text, ok := s.texts[quote[2:len(quote)-1]]
		if !ok {
			s.fail("there is no file %s", quote)
		}
		return text
	})
	return storyTable.ReplaceAllStringFunc(line, func(quote string) string {
		m := storyTable.FindStringSubmatch(quote)
		if r, ok := s.w.records[reviewRef(m[1], m[2])].(*pb.Review); ok {
			return map[string]string{"digest": r.GetDigest(), "revision": fmt.Sprint(r.GetRevision())}[m[4]]
		}
		p, ok := s.w.records[proposalRef(m[1], m[2])].(*pb.Proposal)
		if !ok {
			s.fail("there is no proposal %s", quote)
		}
		if m[3] != "" {
			n, _ := strconv.Atoi(m[3])
			text, _ := s.w.records[proposalRevisionRef(m[1], m[2], int32(n))].(*pb.ProposalRevision)
			return text.GetTermsDigest()
		}
		if m[4] == "revision" {
			return fmt.Sprint(p.GetRevision())
		}
		return p.GetTermsDigest()
	})
}

// allTold holds that the lines so far told all that came of the command before.
func (s *story) allTold() {
	s.t.Helper()
	if s.refusal != nil {
		s.fail("untold before this line: refused with %v (rule %q): %v", s.refusal.Reason, s.refusal.Rule, s.refusal)
	}
	for _, e := range s.told {
		s.t.Logf("untold: %s %v", EventKind(e), e)
	}
	if len(s.told) > 0 {
		s.fail("untold before this line: %d events", len(s.told))
	}
}
