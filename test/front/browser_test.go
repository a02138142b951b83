package front

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"purser/test/harness"
)

// A page in a real browser uses all that a page can while its app is deployed twice, by touch and by command.
func TestPageInABrowserLosesNothingInADeploy(t *testing.T) {
	app, a := harness.NewApp(t, "node"), harness.NewAuthority(t)
	a.Issue("server", year, "localhost")
	access := filepath.Join(a.Dir, "access.log")
	p := harness.Serve(t, harness.Options{Config: fmt.Sprintf("[server]\nlisten = [\"https://$SECURE\"]\naccess_log = %q\naccess_log_format = \"json\"\n", access) + tlsTable("server.tls", a, "server") +
		harness.AppTable("app", app.Dir, harness.Processes(2), `websocket_drain_timeout = "500ms"`, `websocket_close_window = "0"`)})
	harness.AwaitReady(t, p, 2)
	_, port, _ := strings.Cut(p.Secure, ":")
	b := openBrowser(t, a, "https://localhost:"+port+"/page")
	b.await("the page uses everything", "seen.posts > 5 && seen.messages > 5 && seen.events > 0")

	deploys := []func(){func() { app.Touch() }, func() { p.Order(t, "app", "{}") }}
	for i, deploy := range deploys {
		generation := i + 2
		app.Write("VERSION", fmt.Sprint(generation))
		deploy()
		harness.AwaitRestart(t, p, "app", generation)
		b.await("the page has met the new release", fmt.Sprintf("seen.versions.includes('v=%d') && seen.sockets == %d && seen.streams == %d && seen.events == %d", generation, generation, generation, generation))
		b.await("it goes on", fmt.Sprintf("seen.posts > %d + 5 && seen.messages > %d + 5", b.number("seen.posts"), b.number("seen.messages")))
	}
	b.do("end()")
	t.Logf("%s", b.text("JSON.stringify(seen)"))
	if failures := b.text("seen.failures.join('; ')"); failures != "" {
		t.Errorf("the page says: %s", failures)
	}
	if got := b.text("seen.closes.join()"); got != "1012,1012" {
		t.Errorf("the WebSockets were closed with %s", got)
	}
	if got := b.text("protocols().join()"); got != "h2" {
		t.Errorf("the browser has used %s", got)
	}
	b.mustHaveNoComplaints()
	mustBeHTTP2(t, access)
}

// mustBeHTTP2 expects of an access log that all went over HTTP/2, the WebSockets included.
func mustBeHTTP2(t *testing.T, access string) {
	t.Helper()
	var lines []string
	harness.Eventually(t, harness.Patience, "the WebSockets that were closed are in the log", func() bool {
		text, err := os.ReadFile(access)
		lines = strings.SplitAfter(string(text), "\n")
		return err == nil && strings.Count(string(text), "/ws") >= 2
	})
	for _, line := range lines[:len(lines)-1] {
		if !strings.Contains(line, `"protocol":"HTTP/2.0"`) {
			t.Errorf("not over HTTP/2: %s", line)
		}
	}
}

// A browser shows one page.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex // guards complaints
	complaints []string   // of its console
}

// openBrowser shows a page to a browser that trusts the certificate called server.
func openBrowser(t *testing.T, a *harness.Authority, url string) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium-headless-shell")
	if err != nil {
		t.Fatal(err)
	}
	key := sha256.Sum256(a.Pair("server").Leaf.RawSubjectPublicKeyInfo)
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox, // which root cannot have
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("ignore-certificate-errors-spki-list", base64.StdEncoding.EncodeToString(key[:])))
	ctx, end := context.WithTimeout(t.Context(), 3*harness.Patience)
	t.Cleanup(end)
	ctx, end = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(end)
	ctx, end = chromedp.NewContext(ctx)
	t.Cleanup(end)
	b := &browser{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatalf("the browser does not start: %v", err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatalf("the page does not open: %v", err)
	}
	return b
}

// hear keeps what the console shows as an error or a warning.
func (b *browser) hear(event any) {
	said := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		said = fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL)
	case *runtime.EventExceptionThrown:
		said = fmt.Sprint(e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		said = fmt.Sprintf("console.%s", e.Type)
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, said)
}

func (b *browser) mustHaveNoComplaints() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, complaint := range b.complaints {
		b.t.Errorf("the console shows %s", complaint)
	}
}

func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (b *browser) text(expression string) string { b.t.Helper(); return eval[string](b, expression) }
func (b *browser) number(expression string) int  { b.t.Helper(); return eval[int](b, expression) }
func (b *browser) do(expression string)          { b.t.Helper(); eval[chromedp.Void](b, expression) }

// await waits until something is true of the page.
func (b *browser) await(what, expression string) {
	b.t.Helper()
	defer func() {
		if b.t.Failed() {
			b.t.Logf("the page has seen %s", b.text("JSON.stringify(seen)"))
		}
	}()
	harness.Eventually(b.t, harness.Patience, what, func() bool { return eval[bool](b, "!!("+expression+")") })
}
