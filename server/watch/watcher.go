package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
)

// Request is one watch.
type Request struct {
	*pb.WatchEventsRequest
	// Caller is who watches.
	Caller rules.Caller
	// Connection names the connection it came by; empty if that is not known.
	Connection string
	// Welcome says whether the caller's key is still good. It is asked once the hub knows of the watch, so that no
	// revocation falls between the door and there.
	Welcome func() error
	// Send takes one message, and may wait for the caller to make room. It is not called by two at a time. Messages are
	// shared: it must not change them.
	Send func(*pb.WatchEventsResponse) error
}

// watcher is one watch.
type watcher struct {
	caller      rules.Caller
	agreementID string
	partyID     string
	kinds       map[string]bool // nil: all
	fromNow     bool
	holders     []string // what its place counts for
	send        func(*pb.WatchEventsResponse) error
	wake        chan struct{} // has room for one

	mu       sync.Mutex
	joined   bool   // told counts
	live     bool   // the hub queues what happens; else the watch reads the store
	at       uint64 // everything up to here is told, or waits
	waiting  []*pb.WatchEventsResponse
	bookmark bool   // one is due
	ended    error  // why it must end
	busy     bool   // a message is on its way
	beats    int    // since anything moved
	told     uint64 // the position to resume after
}

// Watch tells the caller what it asked for until ctx ends, the caller takes nothing more, or the hub ends it. It returns why
// it ended: a refusal, with the position to resume after once there is one.
func (h *Hub) Watch(ctx context.Context, r Request) error {
	w, err := h.newWatcher(ctx, r)
	if err == nil {
		err = h.watch(ctx, w, r.Welcome)
	}
	if ctx.Err() != nil { // the caller has gone and hears nothing, or the service stops
		err = rules.Refuse(pb.ErrorReason_ERROR_REASON_SHUTTING_DOWN, "The service is stopping. Resume in a moment, after the position that was told last.")
	}
	return h.farewell(w, err)
}

// watch follows what happens for a watch that was checked.
func (h *Hub) watch(ctx context.Context, w *watcher, welcome func() error) error {
	if err := h.join(w); err != nil {
		return err
	}
	defer h.leave(w)
	if err := welcome(); err != nil {
		return err
	}
	where, err := h.stands(ctx, w.at)
	if err != nil {
		return err
	}
	if err := h.send(ctx, w, []*pb.WatchEventsResponse{where}); err != nil {
		return err
	}
	return h.follow(ctx, w)
}

// newWatcher checks what is asked for.
func (h *Hub) newWatcher(ctx context.Context, r Request) (*watcher, error) {
	w := &watcher{
		caller: r.Caller, agreementID: r.GetAgreementId(), partyID: r.GetPartyId(), at: r.GetAfterPosition(), fromNow: r.AfterPosition == nil,
		holders: []string{"key " + r.Caller.PrincipalID}, send: r.Send, wake: make(chan struct{}, 1),
	}
	if r.Connection != "" {
		w.holders = append(w.holders, "connection "+r.Connection)
	}
	var wrong []rules.Violation
	known := rules.EventKinds()
	for i, kind := range r.GetKinds() {
		if !slices.Contains(known, kind) {
			wrong = append(wrong, rules.Violation{Field: fmt.Sprintf("kinds[%d]", i), Description: "is no change of an Event; they are named like \"obligation_submitted\""})
			continue
		}
		if w.kinds == nil {
			w.kinds = map[string]bool{}
		}
		w.kinds[kind] = true
	}
	if len(wrong) > 0 {
		return w, rules.Invalid(wrong...)
	}
	if w.partyID != "" && w.caller.Role != pb.Role_ROLE_AUDITOR && w.caller.PartyID != w.partyID {
		return w, rules.NotFound("party", w.partyID) // nothing of it would ever be told
	}
	if w.agreementID != "" {
		if _, err := h.Journal.Read(ctx, w.caller, rules.Ref{Kind: rules.KindAgreement, Agreement: w.agreementID}, "agreement"); err != nil {
			return w, err
		}
	}
	return w, nil
}

