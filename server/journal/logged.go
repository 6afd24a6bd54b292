//go:build !concord_unlogged

package journal

// Logged says that events are committed to the log. Only what measures the cost of the log is built without.
const Logged = true
