// Package test holds the black-box tests: they run the purser binary with real apps behind it and
// know it only as its users do.
package test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"purser/test/harness"
)

func TestMain(m *testing.M) {
	if os.Getenv(relayTo) != "" {
		if err := relay(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := harness.Main(m)
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "leaked goroutines:", err)
			code = 1
		}
	}
	os.Exit(code)
}
