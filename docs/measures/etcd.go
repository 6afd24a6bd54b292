package main

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	etcdpb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	// What one of our commands writes: its event, the chain it extends, the obligation, the receipt, and in two index keys the
	// bytes of the four that it puts or takes away. Taken from submissions and returns by 256 callers, on 2026-11-23.
	eventBytes      = 680
	chainBytes      = 140
	obligationBytes = 455
	receiptBytes    = 525
	indexKeyBytes   = 90

	// etcdQuota is above what any run here writes; etcd's own default is 2 GiB, which a million agreements do not fit.
	etcdQuota = 32 << 30
	// preloadAtOnce is how many agreements one transaction brings in: etcd takes 128 puts.
	preloadAtOnce = 128 / putsPerCommand
	// preloadWorkers is how many of those are under way.
	preloadWorkers = 32
	putsPerCommand = 6
)

// etcd is an etcd of one member, in a process of its own, with its defaults: a synced log, pages behind.
type etcd struct {
	stage   *stage
	process *child
	conns   []*grpc.ClientConn
	kv      []etcdpb.KVClient // one for each connection, without anything of etcd's client in between
	noise   []byte            // what values are cut from
	next    atomic.Uint64     // numbers events and receipts, which are new each time
}

// newEtcd starts an etcd and brings in the records of the agreements.
func (s *stage) newEtcd(ctx context.Context) (*etcd, error) {
	dir, err := s.under("etcd")
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	var addr [3]string
	for i := range addr {
		if addr[i], err = freeAddr(); err != nil {
			return nil, err
		}
	}
	at := "http://" + addr[0]
	e := &etcd{stage: s, noise: make([]byte, 64<<10)}
	if _, err := crand.Read(e.noise); err != nil {
		return nil, fmt.Errorf("draw values: %w", err)
	}
	// A port for HTTP of its own spares etcd from looking at the first bytes of each gRPC connection.
	e.process, err = s.launch("etcd", self, nil, asEtcd, "--name", "one", "--data-dir", dir, "--log-level", "error",
		"--listen-client-urls", at, "--advertise-client-urls", at, "--listen-client-http-urls", "http://"+addr[1],
		"--listen-peer-urls", "http://"+addr[2], "--initial-advertise-peer-urls", "http://"+addr[2],
		"--initial-cluster", "one=http://"+addr[2], "--quota-backend-bytes", strconv.Itoa(etcdQuota))
	if err != nil {
		return nil, err
	}
	if err := e.connect(ctx, addr[0]); err != nil {
		return nil, err
	}
	return e, e.preload(ctx)
}

// freeAddr is a loopback address that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

func (e *etcd) connect(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("no connection"))
	defer cancel()
	for range connections {
		conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableServiceConfig())
		if err != nil {
			return fmt.Errorf("dial etcd: %w", err)
		}
		e.conns, e.kv = append(e.conns, conn), append(e.kv, etcdpb.NewKVClient(conn))
		conn.Connect()
		for state := conn.GetState(); state != connectivity.Ready; state = conn.GetState() {
			if !conn.WaitForStateChange(ctx, state) {
				return e.process.fault("did not answer")
			}
			if state == connectivity.Idle || state == connectivity.TransientFailure {
				conn.Connect()
			}
		}
	}
	for { // it answers before it has a leader, but not to this
		_, err := e.kv[0].Range(ctx, &etcdpb.RangeRequest{Key: []byte("a")})
		if err == nil {
			return nil
		}
		if err := sleep(ctx, 10*probePause); err != nil {
			return e.process.fault("has no leader: " + err.Error())
		}
	}
}

// close ends the etcd.
func (e *etcd) close() error {
	var errs []error
	for _, c := range e.conns {
		errs = append(errs, c.Close())
	}
	return errors.Join(append(errs, e.process.stop())...)
}

// preload brings in what the store of as many agreements holds.
func (e *etcd) preload(ctx context.Context) error {
	begun := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(preloadWorkers)
	for from := 0; from < e.stage.agreements && ctx.Err() == nil; from += preloadAtOnce {
		group.Go(func() error {
			all := &etcdpb.TxnRequest{}
			for n := from; n < min(from+preloadAtOnce, e.stage.agreements); n++ {
				all.Success = append(all.Success, e.command(n, from)...)
			}
			_, err := e.kv[from%connections].Txn(ctx, all)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("preload etcd: %w", err)
	}
	e.stage.say("etcd: %d agreements are ready after %.0f s", e.stage.agreements, time.Since(begun).Seconds())
	return nil
}

// command is what a command on an agreement writes. Events and receipts are never written twice, by us or here.
func (e *etcd) command(agreement, noise int) []*etcdpb.RequestOp {
	ops := make([]*etcdpb.RequestOp, 0, putsPerCommand)
	put := func(key, value []byte) {
		ops = append(ops, &etcdpb.RequestOp{Request: &etcdpb.RequestOp_RequestPut{RequestPut: &etcdpb.PutRequest{Key: key, Value: value}}})
	}
	number := e.next.Add(1)
	put(numbered("event/", number), e.value(noise, eventBytes))
	put(recordKey("chain", agreement), e.value(noise, chainBytes))
	put(recordKey("obligation", agreement), e.value(noise, obligationBytes))
	put(numbered("receipt/caller/", number), e.value(noise, receiptBytes))
	for _, list := range []string{"list-by-state", "list-by-commitment"} {
		key := recordKey(list, agreement)
		put(append(key, make([]byte, max(0, indexKeyBytes-len(key)))...), nil)
	}
	return ops
}

// numbered is a key that sorts by its number.
func numbered(kind string, n uint64) []byte { return binary.BigEndian.AppendUint64([]byte(kind), n) }

// recordKey is a key under which an agreement's records lie together.
func recordKey(kind string, agreement int) []byte { return []byte(agreementID(agreement) + "/" + kind) }

// value is so many bytes that do not compress.
func (e *etcd) value(at, size int) []byte {
	at %= len(e.noise) - size
	return e.noise[at : at+size]
}

// txn is a turn of the six puts of one command in a transaction, on agreements at random.
func (e *etcd) txn(ctx context.Context) (Turn, error) {
	return loop(ctx, e.stage.plan, func(ctx context.Context, caller int, chance *rand.Rand) error {
		_, err := e.kv[caller%connections].Txn(ctx, &etcdpb.TxnRequest{Success: e.command(chance.IntN(e.stage.agreements), int(chance.Uint32()))})
		return err
	})
}

// put is a turn of single puts: the obligation alone.
func (e *etcd) put(ctx context.Context) (Turn, error) {
	return loop(ctx, e.stage.plan, func(ctx context.Context, caller int, chance *rand.Rand) error {
		_, err := e.kv[caller%connections].Put(ctx, &etcdpb.PutRequest{
			Key: recordKey("obligation", chance.IntN(e.stage.agreements)), Value: e.value(int(chance.Uint32()), obligationBytes),
		})
		return err
	})
}
