// Package takeover holds the tests of purser outliving itself: the process that serves is killed, hangs or is replaced,
// and neither apps nor those who wait notice.
package takeover

import (
	"os"
	"testing"

	"purser/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
