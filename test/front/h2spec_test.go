package front

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"purser/test/harness"
)

// TestH2spec has purser judged by a suite of others, over TLS and in clear.
func TestH2spec(t *testing.T) {
	a := harness.NewAuthority(t)
	a.Issue("server", year, "localhost")
	p := harness.Serve(t, harness.Options{Config: "[server]\nlisten = [\"http://$LISTEN\", \"https://$SECURE\"]\nh2c = true\n" + tlsTable("server.tls", a, "server") +
		harness.AppTable("app", harness.NewApp(t, "node").Dir, harness.Processes(1)) + "[apps.app.tls]\nredirect = false\n"})
	// In clear a connection may speak HTTP/1.1, too: what does not begin as HTTP/2 is refused in that.
	const noPreface = "2: Sends invalid connection preface"
	for name, c := range map[string]struct {
		addr  string
		flags []string
		fails []string
	}{
		"over TLS": {p.Secure, []string{"--tls", "--insecure"}, nil},
		"in clear": {p.Addr, nil, []string{noPreface}},
	} {
		t.Run(name, func(t *testing.T) {
			said, failed := h2spec(t, c.addr, c.flags...)
			if !slices.Equal(failed, c.fails) {
				t.Errorf("these fail: %q, not %q\n%s", failed, c.fails, said)
			}
		})
	}
}

var (
	h2specTotal   = regexp.MustCompile(`\n\d+ tests, \d+ passed, .*`)
	h2specFailure = regexp.MustCompile(`(?m)^ *× (.*)$`)
)

// h2spec runs the suite against an address. It returns what is said at the end, and what has failed.
func h2spec(t *testing.T, addr string, flags ...string) (said string, failed []string) {
	t.Helper()
	program, err := h2specProgram()
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(addr)
	out, _ := exec.Command(program, append(flags, "--strict", "--timeout", "10", "--host", host, "--port", port)...).Output() // 1 if one fails
	total := h2specTotal.FindString(string(out))
	if total == "" {
		t.Fatalf("h2spec has not come to its end:\n%s", out)
	}
	t.Log(strings.TrimSpace(total))
	_, said, _ = strings.Cut(string(out), "\nFailures:")
	for _, f := range h2specFailure.FindAllStringSubmatch(said, -1) {
		failed = append(failed, f[1])
	}
	return said, failed
}

// h2specProgram is the suite, built as its own go.mod says.
var h2specProgram = sync.OnceValues(func() (string, error) {
	program := filepath.Join(harness.Scratch(), "h2spec")
	cmd := exec.Command("go", "build", "-o", program, "github.com/summerwind/h2spec/cmd/h2spec")
	cmd.Dir = filepath.Join(harness.ModuleDir(), "test", "front", "h2spec")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return program, cmd.Run()
})
