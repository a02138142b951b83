// Package operators holds the tests of what people type and read: the command line, the status, the events,
// and what is refused.
package operators

import (
	"os"
	"testing"

	"purser/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
