package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// newConfined is a purser that root has started, whose front is another user.
func newConfined(t *testing.T) *whole {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may start programs as others")
	}
	dir := t.TempDir()
	for _, name := range []string{"app", "run", "other"} {
		check(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	for at := dir; at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		check(t, os.Chmod(at, 0o755))
	}
	check(t, os.WriteFile(filepath.Join(dir, "confined"), nil, 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("hunter2"), 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "left"), nil, 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "address"), nil, 0o600))
	check(t, os.Chown(filepath.Join(dir, "address"), frontUID, frontUID))
	return newWholeIn(t, dir)
}

func TestTheFrontIsAnotherUserWithoutRights(t *testing.T) {
	w := newConfined(t)
	rights := w.ask("rights")
	for _, want := range []string{"Uid:\t12345\t12345\t12345\t12345", "Gid:\t12345\t12345\t12345\t12345", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1"} {
		if !strings.Contains(rights, want) {
			t.Errorf("%q is not in its status:\n%s", want, rights)
		}
	}
	if groups := regexp.MustCompile(`Groups:\t(.*)`).FindStringSubmatch(rights); groups == nil || strings.TrimSpace(groups[1]) != "" && strings.TrimSpace(groups[1]) != "12345" {
		t.Errorf("it is in the groups %q", groups)
	}
	w.wants("hello", "variable GREETING")
	w.wants("hunter2", "held secret")
	w.wants("permission denied", "open %s", filepath.Join(w.dir, "secret"))
	w.wants("0", "dumpable")
}

func TestWhatIsGrantedIsRunAsItsUser(t *testing.T) {
	w := newConfined(t)
	app := filepath.Join(w.dir, "app")
	w.number("granted app#1 1 %s more", app)
	w.wants(fmt.Sprint(appUID, " ", app, " more <nil>"), "read app#1")
	w.wants("done", "stop app#1")
	w.wants("killed by signal TERM", "await app#1")
}

func TestWhatNoGrantNamesIsRefusedAndSaid(t *testing.T) {
	w := newConfined(t)
	app := filepath.Join(w.dir, "app")
	stranger := w.cmd.Process.Pid // the main process, which is root's
	w.number("granted app#1 1 %s more", app)
	for _, c := range []struct{ ask, answer, said string }{
		{"fork app#2 id", "operation not permitted", "the grant 0"},
		{"fork app#2 sleep 3600", "operation not permitted", "the grant 0"},
		{"granted app#2 99 " + app, "operation not permitted", "the grant 99"},
		{"granted app#2 1 /etc", "operation not permitted", `"/etc" as a release`},
		{"granted app#2 1 " + filepath.Join(w.dir, "other"), "operation not permitted", "as a release"},
		{"granted app#2 1 " + app + "/../other", "operation not permitted", "the release"},
		{"variable-of app#2 LD_PRELOAD=/tmp/x.so", "operation not permitted", `the variable "LD_PRELOAD=/tmp/x.so"`},
		{"folder 99", "operation not permitted", "a folder for the grant 99"},
		{"socket 99", "operation not permitted", "the socket in the folder 99"},
		{fmt.Sprintf("follow app#1 %d", stranger), "done", fmt.Sprintf("the process %d signalled with a child that it does not belong to", stranger)},
		{"notify MAINPID=1", "<nil>", `to tell systemd "MAINPID=1"`},
		{"say G 0", "<nil>", `'G' is not for who says it`},
		{"say F 0", "<nil>", `'F' is not for who says it`},
		{"say P 15", "<nil>", `'P' is not for who says it`},
	} {
		w.wants(c.answer, "%s", c.ask)
		w.prints(c.said)
	}
	// A signal to the app's group does not reach whom it does not belong to.
	w.wants("done", "stop app#1")
	w.wants("killed by signal TERM", "await app#1")
	if !lives(stranger) {
		t.Error("a foreign process was signalled")
	}
	if got := w.ask("left"); !strings.HasPrefix(got, "fronts 0") {
		t.Errorf("it says %q", got)
	}
}

func TestTheFrontReachesASocketThatOnlyTheAppsUserMay(t *testing.T) {
	w := newConfined(t)
	answer := w.ask("folder 2")
	number, path, _ := strings.Cut(answer, " ")
	stat, err := os.Stat(path)
	check(t, err)
	if of := stat.Sys().(*syscall.Stat_t); of.Uid != appUID || of.Gid != frontUID || stat.Mode().Perm() != 0o750 {
		t.Errorf("the folder is %d:%d with mode %v", of.Uid, of.Gid, stat.Mode())
	}
	w.wants("operation not permitted", "granted-folder app#9 1 %s", number) // which takes no folder
	w.number("granted-folder app#1 2 %s", number)
	w.wants("listens <nil>", "read app#1")
	w.wants("permission denied", "connect %s/%s", path, SocketName)
	w.wants("<nil>", "socket %s", number)
	w.wants("<nil>", "connect %s/%s", path, SocketName)
	w.wants("operation not permitted", "granted-folder app#2 2 %s", number) // it is another's
	w.wants("done", "stop app#1")
	w.wants("killed by signal TERM", "await app#1")
	w.eventually("the folder is removed", func() bool { _, err := os.Stat(path); return os.IsNotExist(err) })
}

