// Package scale holds the tests of much at once: connections, slow clients, restarts, few descriptors.
package scale

import (
	"os"
	"testing"

	"purser/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
