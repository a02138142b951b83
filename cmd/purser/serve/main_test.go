package serve

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"purser/spawn/keeper"
)

func TestMain(m *testing.M) {
	if keeper.Wanted(os.Args[1:]) {
		os.Exit(keeper.Run())
	}
	if len(os.Args) == 3 && os.Args[2] == "--try" {
		tryAsBinary(os.Getenv(asBinary))
	}
	if os.Getenv(asApp) != "" {
		serveAsApp(os.Args[1])
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector would hold up the end of every keeper for a second
	goleak.VerifyTestMain(m)
}
