package log

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/restart/disk"
)

// ofNobody is an app's folder that belongs to a user without rights, with a folder log in it.
func ofNobody(t *testing.T) (root string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root opens logs for others")
	}
	root = filepath.Join(t.TempDir(), "app")
	must(t, os.Mkdir(root, 0o755), os.Mkdir(root+"/log", 0o755), os.Chown(root, nobody, nobody), os.Chown(root+"/log", nobody, nobody))
	return root
}

const nobody = 65534

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestRootOpensALogBelowAnAppsFolderAsItsOwner(t *testing.T) {
	root := ofNobody(t)
	for parent := filepath.Dir(root); parent != os.TempDir(); parent = filepath.Dir(parent) {
		must(t, os.Chmod(parent, 0o755))
	}
	path := root + "/log/app.log"
	st := newStage(t, withApp(root, path))
	st.app()(printed("hello"))
	st.fileIs(path, "hello\n")
	stat, err := os.Stat(path)
	must(t, err)
	if owner := stat.Sys().(*syscall.Stat_t).Uid; owner != nobody || stat.Mode().Perm() != 0o600 {
		t.Errorf("the log belongs to %d, with mode %v", owner, stat.Mode())
	}
	must(t, os.Rename(path, path+".1"))
	st.Reopen()
	st.await("it is there again", func() bool { _, err := os.Stat(path); return err == nil })
}

func TestRootOpensNothingElseBelowAnAppsFolder(t *testing.T) {
	victim := inFolder(t, "shadow")
	for _, c := range []struct {
		what  string
		plant func(root, path string) error
		why   string
	}{
		{"a link", func(_, path string) error { return os.Symlink(victim, path) }, "is a link"},
		{"a link within", func(root, path string) error { return os.Symlink("other.log", path) }, "is a link"},
		{"a folder that is a link", func(root, _ string) error {
			return errorsOf(os.Remove(root+"/log"), os.Symlink(filepath.Dir(victim), root+"/log"))
		}, "is a link"},
		{"a second name", func(root, path string) error {
			return errorsOf(os.WriteFile(root+"/first", nil, 0o666), os.Chmod(root+"/first", 0o666), os.Link(root+"/first", path))
		}, "it is no regular file of one name"},
		{"a pipe", func(_, path string) error { return errorsOf(unix.Mkfifo(path, 0o666), os.Chmod(path, 0o666)) }, "no such device or address"},
		{"a file of root", func(_, path string) error { return os.WriteFile(path, nil, 0o600) }, "permission denied"},
		{"a folder of root", func(root, _ string) error { return os.Chown(root+"/log", 0, 0) }, "permission denied"},
	} {
		t.Run(c.what, func(t *testing.T) {
			root := ofNobody(t)
			path := root + "/log/app.log"
			must(t, os.WriteFile(victim, nil, 0o600), c.plant(root, path))
			st := newStage(t, withApp(root, path))
			_, err := st.App(st.cfg.Apps[0])
			if err == nil || !strings.HasPrefix(err.Error(), "app app: cannot open the log "+path+": below an app's folder, or another user's, root opens only") || !strings.Contains(err.Error(), c.why) {
				t.Errorf("the error is %v, want %s", err, c.why)
			}
			if content(victim) != "" {
				t.Error("a file elsewhere was written")
			}
		})
	}
}

func TestFolderThatIsMissingBelowAnAppsFolderIsSaid(t *testing.T) {
	root := ofNobody(t)
	path := root + "/none/app.log"
	st := newStage(t, withApp(root, path))
	_, err := st.App(st.cfg.Apps[0])
	if want := "app app: cannot open the log " + path + ": its folder does not exist; create it"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestRootDoesNotFollowALinkIntoAnAppsFolderEither(t *testing.T) {
	root := ofNobody(t)
	link := filepath.Join(t.TempDir(), "logs")
	must(t, os.Symlink(root+"/log", link), os.WriteFile(root+"/log/app.log", nil, 0o600))
	st := newStage(t, withApp(root, link+"/app.log"))
	if _, err := st.App(st.cfg.Apps[0]); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("the error is %v", err)
	}
}

func TestRootRenamesNothingBelowAnAppsFolder(t *testing.T) {
	root := ofNobody(t)
	st := newStage(t, func(c *Config) { withApp(root, root+"/log/app.log")(c); c.Server.LogMaxSize = 1 << 20 })
	if _, err := st.App(st.cfg.Apps[0]); err == nil || !strings.Contains(err.Error(), "log_max_size") {
		t.Errorf("the error is %v", err)
	}
}

// A shut way is that of a user who may open no log.
type shut struct{ disk.Disk }

func (shut) OpenLog(string, string) (*os.File, error) { return nil, unix.EACCES }

// A heldUp way is that of a user who has stopped his helper.
type heldUp struct{ disk.Disk }

func (heldUp) OpenLog(string, string) (*os.File, error) { return nil, late{} }

type late struct{}

func (late) Error() string { return "it did not answer in time" }
func (late) Unanswered()   {}

func TestALogIsOpenedAsTheFoldersOwnerWhereTheHelperDoesNotWork(t *testing.T) {
	root := ofNobody(t)
	fd, err := openBelow(heldUp{}, root, "log/app.log")
	must(t, err, unix.Close(fd))
}

