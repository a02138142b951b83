package front

import (
	"os"
	"strings"
	"testing"

	"purser/test/harness"
)

func TestHostThatAReloadBringsGetsACertificateAndTheOthersKeepTheirs(t *testing.T) {
	i := anIssuing(t, harness.PebbleOptions{}, []string{"blog.example"})
	i.ca.Start()
	i.serve()
	before := i.await("blog.example").PeerCertificates[0].SerialNumber
	text, err := os.ReadFile(i.Config)
	if err != nil {
		t.Fatal(err)
	}
	more := strings.Replace(string(text), `hosts = ["blog.example"]`, `hosts = ["blog.example", "shop.example"]`, 1)
	if err := os.WriteFile(i.Config, []byte(more), 0o600); err != nil {
		t.Fatal(err)
	}
	harness.StartCommand(t, i.Purser, "reload").MustExit(t, 0)
	if now := i.await("blog.example").PeerCertificates[0].SerialNumber; now.Cmp(before) != 0 {
		t.Error("the certificate that was there is another")
	}
	i.await("shop.example")
	if err := os.WriteFile(i.Config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	harness.StartCommand(t, i.Purser, "reload").MustExit(t, 0)
	harness.Eventually(t, harness.Patience, "the host that is gone is shown none", func() bool { return i.shown("shop.example") == nil })
	i.await("blog.example")
}
