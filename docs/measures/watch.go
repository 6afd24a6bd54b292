package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	etcdpb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"golang.org/x/sync/errgroup"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

const (
	// toldGoal is how long after its acknowledgement a watcher may see a change, p99.
	toldGoal = 10.0 // ms
	// paceRate is how many changes a second are written meanwhile, by how many callers.
	paceRate, paceCallers = 1_000, 64
	// lastPatience is how long the last ones may take to be told.
	lastPatience = 10 * time.Second
)

// watchLatency has callers write at an even pace, and looks how long after the acknowledgement of a change a watcher is told.
func watchLatency(ctx context.Context, s *stage, m *Measure) (err error) {
	c, err := s.service(ctx, callers)
	if err != nil {
		return err
	}
	e, err := s.newEtcd(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	sides, err := c.sides(ctx)
	if err != nil {
		return err
	}
	defer sides.close()
	if err := s.inTurns(ctx, m, contestant{"concordd: told after the answer", sides.told}, contestant{"etcd: told after the answer", e.told}); err != nil {
		return err
	}
	m.judge("a watcher is told after the answer, p99", "ms", toldGoal, false, m.each(func(r int) float64 { return float64(m.Contenders[0].Turns[r].P99) / 1e3 }))
	m.judge("the same of etcd", "ms", 0, false, m.each(func(r int) float64 { return float64(m.Contenders[1].Turns[r].P99) / 1e3 }))
	m.Notes = append(m.Notes, fmt.Sprintf("%d writes a second by %d callers, at an even pace; one watcher of all. Who is told before the answer counts as told at once.", paceRate, paceCallers))
	return nil
}

// pace is a turn of writes at an even pace: when each was acknowledged, and when it was told.
type pace struct {
	mu              sync.Mutex
	answered, heard map[string]time.Time
}

func newPace() *pace { return &pace{answered: map[string]time.Time{}, heard: map[string]time.Time{}} }

func (p *pace) note(when map[string]time.Time, what string) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	when[what] = now
}

// missing says whether something that was answered was not told yet.
func (p *pace) missing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for what := range p.answered {
		if _, ok := p.heard[what]; !ok {
			return true
		}
	}
	return false
}

