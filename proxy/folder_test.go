package proxy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"purser/conf"
)

func symlink(t testing.TB, target, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// newCapistrano is a front whose app lies as Capistrano puts it: a release with links to what all
// releases share.
func newCapistrano(t *testing.T) (f *front, home string) {
	home = t.TempDir()
	public := filepath.Join(home, "releases/1/public")
	shared := filepath.Join(home, "shared/public")
	put(t, public, "own.txt", "own", "deep/own.txt", "own")
	put(t, shared, "assets/site.css", "shared", "robots.txt", "shared", "uploads/a/b.png", "shared")
	put(t, home, "shared/config/master.key", "secret")
	symlink(t, filepath.Join(shared, "assets"), filepath.Join(public, "assets"))
	symlink(t, "../../../shared/public/uploads", filepath.Join(public, "uploads"))
	symlink(t, filepath.Join(shared, "robots.txt"), filepath.Join(public, "robots.txt"))
	symlink(t, "own.txt", filepath.Join(public, "inside.txt"))
	symlink(t, "../own.txt", filepath.Join(public, "deep/inside.txt"))
	symlink(t, "nowhere", filepath.Join(public, "dangling"))
	symlink(t, "loop", filepath.Join(public, "loop"))
	symlink(t, filepath.Join(home, "shared/config/master.key"), filepath.Join(public, "deep/key"))
	symlink(t, filepath.Join(home, "shared/config/master.key"), filepath.Join(shared, "uploads/key"))
	symlink(t, "../../../../shared/config", filepath.Join(shared, "uploads/config"))
	return newFront(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\napp"), func(_ *conf.Server, a *conf.App) {
		a.Root, a.Public = filepath.Join(home, "releases/1"), "public"
	}), home
}

func TestLinksOfADeploymentAreFollowedAndNoOthers(t *testing.T) {
	f, _ := newCapistrano(t)
	c := f.dial()
	for path, want := range map[string]string{
		"/own.txt": "own", "/inside.txt": "own", "/deep/inside.txt": "own",
		"/assets/site.css": "shared", "/uploads/a/b.png": "shared", "/robots.txt": "shared",
		"/assets": "app", "/assets/": "app", "/robots.txt/x": "app", "/dangling": "app", "/loop": "app",
		"/deep/key": "app", "/uploads/key": "app", "/uploads/config/master.key": "app",
		"/assets/..%2f..%2fconfig/master.key": "app",
	} {
		if _, body := c.fetch("GET", path); body != want {
			t.Errorf("%s: got %q, want %q", path, body, want)
		}
	}
}

func TestPublicFolderMayBeALinkItself(t *testing.T) {
	home := t.TempDir()
	put(t, home, "dist/x.txt", "file", "secret.txt", "secret")
	symlink(t, "../secret.txt", filepath.Join(home, "dist/secret.txt"))
	symlink(t, filepath.Join(home, "dist"), filepath.Join(home, "app/public"))
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) { a.Root, a.Public = filepath.Join(home, "app"), "public" })
	f.dial().send("GET /x.txt HTTP/1.1\r\nHost: a\r\n\r\n").expect(200, "file")
}

func TestLinkToWhatBelongsToAnotherUserIsRefusedToRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away")
	}
	home := t.TempDir()
	public := filepath.Join(home, "app/public")
	put(t, home, "app/public/own.txt", "own", "theirs/x.txt", "theirs", "mine/x.txt", "mine", "mine/y.txt", "not mine")
	own := func(uid int, paths ...string) {
		for _, path := range paths {
			if err := os.Lchown(filepath.Join(home, path), uid, -1); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, target := range map[string]string{"theirs": "theirs", "mine": "mine", "roots": "theirs", "x.txt": "theirs/x.txt", "y.txt": "mine/x.txt"} {
		symlink(t, filepath.Join(home, target), filepath.Join(public, name))
	}
	own(1001, "mine", "mine/x.txt", "app/public", "app/public/theirs", "app/public/mine", "app/public/x.txt", "app/public/y.txt")
	own(1002, "theirs", "theirs/x.txt")
	f := newFront(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\napp"), func(_ *conf.Server, a *conf.App) {
		a.Root, a.Public = filepath.Join(home, "app"), "public"
	})
	c := f.dial()
	for path, want := range map[string]string{"/own.txt": "own", "/mine/x.txt": "mine", "/y.txt": "mine", "/roots/x.txt": "theirs",
		"/theirs/x.txt": "app", "/x.txt": "app"} {
		if _, body := c.fetch("GET", path); body != want {
			t.Errorf("%s: got %q, want %q", path, body, want)
		}
	}
	if log := f.log.String(); !strings.Contains(log, "a link among the static files is not followed") {
		t.Error("nobody is told why")
	}
}

