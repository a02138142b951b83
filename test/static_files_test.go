package test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

// deployAssets deploys a release with a logo, and a script that has the version in its name.
func deployAssets(t *testing.T, s site, version string, r release) string {
	t.Helper()
	dir := s.deploy(r)
	place(t, dir, "public/logo.svg", "logo "+version)
	place(t, dir, "public/assets/app-"+version+".js", "script "+version)
	return dir
}

func TestStaticFilesAreOfTheNewestReleaseAndOldAssetsStayThroughTheRoll(t *testing.T) {
	t.Parallel()
	s := newSite(t, release{Version: 1})
	place(t, s.current(), "public/logo.svg", "logo 1")
	place(t, s.current(), "public/assets/app-1.js", "script 1")
	p := s.serve(3)
	expect := func(when string, want map[string]string) {
		t.Helper()
		for path, body := range want {
			a := get(t, p, path)
			if body == "" { // not a file: the app answers
				if wordIn(a.Body, "v") == "" {
					t.Errorf("%s %s is answered with %d %q, not by the app", when, path, a.StatusCode, a.Body)
				}
			} else if a.StatusCode != http.StatusOK || a.Body != body {
				t.Errorf("%s %s is answered with %d %q, not %q", when, path, a.StatusCode, a.Body, body)
			}
		}
	}
	expect("at first", map[string]string{"/logo.svg": "logo 1", "/assets/app-1.js": "script 1", "/assets/app-2.js": ""})
	deployAssets(t, s, "2", release{Version: 2})
	expect("before the restart", map[string]string{"/logo.svg": "logo 1", "/assets/app-1.js": "script 1", "/assets/app-2.js": ""})
	restart(t, p, 0, "--canary", "1")
	both := map[string]string{"/logo.svg": "logo 2", "/assets/app-1.js": "script 1", "/assets/app-2.js": "script 2"}
	expect("in mid-roll", both)
	if result := p.Run(within(t), "promote", "app"); result.Code != 0 {
		t.Fatalf("purser promote exited with %d: %s", result.Code, result.Stderr)
	}
	harness.Eventually(t, patience, "nothing old lives", func() bool { return len(p.Status(t, "app").Processes) == 3 })
	expect("after the roll", both)

	deployAssets(t, s, "3", release{Version: 3, Exit: "no"})
	restart(t, p, 1)
	expect("while the third does not start", both)
	for range 2 { // the first takes back what does not start
		if result := p.Run(within(t), "rollback", "app"); result.Code != 0 {
			t.Fatalf("purser rollback exited with %d: %s", result.Code, result.Stderr)
		}
	}
	expect("after a rollback", map[string]string{"/logo.svg": "logo 1", "/assets/app-1.js": "script 1"})
}

func TestNothingBesidePublicCanBeHad(t *testing.T) {
	t.Parallel()
	s := newSite(t, release{Version: 1})
	dir := currentOf(t, s)
	place(t, dir, "public/logo.svg", "logo")
	place(t, dir, "public/.env", "secret in a hidden file")
	place(t, dir, "public/inner/file.txt", "inner")
	place(t, dir, "config/master.key", "secret beside public")
	place(t, dir, "public-of-another/a.txt", "secret of another folder")
	if err := os.Symlink(filepath.Join(dir, "config"), filepath.Join(dir, "public/inner/way-out")); err != nil {
		t.Fatal(err)
	}
	p := s.serve(1)
	if a := get(t, p, "/inner/file.txt"); a.Body != "inner" {
		t.Fatalf("what may be had is answered with %d %q", a.StatusCode, a.Body)
	}
	for _, path := range []string{
		"/../config/master.key", "/..%2fconfig/master.key", "/%2e%2e/config/master.key", "/%2e%2e%2fconfig%2fmaster.key", "/inner/../../config/master.key",
		"/inner/%2e%2e/%2e%2e/config/master.key", "/..%5cconfig%5cmaster.key", "//config/master.key", "/./../config/master.key", "/%252e%252e/config/master.key",
		"/../public-of-another/a.txt", "/..%00/config/master.key", "/inner/way-out/master.key", "/.env", "/%2eenv", "/inner/../.env", "/logo.svg/../../config/master.key",
		"/etc/passwd", "//etc/passwd", "/%2fetc%2fpasswd", filepath.Join(dir, "config/master.key"),
	} {
		a := get(t, p, path)
		if strings.Contains(a.Body, "secret") || strings.Contains(a.Body, "root:") {
			t.Errorf("%s gives %q", path, a.Body)
		}
		if a.StatusCode == http.StatusOK && wordIn(a.Body, "v") == "" { // the app may have what it wants at that path
			t.Errorf("%s is answered with %d %q, not by the app", path, a.StatusCode, a.Body)
		}
	}
}
