package storetest

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/concordhq/concord/server/store"
)

// seedVariable names the environment variable that repeats a random story.
const seedVariable = "STORETEST_SEED"

// changes is the length of the random story.
const changes = 400

// model is what the store must hold: the value of each "table/key".
type model map[string]string

// random makes changes without plan, reopens the store now and then, and compares all it holds
// with a map after each.
func random(t *testing.T, s *subject) {
	seed := rand.Uint64()
	if v, err := strconv.ParseUint(os.Getenv(seedVariable), 10, 64); err == nil {
		seed = v
	}
	t.Logf("%s=%d", seedVariable, seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	held := model{}
	for i := range changes {
		var writes []store.Write
		for range rnd.IntN(12) {
			table, key := Tables[rnd.IntN(len(Tables))], fmt.Sprintf("k%03d", rnd.IntN(300))
			if rnd.IntN(3) == 0 {
				writes = append(writes, del(table, key))
				delete(held, string(table)+"/"+key)
				continue
			}
			value := strings.Repeat(fmt.Sprint(i, "."), rnd.IntN(60))
			writes = append(writes, set(table, key, value))
			held[string(table)+"/"+key] = value
		}
		s.must(writes...)
		if rnd.IntN(20) == 0 {
			s.Store = s.reopen(t, s.Store)
		}
		s.look(func(v store.Snapshot) { held.compare(t, v, rnd) })
	}
}

// compare reads everything, a part of it, and single keys.
func (m model) compare(t *testing.T, v store.Snapshot, rnd *rand.Rand) {
	t.Helper()
	if got, want := content(t, v), m.content(nil, nil); got != want {
		t.Fatalf("head %d: the store holds\n%q, want\n%q", v.Head(), got, want)
	}
	from, to := fmt.Appendf(nil, "k%03d", rnd.IntN(300)), fmt.Appendf(nil, "k%03d", rnd.IntN(300))
	got := ""
	for _, table := range Tables {
		got += list(t, table, v.Scan(table, from, to))
	}
	if want := m.content(from, to); strings.TrimSpace(got) != want {
		t.Fatalf("head %d: scan of %s to %s: %q, want %q", v.Head(), from, to, got, want)
	}
	for range 10 {
		table, key := Tables[rnd.IntN(len(Tables))], fmt.Sprintf("k%03d", rnd.IntN(300))
		want, there := m[string(table)+"/"+key]
		if got, err := v.Get(table, []byte(key)); err != nil || string(got) != want || (got != nil) != there {
			t.Fatalf("head %d: get %s/%s: %q, %v; want %q", v.Head(), table, key, got, err, want)
		}
	}
}

func (m model) content(from, to []byte) string {
	var all []string
	for name, value := range m {
		_, key, _ := strings.Cut(name, "/")
		if bytes.Compare([]byte(key), from) >= 0 && (to == nil || bytes.Compare([]byte(key), to) < 0) {
			all = append(all, name+"="+value)
		}
	}
	slices.SortFunc(all, func(a, b string) int {
		return cmp.Or(-strings.Compare(a[:1], b[:1]), strings.Compare(a, b)) // red before blue
	})
	return strings.Join(all, " ")
}
