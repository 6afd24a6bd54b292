package api

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/semaphore"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// TestWhoTakesNothingIsGivenUp lets a caller stand with its arms crossed: the export ends after the time it has, or with the
// call.
func TestWhoTakesNothingIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := &pieces{ctx, func(*pb.ExportAuditResponse) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		begun := time.Now()
		_, err := p.Write([]byte("piece"))
		var refusal *rules.Error
		if !errors.As(err, &refusal) || refusal.Reason != pb.ErrorReason_ERROR_REASON_CALL_ENDED || time.Since(begun) != exportPatience {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
		time.AfterFunc(time.Second, cancel)
		begun = time.Now()
		if _, err := p.Write([]byte("piece")); !errors.Is(err, context.Canceled) || time.Since(begun) != time.Second {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
	})
}

func TestExportsAreNotWithoutNumber(t *testing.T) {
	s := logs{exports: semaphore.NewWeighted(0)}
	var refusal *rules.Error
	if err := s.ExportAudit(&pb.ExportAuditRequest{AgreementId: "deal"}, nil); !errors.As(err, &refusal) || refusal.Reason != pb.ErrorReason_ERROR_REASON_OVERLOADED {
		t.Error(err)
	}
	if err := s.ExportAudit(&pb.ExportAuditRequest{AgreementId: "NO ID"}, nil); !errors.As(err, &refusal) || refusal.Reason != pb.ErrorReason_ERROR_REASON_INVALID_FIELDS {
		t.Error(err)
	}
}