func TestWhatChangesInPublicIsSeen(t *testing.T) {
	f, root := newFiles(t, nil)
	public := filepath.Join(root, "public")
	c := f.dial()
	c.send("GET /new.txt HTTP/1.1\r\nHost: a\r\n\r\n").expect(200, "app")
	later := func(path, want string) { // as if lookAgain had passed
		t.Helper()
		f.server.routes.only.public.now.Load().at.Store(-int64(lookAgain))
		if _, body := c.fetch("GET", path); body != want {
			t.Errorf("%s: got %q, want %q", path, body, want)
		}
	}
	put(t, public, "new.txt", "new")
	later("/new.txt", "new")
	put(t, public, "new.txt", "changed", "dir/a", "a")
	later("/new.txt", "changed")
	later("/dir/a", "a")
	if err := os.RemoveAll(public); err != nil {
		t.Fatal(err)
	}
	later("/new.txt", "app")
	put(t, public, "new.txt", "again")
	later("/new.txt", "again")
	target := t.TempDir()
	put(t, target, "v1/x", "1", "v2/x", "2")
	symlink(t, filepath.Join(target, "v1"), filepath.Join(public, "linked"))
	later("/linked/x", "1")
	if err := os.Remove(filepath.Join(public, "linked")); err != nil {
		t.Fatal(err)
	}
	symlink(t, filepath.Join(target, "v2"), filepath.Join(public, "linked"))
	later("/linked/x", "2")
}

func TestFilesBelowACrowdedFolderAreFound(t *testing.T) {
	var files []string
	for i := range mostNames + 10 {
		files = append(files, fmt.Sprintf("%d.txt", i), "file")
	}
	f, _ := newFiles(t, nil, files...)
	c := f.dial()
	for i := 0; i < mostNames+10; i += 500 {
		if _, body := c.fetch("GET", fmt.Sprintf("/%d.txt", i)); body != "file" {
			t.Errorf("%d.txt: got %q", i, body)
		}
	}
	if _, body := c.fetch("GET", "/none.txt"); body != "app" {
		t.Errorf("got %q", body)
	}
}

func TestAssetsOfThePreviousReleaseStayReachableDuringTheRoll(t *testing.T) {
	home := t.TempDir()
	put(t, home, "1/public/assets/old.css", "old", "1/public/both.txt", "1", "1/public/page.html", "stale",
		"2/public/assets/new.css", "new", "2/public/both.txt", "2")
	hold := make(chan struct{})
	f := newFront(t, func(t testing.TB, c *appConn) {
		for {
			head, _ := c.request()
			if head == "" {
				return
			}
			if strings.HasPrefix(head, "GET /hold") {
				<-hold
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\napp")
		}
	}, func(_ *conf.Server, a *conf.App) { a.Root, a.Public = filepath.Join(home, "1"), "public" })
	c, held := f.dial(), f.dial()
	c.send(get).expect(200, "app")
	held.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
	f.await("it is lent", func() bool { return f.group.Snapshot().Processes[0].Requests == 1 })
	f.restart(filepath.Join(home, "2"))
	f.await("the new release serves", func() bool {
		_, body := c.fetch("GET", "/both.txt")
		return body == "2"
	})
	for path, want := range map[string]string{"/assets/new.css": "new", "/assets/old.css": "old", "/both.txt": "2", "/page": "app"} {
		if _, body := c.fetch("GET", path); body != want {
			t.Errorf("%s: got %q, want %q", path, body, want)
		}
	}
	close(hold)
	held.expect(200, "app")
}

// TestRestartsLeakNoFolder: while files are fetched all the time.
func TestRestartsLeakNoFolder(t *testing.T) {
	home := t.TempDir()
	for i := range 2 {
		put(t, home, fmt.Sprintf("%d/public/assets/x.css", i), "file")
		symlink(t, filepath.Join(home, fmt.Sprintf("%d/public/assets", i)), filepath.Join(home, fmt.Sprintf("%d/public/linked", i)))
	}
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) { a.Root, a.Public = filepath.Join(home, "0"), "public" })
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 2 {
		c := f.dial()
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, path := range []string{"/assets/x.css", "/linked/x.css"} {
					if res, body := c.fetch("GET", path); res.StatusCode != 200 || body != "file" {
						t.Errorf("got %d %q, want the file", res.StatusCode, body)
						return
					}
				}
			}
		})
	}
	f.restarted(filepath.Join(home, "1"))
	before := descriptors(t)
	for i := range 100 {
		f.restarted(filepath.Join(home, fmt.Sprint(i%2)))
	}
	close(stop)
	clients.Wait()
	f.dial().send("GET /assets/x.css HTTP/1.1\r\nHost: a\r\n\r\n").expect(200, "file") // a last look
	f.await("the descriptors are about as many as before", func() bool { return descriptors(t) < before+10 })
}

func descriptors(t testing.TB) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
