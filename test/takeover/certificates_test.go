package takeover

import (
	"fmt"
	"os"
	"testing"
	"time"

	"purser/test/harness"
)

// The key of a certificate is away as a front is killed: the certificate that was shown stays.
func TestCertificatesOutliveAFront(t *testing.T) {
	t.Parallel()
	a, app := harness.NewAuthority(t), harness.NewApp(t, "node")
	a.Issue("server", 365*24*time.Hour, "a.example")
	p := harness.Serve(t, harness.Options{Config: "[server]\nlisten = [\"http://$LISTEN\", \"https://$SECURE\"]\n" +
		fmt.Sprintf("[server.tls]\ncert = %q\nkey = %q\n", a.Dir+"/server.pem", a.Dir+"/server.key") +
		harness.AppTable("app", app.Dir, harness.Processes(1), "[apps.app.tls]", "redirect = false")})
	harness.AwaitReady(t, p, 1)
	if err := os.Remove(a.Dir + "/server.key"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		harness.Kill(t, p.Front())
		if answer := harness.Get(t, p, "/"); answer.StatusCode != 200 {
			t.Fatalf("by http it answers %d", answer.StatusCode)
		}
		client := harness.DialTLS(t, p, a.Trusting("a.example"))
		client.Send("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
		if answer := client.Answer("GET"); answer.StatusCode != 200 {
			t.Errorf("by https it answers %d", answer.StatusCode)
		}
	}
}
