package acme

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/hashicorp/go-hclog"
	"github.com/mholt/acmez/v3/acme"
	"go.uber.org/zap"
)

// A story is a manager that runs, and what came of it.
type story struct {
	*Manager
	log *heard

	mu   sync.Mutex // guards used
	used []string
}

// heard is a log that many may write to.
type heard struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.String()
}

func begin(t *testing.T, folder, directory string) *story {
	t.Helper()
	s := &story{log: &heard{}}
	var err error
	s.Manager, err = New(Config{Names: []string{"a.example", "b.example"}, Issuers: []Issuer{{Directory: directory}}, Storage: folder, HTTP: true, Door: "127.0.0.1:1",
		Log: hclog.New(&hclog.LoggerOptions{Output: s.log, Level: hclog.Info}),
		Use: func(name string, c *tls.Certificate) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.used = append(s.used, name+" "+c.Leaf.SerialNumber.String())
		}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stored puts a certificate where certmagic keeps it, that is good for so long.
func stored(t *testing.T, folder, directory, host string, serial int64, begins, ends time.Duration) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plan := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{host}, NotBefore: time.Now().Add(begins), NotAfter: time.Now().Add(ends)}
	cert, err := x509.CreateCertificate(rand.Reader, plan, plan, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := certmagic.PEMEncodePrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	issuer := certmagic.NewACMEIssuer(&certmagic.Config{}, certmagic.ACMEIssuer{CA: directory}).IssuerKey()
	for path, text := range map[string][]byte{
		certmagic.StorageKeys.SiteCert(issuer, host):       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		certmagic.StorageKeys.SitePrivateKey(issuer, host): private,
		certmagic.StorageKeys.SiteMeta(issuer, host):       []byte("{}"),
	} {
		if err := newStorage(folder).Store(t.Context(), path, text); err != nil {
			t.Fatal(err)
		}
	}
}

// An authority that hangs holds up nobody: not the start, which uses what is stored, and not the end.
func TestAuthorityThatNeverAnswers(t *testing.T) {
	asked := make(chan struct{}, 100)
	over := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{}; <-over }))
	defer server.Close()
	defer close(over)
	folder := t.TempDir()
	stored(t, folder, server.URL, "a.example", 7, -2*time.Hour, time.Hour)
	m := begin(t, folder, server.URL)
	m.Roots = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	m.magic, m.cache = m.newMagic()
	if got := fmt.Sprint(m.used); got != "[a.example 7]" {
		t.Errorf("at the start %s is used", got)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); m.Run(ctx) }()
	<-asked
	end()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
	if got := fmt.Sprint(m.used); got != "[a.example 7]" {
		t.Errorf("at the end %s is used", got)
	}
}

func TestNoCertificateIsGivenUpForAFailure(t *testing.T) {
	const nobody = "https://127.0.0.1:1/dir"
	folder := t.TempDir()
	stored(t, folder, nobody, "a.example", 7, -100*24*time.Hour, 5*24*time.Hour)
	m := begin(t, folder, nobody)
	for _, n := range m.names {
		if pause := m.tend(t.Context(), n); pause < firstCall || pause > 2*firstCall {
			t.Errorf("%s is tried again after %v", n.host, pause)
		}
	}
	list := m.List()
	if a := list[0]; a.Issuer == "" && a.NotAfter.IsZero() || a.Failure.Text == "" || !a.Failure.Next.After(a.Failure.At) {
		t.Errorf("a.example is %+v", a)
	}
	if b := list[1]; !b.NotAfter.IsZero() || b.Failure.Text == "" {
		t.Errorf("b.example is %+v", b)
	}
	if fmt.Sprint(m.used) != "[a.example 7]" {
		t.Errorf("%v are used", m.used)
	}
	for _, want := range []string{"[ERROR] cannot renew a certificate, the one from before is shown: name=a.example problem=\"cannot reach https://127.0.0.1:1/dir: dial tcp", "[ERROR] cannot obtain a certificate: name=b.example problem=\"cannot reach ", "next-try="} {
		if !strings.Contains(m.log.String(), want) {
			t.Errorf("%q is not in\n%s", want, m.log.String())
		}
	}
}

