package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

const (
	// The crowd: so many watches over so many connections, by so many keys, of which so many take nothing.
	crowdSize, crowdConnections, crowdKeys, crowdStalled = 10_000, 100, 40, 100
	// crowdGoal is how long it may take until all have been told of one change, memoryGoal what each may hold.
	crowdGoal, memoryGoal = 1.0, 25.0 // s, kB
	// crowdWrites is how many changes a round looks at. A stalled watch is cut when what is on its way fills both ends, for
	// which there are so many more, each with so long a text.
	crowdWrites, stallWrites, stallText = 20, 40, 1_900
	// crowdPatience bounds every wait for the crowd.
	crowdPatience = time.Minute
	// stallWindow is how much a stalled caller takes in unread: fixed, where gRPC would else let it grow for a caller that is fast.
	stallWindow = 64 << 10
)

// crowd is ten thousand watches that are told of the same changes.
type crowd struct {
	clients []*client.Client
	heard   chan uint64      // a position that one of those who listen was told of
	narrow  *grpc.ClientConn // of those who take nothing
	stalled []*stalled
	listen  int      // how many do
	written []uint64 // the positions of what they were told
	failed  atomic.Pointer[error]
}

// stalled is a watch that takes nothing until it is asked to.
type stalled struct {
	stream interface {
		Recv() (*pb.WatchEventsResponse, error)
	}
	resume func(after uint64) (*pb.WatchEventsResponse, error)
}

// watchCrowd looks what ten thousand watches cost the service, how long it takes to tell them all, and what becomes of those
// who take nothing.
func watchCrowd(ctx context.Context, s *stage, m *Measure) (err error) {
	c, err := s.service(ctx, callers)
	if err != nil {
		return err
	}
	sides, err := c.sides(ctx)
	if err != nil {
		return err
	}
	defer sides.close()
	before, err := c.resident(ctx)
	if err != nil {
		return err
	}
	begun := time.Now()
	k := &crowd{heard: make(chan uint64, crowdSize)}
	defer k.close()
	if err := k.gather(ctx, c); err != nil {
		return err
	}
	s.say("%d watches have begun after %s", crowdSize, time.Since(begun).Round(time.Millisecond))
	m.judge(fmt.Sprintf("%d watches begin", crowdSize), "s", 0, false, []float64{time.Since(begun).Seconds()})
	waiting, err := c.resident(ctx)
	if err != nil {
		return err
	}
	var each []float64
	all := m.contender("until all are told of one change")
	for round := range s.rounds {
		watch := s.watch()
		took, err := k.tellAll(ctx, sides, round)
		if err != nil {
			return err
		}
		t := turnOf(took.took, time.Second)
		t.PerSecond, t.Others = 0, watch()
		all.Turns = append(all.Turns, t)
		each = append(each, float64(took.took.Max())/1e6)
		s.say("%d/%d: %s", round+1, s.rounds, t)
	}
	busy, err := c.resident(ctx)
	if err != nil {
		return err
	}
	m.judge("until all are told of a change, the slowest", "s", crowdGoal, false, each)
	m.judge("memory of a watch that waits", "kB", memoryGoal, false, []float64{(waiting - before) / crowdSize / 1e3})
	m.judge("memory of a watch that was told", "kB", memoryGoal, false, []float64{(busy - before) / crowdSize / 1e3})
	cut, err := k.cut(ctx, sides)
	if err != nil {
		return err
	}
	after, err := c.resident(ctx)
	if err != nil {
		return err
	}
	m.judge("of the stalled ones are cut, and resume without a gap", "%", 100, true, []float64{100 * float64(cut) / crowdStalled})
	m.judge("memory of a watch after that", "kB", memoryGoal, false, []float64{(after - before) / crowdSize / 1e3})
	m.Notes = append(m.Notes, fmt.Sprintf("%d watches of one party over %d connections by %d keys; %d of them take nothing. Memory is what the process of the service has more of the machine than before, by watches.",
		crowdSize, crowdConnections, crowdKeys, crowdStalled))
	return nil
}

