package front

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"purser/test/harness"
)

// An authority says when it wants to be asked for a newer certificate, such as after a mistake of its own. It is asked
// for that when the time is over that it has named the last time.
func TestCertificateIsRenewedWhenItsAuthorityWantsThat(t *testing.T) {
	i := anIssuing(t, harness.PebbleOptions{}, []string{"blog.example"})
	i.ca.Start()
	i.serve()
	old := i.await("blog.example").PeerCertificates[0]
	i.kill()
	i.ca.WantsRenewal(old)
	i.forgetWhenToAsk()
	i.serve()
	harness.Eventually(t, harness.Patience, "it is renewed", func() bool {
		state := i.shown("blog.example")
		return state != nil && !state.PeerCertificates[0].Equal(old)
	})
}

// forgetWhenToAsk has the time be over.
func (i *issuing) forgetWhenToAsk() {
	i.t.Helper()
	found, err := filepath.Glob(filepath.Join(i.storage, "certificates", "*", "blog.example", "blog.example.json"))
	if err != nil || len(found) != 1 {
		i.t.Fatalf("what is known of the certificate is in %v (%v)", found, err)
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		i.t.Fatal(err)
	}
	again := regexp.MustCompile(`("_retryAfter": *)"[^"]*"`)
	if !again.Match(text) {
		i.t.Fatalf("there is no time in\n%s", text)
	}
	if err := os.WriteFile(found[0], again.ReplaceAll(text, []byte(`$1"2020-01-01T00:00:00Z"`)), 0o600); err != nil {
		i.t.Fatal(err)
	}
}
