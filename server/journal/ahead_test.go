package journal_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// held is a desk whose first commit, of two commands, is held on its way to the disk until it is told how it ends.
type held struct {
	*desk
	first, second <-chan answer
	outcome       chan error
	ended         chan error
}

func hold(t *testing.T) *held {
	t.Helper()
	h := &held{outcome: make(chan error), ended: make(chan error, 1)}
	h.desk = openDesk(t, nil, nil)
	durable := party("durable")
	durable.RequestId = "durable"
	first := h.send(t.Context(), chief, durable)
	h.turn()
	if a := h.get(first); a.err != nil {
		t.Fatal(a.err)
	}
	req := party("acme")
	req.RequestId = "first"
	h.begin(chief, req, party("globex"))
	return h
}

// begin has two commands decided and held on their way to the disk.
func (h *held) begin(who rules.Caller, first, second proto.Message) {
	h.t.Helper()
	writing := make(chan struct{})
	h.store.hands(func(_ store.Change, next func() error) error {
		h.store.hands(nil, nil)
		close(writing)
		if err := <-h.outcome; err != nil {
			return err
		}
		return next()
	}, nil)
	h.first, h.second = h.send(h.t.Context(), who, first), h.send(h.t.Context(), who, second)
	ctx, stop := context.WithCancel(context.Background())
	h.t.Cleanup(stop)
	go func() { h.ended <- h.Run(ctx) }()
	<-writing
}

// noticing is a context that tells when it is asked whether it has ended, which is how deciding a command begins.
type noticing struct {
	context.Context
	asked func()
}

func (n noticing) Err() error {
	n.asked()
	return n.Context.Err()
}

// behind has a command decided while the commit is held, and returns where its answer comes.
func (h *held) behind(who rules.Caller, cmd proto.Message) <-chan answer {
	h.t.Helper()
	asked, to := make(chan struct{}), make(chan answer, 1)
	ctx := noticing{context.Background(), sync.OnceFunc(func() { close(asked) })}
	go func() {
		m, err := h.Do(ctx, who, cmd)
		to <- answer{m, err}
	}()
	select {
	case <-asked:
	case <-time.After(patience):
		h.t.Fatal("nothing is decided behind what is being written")
	}
	return to
}

// several has commands of every kind decided behind the commit.
func (h *held) several() map[string]<-chan answer {
	again, other := party("acme"), party("other")
	again.RequestId, other.RequestId = "first", "first"
	return map[string]<-chan answer{
		"taken ahead":         h.behind(chief, party("acme")),
		"asked again":         h.behind(chief, again),
		"its id for another":  h.behind(chief, other),
		"refused in any case": h.behind(chief, &pb.CreatePartyRequest{}),
		"upon what is ahead":  h.behind(chief, &pb.UpdatePartyRequest{PartyId: "globex", Party: &pb.Party{DisplayName: "Globex Ltd"}}),
		"upon both":           h.behind(vendor, &pb.CreateAgreementRequest{Agreement: &pb.Agreement{VendorPartyId: "acme", ClientPartyId: "globex", DraftTerms: text("T")}}),
	}
}

// What is decided behind a batch sees it, and is answered after it.
func TestDecidedUponWhatIsNotYetDurable(t *testing.T) {
	h := hold(t)
	all := h.several()
	for name, one := range all {
		select {
		case a := <-one:
			t.Errorf("%s: answered before what it was decided upon was durable: %v", name, a.err)
		default:
		}
	}
	// A store may have to wait for Views before it can commit.
	eventually(t, "no View is held while the journal waits", func() bool { return h.store.Views() == 0 })
	h.outcome <- nil
	for _, one := range []<-chan answer{h.first, h.second} {
		if a := h.get(one); a.err != nil {
			t.Error(a.err)
		}
	}
	for name, want := range map[string]string{
		"taken ahead": "ALREADY_EXISTS", "asked again": "", "its id for another": "REQUEST_ID_REUSED",
		"refused in any case": "INVALID_FIELDS", "upon what is ahead": "", "upon both": "",
	} {
		if a := h.get(all[name]); (a.err != nil) != (want != "") || reason(a.err) != want {
			t.Errorf("%s: %v, want %s", name, a.err, want)
		}
	}
	if n := h.store.count(t, "events"); n != 5 {
		t.Errorf("%d events", n)
	}
	p, err := h.Party(t.Context(), chief, "globex")
	if err != nil || p.GetDisplayName() != "Globex Ltd" {
		t.Errorf("%v, %v", p, err)
	}
}

// What was decided upon a batch that failed was never written, and is told the same.
func TestDecidedUponWhatFailed(t *testing.T) {
	broken := errors.New("the disk went away")
	for why, want := range map[error]string{store.ErrFull: "STORE_FULL", broken: "OUTCOME_UNKNOWN"} {
		t.Run(want, func(t *testing.T) {
			h := hold(t)
			again := party("durable")
			again.RequestId = "durable"
			before := h.behind(chief, again)
			all := h.several()
			h.outcome <- why
			all["first"], all["second"] = h.first, h.second
			if a := h.get(before); a.err != nil {
				t.Errorf("what was durable before was told %v", a.err)
			}
			for name, one := range all {
				if a := h.get(one); reason(a.err) != want {
					t.Errorf("%s: %v", name, a.err)
				}
			}
			if n := h.store.count(t, "events"); n != 1 {
				t.Errorf("%d events", n)
			}
			if errors.Is(why, store.ErrFull) {
				h.must(chief, party("acme"))
				h.must(chief, &pb.UpdatePartyRequest{PartyId: "acme", Party: &pb.Party{DisplayName: "Acme"}})
				if n := h.store.count(t, "events"); n != 3 {
					t.Errorf("%d events", n)
				}
				return
			}
			if err := <-h.ended; !errors.Is(err, broken) {
				t.Errorf("Run returned %v", err)
			}
		})
	}
}

// What is decided behind a batch follows it as soon as that is durable: the disk does not rest while others still wait.
func TestABatchDoesNotKeepTheDiskWaiting(t *testing.T) {
	h := hold(t)
	commits := h.store.Commits()
	const many = 50
	changed := h.Changed()
	release := sync.OnceFunc(func() { h.outcome <- nil; <-changed })
	gate := make(chan struct{})
	deciding := noticing{context.Background(), func() { <-gate; release(); runtime.Gosched() }} // whoever writes comes to its turn
	var told []<-chan answer
	for i := range many {
		to := make(chan answer, 1)
		told = append(told, to)
		go func() {
			m, err := h.Do(deciding, chief, party(numbered("p", i)))
			to <- answer{m, err}
		}()
	}
	eventually(t, "all but the one that is decided wait", func() bool { return h.Waiting() == many-1 })
	close(gate)
	for _, one := range append(told, h.first, h.second) {
		if a := h.get(one); a.err != nil {
			t.Error(a.err)
		}
	}
	if n := h.store.Commits() - commits; n < 3 {
		t.Errorf("%d commits: all that waited went together", n)
	}
}
