// Package users holds the tests of a purser that root has started: its apps run as their users, and none reaches
// what is another's.
package users

import (
	"os"
	"testing"

	"purser/test/harness"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == asAttacker {
		os.Exit(carryOut(os.Args[2]))
	}
	os.Exit(harness.Main(m))
}
