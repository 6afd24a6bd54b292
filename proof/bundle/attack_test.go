package bundle

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// attack is one way to change history, and what must be said of it.
type attack struct {
	name string
	// do makes a bundle of a world with a story; it may lie as it likes, with a manifest that fits, and change the trust only
	// to what an auditor would have had in hand before.
	do    func(*testing.T, *world, *Trust) []byte
	want  Outcome
	check string
	where string
	what  string
}

// whole is what auditors get if nobody lies.
func whole(w *world) []byte { return w.export(Scope{}, false) }

// changed is the whole bundle with one file changed, under a manifest that fits.
func changed(w *world, name string, change func([]byte) []byte) []byte {
	w.t.Helper()
	names, data := files(w.t, whole(w))
	if data[name] == nil {
		w.t.Fatalf("there is no %s", name)
	}
	data[name] = change(data[name])
	return reseal(w.t, manifest{Format: Format}, names, data)
}

var attacks = []attack{
	{"a byte of an event is edited", func(_ *testing.T, w *world, _ *Trust) []byte {
		b := whole(w)
		b[bytes.Index(b, []byte("too dear"))] ^= 1
		return b
	}, Tampered, CheckFile, "chains/alpha/events", "of the bundle is not what was written there"},
	{"a byte of an event is edited, and the manifest made to fit", func(_ *testing.T, w *world, _ *Trust) []byte {
		return changed(w, "chains/alpha/events", func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte("first"), []byte("fjrst")) // the id of the proposal, in versions 2 and 3
		})
	}, Tampered, CheckInclusion, "chains/alpha/events", "Version 2: its body, salt and place do not make the entry that is beside them"},
	{"an event is edited, with an entry that fits", func(t *testing.T, w *world, _ *Trust) []byte {
		h := w.chain("alpha")
		x, e := h.events[2], declined("first", "too late")
		e.AgreementId, e.Version, e.RecordTime = "alpha", 3, mustEvent(t, h, 2).GetRecordTime()
		e.PreviousEntryHash = mustEvent(t, h, 2).GetPreviousEntryHash()
		kept := w.entries
		forged := w.enter(h, e)
		w.replaced(kept)
		forged.Index = x.GetIndex()
		h.events[2] = forged
		return whole(w)
	}, Tampered, CheckInclusion, "chains/alpha/events", "Version 3: the log has another entry at 4; this event was never recorded there"},
	{"the newest events are dropped", func(_ *testing.T, w *world, _ *Trust) []byte {
		h := w.chain("alpha")
		h.events = h.events[:2]
		return whole(w)
	}, Tampered, CheckLabels, "chains/alpha/events", "The chain goes on: its version 3 stands in the log at 4, and the bundle leaves it out."},
	{"an event in the middle is dropped", func(_ *testing.T, w *world, _ *Trust) []byte {
		h := w.chain("alpha")
		h.events = slices.Delete(h.events, 1, 2)
		return whole(w)
	}, Tampered, CheckInclusion, "chains/alpha/events", "Version 2: its body, salt and place do not make the entry"},
	{"events are reordered", func(_ *testing.T, w *world, _ *Trust) []byte {
		h := w.chain("alpha")
		h.events[1], h.events[2] = h.events[2], h.events[1]
		return whole(w)
	}, Tampered, CheckInclusion, "chains/alpha/events", "Version 2: its body, salt and place"},
	{"events are reordered in the log, too", func(_ *testing.T, w *world, trust *Trust) []byte {
		trust.Since = w.sign(5)
		entries := slices.Clone(w.entries)
		entries[3], entries[4] = entries[4], entries[3]
		w.replaced(entries)
		h := w.chain("alpha")
		h.events[1].Index, h.events[2].Index = 4, 3
		return whole(w)
	}, Tampered, CheckChain, "chains/alpha/events", "Version 3: it is said to stand at 3 in the log"},
	{"an event is forged at the end", func(_ *testing.T, w *world, _ *Trust) []byte {
		signed := w.sign(len(w.entries))
		kept := slices.Clone(w.entries)
		w.record("beta", renamed("x", "y"))
		w.replaced(kept)
		return w.exportAt(Scope{}, false, signed)
	}, Tampered, CheckChain, "chains/beta/events", "it is said to stand at 9 in the log, which has 9 entries"},
	{"an entry of the log is forged", func(_ *testing.T, w *world, _ *Trust) []byte {
		return changed(w, "log/tile/entries/000.p/9", func(b []byte) []byte { b[3*entryWidth+40] ^= 1; return b })
	}, Tampered, CheckLog, "log/tile/entries/000.p/9", "Entry 3 was changed"},
	{"an entry is forged with all hashes above it", func(_ *testing.T, w *world, _ *Trust) []byte {
		signed := w.sign(len(w.entries))
		entries := slices.Clone(w.entries)
		entries[3] = slices.Clone(entries[3])
		entries[3][40] ^= 1
		w.replaced(entries)
		return w.exportAt(Scope{}, false, signed)
	}, Tampered, CheckLog, "log/", "entries were changed, moved, added or taken out"},
	{"history is forked: two versions 3 of one agreement", func(_ *testing.T, w *world, _ *Trust) []byte {
		h := w.chain("alpha")
		e := declined("first", "told to the other side")
		e.AgreementId, e.Version = "alpha", 3
		w.enter(h, e)
		return whole(w)
	}, Tampered, CheckLabels, "chains/alpha/events", "History was forked: version 3 was recorded 2 times, at 4 and 9 of the log."},
	{"the fork of an agreement that is not in the bundle", func(_ *testing.T, w *world, _ *Trust) []byte {
		e := declined("first", "told to the other side")
		e.AgreementId, e.Version = "alpha", 3
		w.enter(w.chain("alpha"), e)
		return w.export(Scope{AgreementID: "beta"}, false)
	}, Tampered, CheckLabels, "log/", "History was forked: one place in a chain that the bundle does not hold was recorded 2 times"},
	{"everything is rewritten and signed again, and an earlier checkpoint was kept", func(_ *testing.T, w *world, trust *Trust) []byte {
		trust.Since = w.sign(len(w.entries))
		return whole(rewritten(w))
	}, Tampered, CheckConsistency, "log/", "History was rewritten: the first 9 entries make the root"},
	{"everything is rewritten, and the bundle holds proofs only", func(_ *testing.T, w *world, trust *Trust) []byte {
		trust.Since = w.sign(len(w.entries) - 1)
		return rewritten(w).export(Scope{AgreementID: "beta"}, true)
	}, Tampered, CheckConsistency, "log/", "History was rewritten: the log did not grow from the 8 entries"},
	{"everything is rewritten and signed again, and the witnesses refuse", func(_ *testing.T, w *world, _ *Trust) []byte {
		w = rewritten(w)
		return w.exportAt(Scope{}, false, w.sign(len(w.entries), w.signers[0], w.signers[1]))
	}, Tampered, CheckCheckpoint, "checkpoint", "it lacks the signature of witness2.example (key "},
	{"the store is rolled back", func(_ *testing.T, w *world, trust *Trust) []byte {
		trust.Since = w.sign(len(w.entries))
		h := w.chain("beta")
		h.events = h.events[:1]
		w.replaced(w.entries[:7])
		return whole(w)
	}, Tampered, CheckConsistency, "checkpoint", "The log had 9 entries and has 7: it was rolled back."},
	{"agreements are swapped", func(_ *testing.T, w *world, _ *Trust) []byte {
		w.chains["alpha"], w.chains["beta"] = w.chains["beta"], w.chains["alpha"]
		return whole(w)
	}, Tampered, CheckChain, "chains/alpha/events", `Version 1: it belongs to "beta"`},
	{"the events of agreements are swapped, and their keys are not", func(_ *testing.T, w *world, _ *Trust) []byte {
		w.chain("alpha").events, w.chain("beta").events = w.chain("beta").events, w.chain("alpha").events
		return whole(w)
	}, Tampered, CheckInclusion, "chains/alpha/events", "belongs to another chain"},
	{"a cosignature is lost", func(_ *testing.T, w *world, _ *Trust) []byte {
		return w.exportAt(Scope{}, false, w.sign(len(w.entries), w.signers[0], w.signers[3]))
	}, Tampered, CheckCheckpoint, "checkpoint", "), witness2.example (key "},
	{"another key signed", func(t *testing.T, w *world, _ *Trust) []byte {
		skey, _, err := note.GenerateKey(strings.NewReader(strings.Repeat("another", 9)), origin)
		if err != nil {
			t.Fatal(err)
		}
		other, err := note.NewSigner(skey)
		if err != nil {
			t.Fatal(err)
		}
		return w.exportAt(Scope{}, false, w.sign(len(w.entries), append([]note.Signer{other}, w.signers[1:]...)...))
	}, Tampered, CheckCheckpoint, "checkpoint", "it lacks the signature of " + origin},
	{"a checkpoint is edited", func(_ *testing.T, w *world, _ *Trust) []byte {
		edit := func(b []byte) []byte { return []byte(strings.Replace(string(b), "\n9\n", "\n8\n", 1)) }
		names, data := files(w.t, whole(w))
		data["checkpoint"], data["log/checkpoint"] = edit(data["checkpoint"]), edit(data["log/checkpoint"])
		return reseal(w.t, manifest{Format: Format}, names, data)
	}, Tampered, CheckCheckpoint, "checkpoint", "The signature of " + origin + " is wrong"},
	{"a record is other than the events", func(_ *testing.T, w *world, _ *Trust) []byte {
		return changed(w, "chains/_service/state", func(b []byte) []byte { return []byte(strings.Replace(string(b), "Daughters", "Grandsons", 1)) })
	}, Tampered, CheckState, "chains/_service/state", `Party "vale" is not what the events have led to: display_name differs`},
	{"a record is left out", func(_ *testing.T, w *world, _ *Trust) []byte {
		return changed(w, "chains/beta/state", func([]byte) []byte { return nil })
	}, Tampered, CheckState, "chains/beta/state", "the state ends before it"},
	{"an event that no rule makes is recorded", func(_ *testing.T, w *world, _ *Trust) []byte {
		w.record("beta", &pb.Event{Change: &pb.Event_ObligationAccepted{ObligationAccepted: &pb.ObligationAccepted{ObligationId: "none"}}})
		return whole(w)
	}, Tampered, CheckReplay, "chains/beta/events", "The rules do not carry version 4"},
	{"a text other than its digest names is recorded", func(_ *testing.T, w *world, _ *Trust) []byte {
		w.record("gamma", drafted("vale", "cliff"), proposed("first", "We deliver."))
		w.record("delta", drafted("vale", "cliff"))
		other := proposed("first", "We deliver.")
		other.GetProposalMade().TermsDigest = proposed("first", "Nothing.").GetProposalMade().GetTermsDigest()
		w.record("delta", other)
		return whole(w)
	}, Tampered, CheckReplay, "chains/delta/events", "The rules do not carry version 2"},
	{"a text that was kept apart is edited", func(_ *testing.T, w *world, _ *Trust) []byte {
		return changed(w, "chains/alpha/events", func(b []byte) []byte { return bytes.Replace(b, []byte("too dear"), []byte("too late"), 1) })
	}, Tampered, CheckPrivate, "chains/alpha/events", "Version 3: the texts beside it are not those that it was recorded with"},
	{"a text is added to an event that had none", func(_ *testing.T, w *world, _ *Trust) []byte {
		x := w.chain("alpha").events[1]
		part := &pb.PrivatePart{Fields: []*pb.PrivateField{{Path: "proposal_made.note", Value: &pb.PrivateField_Text{Text: "You asked for it."}}}}
		x.Private, _ = deterministic.Marshal(part)
		x.PrivateSalt = seed("salt")
		return whole(w)
	}, Tampered, CheckPrivate, "chains/alpha/events", "Version 2: the texts beside it are not those"},
	{"a text is taken away, and no event says so", func(_ *testing.T, w *world, _ *Trust) []byte {
		w.chain("alpha").forget(3)
		return whole(w)
	}, Incomplete, CheckPrivate, "chains/alpha/events", "The texts of version 3 are missing, and nothing in the chain says that they were erased"},
	{"a text is still there, though an event says that it was erased", func(_ *testing.T, w *world, _ *Trust) []byte {
		w.record("alpha", erased(1, 3))
		return whole(w)
	}, Tampered, CheckPrivate, "chains/alpha/events", "The texts of version 3 are there, though version 4 says that they were erased"},
	{"an erased text is still in a record", func(_ *testing.T, w *world, _ *Trust) []byte {
		_, before := files(w.t, whole(w))
		state := before["chains/alpha/state"]
		w.record("alpha", erased(3))
		w.chain("alpha").forget(3)
		names, data := files(w.t, whole(w))
		data["chains/alpha/state"] = state
		return reseal(w.t, manifest{Format: Format}, names, data)
	}, Tampered, CheckState, "chains/alpha/state", "is not what the events have led to"},
	{"a chain is left out of an agreement's bundle", func(_ *testing.T, w *world, _ *Trust) []byte {
		names, data := files(w.t, w.export(Scope{AgreementID: "beta"}, false))
		return reseal(w.t, manifest{Format: Format, Scope: Scope{AgreementID: "alpha"}}, names, data)
	}, Incomplete, CheckFile, "chains/alpha/", "The bundle is said to be about it"},
	{"the words for people are other than the events", func(_ *testing.T, w *world, _ *Trust) []byte {
		return changed(w, "chains/alpha/history.txt", func(b []byte) []byte { return bytes.Replace(b, []byte("too dear"), []byte("too good"), 1) })
	}, Incomplete, CheckWords, "chains/alpha/history.txt", "It does not say of version 3 what this program says"},
	{"the words for people go on", func(_ *testing.T, w *world, _ *Trust) []byte {
		return changed(w, "chains/alpha/history.txt", func(b []byte) []byte { return append(b, "4\tAll was paid.\n"...) })
	}, Incomplete, CheckWords, "chains/alpha/history.txt", "It goes on behind the last event"},
	{"the schema gives two sides each other's names", func(t *testing.T, w *world, _ *Trust) []byte {
		return changed(w, "schema.binpb", func(b []byte) []byte {
			set := &descriptorpb.FileDescriptorSet{}
			if err := proto.Unmarshal(b, set); err != nil {
				t.Fatal(err)
			}
			for _, f := range set.GetFile() {
				for _, e := range f.GetEnumType() {
					if v := e.GetValue(); e.GetName() == "Side" {
						v[1].Name, v[2].Name = v[2].Name, v[1].Name
					}
				}
			}
			b, _ = deterministic.Marshal(set)
			return b
		})
	}, Tampered, CheckWords, "schema.binpb", `It calls value 1 of concord.v1.Side "SIDE_CLIENT", and it is "SIDE_VENDOR"`},
	{"the schema describes what nobody knows", func(_ *testing.T, w *world, _ *Trust) []byte {
		return changed(w, "schema.binpb", func(b []byte) []byte {
			more, _ := deterministic.Marshal(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{{
				Package: proto.String("concord.v9"), EnumType: []*descriptorpb.EnumDescriptorProto{{Name: proto.String("New"), Value: []*descriptorpb.EnumValueDescriptorProto{{Name: proto.String("NEW"), Number: proto.Int32(0)}}}},
			}}})
			return append(b, more...)
		})
	}, Incomplete, CheckWords, "schema.binpb", "It describes value 0 of concord.v9.New"},
	{"an agreement's bundle holds another, and is said to be a party's too", func(t *testing.T, w *world, _ *Trust) []byte {
		names, data := files(t, w.export(Scope{AgreementID: "beta"}, false))
		return reseal(t, manifest{Format: Format, Scope: Scope{AgreementID: "alpha", PartyID: "vale"}}, names, data)
	}, Tampered, CheckFile, "manifest.json", "about something else besides"},
	{"a party's bundle holds the service's chain", func(_ *testing.T, w *world, _ *Trust) []byte {
		names, data := files(w.t, whole(w))
		return reseal(w.t, manifest{Format: Format, Scope: Scope{PartyID: "vale"}}, names, data)
	}, Tampered, CheckFile, "manifest.json", "about something else besides"},
	{"a text stands in the body, from which nobody can take it", func(t *testing.T, w *world, _ *Trust) []byte {
		w.record("beta", erased(3))
		w.chain("beta").forget(3)
		w.unsplit(t, "beta", renamed("vale", "Vale"), nil)
		return whole(w)
	}, Tampered, CheckPrivate, "chains/beta/events", "Version 5: its body holds texts that are kept apart from it"},
	{"an agreement is dated back", func(t *testing.T, w *world, _ *Trust) []byte {
		w.dated(t, "gamma", drafted("vale", "cliff"), w.now()-5)
		return whole(w)
	}, Tampered, CheckTime, "chains/gamma/events", "Version 1 was dated back: it stands in the log at 9"},
	{"an event does not say when it was recorded", func(t *testing.T, w *world, _ *Trust) []byte {
		e := drafted("vale", "cliff")
		e.AgreementId, e.Version, e.PreviousEntryHash = "gamma", 1, w.chain("gamma").link
		w.chain("gamma").events = append(w.chain("gamma").events, w.enter(w.chain("gamma"), e))
		return whole(w)
	}, Tampered, CheckTime, "chains/gamma/events", "Version 1: it does not say when it was recorded"},
	{"a body holds a field that this program does not know", func(t *testing.T, w *world, _ *Trust) []byte {
		w.raw(t, "beta", protowire.AppendString(protowire.AppendTag(nil, 999, protowire.BytesType), "It was never agreed."))
		return whole(w)
	}, Incomplete, CheckReplay, "chains/beta/events", "Version 4: its body has fields that this program does not know"},
	{"a body says one thing twice", func(t *testing.T, w *world, _ *Trust) []byte {
		w.raw(t, "beta", protowire.AppendString(protowire.AppendTag(nil, 7, protowire.BytesType), "another request"))
		return whole(w)
	}, Tampered, CheckReplay, "chains/beta/events", "Version 4: its body is not written in the one way that it can be"},
	{"a checkpoint is signed with a key that was retired", func(t *testing.T, w *world, _ *Trust) []byte {
		other := "log.example/concord+8a1f3ea4+AeGYUx7p/Cdd4r5ME2tVqzNW6Kc5P4PkFgz3WVFCUNmC"
		id, _, _ := rules.LogKeyID(w.verifierKey())
		w.record("", logOpened(w.verifierKey()), keyAdded(other), keyRetired(id))
		return whole(w)
	}, Tampered, CheckCheckpoint, "chains/_service/", "by the events this was no key of it when it had 12 entries"},
	{"a checkpoint is of another log than the events open", func(t *testing.T, w *world, _ *Trust) []byte {
		e := logOpened(w.verifierKey())
		e.GetLogOpened().Origin = "log.example/other"
		w.record("", e)
		return whole(w)
	}, Tampered, CheckCheckpoint, "chains/_service/", `The events open the log "log.example/other"`},
	{"a checkpoint has more lines than one has", func(t *testing.T, w *world, _ *Trust) []byte {
		n, err := note.Open(w.sign(len(w.entries)), w.trust().Policies[0])
		if err != nil {
			t.Fatal(err)
		}
		signed, err := note.Sign(&note.Note{Text: n.Text + "valid for Tuesdays\n"}, w.signers...)
		if err != nil {
			t.Fatal(err)
		}
		return w.exportAt(Scope{}, false, signed)
	}, Tampered, CheckCheckpoint, "checkpoint", "not written as one is"},
	{"a tile is left out", func(_ *testing.T, w *world, _ *Trust) []byte {
		names, data := files(w.t, w.export(Scope{AgreementID: "beta"}, true))
		names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "log/tile/0/") })
		return reseal(w.t, manifest{Format: Format, Scope: Scope{AgreementID: "beta"}, ProofsOnly: true}, names, data)
	}, Incomplete, CheckInclusion, "log/tile/0/000.p/9", "It is missing"},
}

