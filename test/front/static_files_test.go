package front

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
	"purser/test/harness/site"
)

// deployAssets deploys a release with a logo, and a script that has the version in its name.
func deployAssets(t *testing.T, s site.Site, version string, r site.Release) string {
	t.Helper()
	dir := s.Deploy(r)
	harness.WriteFile(t, dir, "public/logo.svg", "logo "+version)
	harness.WriteFile(t, dir, "public/assets/app-"+version+".js", "script "+version)
	return dir
}

func TestStaticFilesAreOfTheNewestReleaseAndOldAssetsStayThroughTheRoll(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	harness.WriteFile(t, s.Current(), "public/logo.svg", "logo 1")
	harness.WriteFile(t, s.Current(), "public/assets/app-1.js", "script 1")
	p := s.Serve(3)
	expect := func(when string, want map[string]string) {
		t.Helper()
		for path, body := range want {
			a := harness.Get(t, p, path)
			if body == "" { // not a file: the app answers
				if harness.WordIn(a.Body, "v") == "" {
					t.Errorf("%s %s is answered with %d %q, not by the app", when, path, a.StatusCode, a.Body)
				}
			} else if a.StatusCode != http.StatusOK || a.Body != body {
				t.Errorf("%s %s is answered with %d %q, not %q", when, path, a.StatusCode, a.Body, body)
			}
		}
	}
	expect("at first", map[string]string{"/logo.svg": "logo 1", "/assets/app-1.js": "script 1", "/assets/app-2.js": ""})
	deployAssets(t, s, "2", site.Release{Version: 2})
	expect("before the restart", map[string]string{"/logo.svg": "logo 1", "/assets/app-1.js": "script 1", "/assets/app-2.js": ""})
	harness.MustRestart(t, p, 0, "--canary", "1")
	both := map[string]string{"/logo.svg": "logo 2", "/assets/app-1.js": "script 1", "/assets/app-2.js": "script 2"}
	expect("in mid-roll", both)
	if result := p.Run(harness.Within(t), "promote", "app"); result.Code != 0 {
		t.Fatalf("purser promote exited with %d: %s", result.Code, result.Stderr)
	}
	harness.Eventually(t, harness.Patience, "nothing old lives", func() bool { return len(p.Status(t, "app").Processes) == 3 })
	expect("after the roll", both)

	deployAssets(t, s, "3", site.Release{Version: 3, Exit: "no"})
	harness.MustRestart(t, p, 1)
	expect("while the third does not start", both)
	for range 2 { // the first takes back what does not start
		if result := p.Run(harness.Within(t), "rollback", "app"); result.Code != 0 {
			t.Fatalf("purser rollback exited with %d: %s", result.Code, result.Stderr)
		}
	}
	expect("after a rollback", map[string]string{"/logo.svg": "logo 1", "/assets/app-1.js": "script 1"})
}

func TestNothingBesidePublicCanBeHad(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	dir := site.CurrentOf(t, s)
	harness.WriteFile(t, dir, "public/logo.svg", "logo")
	harness.WriteFile(t, dir, "public/.env", "secret in a hidden file")
	harness.WriteFile(t, dir, "public/inner/file.txt", "inner")
	harness.WriteFile(t, dir, "config/master.key", "secret beside public")
	harness.WriteFile(t, dir, "public-of-another/a.txt", "secret of another folder")
	if err := os.Symlink(filepath.Join(dir, "config"), filepath.Join(dir, "public/inner/way-out")); err != nil {
		t.Fatal(err)
	}
	p := s.Serve(1)
	if a := harness.Get(t, p, "/inner/file.txt"); a.Body != "inner" {
		t.Fatalf("what may be had is answered with %d %q", a.StatusCode, a.Body)
	}
	for _, path := range []string{
		"/../config/master.key", "/..%2fconfig/master.key", "/%2e%2e/config/master.key", "/%2e%2e%2fconfig%2fmaster.key", "/inner/../../config/master.key",
		"/inner/%2e%2e/%2e%2e/config/master.key", "/..%5cconfig%5cmaster.key", "//config/master.key", "/./../config/master.key", "/%252e%252e/config/master.key",
		"/../public-of-another/a.txt", "/..%00/config/master.key", "/inner/way-out/master.key", "/.env", "/%2eenv", "/inner/../.env", "/logo.svg/../../config/master.key",
		"/etc/passwd", "//etc/passwd", "/%2fetc%2fpasswd", filepath.Join(dir, "config/master.key"),
	} {
		a := harness.Get(t, p, path)
		if strings.Contains(a.Body, "secret") || strings.Contains(a.Body, "root:") {
			t.Errorf("%s gives %q", path, a.Body)
		}
		if a.StatusCode == http.StatusOK && harness.WordIn(a.Body, "v") == "" { // the app may have what it wants at that path
			t.Errorf("%s is answered with %d %q, not by the app", path, a.StatusCode, a.Body)
		}
	}
}
