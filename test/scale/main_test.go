// Package scale holds the tests of much at once: connections, slow clients, floods, restarts, few descriptors.
package scale

import (
	"os"
	"testing"

	"purser/test/harness"
)

func TestMain(m *testing.M) {
	if order := os.Getenv(floodOrder); order != "" {
		os.Exit(floodMain(order))
	}
	os.Exit(harness.Main(m))
}
