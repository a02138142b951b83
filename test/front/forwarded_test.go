package front

import (
	"regexp"
	"strings"
	"testing"

	"purser/test/harness"
)

const claims = "GET /headers HTTP/1.1\r\nHost: shop.example.org:8080\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n" +
	"X-Forwarded-Host: evil.test\r\nX-Forwarded-Port: 1\r\nX-Real-IP: 6.6.6.6\r\nX-Request-ID: abc-123\r\nX-Request-Start: t=1\r\n" +
	"Forwarded: for=6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nProxy: http://evil.test\r\nX-Sendfile-Type: X-Accel-Redirect\r\n" +
	"X-Accel-Mapping: /=/\r\nX-Mine: kept\r\nConnection: close, X-Nominated\r\nX-Nominated: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n\r\n"

func TestAppSeesPursersFactsAndNotTheClientsClaims(t *testing.T) {
	p, _ := harness.ServeNode(t)
	seen := harness.NamesIn(t, harness.Ask(t, p, claims))
	for name, want := range map[string]string{
		"host": `^shop\.example\.org:8080$`, "x-forwarded-for": `^127\.0\.0\.1$`, "x-forwarded-proto": `^http$`,
		"x-forwarded-host": `^shop\.example\.org:8080$`, "x-forwarded-port": `^\d+$`, "x-real-ip": `^127\.0\.0\.1$`,
		"x-request-id": `^[\w-]{8,}$`, "x-request-start": `^t=\d{13}$`, "x-mine": `^kept$`,
	} {
		if !regexp.MustCompile(want).MatchString(seen[name]) {
			t.Errorf("%s is %q, not %s", name, seen[name], want)
		}
	}
	if seen["x-request-id"] == "abc-123" {
		t.Error("the request id of an untrusted client was believed")
	}
	for _, name := range []string{"forwarded", "x_forwarded_for", "proxy", "x-sendfile-type", "x-accel-mapping", "x-nominated", "keep-alive", "te"} {
		if value, there := seen[name]; there {
			t.Errorf("%s: %s reached the app", name, value)
		}
	}
}

func TestTrustedPeerIsBelieved(t *testing.T) {
	app := harness.NewApp(t, "node")
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable(`trusted_proxies = ["127.0.0.0/8"]`) + harness.AppTable("app", app.Dir, harness.Processes(1))})
	seen := harness.NamesIn(t, harness.Ask(t, p, claims))
	for name, want := range map[string]string{
		"x-forwarded-proto": "https", "x-forwarded-host": "evil.test", "x-request-id": "abc-123",
	} {
		if seen[name] != want {
			t.Errorf("%s is %q, not %q as the trusted peer says", name, seen[name], want)
		}
	}
	if !strings.HasPrefix(seen["x-forwarded-for"], "6.6.6.6") {
		t.Errorf("x-forwarded-for is %q: the client that the trusted peer named is lost", seen["x-forwarded-for"])
	}
}
