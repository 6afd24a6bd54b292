package proof

import "testing"

// TestALogIDIsItsDefinition compares with what a shell makes of it:
//
//	(printf 'concord-log-id/v1\n'; head -c 32 /dev/zero) | sha256sum | cut -c1-32 | xxd -r -p | base32 | tr A-Z a-z | tr -d =
func TestALogIDIsItsDefinition(t *testing.T) {
	key := make([]byte, KeySize)
	if got := LogID(key); got != "dwzpi2w6xcfugqmglht7ppapzu" {
		t.Error(got)
	}
	key[31] = 1
	if LogID(key) == LogID(make([]byte, KeySize)) {
		t.Error("two keys have one id")
	}
}