func TestALogThatTheAppsUserMayNotWriteIsOpenedAsTheFoldersOwnerIfNobodyElseIsOnTheWay(t *testing.T) {
	for what, c := range map[string]struct {
		change func(root string) error
		opened bool
	}{
		"all is one owner's":          {func(string) error { return nil }, true},
		"a folder is another's":       {func(root string) error { return os.Chown(root+"/log", nobody-1, nobody) }, false},
		"a folder is open to others":  {func(root string) error { return os.Chmod(root+"/log", 0o777) }, false},
		"the app's is open to others": {func(root string) error { return os.Chmod(root, 0o775) }, false},
		"a folder is a link": {func(root string) error {
			return errors.Join(os.Rename(root+"/log", root+"/x"), os.Symlink("x", root+"/log"))
		}, false},
	} {
		root := ofNobody(t)
		must(t, c.change(root))
		fd, err := openBelow(shut{disk.Own}, root, "log/app.log")
		if (err == nil) != c.opened {
			t.Errorf("%s: opened with %v", what, err)
		}
		if err == nil {
			_ = unix.Close(fd)
		}
	}
}

// Capistrano keeps logs beside the releases, in folders of the user who deploys.
func TestRootOpensALogInAUsersFolderAsThatUser(t *testing.T) {
	path := ofNobody(t) + "/log/app.log"
	st := newStage(t, withApp(t.TempDir(), path))
	st.app()(printed("hello"))
	st.fileIs(path, "hello\n")
	stat, err := os.Stat(path)
	must(t, err)
	if owner := stat.Sys().(*syscall.Stat_t).Uid; owner != nobody {
		t.Errorf("the log belongs to %d", owner)
	}
	victim := inFolder(t, "shadow")
	must(t, os.WriteFile(victim, nil, 0o600), os.Remove(path), os.Symlink(victim, path))
	st.Reopen()
	st.says("cannot open")
	st.app()(printed("again"))
	st.Reopen()
	if content(victim) != "" {
		t.Error("root has followed a link to its own file")
	}
}

func TestRootOpensNoLogThatAUserHasLedElsewhere(t *testing.T) {
	for what, c := range map[string]struct {
		plant func(log, victim string) error
		why   string
	}{
		"a link to root's file": {func(log, victim string) error { return os.Symlink(victim, log+"/app.log") }, "is a link of nobody to what is root's"},
		"a link to a third one's": {func(log, victim string) error {
			return errorsOf(os.Chown(filepath.Dir(victim), 1, 1), os.Chown(victim, 1, 1), os.Symlink(victim, log+"/app.log"))
		}, "to daemon"},
		"a link to root's folder": {func(log, victim string) error { return errorsOf(os.Remove(log), os.Symlink(filepath.Dir(victim), log)) }, "is a link of nobody to what is root's"},
		"a file of root":          {func(log, _ string) error { return os.WriteFile(log+"/app.log", nil, 0o600) }, "permission denied"},
	} {
		t.Run(what, func(t *testing.T) {
			log, victim := ofNobody(t)+"/log", inFolder(t, "app.log")
			must(t, os.WriteFile(victim, nil, 0o600), c.plant(log, victim))
			for _, link := range []string{log, log + "/app.log"} {
				_ = os.Lchown(link, nobody, nobody)
			}
			if what == "a file of root" {
				must(t, os.Chown(log+"/app.log", 0, 0))
			}
			path := log + "/app.log"
			st := newStage(t, withApp(t.TempDir(), path))
			rules := st.Rules(st.cfg.Server, st.cfg.Apps)
			for _, err := range []error{rules.Try(path), second(rules.App(st.cfg.Apps[0]))} {
				if err == nil || !strings.Contains(err.Error(), c.why) {
					t.Errorf("the error is %v, want %s", err, c.why)
				}
			}
			if content(victim) != "" {
				t.Error("a file elsewhere was written")
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

// Who may write to a folder of root, as to /tmp, could put a link there between the look and the opening.
func TestALinkThatHasComeSinceIsNotFollowed(t *testing.T) {
	folder, victim := t.TempDir(), inFolder(t, "shadow")
	link := filepath.Join(folder, "app.log")
	must(t, os.Symlink(victim, link))
	if fd, err := openReal(link); err == nil {
		_ = unix.Close(fd)
		t.Error("it was followed")
	}
	if os.Geteuid() == 0 {
		must(t, os.Remove(link), os.Chmod(folder, 0o777))
		fd, err := openAsRoot(link)
		must(t, err)
		_ = unix.Close(fd)
	}
}

func TestRootRenamesNothingInTheFolderOfAnAppsUser(t *testing.T) {
	path := ofNobody(t) + "/log/app.log"
	st := newStage(t, func(c *Config) {
		withApp(t.TempDir(), path)(c)
		c.Server.LogMaxSize, c.Apps[0].RunsAs = 1<<20, &conf.Account{UID: nobody, GID: nobody}
	})
	if _, err := st.App(st.cfg.Apps[0]); err == nil || !strings.Contains(err.Error(), "log_max_size") {
		t.Errorf("the error is %v", err)
	}
}
