package front

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"purser/test/harness"
)

// staging is a site with all that this file is about.
const staging = `hosts = ["a", "www.a"]
canonical = "a"
[[apps.app.redirects]]
from = "/old/*"
to = "/headers?was=$1"
status = 302
[[apps.app.redirects]]
from = "/v1/*"
to = "/$1"
rewrite = true
[apps.app.headers]
set = ["X-Robots-Tag: noindex"]
remove = ["X-Version"]
request_set = ["X-Stage: yes"]
request_remove = ["Authorization"]
security = true
[apps.app.access]
realm = "Staging"
`

// writeUsers writes a file of users and their passwords in turn.
func writeUsers(t *testing.T, path string, cost int, users ...string) {
	t.Helper()
	var text strings.Builder
	for i := 0; i < len(users); i += 2 {
		hash, err := bcrypt.GenerateFromPassword([]byte(users[i+1]), cost)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%s:%s\n", users[i], hash)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func serveStaging(t *testing.T) (p *harness.Purser, app harness.App, users string) {
	t.Helper()
	app, users = harness.NewApp(t, "node"), filepath.Join(t.TempDir(), "users")
	writeUsers(t, users, bcrypt.MinCost, "ann", "secret")
	harness.WriteFile(t, app.Dir, "public/logo.svg", "<svg/>")
	config := harness.ServerTable("h2c = true") + harness.AppTable("app", app.Dir, harness.Processes(1), staging+fmt.Sprintf("htpasswd = %q", users))
	return harness.Serve(t, harness.Options{Config: config}), app, users
}

func basicAuth(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func askAs(t *testing.T, p *harness.Purser, who, host, path string) harness.Answer {
	t.Helper()
	return harness.Ask(t, p, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\n"+who+"\r\nConnection: close\r\n\r\n")
}

func TestStagingSiteIsForThoseWithAPassword(t *testing.T) {
	t.Parallel()
	p, _, users := serveStaging(t)
	ann, bob := basicAuth("ann", "secret"), basicAuth("bob", "other")
	expect := func(who, path string, status int, fields ...string) harness.Answer {
		t.Helper()
		a := askAs(t, p, who, "a", path)
		if a.StatusCode != status {
			t.Errorf("%s is answered with %d %s", path, a.StatusCode, a.Body)
		}
		for i := 0; i < len(fields); i += 2 {
			if got := a.Header.Get(fields[i]); got != fields[i+1] {
				t.Errorf("%s: %s is %q, want %q", path, fields[i], got, fields[i+1])
			}
		}
		return a
	}
	for _, path := range []string{"/", "/logo.svg", "/old/x", "/v1/headers", "/%2e/logo.svg"} {
		expect("X: y", path, 401, "Purser-Error", "unauthorized", "Www-Authenticate", `Basic realm="Staging", charset="UTF-8"`, "X-Robots-Tag", "noindex", "X-Content-Type-Options", "nosniff")
		expect(bob, path, 401)
	}
	if a := harness.Ask(t, p, harness.Upgrade); a.StatusCode != 401 {
		t.Errorf("a WebSocket is answered with %d", a.StatusCode)
	}
	expect(ann, "/logo.svg", 200, "X-Robots-Tag", "noindex", "X-Frame-Options", "SAMEORIGIN")
	expect(ann, "/old/a%20b?x=y", 302, "Location", "/headers?was=a%20b", "X-Robots-Tag", "noindex")
	var told map[string]string
	if err := json.Unmarshal([]byte(expect(ann, "/v1/headers", 200).Body), &told); err != nil {
		t.Fatal(err)
	}
	if told["x-stage"] != "yes" || told["authorization"] != "" {
		t.Errorf("the app was told %v", told)
	}
	if a := askAs(t, p, "X: y", "www.a:81", "/x?y"); a.StatusCode != 301 || a.Header.Get("Location") != "http://a:81/x?y" {
		t.Errorf("another host is answered with %d %v", a.StatusCode, a.Header)
	}

	writeUsers(t, users, bcrypt.MinCost, "bob", "other")
	harness.Eventually(t, harness.Patience, "a change of the file is gone by", func() bool { return askAs(t, p, bob, "a", "/").StatusCode == 200 })
	expect(ann, "/", 401)
	if err := os.WriteFile(users, []byte("bob:$apr1$x$y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := p.Run(harness.Within(t), "reload"); r.Code != 2 || !strings.Contains(r.Stderr, "users, line 1: the password of \"bob\" is hashed by MD5") {
		t.Errorf("a file that cannot be used: %d %s", r.Code, r.Stderr)
	}
	expect(bob, "/", 200)
}

func TestHTTP2IsGuardedAndSentOnToo(t *testing.T) {
	t.Parallel()
	p, _, _ := serveStaging(t)
	c := h2c(t)
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for path, want := range map[string]string{"/": "200 ", "/old/x": "302 /headers?was=x", "/v1/headers": "200 "} {
		for password, want := range map[string]string{"secret": want, "wrong": "401 "} {
			req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+p.Addr+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = "a"
			req.SetBasicAuth("ann", password)
			res, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if got := fmt.Sprint(res.StatusCode, " ", res.Header.Get("Location")); got != want || res.ProtoMajor != 2 || res.Header.Get("X-Robots-Tag") != "noindex" {
				t.Errorf("%s with %s: %s %v", path, password, got, res.Header)
			}
		}
	}
}

// Each guess costs as much as a hundred requests: whoever has a password already must not wait for those who guess.
func TestWhoGuessesPasswordsKeepsNobodyElseWaiting(t *testing.T) {
	t.Parallel()
	app, users := harness.NewApp(t, "node"), filepath.Join(t.TempDir(), "users")
	writeUsers(t, users, bcrypt.DefaultCost, "ann", "secret")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1), fmt.Sprintf("[apps.app.access]\nhtpasswd = %q", users))})
	ann := basicAuth("ann", "secret")
	if a := askAs(t, p, ann, "a", "/"); a.StatusCode != 200 {
		t.Fatalf("at first: %d", a.StatusCode)
	}
	var guesses atomic.Int64
	over := make(chan struct{})
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				a := askAs(t, p, basicAuth("ann", fmt.Sprint(i, "-", n)), "a", "/")
				guesses.Add(1)
				if a.StatusCode != 401 && (a.StatusCode != 503 || a.Header.Get("Purser-Error") != "out_of_resources") {
					t.Errorf("a guess is answered with %d %s", a.StatusCode, a.Header.Get("Purser-Error"))
				}
			}
		})
	}
	served := 0
	for ; served < 60 || guesses.Load() == 0; served++ {
		if a := askAs(t, p, ann, "a", "/"); a.StatusCode != 200 {
			t.Errorf("who has the password gets %d", a.StatusCode)
		}
	}
	close(over)
	all.Wait()
	t.Logf("%d requests were served beside %d guesses", served, guesses.Load())
}
