// Package processes holds the tests of an app's processes: the kinds of apps, how they start, what they are
// given, how they are checked, and what happens when they fail, crash or are left alone.
package processes

import (
	"os"
	"testing"

	"purser/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
