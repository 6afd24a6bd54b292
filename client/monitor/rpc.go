package monitor

import (
	"context"
	"fmt"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// RPC is the log as the service itself answers for it, to the caller that the connection is of.
func RPC(log pb.LogServiceClient) torchwood.TileReader { return calls{log} }

type calls struct{ log pb.LogServiceClient }

// ReadEndpoint implements torchwood.TileReader: the checkpoint is the only one.
func (c calls) ReadEndpoint(ctx context.Context, path string) ([]byte, error) {
	if path != "checkpoint" {
		return nil, fmt.Errorf("the log has no %q", path)
	}
	newest, err := c.log.GetCheckpoint(ctx, &pb.GetCheckpointRequest{})
	return []byte(newest.GetNote()), err
}

// ReadTiles implements torchwood.TileReader.
func (c calls) ReadTiles(ctx context.Context, tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxRequests)
	for i, t := range tiles {
		group.Go(func() error {
			if t.L < 0 {
				bundle, err := c.log.GetEntryBundle(ctx, &pb.GetEntryBundleRequest{Index: uint64(t.N), Width: int32(t.W)})
				data[i] = bundle.GetEntries()
				return err
			}
			tile, err := c.log.GetTile(ctx, &pb.GetTileRequest{Level: int32(t.L), Index: uint64(t.N), Width: int32(t.W)})
			data[i] = tile.GetTile()
			return err
		})
	}
	return data, group.Wait()
}

// SaveTiles implements torchwood.TileReader. Nothing is kept: a monitor reads a tile once.
func (calls) SaveTiles([]tlog.Tile, [][]byte) {}
