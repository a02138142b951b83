// Package kinds holds the tests with applications that were not written for purser: from Debian's packages, from
// npm, and as the generators of their frameworks make them. Each is served from its folder without a flag.
package kinds

import (
	"os"
	"testing"

	"purser/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
