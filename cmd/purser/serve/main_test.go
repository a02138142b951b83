package serve

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(asApp) != "" {
		serveAsApp(os.Args[1])
	}
	goleak.VerifyTestMain(m)
}
