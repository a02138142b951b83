package serve

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"purser/cmd/purser/serve/log"
)

func TestTwoSignalsAtOnceAreOneAndALaterOneHurries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stops, hurries := 0, 0
		p := &purser{Config: Config{Log: &log.Log{Logger: hclog.NewNullLogger()}}, stop: func() { stops++ }, hurry: func() { hurries++ }}
		over, end := context.WithCancel(t.Context())
		signals := make(signalQueue, 16)
		go p.heed(over, signals)
		send := func(after time.Duration, wantStops, wantHurries int) {
			t.Helper()
			time.Sleep(after)
			signals <- unix.SIGTERM
			synctest.Wait()
			if stops != wantStops || hurries != wantHurries {
				t.Errorf("purser was told to stop %d times and to hurry %d times, want %d and %d", stops, hurries, wantStops, wantHurries)
			}
		}
		send(0, 1, 0)
		send(time.Millisecond, 1, 0)
		send(time.Second, 1, 1)
		end()
		synctest.Wait()
	})
}
