package harness

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"time"
)

// managed asks for what pebble tells of itself, which is PEM.
func (p *Pebble) managed(path string) []byte {
	p.t.Helper()
	text := p.admin(http.MethodGet, path, nil)
	block, _ := pem.Decode(bytes.TrimSpace(text))
	if block == nil {
		p.t.Fatalf("pebble's %s is %q", path, text)
	}
	return block.Bytes
}

// WantsRenewal has it say of a certificate that it is to be renewed now (ARI, RFC 9773).
func (p *Pebble) WantsRenewal(c *x509.Certificate) {
	p.t.Helper()
	window, err := json.Marshal(map[string]map[string]time.Time{"suggestedWindow": {"start": time.Now().Add(-2 * time.Hour), "end": time.Now().Add(-time.Hour)}})
	if err != nil {
		p.t.Fatal(err)
	}
	order, err := json.Marshal(map[string]string{"Certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})), "ARIResponse": string(window)})
	if err != nil {
		p.t.Fatal(err)
	}
	p.admin(http.MethodPost, "/set-renewal-info/", order)
}

// admin asks pebble for what no client of an authority may.
func (p *Pebble) admin(method, path string, body []byte) []byte {
	p.t.Helper()
	client := http.Client{Transport: &http.Transport{TLSClientConfig: p.own.Trusting("localhost"), DisableKeepAlives: true}, Timeout: Patience}
	_, port, _ := net.SplitHostPort(p.manage)
	order, err := http.NewRequestWithContext(p.t.Context(), method, "https://localhost:"+port+path, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := client.Do(order)
	if err != nil {
		p.t.Fatalf("pebble does not answer %s: %v", path, err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		p.t.Fatalf("pebble answers %s with %s %q (%v)", path, answer.Status, text, err)
	}
	return text
}
