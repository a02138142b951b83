package acme

import (
	"testing"

	"go.uber.org/goleak"
)

// certmagic never ends the goroutine that limits its rate at an authority.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.(*RingBufferRateLimiter).loop"))
}
