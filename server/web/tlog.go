package web

import (
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// The log as files, which tools that know nothing of Concord read: C2SP tlog-tiles. Each file is the answer of an RPC, so
// that who may read it stands beside the RPC. What has been shown of a tile never changes; the checkpoint does.

// tlogPrefix is where the files begin.
const tlogPrefix = "/tlog/"

// serveTlog answers a request for a file of the log.
func (h *handler) serveTlog(x *exchange) {
	r := x.request
	call := tlogCall(strings.TrimPrefix(r.URL.Path, tlogPrefix))
	if call == nil || r.URL.RawPath != "" {
		x.refuse(newProblem(pb.ErrorReason_ERROR_REASON_NOT_FOUND, codes.NotFound,
			"The log has no such file. There are checkpoint, tile/<level>/<index>[.p/<width>] and tile/entries/<index>[.p/<width>], as C2SP tlog-tiles has them."))
		return
	}
	if p := onlyRead(r); p != nil {
		x.refuse(p)
		return
	}
	if p := x.readHeaders(); p != nil {
		x.refuse(p)
		return
	}
	if !h.fetch(x, call.method, call.request, call.answer) {
		return
	}
	header := x.Header()
	header["Vary"] = varyByCaller
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "text/plain; charset=utf-8")
	if call.method != pb.LogService_GetCheckpoint_FullMethodName {
		keep := "public" // it was shown to anyone
		if len(x.metadata["authorization"]) > 0 {
			keep = "private"
		}
		header.Set("Cache-Control", keep+", max-age=31536000, immutable")
		header.Set("Content-Type", "application/octet-stream")
	}
	content := call.content()
	header.Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = x.Write(content) // a client that is gone cannot be told
}

// fileCall is the RPC that answers with a file.
type fileCall struct {
	method          string
	request, answer proto.Message
	content         func() []byte
}

// tlogCall is the RPC for a path; nil if it is not that of a file.
func tlogCall(path string) *fileCall {
	if path == "checkpoint" {
		answer := &pb.Checkpoint{}
		return &fileCall{pb.LogService_GetCheckpoint_FullMethodName, &pb.GetCheckpointRequest{}, answer, func() []byte { return []byte(answer.GetNote()) }}
	}
	tile, err := torchwood.ParseTilePath(path)
	if err != nil || torchwood.TilePath(tile) != path || tile.L > maxLevel {
		return nil
	}
	index, width := uint64(tile.N), int32(tile.W)
	if tile.L == entriesLevel {
		answer := &pb.GetEntryBundleResponse{}
		return &fileCall{pb.LogService_GetEntryBundle_FullMethodName, &pb.GetEntryBundleRequest{Index: index, Width: width}, answer, answer.GetEntries}
	}
	answer := &pb.GetTileResponse{}
	return &fileCall{pb.LogService_GetTile_FullMethodName, &pb.GetTileRequest{Level: int32(tile.L), Index: index, Width: width}, answer, answer.GetTile}
}

// maxLevel is the highest level of tiles that there can be.
const maxLevel = 63

// entriesLevel is what tlog.Tile has for the level of entries.
const entriesLevel = -1
