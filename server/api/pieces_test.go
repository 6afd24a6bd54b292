package api

import (
	"bytes"
	"errors"
	"testing"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// TestNoPieceIsLarge holds that what is written at once is sent in messages that any client takes, and that a caller who is gone
// ends it.
func TestNoPieceIsLarge(t *testing.T) {
	all := bytes.Repeat([]byte("0123456789"), exportPiece/3)
	var got []byte
	gone := errors.New("gone")
	send := func(r *pb.ExportAuditResponse) error {
		if len(r.GetData()) > exportPiece {
			t.Errorf("a piece of %d bytes", len(r.GetData()))
		}
		if len(got) > 2*exportPiece {
			return gone
		}
		got = append(got, r.GetData()...)
		return nil
	}
	p := &pieces{t.Context(), send}
	if n, err := p.Write(all[:2*exportPiece+5]); n != len(got) || err != nil || !bytes.Equal(got, all[:n]) {
		t.Errorf("%d of %d bytes: %v", len(got), n, err)
	}
	if n, err := p.Write(all); n != 0 || !errors.Is(err, gone) {
		t.Errorf("%d bytes to somebody who is gone: %v", n, err)
	}
}
