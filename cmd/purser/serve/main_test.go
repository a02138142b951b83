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
	if os.Getenv(asApp) != "" {
		serveAsApp(os.Args[1])
	}
	goleak.VerifyTestMain(m)
}