// rewritten is a world in which the first event of beta, and all that hangs on it, was always another.
func rewritten(w *world) *world {
	other := &world{t: w.t, signers: w.signers, policy: w.policy, chains: map[string]*history{}}
	other.record("", party("vale", "Vale & Sons"), party("cliff", "Cliff Ltd"))
	other.record("alpha", drafted("vale", "cliff"), proposed("first", "We deliver."), declined("first", "too dear"))
	other.record("beta", drafted("vale", "cliff"))
	other.record("", renamed("vale", "Vale and Daughters"))
	other.record("beta", proposed("p1", "We host."), declined("p1", "not now"))
	return other
}

func mustEvent(t *testing.T, h *history, i int) *pb.Event {
	t.Helper()
	e := &pb.Event{}
	if err := proto.Unmarshal(h.events[i].GetBody(), e); err != nil {
		t.Fatal(err)
	}
	return e
}

// TestAttacks tries each, and holds what is said of it: what happened, and where.
func TestAttacks(t *testing.T) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			w := newWorld(t, 3, 2).story()
			trust := w.trust()
			r := verify(a.do(t, w, &trust), trust)
			if r.Outcome != a.want {
				t.Fatal(told(r))
			}
			for _, f := range r.Findings {
				if f.Outcome == a.want && f.Check == a.check && strings.HasPrefix(f.Where, a.where) && strings.Contains(f.What, a.what) {
					return
				}
			}
			t.Error(told(r))
		})
	}
}
