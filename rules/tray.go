package rules

// tray holds values by their keys, in the order in which they were put there. While there are few of them, as there are of what
// one command touches, it is quicker to walk past them than to hash a key.
type tray[K comparable, V any] struct {
	slots []slot[K, V]
	at    map[K]int // where each is; nil while there are few
}

type slot[K comparable, V any] struct {
	key   K
	value V
}

// fewOnTray is how many are walked past.
const fewOnTray = 8

// find is where the value of a key is, until the next one is put; nil if there is none.
func (s *tray[K, V]) find(key K) *V {
	if s.at != nil {
		if i, ok := s.at[key]; ok {
			return &s.slots[i].value
		}
		return nil
	}
	for i := range s.slots {
		if s.slots[i].key == key {
			return &s.slots[i].value
		}
	}
	return nil
}

// put puts a value, in the place of the one that was there.
func (s *tray[K, V]) put(key K, value V) {
	if old := s.find(key); old != nil {
		*old = value
		return
	}
	if s.slots == nil {
		s.slots = make([]slot[K, V], 0, fewOnTray/2)
	}
	s.slots = append(s.slots, slot[K, V]{key, value})
	switch {
	case s.at != nil:
		s.at[key] = len(s.slots) - 1
	case len(s.slots) > fewOnTray:
		s.at = make(map[K]int, 2*fewOnTray)
		for i := range s.slots {
			s.at[s.slots[i].key] = i
		}
	}
}