// interests are what a watch is found by.
func (w *watcher) interests() []string {
	switch {
	case w.agreementID != "":
		return []string{"agreement " + w.agreementID}
	case w.caller.PartyID != "":
		return []string{"party " + w.caller.PartyID}
	case len(w.caller.AgreementIDs) > 0:
		ids := map[string]bool{}
		for _, id := range w.caller.AgreementIDs {
			ids["agreement "+id] = true
		}
		return slices.Collect(maps.Keys(ids))
	case w.caller.Role == pb.Role_ROLE_OPERATOR:
		return []string{"service"}
	}
	return []string{"all"}
}

// interests are what the watches of an agreement's events are found by; nil is the service.
func interests(a *pb.Agreement) []string {
	if a == nil {
		return []string{"all", "service"}
	}
	found := []string{"all", "agreement " + a.GetAgreementId(), "party " + a.GetVendorPartyId(), "party " + a.GetClientPartyId()}
	if a.GetNeutralPartyId() != "" {
		found = append(found, "party "+a.GetNeutralPartyId())
	}
	return found
}

// sees says whether a watch may tell of an agreement, nil for the service, and was asked to.
func (w *watcher) sees(a *pb.Agreement) bool {
	if a == nil {
		return w.caller.SeesService() && w.agreementID == "" && w.partyID == ""
	}
	party := rules.Caller{PartyID: w.partyID}
	return w.caller.Sees(a) && (w.agreementID == "" || w.agreementID == a.GetAgreementId()) &&
		(w.partyID == "" || party.SideOf(a) != pb.Side_SIDE_UNSPECIFIED || party.Neutral(a))
}

// wants says whether an event is to be told.
func (w *watcher) wants(e journal.Recorded) bool {
	return w.sees(e.Agreement) && w.caller.Told(e.GetEvent(), e.Agreement) && (w.kinds == nil || w.kinds[rules.EventKind(e.GetEvent())])
}

// queue takes an event for a live watch. One whose queue is full goes on from the store.
func (w *watcher) queue(m *pb.WatchEventsResponse, position uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.live || position <= w.at {
		return
	}
	if len(w.waiting) == maxQueue {
		w.live = false
		return
	}
	w.waiting, w.at = append(w.waiting, m), position
	w.rouse()
}

// rouse wakes the watch, which may be awake.
func (w *watcher) rouse() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// end has the watch end.
func (w *watcher) end(why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended == nil {
		w.ended = why
	}
	w.rouse()
}

// beat is called by the hub, every so often.
func (w *watcher) beat() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.beats++
	switch {
	case w.busy && w.beats > slowBeats && w.ended == nil:
		w.ended = rules.Refuse(pb.ErrorReason_ERROR_REASON_TOO_SLOW, "A message was not taken for %d seconds. Resume after the position that was told last.", slowBeats)
		w.rouse()
	case !w.busy && w.beats >= quietBeats:
		w.bookmark = true
		w.rouse()
	}
}

// stands is a bookmark.
func (h *Hub) stands(ctx context.Context, position uint64) (*pb.WatchEventsResponse, error) {
	at, err := h.Journal.RecordTime(ctx, position)
	if err != nil {
		return nil, err
	}
	b := &pb.WatchBookmark{Position: position}
	if !at.IsZero() {
		b.RecordTime = timestamppb.New(at)
	}
	return &pb.WatchEventsResponse{Told: &pb.WatchEventsResponse_Bookmark{Bookmark: b}}, nil
}

// follow tells what is queued, or in the store, and waits for more.
func (h *Hub) follow(ctx context.Context, w *watcher) error {
	for {
		messages, behind, err := h.take(ctx, w)
		if err != nil {
			return err
		}
		if len(messages) > 0 {
			if err := h.send(ctx, w, messages); err != nil {
				return err
			}
			continue
		}
		if behind {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.wake:
		}
	}
}

// take is what is to be told next; nothing if the watch has to wait, or if it is behind and what it looked at was not for it.
func (h *Hub) take(ctx context.Context, w *watcher) (messages []*pb.WatchEventsResponse, behind bool, err error) {
	w.mu.Lock()
	messages, w.waiting = w.waiting, nil
	behind, due, err := !w.live, w.bookmark, w.ended
	w.mu.Unlock()
	switch {
	case err != nil || len(messages) > 0:
		return messages, behind, err
	case behind:
		messages, err = h.read(ctx, w)
		return messages, true, err
	case due:
		position, more := h.settled(w)
		if more {
			return nil, true, nil
		}
		m, err := h.stands(ctx, position)
		return []*pb.WatchEventsResponse{m}, false, err
	}
	return nil, false, nil
}

