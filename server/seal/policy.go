package seal

import (
	"fmt"
	"slices"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// MaxWitnesses bounds those who are asked to cosign: each is a call with every checkpoint.
const MaxWitnesses = 32

// Policy is who cosigns the log's checkpoints, and how many of them make one good. The zero Policy asks for nobody.
type Policy struct {
	// FailOpen says that a checkpoint which too few cosigned is published all the same.
	FailOpen bool

	witnesses []witness
	quorum    string           // "" or "none": nobody is needed
	check     torchwood.Policy // of the cosignatures alone; nil: all are fine
	lines     []string         // as they were read, without those about logs
}

// witness is one who cosigns.
type witness struct {
	name, vkey, url string
	verifier        note.Verifier
}

// ReadPolicy reads a C2SP tlog-policy. Lines about logs are passed over: this log's keys are known, and change.
func ReadPolicy(text []byte) (*Policy, error) {
	p := &Policy{}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "log" {
			continue
		}
		p.lines = append(p.lines, strings.Join(fields, " "))
		switch {
		case fields[0] == "quorum" && len(fields) > 1:
			p.quorum = fields[1]
		case fields[0] == "witness" && len(fields) > 2:
			w := witness{name: fields[1], vkey: fields[2]}
			if len(fields) > 3 {
				w.url = strings.TrimSuffix(fields[3], "/")
			}
			p.witnesses = append(p.witnesses, w)
		}
	}
	check, err := torchwood.ParsePolicy([]byte(strings.Join(p.lines, "\n")))
	if err != nil {
		return nil, fmt.Errorf("witness policy: %w", err)
	}
	if len(p.witnesses) > MaxWitnesses {
		return nil, fmt.Errorf("witness policy: more than %d witnesses", MaxWitnesses)
	}
	for i, w := range p.witnesses {
		if p.witnesses[i].verifier, err = torchwood.NewCosignatureVerifier(w.vkey); err != nil {
			return nil, fmt.Errorf("witness policy: %s: %w", w.name, err)
		}
	}
	p.check = check
	return p, nil
}

// Tell is the policy as the API shows it, for a log as it is now.
func (p *Policy) Tell(l *pb.Log) *pb.LogPolicy {
	told := &pb.LogPolicy{Log: l, Quorum: p.quorum, FailOpen: p.FailOpen}
	if told.Quorum == "" {
		told.Quorum = "none"
	}
	for _, w := range p.witnesses {
		told.Witnesses = append(told.Witnesses, &pb.LogWitness{Name: w.name, VerifierKey: w.vkey, Url: w.url})
	}
	for _, k := range rules.ActiveLogKeys(l) {
		lines := append([]string{"log " + k.GetVerifierKey()}, p.lines...)
		if !slices.ContainsFunc(p.lines, func(line string) bool { return strings.HasPrefix(line, "quorum ") }) {
			lines = append(lines, "quorum none")
		}
		told.Texts = append(told.Texts, strings.Join(lines, "\n")+"\n")
	}
	return told
}

// met says whether cosignatures are enough.
func (p *Policy) met(cosigs []note.Signature) bool {
	return p.check == nil || p.check.Check("", cosigs) == nil // the policy has no log, and so looks at no origin
}
