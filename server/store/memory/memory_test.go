package memory_test

import (
	"testing"

	"github.com/concordhq/concord/server/store"
	"github.com/concordhq/concord/server/store/memory"
	"github.com/concordhq/concord/server/store/storetest"
)

func TestStore(t *testing.T) {
	open := func(*testing.T) store.Store { s, _ := memory.Open(storetest.Tables...); return s }
	storetest.Run(t, open, func(_ *testing.T, s store.Store) store.Store { return s })
}
