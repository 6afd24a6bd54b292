//go:build concord_unlogged

package journal

const logged = false