// run writes for as long as a turn lasts, and waits until all is told. write makes the n-th write of a caller.
func (p *pace) run(ctx context.Context, of plan, write func(ctx context.Context, caller, n int) (string, error)) (Turn, error) {
	begin := time.Now().Add(of.warmup)
	finish := begin.Add(of.duration)
	group, ctx := errgroup.WithContext(ctx)
	every := time.Second * paceCallers / paceRate
	for caller := range paceCallers {
		group.Go(func() error {
			at := time.Now().Add(every * time.Duration(caller) / paceCallers)
			for n := 0; at.Before(finish); n++ {
				if err := sleep(ctx, time.Until(at)); err != nil {
					return err
				}
				what, err := write(ctx, caller, n)
				if err != nil {
					return err
				}
				if at.After(begin) {
					p.note(p.answered, what)
				}
				at = at.Add(every)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return Turn{}, err
	}
	for waited := time.Now(); p.missing(); {
		if time.Since(waited) > lastPatience {
			return Turn{}, errors.New("something that was answered is not told")
		}
		if err := sleep(context.WithoutCancel(ctx), probePause); err != nil {
			return Turn{}, err
		}
	}
	took := &tally{took: newHistogram()}
	for what, answered := range p.answered {
		took.add(p.heard[what].Sub(answered), nil)
	}
	return turnOf(took.took, of.duration), nil
}

// sides are both sides of the agreements that the load works on, and an auditor of them.
type sides struct {
	c                  *concordd
	client             *client.Client
	vendor, taker, eye context.Context // what their calls are made in
	run                int             // numbers turns
	submitted          [paceCallers]bool
}

// sides hands out keys for a service that is prepared.
func (c *concordd) sides(ctx context.Context) (_ *sides, err error) {
	s := &sides{c: c}
	if s.client, err = client.Dial(ctx, c.grpcAddr, client.Options{Key: c.key}); err != nil {
		return nil, err
	}
	for into, p := range map[*context.Context]*pb.Principal{
		&s.vendor: {Role: pb.Role_ROLE_SIGNATORY, PartyId: prefix + "-vendor"}, &s.taker: {Role: pb.Role_ROLE_SIGNATORY, PartyId: prefix + "-client"}, &s.eye: {Role: pb.Role_ROLE_AUDITOR},
	} {
		made, err := s.client.Admin.CreateApiKey(ctx, &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{DisplayName: "Measure", Principal: p}})
		if err != nil {
			return nil, errors.Join(err, s.client.Close())
		}
		*into = client.WithKey(ctx, made.GetSecret())
	}
	for n := range s.submitted {
		o, err := s.client.Obligations.GetObligation(s.vendor, &pb.GetObligationRequest{AgreementId: agreementID(n), ObligationId: obligationID})
		if err != nil {
			return nil, errors.Join(err, s.client.Close())
		}
		s.submitted[n] = o.GetState() != pb.ObligationState_OBLIGATION_STATE_DUE
	}
	return s, nil
}

func (s *sides) close() { _ = s.client.Close() }

// write submits an obligation or returns it, under a request id, with the usual words or others.
func (s *sides) write(ctx context.Context, agreement int, requestID, words string) (err error) {
	values := s.vendor
	if s.submitted[agreement] {
		values = s.taker
	}
	values, cancel := context.WithCancel(values)
	defer context.AfterFunc(ctx, cancel)()
	defer cancel()
	if s.submitted[agreement] {
		req := giveBack(agreementID(agreement), obligationID)
		req.RequestId, req.Reason = requestID, cmp.Or(words, req.GetReason())
		_, err = s.client.Obligations.ReturnObligation(values, req)
	} else {
		req := submission(agreementID(agreement), obligationID)
		req.RequestId, req.Note = requestID, cmp.Or(words, req.GetNote())
		_, err = s.client.Obligations.SubmitObligation(values, req)
	}
	s.submitted[agreement] = !s.submitted[agreement]
	return err
}

// told is a turn of writes that an auditor watches.
func (s *sides) told(ctx context.Context) (Turn, error) {
	p := newPace()
	s.run++
	watching, stop := context.WithCancel(s.eye)
	defer stop()
	begun, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		messages := 0
		for m, err := range s.client.Watch(watching, &pb.WatchEventsRequest{}) {
			if err != nil {
				ended <- err
				return
			}
			if e := m.GetEvent(); e != nil {
				p.note(p.heard, e.GetEvent().GetRequestId())
			}
			if messages++; messages == 2 {
				close(begun)
			}
		}
	}()
	select {
	case <-begun:
	case err := <-ended:
		return Turn{}, err
	case <-ctx.Done():
		return Turn{}, context.Cause(ctx)
	}
	return p.run(ctx, s.c.stage.plan, func(ctx context.Context, caller, n int) (string, error) {
		id := fmt.Sprintf("told-%d-%d-%d", s.run, caller, n)
		return id, s.write(ctx, caller, id, "")
	})
}

// told is a turn of single puts that a watch of etcd sees.
func (e *etcd) told(ctx context.Context) (Turn, error) {
	p := newPace()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	stream, err := etcdpb.NewWatchClient(e.conns[0]).Watch(watching)
	if err != nil {
		return Turn{}, err
	}
	if err := stream.Send(&etcdpb.WatchRequest{RequestUnion: &etcdpb.WatchRequest_CreateRequest{CreateRequest: &etcdpb.WatchCreateRequest{
		Key: []byte("told/"), RangeEnd: []byte("told0"),
	}}}); err != nil {
		return Turn{}, err
	}
	if _, err := stream.Recv(); err != nil { // that it was created
		return Turn{}, err
	}
	go func() {
		for {
			m, err := stream.Recv()
			if err != nil {
				return // what is missing then is missed
			}
			for _, event := range m.GetEvents() {
				p.note(p.heard, string(event.GetKv().GetKey()))
			}
		}
	}()
	run := e.next.Add(1)
	return p.run(ctx, e.stage.plan, func(ctx context.Context, caller, n int) (string, error) {
		key := "told/" + strconv.FormatUint(run, 10) + "/" + strconv.Itoa(caller) + "/" + strconv.Itoa(n)
		_, err := e.kv[caller%connections].Put(ctx, &etcdpb.PutRequest{Key: []byte(key), Value: e.value(n, obligationBytes)})
		return key, err
	})
}
