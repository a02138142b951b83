// Package fronts holds the tests of purser outliving itself: the process that serves is killed, hangs or is replaced,
// and neither apps nor those who wait notice.
package fronts

import (
	"os"
	"testing"

	"purser/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
