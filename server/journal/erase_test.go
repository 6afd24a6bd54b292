package journal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/store"
)

// secret is in everything that people write in these tests, and in nothing that they agree on.
const secret = "Jane Roe"

// holds lists the tables, with keys, in which a text lies.
func (e *engine) holds(t *testing.T, text string) (found []string) {
	t.Helper()
	err := e.View(t.Context(), func(s store.Snapshot) error {
		for _, table := range journal.Tables() {
			for r, err := range s.Scan(table, nil, nil) {
				if err != nil {
					return err
				}
				if bytes.Contains(r.Value, []byte(text)) || bytes.Contains(r.Key, []byte(text)) {
					found = append(found, fmt.Sprintf("%s %q", table, r.Key))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// asked is a request that was made.
type asked struct {
	who rules.Caller
	cmd proto.Message
}

// table is all that a table holds.
func (e *engine) table(t *testing.T, table store.Table) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := e.View(t.Context(), func(s store.Snapshot) error {
		for r, err := range s.Scan(table, nil, nil) {
			if err != nil {
				return err
			}
			all[string(r.Key)] = bytes.Clone(r.Value)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// gossip is an agreement, "a", in which everybody writes about the same person wherever one can write. Every request has an
// id.
func (d *desk) gossip() (all []asked) {
	d.t.Helper()
	terms := text("Office", recurring("daily", pb.Side_SIDE_VENDOR, "FREQ=DAILY"), oneOff("once", pb.Side_SIDE_CLIENT, "2026-01-09"))
	whispered := text("For "+secret, oneOff("c", pb.Side_SIDE_VENDOR, "2026-01-09"))
	whispered.Commitments[0].Description = secret + " is to do it."
	shown := []*pb.Evidence{{Title: "By " + secret, Uri: "https://files.example/Jane%20Roe", Note: "Seen by " + secret, Sha256: strings.Repeat("ab", 32)}, {Title: "Also " + secret, Uri: "mailto:" + "x@example.com"}}
	do := func(who rules.Caller, cmd proto.Message) {
		d.t.Helper()
		m := cmd.ProtoReflect()
		m.Set(m.Descriptor().Fields().ByName("request_id"), protoreflect.ValueOfString(fmt.Sprintf("step-%d", len(all))))
		d.must(who, cmd)
		all = append(all, asked{who, cmd})
	}
	do(vendor, &pb.CreateAgreementRequest{AgreementId: "a", Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: whispered}})
	do(vendor, &pb.UpdateAgreementRequest{AgreementId: "a", Agreement: &pb.Agreement{DraftTerms: terms}})
	do(vendor, &pb.CreateProposalRequest{AgreementId: "a", ProposalId: "p", Kind: pb.ProposalKind_PROPOSAL_KIND_FIRST_TERMS, Note: "Ask " + secret})
	do(client, accepts("a", terms))
	d.wake()
	do(vendor, &pb.SubmitObligationRequest{AgreementId: "a", ObligationId: "daily-1", Note: secret + " did it.", Evidence: shown})
	do(client, &pb.ReturnObligationRequest{AgreementId: "a", ObligationId: "daily-1", Reason: secret + " did not."})
	do(vendor, &pb.SubmitObligationRequest{AgreementId: "a", ObligationId: "daily-1", Note: secret + " did it again.", Evidence: shown})
	do(client, &pb.AcceptObligationRequest{AgreementId: "a", ObligationId: "daily-1", Note: "Thanks to " + secret})
	do(vendor, &pb.AdmitObligationRequest{AgreementId: "a", ObligationId: "daily-2", Reason: secret + " is ill."})
	do(vendor, &pb.CureObligationRequest{AgreementId: "a", ObligationId: "daily-2", Cause: secret, Effect: "No " + secret, Fix: "Another " + secret, Prevention: "Two of " + secret, CureDate: "2026-01-12"})
	do(client, &pb.DisputeObligationRequest{AgreementId: "a", ObligationId: "daily-3", Ground: pb.DisputeGround_DISPUTE_GROUND_OTHER, Reason: "So says " + secret, Evidence: shown})
	do(client, &pb.WaiveObligationRequest{AgreementId: "a", ObligationId: "daily-4", Reason: "For " + secret})
	do(vendor, &pb.CreateProposalRequest{AgreementId: "a", ProposalId: "rest", Kind: pb.ProposalKind_PROPOSAL_KIND_SUSPEND, Note: secret + " asks", Motion: &pb.Motion{}})
	do(client, &pb.DeclineProposalRequest{AgreementId: "a", ProposalId: "rest", Reason: "Not for " + secret})
	do(vendor, &pb.GiveNoticeRequest{AgreementId: "a", Reason: secret + " leaves."})
	return all
}

func versions(events []*pb.RecordedEvent) (all []uint64) {
	for _, r := range events {
		all = append(all, r.GetEvent().GetVersion())
	}
	return all
}

// erasable is the versions of events that have something private.
func erasable(events []*pb.RecordedEvent) (all []uint64) {
	for _, r := range events {
		if r.GetPrivate() != nil {
			all = append(all, r.GetEvent().GetVersion())
		}
	}
	return all
}

// What was erased is nowhere in the store, the records are what the history without it leads to, all that was committed to
// stands as it stood, and life goes on: at once, and after a restart.
func TestWhatWasErasedIsNowhere(t *testing.T) {
	d := openDesk(t, nil, nil)
	stop := d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	requests := d.gossip()
	before := d.history(vendor, "a")
	if all := erasable(before); len(all) < 13 || len(d.store.holds(t, secret)) < 20 {
		t.Fatalf("little is to be erased: %v in %v", all, d.store.holds(t, secret))
	}
	events, hadPrivate := d.store.table(t, "events"), map[uint64]bool{}
	for _, r := range before {
		hadPrivate[r.GetPosition()] = r.GetPrivate() != nil
	}
	done := d.must(chief, &pb.ErasePrivateDataRequest{AgreementId: "a", Versions: versions(before), Basis: "Article 17", RequestId: "erase"}).(*pb.ErasePrivateDataResponse)
	if found := d.store.holds(t, secret); found != nil {
		t.Errorf("it is left in %v", found)
	}
	if found := d.store.holds(t, "Jane%20Roe"); found != nil {
		t.Errorf("where it lies is left in %v", found)
	}
	check := func() {
		t.Helper()
		after := d.history(vendor, "a")
		last := after[len(after)-1]
		if last.GetEvent().GetVersion() != done.GetVersion() || last.GetEvent().GetActor().GetPrincipalId() != "chief" || !strings.Contains(last.GetSummary(), "Article 17") {
			t.Errorf("the history ends with %v", last)
		}
		for i, was := range before {
			is := after[i]
			if is.GetErased() != (was.GetPrivate() != nil) || is.GetPrivate() != nil || is.GetPrivateSalt() != nil || strings.Contains(fmt.Sprint(is), secret) {
				t.Errorf("event %d is read as %v", i+1, is)
			}
			if !bytes.Equal(is.GetBody(), was.GetBody()) || !bytes.Equal(is.GetEntryHash(), was.GetEntryHash()) || !bytes.Equal(is.GetSalt(), was.GetSalt()) {
				t.Errorf("event %d is not what was committed to", i+1)
			}
		}
		for key, value := range events {
			if hadPrivate[binary.BigEndian.Uint64([]byte(key))] {
				value = committed(value)
			}
			if is := d.store.table(t, "events")[key]; !bytes.Equal(is, value) {
				t.Errorf("the event at %x has %d bytes, not %d, or others", key, len(is), len(value))
			}
		}
		d.replayed("a")
	}
	check()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	d = openDesk(t, d.store, d.clock)
	d.run()
	check()
	forgotten := 0
	for _, a := range requests { // what was answered with it is not answered, nor done, again
		m, err := d.Do(t.Context(), a.who, a.cmd)
		if reason(err) == "REQUEST_ID_REUSED" {
			forgotten++
		} else if err != nil || strings.Contains(fmt.Sprint(m), secret) {
			t.Errorf("asked again, %v is %v, %v", a.cmd, m, err)
		}
	}
	if n := len(d.history(vendor, "a")); n != int(done.GetVersion()) || forgotten < len(requests)-2 {
		t.Errorf("%d events after asking again, %d before; %d of %d answers were forgotten", n, done.GetVersion(), forgotten, len(requests))
	}
	d.must(client, &pb.ObjectObligationRequest{AgreementId: "a", ObligationId: "daily-2", Interest: "It is late."})
	d.must(chief, &pb.ErasePrivateDataRequest{AgreementId: "a", Versions: []uint64{1, 2}, Basis: "again"})
	d.replayed("a")
}

// committed is what of an event in the store was committed to: all but what is private of it.
func committed(value []byte) []byte {
	const length = proof.EntrySize + proof.KeySize
	return value[:length+4+binary.BigEndian.Uint32(value[length:])]
}

// What was said earlier in the same batch is erased like the rest, also where it lies in the chain's head alone.
func TestWhatWasJustSaidIsErased(t *testing.T) {
	d := agreed(t, text("Care", oneOff("desk", pb.Side_SIDE_VENDOR, "2026-01-09")))
	next := uint64(len(d.history(vendor, "a"))) + 1
	submit := &pb.SubmitObligationRequest{AgreementId: "a", ObligationId: "desk-1", Note: secret}
	told := false
	for _, ordered := range [][]uint64{nil, {next}} {
		commands := []journal.Command{{By: vendor, Do: submit}}
		if ordered != nil {
			commands = append(commands, journal.Command{By: chief, Do: &pb.ErasePrivateDataRequest{AgreementId: "a", Versions: ordered, Basis: "Article 17"}})
		}
		err := d.Behind(t.Context(), commands, func(s *rules.State) {
			told = strings.Contains(fmt.Sprint(s.Get(rules.Ref{Kind: rules.KindObligation, Agreement: "a", ID: "desk-1"})), secret)
		})
		if err != nil || told != (ordered == nil) {
			t.Errorf("with %v erased, the note is told: %v, %v", ordered, told, err)
		}
	}
}

// replayed holds that the records of an agreement are what its history leads to, to the byte of what readers see.
func (d *desk) replayed(agreement string) {
	d.t.Helper()
	s, err := rules.Replay(agreement, func(yield func(*pb.Event, error) bool) {
		for _, r := range d.history(vendor, agreement) {
			if !yield(r.GetEvent(), nil) {
				return
			}
		}
	})
	if err != nil {
		d.t.Fatal(err)
	}
	n := 0
	for ref, want := range s.Records() {
		got, err := d.Read(d.t.Context(), vendor, ref, "record")
		if err != nil || !proto.Equal(got, rules.Present(proto.Clone(want), d.Now())) {
			d.t.Errorf("%+v is\n%v (%v), its history leads to\n%v", ref, got, err, want)
		}
		n++
	}
	if n < 3 {
		d.t.Errorf("only %d records", n)
	}
}

// An order sees what is decided with it and before it, durable or not, and takes it out of what becomes so.
func TestAnOrderMeetsWhatIsNotDurableYet(t *testing.T) {
	for name, behind := range map[string]bool{"in one batch": false, "behind another": true} {
		t.Run(name, func(t *testing.T) {
			d := openDesk(t, nil, nil)
			stop := d.run()
			d.must(chief, party("acme"))
			d.must(chief, party("globex"))
			d.propose("a", text("a", oneOff("once", pb.Side_SIDE_VENDOR, "2026-01-09")))
			d.must(client, accepts("a", text("a", oneOff("once", pb.Side_SIDE_VENDOR, "2026-01-09"))))
			d.wake()
			next := uint64(len(d.history(vendor, "a"))) + 1
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			d = openDesk(t, d.store, d.clock)
			submit := &pb.SubmitObligationRequest{AgreementId: "a", ObligationId: "once-1", Note: secret, RequestId: "s"}
			order := &pb.ErasePrivateDataRequest{AgreementId: "a", Versions: []uint64{next}, Basis: "x"}
			var answers []<-chan answer
			if behind {
				writing, outcome := make(chan struct{}), make(chan struct{})
				d.store.hands(func(_ store.Change, next func() error) error {
					d.store.hands(nil, nil)
					close(writing)
					<-outcome
					return next()
				}, nil)
				answers = append(answers, d.send(t.Context(), chief, party("x")), d.send(t.Context(), vendor, submit))
				d.run()
				<-writing
				answers = append(answers, (&held{desk: d}).behind(chief, order))
				close(outcome)
			} else {
				answers = append(answers, d.send(t.Context(), vendor, submit), d.send(t.Context(), chief, order))
				d.turn()
				d.run()
			}
			for _, from := range answers {
				if a := d.get(from); a.err != nil {
					t.Fatal(a.err)
				}
			}
			if found := d.store.holds(t, secret); found != nil {
				t.Errorf("it is left in %v", found)
			}
			if _, err := d.Do(t.Context(), vendor, submit); reason(err) != "REQUEST_ID_REUSED" {
				t.Errorf("asked again: %v", err)
			}
			d.must(client, &pb.AcceptObligationRequest{AgreementId: "a", ObligationId: "once-1"})
			d.replayed("a")
		})
	}
}

// An order that is refused, only checked, or that finds no room, erases nothing; and it is carried out whole, once there is.
func TestAnOrderIsCarriedOutWholeOrNot(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	d.gossip()
	whole := d.store.holds(t, secret)
	order := &pb.ErasePrivateDataRequest{AgreementId: "a", Versions: erasable(d.history(vendor, "a")), Basis: "x"}
	tooMuch := &pb.ErasePrivateDataRequest{AgreementId: "a", Versions: append(slices.Clone(order.GetVersions()), 1000), Basis: "x"}
	if _, err := d.Do(t.Context(), chief, tooMuch); reason(err) != "INVALID_FIELDS" {
		t.Errorf("what does not exist: %v", err)
	}
	checked := proto.CloneOf(order)
	checked.ValidateOnly = true
	d.must(chief, checked)
	d.store.hands(func(store.Change, func() error) error { return store.ErrFull }, nil)
	if _, err := d.Do(t.Context(), chief, order); reason(err) != "STORE_FULL" {
		t.Errorf("a full store: %v", err)
	}
	for _, table := range []store.Table{"events", "receipts"} {
		d.store.hands(nil, func(from store.Table, _ []byte) error {
			if from == table {
				return errors.New("a bad block")
			}
			return nil
		})
		if _, err := d.Do(t.Context(), chief, order); err == nil || reason(err) != "" {
			t.Errorf("%s cannot be read: %v", table, err)
		}
	}
	d.store.hands(nil, nil)
	if found := d.store.holds(t, secret); !slices.Equal(found, whole) {
		t.Errorf("it is left in %v, it was in %v", found, whole)
	}
	d.must(chief, order)
	if found := d.store.holds(t, secret); found != nil {
		t.Errorf("it is left in %v", found)
	}
}

// An order that would write more than the store takes at once is refused before anything is written; a smaller one is not.
func TestAnOrderThatIsTooLargeIsRefused(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	var promises []*pb.CommitmentTerms
	for n := range 180 {
		promises = append(promises, oneOff(numbered("c", n), pb.Side_SIDE_VENDOR, "2026-01-09"))
	}
	terms := text("Much", promises...)
	d.propose("a", terms)
	d.must(client, accepts("a", terms))
	d.wake()
	var shown []*pb.Evidence
	for range 20 {
		shown = append(shown, &pb.Evidence{Title: strings.Repeat("ü", 200), Uri: "https://files.example/" + strings.Repeat("x", 1900), Note: strings.Repeat("語", 1000)})
	}
	for n := range promises {
		o := numbered("c", n) + "-1"
		d.must(vendor, &pb.SubmitObligationRequest{AgreementId: "a", ObligationId: o, Evidence: shown})
		d.must(client, &pb.AcceptObligationRequest{AgreementId: "a", ObligationId: o, Note: secret})
	}
	var thanks []uint64
	for _, r := range d.history(vendor, "a") {
		if r.GetEvent().GetObligationAccepted() != nil {
			thanks = append(thanks, r.GetEvent().GetVersion())
		}
	}
	whole, events := d.store.holds(t, secret), d.store.count(t, "events")
	if _, err := d.Do(t.Context(), chief, &pb.ErasePrivateDataRequest{AgreementId: "a", Versions: thanks, Basis: "x"}); reason(err) != "LIMIT_EXCEEDED" {
		t.Fatalf("too much at once: %v", err)
	}
	if found := d.store.holds(t, secret); !slices.Equal(found, whole) || d.store.count(t, "events") != events {
		t.Errorf("what was refused left its trace")
	}
	for part := range slices.Chunk(thanks, len(thanks)/2) {
		d.must(chief, &pb.ErasePrivateDataRequest{AgreementId: "a", Versions: part, Basis: "x"})
	}
	if found := d.store.holds(t, secret); found != nil {
		t.Errorf("it is left in %v", found)
	}
	d.replayed("a")
}

// Only what an order names is erased, and only answers that repeat it are forgotten.
func TestOnlyWhatIsNamedIsErased(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	d.must(chief, party("globex"))
	requests := d.gossip()
	before := d.history(vendor, "a")
	at := slices.IndexFunc(before, func(r *pb.RecordedEvent) bool { return r.GetEvent().GetObligationWaived() != nil })
	d.must(chief, &pb.ErasePrivateDataRequest{AgreementId: "a", Versions: []uint64{uint64(at + 1)}, Basis: "x"})
	if found := d.store.holds(t, "For "+secret); len(found) != 2 { // the draft that said so too, and its receipt
		t.Errorf("it is left in %v", found)
	}
	for i, r := range d.history(vendor, "a")[:len(before)] {
		if i != at && !proto.Equal(r, before[i]) {
			t.Errorf("event %d is %v, it was %v", i+1, r, before[i])
		}
	}
	for _, a := range requests {
		_, waived := a.cmd.(*pb.WaiveObligationRequest)
		if _, err := d.Do(t.Context(), a.who, a.cmd); (err != nil) != waived {
			t.Errorf("asked again, %v is %v", a.cmd, err)
		}
	}
	d.replayed("a")
}

// The names of parties and of those who hold keys can be erased, and given again.
func TestNamesAreErased(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	named := party("acme")
	named.Party.DisplayName, named.RequestId = secret, "r"
	d.must(chief, named)
	d.must(chief, &pb.CreateApiKeyRequest{ApiKeyId: "k", ApiKey: &pb.ApiKey{DisplayName: secret + "'s", Principal: &pb.Principal{Role: pb.Role_ROLE_OPERATOR}}, RequestId: "k"})
	same := &pb.UpdatePartyRequest{PartyId: "acme", Party: &pb.Party{DisplayName: secret}, RequestId: "same"}
	d.must(chief, same)
	d.must(chief, &pb.ErasePrivateDataRequest{Versions: []uint64{1, 2}, Basis: "x"})
	if found := d.store.holds(t, secret); found != nil {
		t.Errorf("it is left in %v", found)
	}
	acme, err := d.Party(t.Context(), chief, "acme")
	if err != nil || acme.GetDisplayName() != "" {
		t.Errorf("%v, %v", acme, err)
	}
	if key, err := d.Key(t.Context(), "k"); err != nil || key.GetApiKey().GetDisplayName() != "" || key.GetApiKey().GetState() != pb.ApiKeyState_API_KEY_STATE_ACTIVE || len(key.GetSecretHash()) == 0 {
		t.Errorf("%v, %v", key, err)
	}
	if again := d.must(chief, same).(*pb.Party); again.GetDisplayName() != "" {
		t.Errorf("a request that changed nothing is answered with %v", again)
	}
	if n := d.store.count(t, "events"); n != 3 {
		t.Errorf("%d events", n)
	}
	d.must(chief, &pb.UpdatePartyRequest{PartyId: "acme", Party: &pb.Party{DisplayName: "Acme"}})
}

// A request that changed nothing changes nothing when it is asked again, whatever became of the record since; and its id is
// taken.
func TestARequestThatChangedNothingIsKept(t *testing.T) {
	d := openDesk(t, nil, nil)
	d.run()
	d.must(chief, party("acme"))
	same := &pb.UpdatePartyRequest{PartyId: "acme", Party: &pb.Party{DisplayName: "acme"}, RequestId: "same"}
	d.must(chief, same)
	d.must(chief, &pb.UpdatePartyRequest{PartyId: "acme", Party: &pb.Party{DisplayName: "Acme Ltd"}})
	if again := d.must(chief, same).(*pb.Party); again.GetDisplayName() != "Acme Ltd" {
		t.Errorf("asked again: %v", again)
	}
	if _, err := d.Do(t.Context(), chief, ask("globex", "same")); reason(err) != "REQUEST_ID_REUSED" {
		t.Errorf("another request under the same id: %v", err)
	}
	d.must(chief, &pb.CreateApiKeyRequest{ApiKeyId: "k", ApiKey: &pb.ApiKey{DisplayName: "k", Principal: &pb.Principal{Role: pb.Role_ROLE_OPERATOR}}})
	for _, request := range []string{"first", "second", "second"} {
		revoked := d.must(chief, &pb.RevokeApiKeyRequest{ApiKeyId: "k", RequestId: request}).(*pb.ApiKey)
		if revoked.GetState() != pb.ApiKeyState_API_KEY_STATE_REVOKED {
			t.Errorf("%s: %v", request, revoked)
		}
	}
	if n := d.store.count(t, "events"); n != 4 {
		t.Errorf("%d events", n)
	}
}

// Orders and the writing of what they erase meet in every order; at the end the history and the records agree, and what was
// named is gone.
func TestErasingWhileOthersWrite(t *testing.T) {
	d := agreed(t, text("a", recurring("daily", pb.Side_SIDE_VENDOR, "FREQ=DAILY")))
	var crowd sync.WaitGroup
	for n := range 10 {
		crowd.Go(func() {
			o := fmt.Sprintf("daily-%d", n+1)
			for range 5 {
				_, _ = d.Do(t.Context(), vendor, &pb.SubmitObligationRequest{AgreementId: "a", ObligationId: o, Note: secret})
				_, _ = d.Do(t.Context(), client, &pb.ReturnObligationRequest{AgreementId: "a", ObligationId: o, Reason: secret})
			}
		})
		crowd.Go(func() {
			for range 5 {
				newest := uint64(len(d.history(vendor, "a")))
				_, err := d.Do(t.Context(), chief, &pb.ErasePrivateDataRequest{AgreementId: "a", Versions: []uint64{newest, newest - 1, newest/2 + 1}, Basis: "x"})
				if err != nil && reason(err) == "" {
					t.Error(err)
				}
			}
		})
	}
	crowd.Wait()
	all := d.history(vendor, "a")
	named := map[uint64]bool{}
	for _, r := range all {
		for _, v := range r.GetEvent().GetPrivateDataErased().GetVersions() {
			named[v] = true
		}
	}
	erased := 0
	for _, r := range all {
		if len(r.GetEvent().GetPrivateCommitment()) > 0 && r.GetErased() != named[r.GetEvent().GetVersion()] {
			t.Errorf("event %d: erased %v, named %v", r.GetEvent().GetVersion(), r.GetErased(), named[r.GetEvent().GetVersion()])
		}
		if r.GetErased() {
			erased++
		}
	}
	if erased == 0 {
		t.Error("nothing was erased")
	}
	d.replayed("a")
	audit(t, "a", all, d.store.chains(t)["a"], map[uint64]bool{})
}
