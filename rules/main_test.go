package rules

import (
	"flag"
	"os"
	"testing"
)

// seed and tales are how random tests begin and how many they tell, unless -rapid.seed and -rapid.checks say otherwise.
// So many take a few seconds.
const (
	seed  = "1"
	tales = "500"
)

// TestMain gives random tests the same seed in every run, so that a change that fails has itself to blame. Other tales
// come with -rapid.seed=N; what fails prints the seed that shows it.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { asked[f.Name] = true })
	for name, value := range map[string]string{"rapid.seed": seed, "rapid.checks": tales, "rapid.nofailfile": "true"} {
		if asked[name] {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
