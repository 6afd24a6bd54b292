package rules

import (
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// TestATrayIsAMapInOrder holds that a tray has what a map would have, however many there are, in the order in which the keys
// came.
func TestATrayIsAMapInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tray tray[int, int]
		want, order := map[int]int{}, []int{}
		for i := range rapid.IntRange(0, 4*fewOnTray).Draw(t, "puts") {
			key := rapid.IntRange(0, 2*fewOnTray).Draw(t, "key")
			if _, again := want[key]; !again {
				order = append(order, key)
			}
			want[key] = i
			tray.put(key, i)
			if absent := tray.find(-1); absent != nil {
				t.Fatalf("what nobody put is %d", *absent)
			}
		}
		got := map[int]int{}
		for i, s := range tray.slots {
			if s.key != order[i] || tray.find(s.key) == nil || *tray.find(s.key) != s.value {
				t.Fatalf("%d of %v is %d, by its key %v", i, order, s.key, tray.find(s.key))
			}
			got[s.key] = s.value
		}
		if !maps.Equal(got, want) {
			t.Fatalf("%v, not %v", got, want)
		}
	})
}
