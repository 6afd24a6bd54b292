package watch

// AtRest says whether no watch has anything to tell, or is about to.
func (h *Hub) AtRest() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.all {
		w.mu.Lock()
		rests := w.live && !w.busy && !w.bookmark && len(w.waiting) == 0
		w.mu.Unlock()
		if !rests {
			return false
		}
	}
	return true
}
