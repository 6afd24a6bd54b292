package bundle

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/concordhq/concord/proof"
)

// Policy says whose signatures a checkpoint needs. It is the reader's own, never from a bundle.
type Policy struct {
	torchwood.Policy
	keys []string // in it, each "<name> (key <hash>)"
}

// ReadPolicy reads a C2SP tlog-policy: the log's key, and witnesses with a quorum.
func ReadPolicy(text []byte) (Policy, error) {
	p, err := proof.ReadPolicy(text)
	if err != nil {
		return Policy{}, err
	}
	var keys []string
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		for _, word := range strings.Fields(line) {
			if name, rest, _ := strings.Cut(word, "+"); strings.Contains(rest, "+") {
				hash, _, _ := strings.Cut(rest, "+")
				keys = append(keys, keyName(name, hash))
			}
		}
	}
	return Policy{p, keys}, nil
}

// keyName is what a key is called in messages: a log has several of one name, one after the other.
func keyName(name, hash string) string { return name + " (key " + hash + ")" }

// Trust is what the reader of a bundle relies on.
type Trust struct {
	// Policies are the policies of which a checkpoint must satisfy one: more than one where the log changed its key.
	Policies []Policy
	// Since is an earlier checkpoint of the log, as a signed note; nil: none.
	Since []byte
}

// Verify checks a bundle of a size, whoever made it, and tells what it found. It never fails: what cannot be read is a
// finding, too. It uses all cores there are.
func Verify(in io.ReaderAt, size int64, trust Trust) *Report {
	v := &verifier{trust: trust, found: &findings{}, report: &Report{}}
	v.verify(in, size)
	v.found.put(v.report)
	return v.report
}

// verifier is one bundle being checked.
type verifier struct {
	*opened
	trust  Trust
	found  *findings
	report *Report

	tree   tlog.Tree
	signed []note.Signature // those on the checkpoint that were verified
	since  *tlog.Tree
	asked  *asked
	labels []uint64 // the first eight bytes of each label in the log, by index; of the whole log only
	chains []*chain
}

func (v *verifier) verify(in io.ReaderAt, size int64) {
	if v.opened = open(in, size, v.found); v.opened == nil {
		return
	}
	v.report.Scope, v.report.WholeLog = v.made.Scope, !v.made.ProofsOnly
	if !v.checkpoint() || !v.earlier() || !v.complete() {
		return
	}
	v.schema()
	var all errgroup.Group
	all.SetLimit(runtime.GOMAXPROCS(0))
	all.Go(func() error {
		if v.made.ProofsOnly {
			v.provingTiles()
		} else {
			v.wholeLog()
		}
		return nil
	})
	for _, c := range slices.SortedStableFunc(slices.Values(v.chains), func(a, b *chain) int { return int(min(max(b.events.size-a.events.size, -1), 1)) }) {
		all.Go(func() error {
			v.chain(c)
			return nil
		})
	}
	_ = all.Wait() // nothing in it fails: what is wrong is found
	for _, c := range v.chains {
		v.report.Chains = append(v.report.Chains, c.report)
		v.report.Events += int64(c.report.Version)
	}
	v.report.Others = v.tree.N - v.report.Events
	v.times()
	v.places()
}

// checkpoint holds that the checkpoint satisfies a policy.
func (v *verifier) checkpoint() bool {
	signed, err := v.read(fileCheckpoint)
	if err != nil {
		v.found.add(Incomplete, CheckCheckpoint, fileCheckpoint, "It is missing, so nothing says which log the events stand in.")
		return false
	}
	c, n, err := proof.OpenCheckpoint(signed, v.policies()...)
	if err != nil {
		v.found.add(Tampered, CheckCheckpoint, fileCheckpoint, "%s", v.unsigned(signed, err))
		return false
	}
	if again, err := v.read(fileLogCheckpoint); err != nil || string(again) != string(signed) {
		v.found.add(Tampered, CheckCheckpoint, fileLogCheckpoint, "It is not the checkpoint of the bundle.")
		return false
	}
	v.tree, v.signed = c.Tree, n.Sigs
	v.report.Origin, v.report.Size, v.report.Root = c.Origin, c.N, c.Hash.String()
	for _, s := range n.Sigs {
		v.report.Signatures = append(v.report.Signatures, s.Name)
	}
	return true
}

