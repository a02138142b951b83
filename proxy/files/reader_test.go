package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The users of these tests.
const (
	root = iota
	owner
	other
	third
)

var ids = [...]int{root: 0, owner: 1001, other: 1002, third: 1003}

// give gives a file or a link to a user and a group. A file gets these permissions.
func give(t *testing.T, path string, user, group int, mode os.FileMode) {
	t.Helper()
	if err := os.Lchown(path, ids[user], ids[group]); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	} else if info.Mode()&os.ModeSymlink != 0 {
		return
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func needRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("to all but root the kernel closes what is closed")
	}
}

// newOwned is a site whose startup file belongs to owner.
func newOwned(t *testing.T, files ...string) (s *site, home string) {
	needRoot(t)
	home = t.TempDir()
	put(t, home, "config.ru", "run App")
	put(t, filepath.Join(home, "public"), files...)
	give(t, filepath.Join(home, "config.ru"), owner, owner, 0o600)
	return newSite(t, home, func(c *Config) { c.StartupFile = "config.ru" }), home
}

func TestFileOfModeZeroIsNoFile(t *testing.T) {
	s, home := newFiles(t, "x.txt", "file")
	s.expect(map[string]string{"/x.txt": "file"})
	if err := os.Chmod(filepath.Join(home, "public/x.txt"), 0); err != nil {
		t.Fatal(err)
	}
	s.expect(map[string]string{"/x.txt": "app"})
}

func TestFilesThatTheOwnerOfTheAppMayNotReadAreServedToNobody(t *testing.T) {
	for _, file := range []struct {
		what        string
		user, group int
		mode        os.FileMode
		want        string
	}{
		{"his own", owner, other, 0o400, "file"},
		{"his own, closed to himself", owner, other, 0o044, "app"},
		{"another's, open to all", other, other, 0o644, "file"},
		{"another's, closed", other, other, 0o640, "app"},
		{"another's, open to his group", other, owner, 0o640, "file"},
		{"another's, closed to his group alone", other, owner, 0o604, "app"},
		{"root's, closed", root, root, 0o640, "app"},
		{"root's, open to all", root, root, 0o644, "file"},
	} {
		s, home := newOwned(t, "x.txt", "file")
		give(t, filepath.Join(home, "public/x.txt"), file.user, file.group, file.mode)
		if got := s.fetch("GET", "/x.txt").body; got != file.want {
			t.Errorf("%s: got %q, want %q", file.what, got, file.want)
		}
	}
}

func TestFoldersOnTheWayAreClosedAsFilesAre(t *testing.T) {
	s, home := newOwned(t, "a/b/x.txt", "file", "a/y.txt", "file", "z.txt", "file")
	public := filepath.Join(home, "public")
	s.expect(map[string]string{"/a/b/x.txt": "file", "/a/y.txt": "file", "/z.txt": "file"})

	give(t, filepath.Join(public, "a"), other, other, 0o750)
	s.later()
	s.expect(map[string]string{"/a/b/x.txt": "app", "/a/y.txt": "app", "/z.txt": "file"})

	give(t, filepath.Join(public, "a"), other, other, 0o711)
	give(t, filepath.Join(public, "a/b"), other, other, 0o700)
	s.later()
	s.expect(map[string]string{"/a/b/x.txt": "app", "/a/y.txt": "file"})

	give(t, filepath.Join(public, "a/b"), other, owner, 0o710)
	s.later()
	s.expect(map[string]string{"/a/b/x.txt": "file"})

	give(t, public, other, other, 0o700)
	put(t, public, "new.txt", "so that the folder is read again")
	s.later()
	s.expect(map[string]string{"/a/b/x.txt": "app", "/a/y.txt": "app", "/z.txt": "app"})
	if !strings.Contains(s.log.String(), "closed to the owner of the app") {
		t.Error("nobody is told why")
	}
}

func TestLinksLeadOnlyToWhatTheOwnerOfTheAppMayRead(t *testing.T) {
	s, home := newOwned(t)
	shared := t.TempDir()
	put(t, shared, "open/x.txt", "file", "shut/x.txt", "secret", "closed.txt", "secret", "open.txt", "file")
	give(t, filepath.Join(shared, "shut"), root, root, 0o700)
	give(t, filepath.Join(shared, "closed.txt"), root, root, 0o600)
	for _, name := range []string{"open", "shut", "closed.txt", "open.txt"} {
		symlink(t, filepath.Join(shared, name), filepath.Join(home, "public", name))
	}
	s.expect(map[string]string{"/open/x.txt": "file", "/open.txt": "file", "/shut/x.txt": "app", "/closed.txt": "app"})
}

