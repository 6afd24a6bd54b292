package proof

import (
	"strings"
	"testing"
)

// TestAPolicyNamesOneKeyOfTheLog holds that no policy is read that means one thing here and another to other programs, or
// that trusts witnesses to know which log is meant.
func TestAPolicyNamesOneKeyOfTheLog(t *testing.T) {
	const key, other = "log log.example/concord+65ced378+AfgDjNpxmLq35UeVtugVZykQEQEFY+j+eQhsSS1AVWTl\n", "log log.example/concord+8a1f3ea4+AQ=="
	const witness = "witness one witness.example+2f6d70a4+BDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop\n"
	for text, says := range map[string]string{
		key + "quorum none\n":                                      "",
		"# log\n" + key + witness + "quorum one\n":                 "",
		"\tlog" + strings.TrimPrefix(key, "log") + "quorum none\n": "",
		witness + "quorum one\n":                                   "it names 0 keys of the log",
		"quorum none\n":                                            "it names 0 keys of the log",
		key + key + "quorum none\n":                                "it names 2 keys of the log",
		key + other + "\nquorum none\n":                            "policy: line 2",
		key:                                                        "no quorum",
		"":                                                         "no quorum",
	} {
		_, err := ReadPolicy([]byte(text))
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
