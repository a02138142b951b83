package users

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

// sends is an app that has the file sent that it is asked for.
const sends = `require('http').createServer((request, response) => {
  if (request.url.startsWith('/send')) response.setHeader('X-Sendfile', decodeURIComponent(request.url.slice(5)));
  response.end('app');
}).listen(process.env.PORT || 3000);
`

// An app has files sent, and has folders of static files, that its user may read, be they closed to whoever serves; and
// nothing of another's.
func TestFilesAreSentThatTheAppsUserMayRead(t *testing.T) {
	for name, options := range map[string]harness.Options{"by a front without rights": {Users: true}, "by a front that is root": {}} {
		t.Run(name, func(t *testing.T) {
			f, store, other := newFolder(t, games), newFolder(t, games), newFolder(t, www)
			must(t, os.WriteFile(f.path("app.js"), []byte(sends), 0o644))
			must(t, os.Mkdir(f.path("dist"), 0o700))
			must(t, os.Chown(f.path("dist"), games, games))
			f.write("dist/d.txt", "of the release", games)
			must(t, os.Chmod(store.dir, 0o700))
			store.write("own.txt", "its own", games)
			secret := other.write("secret.txt", "hunter2", www)
			root := store.write("root.txt", "hunter2", 0)
			beside := f.write("beside.txt", "beside", games)
			must(t, os.Symlink(secret, store.path("link.txt")))
			must(t, os.Link(secret, store.path("hard.txt")))
			must(t, os.Symlink(beside, store.path("beside.txt")))
			options.Config = harness.ServerTable() + f.app("app", `user = "games"`, fmt.Sprintf("sendfile = [%q, %q]", store.dir, other.dir),
				fmt.Sprintf("[[apps.app.static]]\npath = \"/get\"\nfolder = %q\n[[apps.app.static]]\npath = \"/dist\"\nfolder = \"dist\"", store.dir))
			p := harness.Serve(t, options)
			get := func(path string) string {
				return harness.Ask(t, p, "GET "+path+" HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n").Body
			}
			for path, want := range map[string]string{"/": "app", "/send" + store.path("own.txt"): "its own", "/get/own.txt": "its own", "/dist/d.txt": "of the release"} {
				if got := get(path); got != want {
					t.Errorf("%s is %q, want %q", path, got, want)
				}
			}
			for _, path := range []string{secret, root, store.path("link.txt"), store.path("hard.txt"), beside, store.path("beside.txt"), store.dir + "/../app/own.txt", "/etc/shadow"} {
				if got := get("/send" + path); !strings.Contains(got, "not there") {
					t.Errorf("%s is %q, not refused", path, got)
				}
			}
			for _, path := range []string{"/get/link.txt", "/get/hard.txt", "/get/root.txt"} {
				if got := get(path); got != "app" {
					t.Errorf("%s is %q, not of the app", path, got)
				}
			}
		})
	}
}

// Who serves has files of its own, such as logs and keys, and the user of an app leads its links where he likes.
func TestFilesOfWhoServesAreNoApps(t *testing.T) {
	f := newFolder(t, games)
	logs, err := os.MkdirTemp("/tmp", "purser-logs")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(logs) })
	must(t, os.Chmod(logs, 0o755))
	log := filepath.Join(logs, "access.log")
	must(t, os.WriteFile(f.path("app.js"), []byte(sends), 0o644))
	must(t, os.Mkdir(f.path("public"), 0o755))
	for name, to := range map[string]string{"public/logs": logs, "public/log.txt": log, "store": logs} {
		must(t, os.Symlink(to, f.path(name)))
		must(t, os.Lchown(f.path(name), games, games))
	}
	p := harness.Serve(t, harness.Options{Users: true, Config: harness.ServerTable(fmt.Sprintf("access_log = %q", log)) +
		f.app("app", `user = "games"`, fmt.Sprintf("sendfile = [%q]", f.path("store")))})
	get := func(path string) string {
		return harness.Ask(t, p, "GET "+path+" HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n").Body
	}
	harness.Eventually(t, harness.Patience, "the log has a line", func() bool {
		if got := get("/"); got != "app" {
			t.Fatalf("got %q", got)
		}
		text, err := os.ReadFile(log)
		return err == nil && len(text) > 0
	})
	for _, path := range []string{"/logs/access.log", "/log.txt", "/send" + f.path("store/access.log"), "/send" + log} {
		if got := get(path); strings.Contains(got, "HTTP/1.1") {
			t.Errorf("%s is the access log: %q", path, got)
		}
	}
}
