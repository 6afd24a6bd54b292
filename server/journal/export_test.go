package journal

// Waiting is how many commands wait.
func (j *Journal) Waiting() int { return len(j.queue) }
