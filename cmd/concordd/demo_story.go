package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// demoTerms is the text the two companies agree on, demoScript what they do for half a year.
var (
	//go:embed demo_terms.json
	demoTerms []byte
	//go:embed demo_story.txt
	demoScript string
)

// demoAgreement is the agreement of the demonstration.
const demoAgreement = "agr-2026-0007"

// demoHour is when on a day things are done, UTC.
const demoHour = 9

// demoStory plays the script through the public API, by whichever way call takes.
type demoStory struct {
	// call makes the call that takes req, with a key.
	call func(ctx context.Context, key string, req proto.Message) (proto.Message, error)
	// at lets time pass until then, and the clock do what time has brought.
	at func(context.Context, time.Time) error
	// keys are the secrets of those who act, by name; "operator" must be there.
	keys map[string]string

	digest string // of the text that was put on the table last, or of the paper of a review
}

// play goes through the script. An error says in which line.
func (d *demoStory) play(ctx context.Context) error {
	for n, line := range strings.Split(demoScript, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := d.line(ctx, line); err != nil {
			return fmt.Errorf("demo_story.txt:%d: %s: %w", n+1, line, err)
		}
	}
	return nil
}

func (d *demoStory) line(ctx context.Context, line string) error {
	if day, err := time.Parse(time.DateOnly, line); err == nil {
		return d.at(ctx, day.Add(demoHour*time.Hour))
	}
	words := strings.SplitN(line, " ", 4)
	if len(words) != 4 {
		return errors.New("a line is: who, which call, on what, JSON")
	}
	req, err := d.request(words[1], words[2], words[3])
	if err != nil {
		return err
	}
	answer, err := d.call(ctx, d.keys[words[0]], req)
	if err != nil {
		return err
	}
	switch a := answer.(type) {
	case *pb.Proposal:
		d.digest = a.GetTermsDigest()
	case *pb.Review:
		d.digest = a.GetDigest()
	case *pb.CreateApiKeyResponse:
		d.keys[a.GetApiKey().GetApiKeyId()] = a.GetSecret()
	}
	return nil
}

var demoQuoted = regexp.MustCompile(`"@terms([^"]*)"`)

// request is the request of a call on a subject: the ids of its path. The agreement goes without saying.
func (d *demoStory) request(rpc, subject, body string) (proto.Message, error) {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName("concord.v1." + rpc + "Request"))
	if err != nil {
		return nil, err
	}
	body = strings.ReplaceAll(body, "$digest", d.digest)
	body = demoQuoted.ReplaceAllStringFunc(body, func(quote string) string {
		var text string
		text, err = demoText(strings.Fields(demoQuoted.FindStringSubmatch(quote)[1]))
		return text
	})
	m := kind.New()
	if err := errors.Join(err, protojson.Unmarshal([]byte(body), m.Interface())); err != nil {
		return nil, err
	}
	fields, ids := m.Descriptor().Fields(), strings.Split(subject, "/")
	if fields.ByNumber(1).Name() == "agreement_id" && ids[0] != demoAgreement {
		ids = slices.Insert(ids, 0, demoAgreement)
	}
	for i, id := range ids {
		f := fields.ByNumber(protoreflect.FieldNumber(i + 1))
		if f == nil || f.Kind() != protoreflect.StringKind {
			return nil, fmt.Errorf("%s has no %d ids", rpc, len(ids))
		}
		m.Set(f, protoreflect.ValueOfString(id))
	}
	return m.Interface(), nil
}

// demoText is the terms with what a line says of them.
func demoText(changes []string) (string, error) {
	terms := &pb.Terms{}
	if err := protojson.Unmarshal(demoTerms, terms); err != nil {
		return "", err
	}
	for _, change := range changes {
		what, value, _ := strings.Cut(change, "=")
		switch id, _, of := strings.Cut(what, ".business_day"); {
		case what == "without":
			terms.Commitments = slices.DeleteFunc(terms.Commitments, func(c *pb.CommitmentTerms) bool { return c.GetCommitmentId() == value })
		case what == "holds_from":
			terms.HoldsFromDate = value
		case of:
			day, err := strconv.ParseInt(value, 10, 32)
			i := slices.IndexFunc(terms.Commitments, func(c *pb.CommitmentTerms) bool { return c.GetCommitmentId() == id })
			if err != nil || i < 0 || terms.Commitments[i].GetRecurring() == nil {
				return "", fmt.Errorf("@terms: %s cannot be done", change)
			}
			terms.Commitments[i].GetRecurring().BusinessDay = int32(day)
		default:
			return "", fmt.Errorf("@terms: there is no %q", what)
		}
	}
	text, err := protojson.Marshal(terms)
	return string(text), err
}