func (v *verifier) policies() []torchwood.Policy {
	list := make([]torchwood.Policy, len(v.trust.Policies))
	for i, p := range v.trust.Policies {
		list[i] = p.Policy
	}
	return list
}

// unsigned says what a checkpoint lacks, as far as can be told.
func (v *verifier) unsigned(signed []byte, err error) string {
	var bad *note.InvalidSignatureError
	if errors.As(err, &bad) {
		return fmt.Sprintf("The signature of %s is wrong: the checkpoint is not the one that was signed.", bad.Name)
	}
	signers := map[string]bool{}
	for _, p := range v.trust.Policies {
		n, err := note.Open(signed, p)
		if err != nil {
			continue
		}
		for _, s := range n.Sigs {
			signers[keyName(s.Name, fmt.Sprintf("%08x", s.Hash))] = true
		}
	}
	var lacking []string
	for _, p := range v.trust.Policies {
		for _, key := range p.keys {
			if !signers[key] && !slices.Contains(lacking, key) {
				lacking = append(lacking, key)
			}
		}
	}
	if len(lacking) == 0 {
		return fmt.Sprintf("It does not satisfy the policy: %v.", err)
	}
	return fmt.Sprintf("It does not satisfy the policy: of the keys that count it lacks the signature of %s.", strings.Join(lacking, ", "))
}

// earlier reads the checkpoint that the log must have grown from. It says whether there is a log to look at any further.
func (v *verifier) earlier() bool {
	if v.trust.Since == nil {
		return true
	}
	const where = "the earlier checkpoint"
	c, _, err := proof.OpenCheckpoint(v.trust.Since, v.policies()...)
	if err != nil { // it is the reader's own, and says nothing of the bundle, which is checked all the same
		v.found.add(Incomplete, CheckConsistency, where, "%s", v.unsigned(v.trust.Since, err))
		return true
	}
	if c.Origin != v.report.Origin {
		v.found.add(Incomplete, CheckConsistency, where, "It is of the log %s, and the bundle is of %s.", c.Origin, v.report.Origin)
		return true
	}
	if c.N > v.tree.N {
		v.found.add(Tampered, CheckConsistency, fileCheckpoint, "The log had %d entries and has %d: it was rolled back. (Or the bundle is older than the checkpoint that it is compared with.)", c.N, v.tree.N)
		return false
	}
	v.since, v.report.Since = &c.Tree, &c.N
	return true
}

// complete holds that all files are there that a bundle must have, so that nothing is looked for later that is missing.
func (v *verifier) complete() bool {
	agreements := len(slices.DeleteFunc(slices.Clone(v.opened.chains), func(id string) bool { return id == "" }))
	for _, id := range v.opened.chains {
		c := &chain{id: id, at: folder(id), alone: agreements == 1}
		for _, f := range []struct {
			name string
			into *section
		}{{fileKey, &c.key}, {fileEvents, &c.events}, {fileState, &c.state}, {fileHistory, &c.history}} {
			s, ok := v.files[c.at+f.name]
			if !ok {
				v.found.add(Incomplete, CheckFile, c.at+f.name, "It is missing.")
				return false
			}
			*f.into = s
		}
		v.chains = append(v.chains, c)
	}
	belong := 3 * len(v.chains)
	for name := range v.files {
		if _, file, ok := chainFile(name); ok && strings.HasPrefix(name, dirChains) && file != fileKey {
			belong--
		}
	}
	if belong != 0 {
		v.found.add(Tampered, CheckFile, dirChains, "There are files of a chain without its key.")
		return false
	}
	scope := v.made.Scope
	if scope.PartyID != "" && (scope.AgreementID != "" || slices.Contains(v.opened.chains, "")) {
		v.found.add(Tampered, CheckFile, fileManifest, "The bundle is said to be about the agreements of %q, and about something else besides.", scope.PartyID)
		return false
	}
	must, alone := scope.AgreementID, scope.AgreementID != ""
	if scope.PartyID == "" && !slices.Contains(v.opened.chains, must) || alone && len(v.chains) != 1 {
		v.found.add(Incomplete, CheckFile, folder(must), "The bundle is said to be about it, and holds %d other chains.", len(v.chains))
		return false
	}
	return true
}
