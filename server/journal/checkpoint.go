package journal

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"filippo.io/torchwood"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/proof"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/store"
)

// KeepCheckpoint keeps a checkpoint that is published now, and makes it the newest. One of the same size, with fewer
// cosignatures, it replaces. The log does not grow by it.
func (j *Journal) KeepCheckpoint(ctx context.Context, c *pb.Checkpoint) error {
	it := &item{ctx: ctx, keep: proto.CloneOf(c), done: make(chan struct{})}
	if err := j.enqueue(it); err != nil {
		return err
	}
	select {
	case <-it.done:
		return it.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keep writes a checkpoint beside whatever else the batch holds.
func (b *batch) keep(c *pb.Checkpoint) error {
	c.PublishTime = timestamppb.New(b.at)
	value, err := proto.Marshal(c)
	if err != nil {
		return fmt.Errorf("journal: checkpoint: %w", err)
	}
	b.write(tableCheckpoints, be64(c.GetSize()), value)
	b.write(tableMeta, keyCheckpoint, be64(c.GetSize()))
	return nil
}

// Checkpoint is the published checkpoint of a size, for 0 the newest. It is refused if there is none.
func (j *Journal) Checkpoint(ctx context.Context, size uint64) (*pb.Checkpoint, error) {
	c := &pb.Checkpoint{}
	return c, j.view(ctx, func(snap store.Snapshot) error {
		key := be64(size)
		if size == 0 {
			newest, err := snap.Get(tableMeta, keyCheckpoint)
			if err != nil {
				return err
			}
			if newest == nil {
				return rules.Refuse(pb.ErrorReason_ERROR_REASON_NOT_FOUND, "No checkpoint was published yet.")
			}
			key = newest
		}
		value, err := snap.Get(tableCheckpoints, key)
		if err == nil && value == nil {
			return rules.NotFound("checkpoint", fmt.Sprint(binary.BigEndian.Uint64(key)))
		}
		if err == nil {
			err = proto.Unmarshal(value, c)
		}
		return err
	})
}

// Checkpoints lists the published checkpoints by size.
func (j *Journal) Checkpoints(ctx context.Context, caller rules.Caller, req *pb.ListCheckpointsRequest) (*pb.ListCheckpointsResponse, error) {
	list := &pb.ListCheckpointsResponse{}
	if req.GetAfterSize() == 1<<64-1 {
		return list, nil // nothing comes after that
	}
	q := query{table: tableCheckpoints, prefixes: [][]byte{nil}, from: be64(req.GetAfterSize() + 1)}
	return list, j.view(ctx, func(snap store.Snapshot) (err error) {
		list.NextPageToken, err = j.page(snap, caller, req, q, func(_, value []byte) (int, error) {
			c := &pb.Checkpoint{}
			list.Checkpoints = append(list.Checkpoints, c)
			return len(value), proto.Unmarshal(value, c)
		})
		return err
	})
}

// Published runs fn over the log's tree, which is at least as large as the newest checkpoint, whose size it is told; 0 if none
// was published yet.
func (j *Journal) Published(ctx context.Context, fn func(size uint64, t *Tree) error) error {
	return j.view(ctx, func(snap store.Snapshot) error {
		newest, err := snap.Get(tableMeta, keyCheckpoint)
		if err != nil {
			return err
		}
		t, err := newTree(snap)
		switch {
		case err != nil:
			return err
		case newest == nil:
			return fn(0, t)
		}
		return fn(binary.BigEndian.Uint64(newest), t)
	})
}

// PublishedTile is the first hashes of a tile, 32 bytes each, 1 to 256 of them. It is refused if the newest checkpoint has not
// so many.
func (j *Journal) PublishedTile(ctx context.Context, level int, index uint64, width int) (tile []byte, err error) {
	err = j.Published(ctx, func(size uint64, t *Tree) error {
		if err := shown(size>>(level*proof.TileHeight), index, width); err != nil {
			return err
		}
		tile, err = t.Tile(level, index, width)
		return err
	})
	return tile, err
}

// PublishedEntries is the first entries of a bundle as C2SP tlog-tiles have them, 1 to 256 of them. It is refused if the newest
// checkpoint has not so many.
func (j *Journal) PublishedEntries(ctx context.Context, index uint64, width int) (bundle []byte, err error) {
	err = j.Published(ctx, func(size uint64, t *Tree) error {
		if err := shown(size, index, width); err != nil {
			return err
		}
		entries, err := t.Entries(index<<proof.TileHeight, width)
		for entry := range slices.Chunk(entries, proof.EntrySize) {
			if err == nil {
				bundle, err = torchwood.AppendTileEntry(bundle, entry)
			}
		}
		return err
	})
	return bundle, err
}

// shown refuses a part of a tile that its level does not have.
func shown(has, index uint64, width int) error {
	if has < uint64(width) || index > (has-uint64(width))>>proof.TileHeight {
		return rules.Refuse(pb.ErrorReason_ERROR_REASON_NOT_FOUND, "The newest checkpoint does not reach so far.")
	}
	return nil
}

// Log is the log's name and its keys; nil before it was opened.
func (j *Journal) Log(ctx context.Context) (*pb.Log, error) {
	var l *pb.Log
	err := j.view(ctx, func(snap store.Snapshot) (err error) {
		l, err = readLog(snap)
		return err
	})
	return l, err
}

func readLog(snap store.Snapshot) (*pb.Log, error) {
	m, err := readRecord(snap, rules.LogRef())
	l, _ := m.(*pb.Log)
	return l, err
}
