package files

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/pool"
)

// newCapistrano is a site that lies as Capistrano puts it: a release with links to what all releases
// share.
func newCapistrano(t *testing.T) *site {
	home := t.TempDir()
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
	return newSite(t, filepath.Join(home, "releases/1"), nil)
}

func TestLinksOfADeploymentAreFollowedAndNoOthers(t *testing.T) {
	newCapistrano(t).expect(map[string]string{
		"/own.txt": "own", "/inside.txt": "own", "/deep/inside.txt": "own",
		"/assets/site.css": "shared", "/uploads/a/b.png": "shared", "/robots.txt": "shared",
		"/assets": "app", "/assets/": "app", "/robots.txt/x": "app", "/dangling": "app", "/loop": "app",
		"/deep/key": "app", "/uploads/key": "app", "/uploads/config/master.key": "app",
		"/assets/..%2f..%2fconfig/master.key": "app",
	})
}

func TestPublicFolderMayBeALinkItself(t *testing.T) {
	home := t.TempDir()
	put(t, home, "dist/x.txt", "file", "secret.txt", "secret")
	symlink(t, "../secret.txt", filepath.Join(home, "dist/secret.txt"))
	symlink(t, filepath.Join(home, "dist"), filepath.Join(home, "app/public"))
	newSite(t, filepath.Join(home, "app"), nil).expect(map[string]string{"/x.txt": "file"})
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
	s := newSite(t, filepath.Join(home, "app"), nil)
	s.expect(map[string]string{"/own.txt": "own", "/mine/x.txt": "mine", "/y.txt": "mine", "/roots/x.txt": "theirs",
		"/theirs/x.txt": "app", "/x.txt": "app"})
	if log := s.log.String(); !strings.Contains(log, "a link among the static files is not followed") {
		t.Error("nobody is told why")
	}
}

func TestWhatChangesInPublicIsSeen(t *testing.T) {
	s, root := newFiles(t)
	public := filepath.Join(root, "public")
	s.expect(map[string]string{"/new.txt": "app"})
	later := func(path, want string) {
		t.Helper()
		s.later()
		s.expect(map[string]string{path: want})
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

// TestRequestsThatWaitForALookShareIt: after a change of releases all that come at once need another.
func TestRequestsThatWaitForALookShareIt(t *testing.T) {
	const waiting = 64
	s, _ := newFiles(t, "x.txt", "old")
	s.expect(map[string]string{"/x.txt": "old"})
	release := t.TempDir()
	put(t, release, "public/x.txt", "new")
	s.deploy(release)

	asked := make(chan bool, 3*waiting)
	releases := s.config.Releases
	s.config.Releases = func() []pool.Release {
		asked <- true
		return releases()
	}
	s.looking.Lock() // somebody is about to look
	looks := make(chan *look, waiting)
	for range waiting {
		go func() { looks <- s.look() }()
	}
	for range waiting {
		<-asked
	}
	s.looking.Unlock()
	first := <-looks
	for range waiting - 1 {
		if l := <-looks; l != first {
			t.Fatal("the folder was read more than once")
		}
	}
	s.expect(map[string]string{"/x.txt": "new"})
}

func TestFilesBelowACrowdedFolderAreFound(t *testing.T) {
	var files []string
	for i := range mostNames + 10 {
		files = append(files, fmt.Sprintf("%d.txt", i), "file")
	}
	s, _ := newFiles(t, files...)
	for i := 0; i < mostNames+10; i += 500 {
		s.expect(map[string]string{fmt.Sprintf("/%d.txt", i): "file"})
	}
	s.expect(map[string]string{"/none.txt": "app"})
}

// TestLinkToWhatComesLaterIsFollowedThen: a link is often made before what it leads to, and public is not changed by that.
func TestLinkToWhatComesLaterIsFollowedThen(t *testing.T) {
	s, root := newFiles(t, "a.txt", "file")
	public := filepath.Join(root, "public")
	symlink(t, filepath.Join(root, "shared"), filepath.Join(public, "uploads"))
	symlink(t, filepath.Join(root, "about"), filepath.Join(public, "about.html"))
	if err := os.Chtimes(public, written, written); err != nil {
		t.Fatal(err)
	}
	s.expect(map[string]string{"/uploads/x.txt": "app", "/about": "app"})
	put(t, root, "shared/x.txt", "upload", "about", "page")
	s.later()
	s.expect(map[string]string{"/uploads/x.txt": "upload", "/about": "page"})
}

// TestPagesAreThoseOfTheNewestRelease, also if that has no public folder.
func TestPagesAreThoseOfTheNewestRelease(t *testing.T) {
	s, root := newFiles(t, "only.html", "page", "index.html", "page", "dir/index.html", "page", "a.txt", "file")
	s.expect(map[string]string{"/only": "page", "/": "page", "/dir/": "page"})
	s.deploy(t.TempDir(), root)
	s.expect(map[string]string{"/only": "app", "/": "app", "/dir/": "app", "/dir": "app", "/only.html": "page", "/a.txt": "file"})
}
