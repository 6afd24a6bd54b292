package bundle

import (
	"bytes"
	"fmt"

	bundlev1 "github.com/concordhq/concord/gen/concord/bundle/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/rules"
)

// bare is an event whose texts are not in the bundle.
type bare struct {
	version uint64
	draft   bool   // they are the text of a draft, which is its author's alone
	round   string // or an answer in this round of the pulse, which is sealed while that is open
}

// private puts the texts that were recorded apart from an event back into it, if they are there and are those that it
// committed to. It says what is wrong, if something is.
func (c *chain) private(e *pb.Event, x *bundlev1.ExportedEvent) string {
	committed, text, salt := e.GetPrivateCommitment(), x.GetPrivate(), x.GetPrivateSalt()
	for _, version := range e.GetPrivateDataErased().GetVersions() {
		if c.erased == nil {
			c.erased = map[uint64]uint64{}
		}
		c.erased[version] = e.GetVersion()
	}
	switch {
	case len(proof.PrivateTexts(e)) > 0:
		return "its body holds texts that are kept apart from it, where nobody can erase them."
	case len(text) == 0 && len(salt) == 0:
		if len(committed) > 0 {
			draft := e.GetAgreementDrafted() != nil || e.GetDraftRewritten() != nil
			c.bare = append(c.bare, bare{e.GetVersion(), draft, e.GetPulseAnswered().GetPulseRoundId()})
		}
		return ""
	case len(salt) != proof.KeySize || !bytes.Equal(proof.PrivateCommitment(salt, text), committed):
		return "the texts beside it are not those that it was recorded with."
	}
	c.whole = append(c.whole, e.GetVersion())
	if err := proof.Join(e, text); err != nil {
		return fmt.Sprintf("the texts beside it do not fit it: %v.", err)
	}
	return ""
}

// texts holds that what texts are missing were erased, by an event of the chain, or are another's draft or sealed; and that
// what was erased is gone.
func (v *verifier) texts(c *chain, state *rules.State) {
	a, _ := state.Get(rules.Ref{Kind: rules.KindAgreement, Agreement: c.id}).(*pb.Agreement)
	for _, b := range c.bare {
		switch {
		case c.erased[b.version] > 0:
			c.report.Erased = append(c.report.Erased, b.version)
		case b.draft, b.round != "" && b.round == a.GetOpenPulseRoundId():
			c.report.Withheld = append(c.report.Withheld, b.version)
		default:
			v.found.add(Incomplete, CheckPrivate, c.at+fileEvents, "The texts of version %d are missing, and nothing in the chain says that they were erased. If they were erased since, ask for a newer bundle.", b.version)
		}
	}
	for _, version := range c.whole {
		if by := c.erased[version]; by > 0 {
			v.found.add(Tampered, CheckPrivate, c.at+fileEvents, "The texts of version %d are there, though version %d says that they were erased.", version, by)
		}
	}
}
