// Package reload holds the tests of a purser whose configuration changes while it serves, and of one app that is
// stopped, started or scaled beside the others.
package reload

import (
	"os"
	"testing"

	"purser/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