// What is not to be renewed yet is looked at often enough, and nobody is asked.
func TestGoodCertificateIsLeftAlone(t *testing.T) {
	const nobody = "https://127.0.0.1:1/dir"
	folder := t.TempDir()
	stored(t, folder, nobody, "a.example", 7, -time.Hour, 90*24*time.Hour)
	stored(t, folder, nobody, "b.example", 8, -time.Second, 100*time.Second)
	m := begin(t, folder, nobody)
	for i, want := range []time.Duration{mostLook, 1010 * time.Millisecond} {
		m.magic.DisableARI = true
		if pause := m.tend(t.Context(), m.names[i]); pause < want-20*time.Millisecond || pause > want+20*time.Millisecond {
			t.Errorf("%s is looked at again after %v, want %v", m.names[i].host, pause, want)
		}
	}
	if m.log.String() != "" {
		t.Errorf("the log says\n%s", m.log.String())
	}
}

func TestRetriesBecomeRarer(t *testing.T) {
	unreached := errors.New("connection refused")
	refused := fmt.Errorf("a.example: %w", acme.Problem{Detail: "no proof", Subproblems: []acme.Subproblem{{Problem: acme.Problem{Detail: "404"}}}})
	for _, c := range []struct {
		err      error
		failures int
		least    time.Duration
	}{
		{unreached, 0, 5 * time.Second}, {unreached, 1, 10 * time.Second}, {unreached, 9, 2560 * time.Second}, {unreached, 10, time.Hour}, {unreached, 1000, time.Hour},
		{acme.Problem{Type: acme.ProblemTypeBadNonce, Status: 400}, 0, 5 * time.Second}, {acme.Problem{Status: 500}, 0, 5 * time.Second},
		{refused, 0, time.Minute}, {refused, 3, 8 * time.Minute}, {refused, 9, 6 * time.Hour}, {refused, 1000, 6 * time.Hour},
	} {
		if got := retryAfter(c.err, c.failures); got < c.least || got > c.least+c.least/jitterShare {
			t.Errorf("after %d failures (%v) it is %v, want %v", c.failures+1, c.err, got, c.least)
		}
	}
	if got := reason(refused); got != "no proof; 404" {
		t.Errorf("the reason is %q", got)
	}
}

func TestLockIsThatOfOneAtATime(t *testing.T) {
	folder := t.TempDir()
	first, second := newStorage(folder), newStorage(folder)
	if err := first.Lock(t.Context(), "issue *.a"); err != nil {
		t.Fatal(err)
	}
	if got, err := second.TryLock(t.Context(), "issue *.a"); got || err != nil {
		t.Errorf("another has got it, too: %v, %v", got, err)
	}
	if got, err := second.TryLock(t.Context(), "issue b"); !got || err != nil {
		t.Errorf("that of another name: %v, %v", got, err)
	}
	over, end := context.WithCancel(t.Context())
	end()
	if err := second.Lock(over, "issue *.a"); !errors.Is(err, context.Canceled) {
		t.Errorf("who gives up got %v", err)
	}
	got := make(chan error)
	go func() { got <- second.Lock(t.Context(), "issue *.a") }()
	if err := first.Unlock(t.Context(), "issue *.a"); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if first.Unlock(t.Context(), "issue *.a") == nil {
		t.Error("what nobody has was given back")
	}
}

func TestMessagesOfCertmagicAreALevelLower(t *testing.T) {
	var b bytes.Buffer
	log := zap.New(core{log: hclog.New(&hclog.LoggerOptions{Output: &b, Level: hclog.Debug})}).Named("x").With(zap.String("z", "1"))
	log.Error("failed", zap.Error(errors.New("why")))
	log.Info("going on", zap.Int("a", 2))
	log.Debug("details")
	for i, want := range []string{"[INFO]  failed: error=why z=1", "[DEBUG] going on: a=2 z=1", ""} {
		if line := strings.Split(b.String(), "\n")[i]; !strings.HasSuffix(line, want) {
			t.Errorf("got %q, want %q", line, want)
		}
	}
}
