//go:build concord_unlogged

package journal

// Logged says that events are committed to the log: they are not.
const Logged = false