// gather has all watches begin.
func (k *crowd) gather(ctx context.Context, c *concordd) error {
	to, err := client.Dial(ctx, c.grpcAddr, client.Options{Key: c.key})
	if err != nil {
		return err
	}
	k.clients = append(k.clients, to)
	keys := make([]string, crowdKeys)
	for i := range keys {
		made, err := to.Admin.CreateApiKey(ctx, &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{DisplayName: "Crowd", Principal: &pb.Principal{Role: pb.Role_ROLE_VIEWER, PartyId: prefix + "-vendor"}}})
		if err != nil {
			return err
		}
		keys[i] = made.GetSecret()
	}
	var mu sync.Mutex
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(keepers)
	for n := range crowdConnections {
		conn, err := client.Dial(ctx, c.grpcAddr, client.Options{})
		if err != nil {
			return err
		}
		k.clients = append(k.clients, conn)
		history := conn.History
		if n == 0 { // those who take nothing
			if k.narrow, err = grpc.NewClient(c.grpcAddr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithStaticStreamWindowSize(stallWindow)); err != nil {
				return err
			}
			history = pb.NewHistoryServiceClient(k.narrow)
		}
		for i := range crowdSize / crowdConnections {
			group.Go(func() error {
				key := keys[(n*crowdSize/crowdConnections+i)%crowdKeys]
				as := client.WithKey(ctx, key)
				begin := as
				if n == 0 { // not by the client, which would say it by itself
					begin = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key)
				}
				stream, err := history.WatchEvents(begin, &pb.WatchEventsRequest{})
				for told := 0; told < 2 && err == nil; told++ { // where it stands, and that it has caught up
					_, err = stream.Recv()
				}
				if err != nil || groupCtx.Err() != nil {
					return errors.Join(err, context.Cause(groupCtx))
				}
				mu.Lock()
				defer mu.Unlock()
				if n == 0 {
					k.stalled = append(k.stalled, &stalled{stream, func(after uint64) (*pb.WatchEventsResponse, error) { return firstEvent(as, conn, after) }})
					return nil
				}
				k.listen++
				go k.hear(stream.Recv)
				return nil
			})
		}
	}
	return group.Wait()
}

// firstEvent is the first event that a watch behind a position tells.
func firstEvent(ctx context.Context, c *client.Client, after uint64) (*pb.WatchEventsResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, crowdPatience)
	defer cancel()
	for m, err := range c.Watch(ctx, &pb.WatchEventsRequest{AfterPosition: &after}) {
		if err != nil || m.GetEvent() != nil {
			return m, err
		}
	}
	return nil, ctx.Err()
}

// hear takes what a watch tells.
func (k *crowd) hear(recv func() (*pb.WatchEventsResponse, error)) {
	for {
		m, err := recv()
		if err != nil {
			k.failed.CompareAndSwap(nil, &err)
			return
		}
		if e := m.GetEvent(); e != nil {
			k.heard <- e.GetPosition()
		}
	}
}

// tellAll writes changes one by one, and takes how long each takes to reach all who listen.
func (k *crowd) tellAll(ctx context.Context, s *sides, round int) (*tally, error) {
	took := &tally{took: newHistogram()}
	for n := range crowdWrites {
		id := fmt.Sprintf("crowd-%d-%d-%d", time.Now().UnixNano(), round, n)
		if err := s.write(ctx, n%paceCallers, id, ""); err != nil {
			return nil, err
		}
		answered := time.Now()
		if err := k.await(ctx, k.listen); err != nil {
			return nil, err
		}
		took.add(time.Since(answered), nil)
	}
	return took, nil
}

// await waits until an event was told to so many.
func (k *crowd) await(ctx context.Context, events int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, crowdPatience, fmt.Errorf("not all were told within %s", crowdPatience))
	defer cancel()
	at := uint64(0)
	for range events {
		select {
		case at = <-k.heard:
		case <-ctx.Done():
			if err := k.failed.Load(); err != nil {
				return fmt.Errorf("a watch that listened ended: %w", *err)
			}
			return context.Cause(ctx)
		}
	}
	k.written = append(k.written, at)
	return nil
}

// cut writes until those who take nothing are cut, and counts those who were told where to go on, and find nothing missing
// there.
func (k *crowd) cut(ctx context.Context, s *sides) (int, error) {
	for n := range stallWrites {
		if err := s.write(ctx, n%paceCallers, fmt.Sprintf("stall-%d-%d", time.Now().UnixNano(), n), strings.Repeat("x", stallText)); err != nil {
			return 0, err
		}
		if err := k.await(ctx, k.listen); err != nil {
			return 0, err
		}
	}
	if err := sleep(ctx, 10*time.Second); err != nil { // longer than a message may take
		return 0, err
	}
	good := 0
	defer time.AfterFunc(crowdPatience, func() { _ = k.narrow.Close() }).Stop() // one that is not cut goes on
	for _, w := range k.stalled {
		last := uint64(0)
		m, err := w.stream.Recv()
		for ; err == nil; m, err = w.stream.Recv() {
			if e := m.GetEvent(); e != nil {
				last = e.GetPosition()
			}
		}
		if status.Code(err) != codes.Unavailable || client.Reason(err) != "TOO_SLOW" || client.Details(err)["position"] != strconv.FormatUint(last, 10) {
			continue
		}
		next := slices.Index(k.written, last) + 1
		if m, err := w.resume(last); next < len(k.written) && err == nil && m.GetEvent().GetPosition() == k.written[next] {
			good++
		}
	}
	return good, nil
}

func (k *crowd) close() {
	for _, c := range k.clients {
		_ = c.Close()
	}
	if k.narrow != nil {
		_ = k.narrow.Close()
	}
}

// resident is how much memory of the machine the service has, in bytes, as its own measures tell.
func (c *concordd) resident(ctx context.Context) (float64, error) {
	page, err := c.ask(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	defer page.Close()
	for lines := bufio.NewScanner(page); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "process_resident_memory_bytes "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, errors.New("the service does not tell its memory")
}