// settled is how far everything is told to a live watch; more says that something waits.
func (h *Hub) settled(w *watcher) (position uint64, more bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.live || len(w.waiting) > 0 {
		return 0, true
	}
	w.at, w.bookmark = max(w.at, h.at), false
	return w.at, false
}

// read is the next page of a watch that is behind. It makes the watch live once the hub has not been further.
func (h *Hub) read(ctx context.Context, w *watcher) ([]*pb.WatchEventsResponse, error) {
	if err := h.reading.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer h.reading.Release(1)
	span, err := h.Journal.History(ctx, journal.Search{
		After: w.at, AgreementID: w.agreementID, Wants: w.sees, Events: pageEvents, Bytes: pageBytes,
	})
	if err != nil {
		return nil, err
	}
	var messages []*pb.WatchEventsResponse
	for _, e := range span.Events {
		if w.wants(e) {
			messages = append(messages, &pb.WatchEventsResponse{Told: &pb.WatchEventsResponse_Event{Event: rules.Tell(e.RecordedEvent)}})
		}
	}
	h.mu.Lock()
	w.mu.Lock()
	w.at = span.Position
	w.live = span.Newest && w.at >= h.at
	w.bookmark = w.live // it has caught up, and says so
	w.mu.Unlock()
	h.mu.Unlock()
	if len(messages) == 0 && !span.Newest { // it looked at many in vain: they need not be looked at again
		m, err := h.stands(ctx, span.Position)
		return []*pb.WatchEventsResponse{m}, err
	}
	return messages, nil
}

// send sends messages from a goroutine of its own, so that who is stuck in it can be cut.
func (h *Hub) send(ctx context.Context, w *watcher, messages []*pb.WatchEventsResponse) error {
	select {
	case h.sending <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	w.mu.Lock()
	w.busy, w.beats = true, 0
	w.mu.Unlock()
	done := make(chan error, 1)
	go func() { done <- w.sendAll(messages) }()
	patience := time.NewTimer(senderPatience)
	defer patience.Stop()
	placed := true
	defer func() {
		if placed {
			<-h.sending
		}
	}()
	for {
		select {
		case err := <-done:
			return err
		case <-patience.C:
			placed = false
			<-h.sending
			continue
		case <-ctx.Done():
		case <-w.wake:
			if !w.mustEnd() {
				continue // more waits; take finds it
			}
		}
		return w.breakOff(ctx, done)
	}
}

// mustEnd says whether the watch was ended.
func (w *watcher) mustEnd() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended != nil
}

// breakOff has a sender stop, and gives the message that is on its way a moment to arrive, so that the position to resume
// after is right.
func (w *watcher) breakOff(ctx context.Context, done chan error) error {
	w.mu.Lock()
	if w.ended == nil {
		w.ended = context.Cause(ctx)
	}
	why := w.ended
	w.mu.Unlock()
	patience := time.NewTimer(lastWord)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
	}
	return why
}

// sendAll sends messages until one fails or the watch was ended.
func (w *watcher) sendAll(messages []*pb.WatchEventsResponse) error {
	for _, m := range messages {
		if w.mustEnd() {
			break
		}
		if err := w.send(m); err != nil {
			return fmt.Errorf("%w: %w", errGone, err)
		}
		w.mu.Lock()
		w.beats = 0
		if e := m.GetEvent(); e != nil {
			w.told = e.GetPosition()
		} else {
			w.told = m.GetBookmark().GetPosition()
		}
		w.mu.Unlock()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = false
	return w.ended
}

// errGone says of an end that the caller is not there to hear it.
var errGone = errors.New("the caller has gone")

// farewell is why a watch ended, as its caller is told.
func (h *Hub) farewell(w *watcher, err error) error {
	var refusal *rules.Error
	if !errors.As(err, &refusal) {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if ended, _ := w.ended.(*rules.Error); ended == refusal && h.Observe.Ended != nil {
		h.Observe.Ended(refusal.Reason)
	}
	if !w.joined {
		return err
	}
	told := *refusal
	told.Metadata = map[string]string{"position": strconv.FormatUint(w.told, 10)}
	return &told
}