func TestOwnerOfTheAppIsWhoOwnsTheStartupFileElseTheRelease(t *testing.T) {
	s, home := newOwned(t, "his.txt", "file", "other.txt", "file", "root.txt", "file")
	give(t, filepath.Join(home, "public/his.txt"), owner, owner, 0o600)
	give(t, filepath.Join(home, "public/other.txt"), other, other, 0o600)
	give(t, filepath.Join(home, "public/root.txt"), root, root, 0o600)
	give(t, home, other, other, 0o755)
	startup := filepath.Join(home, "config.ru")
	expect := func(when string, his, others string) {
		t.Helper()
		s.later()
		t.Log(when)
		s.expect(map[string]string{"/his.txt": his, "/other.txt": others, "/root.txt": "app"})
	}
	expect("the startup file is owner's", "file", "app")
	give(t, startup, other, other, 0o644)
	expect("it becomes other's", "app", "file")
	give(t, startup, root, root, 0o644)
	expect("it becomes root's, so that only what is open to everyone is served", "app", "app")

	put(t, home, "real.ru", "run App")
	if err := os.Remove(startup); err != nil {
		t.Fatal(err)
	}
	expect("there is none, and the release is other's", "app", "file")
	symlink(t, "real.ru", startup)
	give(t, startup, owner, owner, 0)
	expect("it is owner's link to a file of root", "file", "app")
}

// The user of an app leads its root where he likes, also into the folder of another.
func TestWhatTheUserOfTheAppMayNotReadIsServedToNobody(t *testing.T) {
	needRoot(t)
	top, err := os.MkdirTemp("/tmp", "files")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(top) })
	give(t, top, root, root, 0o755)
	release := filepath.Join(top, "home/release")
	put(t, release, "config.ru", "run App", "public/closed.txt", "secret", "public/open.txt", "file", "public/group.txt", "file")
	give(t, filepath.Join(release, "config.ru"), other, other, 0o600)
	give(t, release, other, other, 0o755)
	give(t, filepath.Join(release, "public/closed.txt"), other, other, 0o600)
	give(t, filepath.Join(release, "public/group.txt"), other, third, 0o640)
	s := newSite(t, release, func(c *Config) {
		c.StartupFile, c.User = "config.ru", &User{UID: uint32(ids[owner]), GID: uint32(ids[owner]), Groups: []uint32{uint32(ids[third])}}
	})
	s.expect(map[string]string{"/closed.txt": "app", "/open.txt": "file", "/group.txt": "file"})
	give(t, filepath.Join(top, "home"), other, other, 0o700)
	s.later()
	s.expect(map[string]string{"/closed.txt": "app", "/open.txt": "app", "/group.txt": "app"})

	eye := &ownersEye{files: map[string]string{release + ":open.txt": filepath.Join(release, "public/open.txt")}}
	byOwner := newSite(t, release, func(c *Config) {
		c.User, c.Owner = &User{UID: uint32(ids[owner]), GID: uint32(ids[owner])}, eye
	}) // as an acl may let him in
	byOwner.expect(map[string]string{"/closed.txt": "app", "/open.txt": "file"})
}

// Who serves in root's place has files of its own, such as logs and keys. The user of an app leads links where he likes.
func TestWhatOnlyPurserMayReadIsServedToNobody(t *testing.T) {
	if os.Geteuid() == 0 {
		runAsOther(t)
		return
	}
	home, err := os.MkdirTemp("/tmp", "purser")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	release, private := filepath.Join(home, "release"), filepath.Join(home, "private")
	put(t, home, "release/public/a.txt", "open", "release/public/log.txt", "private", "logs/access.log", "private", "logs/motd", "open",
		"private/keys/k.txt", "private", "private/store/s.txt", "private")
	for path, mode := range map[string]os.FileMode{"": 0o755, "release/public/log.txt": 0o600, "logs/access.log": 0o600, "private": 0o700} {
		if err := os.Chmod(filepath.Join(home, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"logs": "../../logs", "log": "../../logs/access.log", "motd": "../../logs/motd", "private": "../../private", "keys": "../../private/keys", "k.txt": "../../private/keys/k.txt"} {
		symlink(t, to, filepath.Join(release, "public", name))
	}
	eye := &ownersEye{files: map[string]string{release + ":logs/by-acl.txt": filepath.Join(home, "logs/motd")}}
	put(t, home, "logs/by-acl.txt", "private")
	if err := os.Chmod(filepath.Join(home, "logs/by-acl.txt"), 0o600); err != nil {
		t.Fatal(err)
	}
	user := &User{UID: uint32(ids[owner]), GID: uint32(ids[owner])}
	s := newSite(t, release, func(c *Config) { c.User, c.Owner = user, eye })
	s.expect(map[string]string{"/a.txt": "open", "/motd": "open", "/logs/motd": "open"})
	if eye.asked > 0 {
		t.Errorf("what everybody may read its owner is asked for %d times", eye.asked)
	}
	s.expect(map[string]string{"/log.txt": "app", "/log": "app", "/logs/access.log": "app", "/private/keys/k.txt": "app", "/keys/k.txt": "app", "/k.txt": "app",
		"/logs/by-acl.txt": "open"})
	for _, folder := range []string{private, filepath.Join(private, "store")} {
		if f, err := (&Store{Path: folder, User: user}).Open("s.txt"); f != nil || err != nil {
			t.Errorf("of %s a file is sent: %v, %v", folder, f, err)
		}
	}
	newSite(t, release, func(c *Config) { c.User = &User{UID: uint32(os.Geteuid())} }).expect(map[string]string{"/log.txt": "private", "/keys/k.txt": "private"})
}