func TestWhatIsNoSocketOfTheAppStaysClosed(t *testing.T) {
	w := newConfined(t)
	secret := filepath.Join(w.dir, "secret")
	for name, put := range map[string]func(at string) error{
		"a link":      func(at string) error { return os.Symlink(secret, at) },
		"a hard link": func(at string) error { return os.Link(secret, at) },
		"a file":      func(at string) error { return os.WriteFile(at, nil, 0o600) },
		"a socket of root": func(at string) error {
			return syscall.Mknod(at, syscall.S_IFSOCK|0o600, 0)
		},
	} {
		number, path, _ := strings.Cut(w.ask("folder 2"), " ")
		check(t, put(filepath.Join(path, SocketName)))
		w.wants("operation not permitted", "socket %s", number)
		if stat, err := os.Stat(secret); err != nil || stat.Mode().Perm() != 0o600 {
			t.Errorf("by %s the mode of a file of root has become %v", name, stat.Mode())
		}
	}
}

func TestAReadingHoldsWhatItHasOpened(t *testing.T) {
	w := newConfined(t)
	check(t, os.WriteFile(filepath.Join(w.dir, "secret.new"), []byte("changed"), 0o600))
	check(t, os.Rename(filepath.Join(w.dir, "secret.new"), filepath.Join(w.dir, "secret")))
	w.wants("secret <nil>", "read-config")
	w.wants("changed", "held secret")
	check(t, os.WriteFile(filepath.Join(w.dir, "refused"), []byte("purser: it has a mistake\n"), 0o600))
	w.wants("purser: it has a mistake", "read-config")
	check(t, os.Remove(filepath.Join(w.dir, "refused")))
	// What was granted first still is, also for the next front.
	w.signal(w.number("pid"), syscall.SIGKILL)
	app := filepath.Join(w.dir, "app")
	w.number("granted app#1 1 %s", app)
	w.number("granted app#2 3 %s", app)
	w.wants("changed", "held secret")
	w.signal(w.cmd.Process.Pid, syscall.SIGTERM)
	w.endsWith(0)
	for _, path := range []string{"left"} {
		if _, err := os.Lstat(filepath.Join(w.dir, path)); err == nil {
			t.Errorf("%s is left", path)
		}
	}
}

func TestAReaderThatRefusesAtTheStartEndsPurserWithItsCode(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a reader is started by root only")
	}
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "refused"), []byte("purser: it has a mistake\n"), 0o600))
	w := newWholeIn(t, dir)
	w.endsWith(2)
	if got := w.output.String(); got != "purser: it has a mistake\n" {
		t.Errorf("it printed %q", got)
	}
}

func TestGrantsThatAreNotUsedAreForgotten(t *testing.T) {
	g := granted{}
	one := Grant{Path: "/bin/true", Args: []string{"true"}}
	for range 4 {
		check(t, g.adopt(Grants{First: g.last + 1, All: []Grant{one, one}}))
	}
	used := fields{}
	used.list([]string{"2"})
	text, err := used.text()
	check(t, err)
	check(t, g.use(string(text)))
	for number, want := range map[uint32]bool{1: false, 2: true, 3: false, 4: false, 5: true, 6: true, 7: true, 8: true} {
		if _, known := g.all[number]; known != want {
			t.Errorf("that %d is granted is %t", number, known)
		}
	}
	if g.use("2") == nil || g.use("x") == nil {
		t.Error("what is no list was taken")
	}
}

// A process of older code is in the group of its app, too, and must not take back what that is held to now.
func TestAnAppsGroupIsAsTheNewestReadingHasIt(t *testing.T) {
	g := granted{}
	held := func(by AppGroup) Grant { return Grant{Path: "/bin/true", Args: []string{"true"}, Group: by} }
	other := AppGroup{Name: "other", MemoryMax: 3 << 20}
	check(t, g.adopt(Grants{First: 1, All: []Grant{held(AppGroup{Name: "blog", MemoryMax: 1 << 20}), held(other)}}))
	now := AppGroup{Name: "blog", MemoryMax: 2 << 20, CPUMax: 50}
	check(t, g.adopt(Grants{First: 3, All: []Grant{held(AppGroup{}), held(now)}}))
	text, err := Filling{Env: []string{MarkVariable + "=ABCDEFGHIJ.1"}}.text()
	check(t, err)
	for number, want := range map[uint32]AppGroup{1: now, 2: other, 3: {}, 4: now} {
		if p, _, err := g.program(number, text); err != nil || p.Group != want {
			t.Errorf("a program of the grant %d is in %+v (%v), want %+v", number, p.Group, err, want)
		}
	}
}

func TestGrantsOfManyReadingsAreBounded(t *testing.T) {
	g := granted{}
	one := Grant{Path: "/bin/true", Args: []string{"true"}}
	many := make([]Grant, mostGrants/2)
	for i := range many {
		many[i] = one
	}
	for range 8 {
		check(t, g.adopt(Grants{First: g.last + 1, All: many}))
		if len(g.all) > mostGranted {
			t.Fatalf("there are %d grants", len(g.all))
		}
	}
	if _, known := g.all[g.newest]; !known {
		t.Error("the newest is not granted")
	}
	if err := g.adopt(Grants{First: 1, All: many}); err == nil {
		t.Error("a number was given twice")
	}
}

func TestWhoAsksAgainAndAgainDoesNotFillTheLog(t *testing.T) {
	k := newKeeping()
	defer k.log.close()
	now := time.Now()
	for range 1000 {
		k.sayRefused(refused("a grant"), now)
	}
	if k.refusals.said != mostRefusals || k.refusals.silent != 1000-mostRefusals {
		t.Errorf("%d were said, and %d were not", k.refusals.said, k.refusals.silent)
	}
	k.sayRefused(refused("a grant"), now.Add(2*refusalsTime))
	if k.refusals.said != 1 || k.refusals.silent != 0 {
		t.Errorf("later %d were said, and %d were not", k.refusals.said, k.refusals.silent)
	}
}
