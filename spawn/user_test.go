package spawn

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"purser/conf"
)

// newFiles is an app whose folder, startup file and what that leads to, if it is a link, belong to some users.
func newFiles(t *testing.T, folder, file, target int) conf.App {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	app := conf.App{Name: "blog", Root: t.TempDir(), Kind: kindRuby, StartupFile: "config.ru"}
	path := filepath.Join(app.Root, app.StartupFile)
	if target < 0 {
		check(t, os.WriteFile(path, nil, 0o600))
	} else {
		shared := filepath.Join(t.TempDir(), "shared.ru")
		check(t, os.WriteFile(shared, nil, 0o600))
		check(t, os.Chown(shared, target, target))
		check(t, os.Symlink(shared, path))
	}
	check(t, os.Lchown(path, file, file))
	check(t, os.Chown(app.Root, folder, folder))
	return app
}

func TestWhoseFilesDecideWhoRunsThem(t *testing.T) {
	const none, daemon, bin, nobody, unknown = -1, 1, 2, 65534, 54321
	for name, c := range map[string]struct {
		folder, file, target int
		want, by             string
	}{
		"all of one":                      {daemon, daemon, none, "daemon", conf.ByOwner},
		"root's folder":                   {0, daemon, none, "daemon", conf.ByOwner},
		"root's file":                     {0, 0, none, "nobody", conf.ByDefault},
		"root's file in a user's folder":  {daemon, 0, none, "nobody", conf.ByDefault},
		"of a user without a name":        {unknown, unknown, none, "nobody", conf.ByDefault},
		"a link counts as its target":     {0, 0, daemon, "daemon", conf.ByOwner},
		"a user's link to root's file":    {daemon, daemon, 0, "nobody", conf.ByDefault},
		"a user's link to another's file": {daemon, daemon, bin, "", ""},
		"another's file":                  {daemon, bin, none, "", ""},
		"nobody's":                        {nobody, nobody, none, "nobody", conf.ByOwner},
	} {
		t.Run(name, func(t *testing.T) {
			account, err := ResolveUser(newFiles(t, c.folder, c.file, c.target), conf.Server{DefaultUser: "nobody"}, 0)
			if refused, is := errors.AsType[*UserError](err); c.want == "" && (!is || refused.Key != "user" || !strings.Contains(refused.Text, "set user")) {
				t.Errorf("it runs as %+v (%v)", account, err)
			}
			if c.want != "" && (err != nil || account.User != c.want || account.By != c.by) {
				t.Errorf("it runs as %+v (%v), want %s by %s", account, err, c.want, c.by)
			}
		})
	}
}

// Who may put a link somewhere would else choose which file of another is run, and what lies beside it.
func TestNobodyElseHasAHandInWhatRunsAsAUser(t *testing.T) {
	const daemon, bin = 1, 2
	for name, c := range map[string]struct {
		change func(app *conf.App, link string)
		want   string
	}{
		"his own link":             {func(app *conf.App, link string) { check(t, os.Lchown(link, daemon, daemon)) }, ""},
		"root's link":              {func(*conf.App, string) {}, ""},
		"another's link":           {func(app *conf.App, link string) { check(t, os.Lchown(link, bin, bin)) }, "LINK, to bin"},
		"another's, and a command": {func(app *conf.App, link string) { app.StartupFile = ""; check(t, os.Lchown(link, bin, bin)) }, "LINK, to bin"},
		"a folder open to all": {func(app *conf.App, _ string) {
			check(t, os.Chown(app.Root, 0, 0))
			check(t, os.Chmod(app.Root, 0o777|os.ModeSticky))
		}, "is open to everybody"},
		"a group of root's choice": {func(app *conf.App, _ string) {
			check(t, os.Chown(app.Root, 0, bin))
			check(t, os.Chmod(app.Root, 0o775))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			app := newFiles(t, daemon, daemon, -1)
			link := filepath.Join(t.TempDir(), "current")
			check(t, os.Symlink(app.Root, link))
			c.change(&app, link)
			app.Root = link
			account, err := ResolveUser(app, conf.Server{DefaultUser: "nobody"}, 0)
			if c.want == "" && (err != nil || account.User != "daemon") {
				t.Errorf("it runs as %+v (%v)", account, err)
			}
			app.RunsAs = &conf.Account{User: "daemon", UID: daemon, By: conf.ByOwner}
			if err := stillOwned(app, app.Root); (err == nil) != (c.want == "") {
				t.Errorf("as a later release it is refused with %v", err)
			}
			if want := strings.ReplaceAll(c.want, "LINK", link); want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("it runs as %+v (%v), want %s", account, err, want)
			}
		})
	}
}

func TestAFolderDecidesWhereThereIsNoStartupFile(t *testing.T) {
	app := newFiles(t, 1, 2, -1)
	app.Kind, app.StartupFile = kindCommand, ""
	link := filepath.Join(t.TempDir(), "current")
	check(t, os.Symlink(app.Root, link)) // the operator's word
	app.Root = link
	if account, err := ResolveUser(app, conf.Server{DefaultUser: "nobody"}, 0); err != nil || account.User != "daemon" {
		t.Errorf("it runs as %+v (%v)", account, err)
	}
}

func TestWhatIsWrittenDecidesFirst(t *testing.T) {
	app := newFiles(t, 1, 1, -1)
	server := conf.Server{DefaultUser: "nobody"}
	for _, c := range []struct {
		user, group, want string
	}{
		{"bin", "", "bin:bin"}, {"2", "", "bin:bin"}, {"root", "", "root:root"}, {"0", "", "root:root"}, {"bin", "sys", "bin:sys"}, {"", "sys", "daemon:sys"},
		{"12345", "2", "12345:bin"}, {"12345", "12346", "12345:12346"}, {"bin", "root", "bin:root"}, {"bin", conf.StartupFileGroup, "bin:daemon"}, {"", conf.StartupFileGroup, "daemon:daemon"},
		{"12345", "", "group"}, {"nosuchuser", "", "user"}, {"bin", "nosuchgroup", "group"},
	} {
		app.User, app.Group = c.user, c.group
		account, err := ResolveUser(app, server, 0)
		got := ""
		if refused, is := errors.AsType[*UserError](err); is {
			got = refused.Key
		} else if err == nil {
			got = account.User + ":" + account.Group
		}
		if got != c.want {
			t.Errorf("with user %q and group %q it is %s (%v), want %s", c.user, c.group, got, err, c.want)
		}
	}
}

func TestRootIsOnlyDefaultUserIfThatIsWritten(t *testing.T) {
	app := newFiles(t, 0, 0, -1)
	account, err := ResolveUser(app, conf.Server{DefaultUser: "root"}, 0)
	if err != nil || account.UID != 0 || account.By != conf.ByDefault {
		t.Errorf("it runs as %+v (%v)", account, err)
	}
	_, err = ResolveUser(app, conf.Server{DefaultUser: "nosuchuser"}, 0)
	if refused, is := errors.AsType[*UserError](err); !is || refused.Key != "default_user" {
		t.Errorf("the error is %v", err)
	}
}

func TestTheGroupOfRootIsNotHadByItsNumberAlone(t *testing.T) {
	account := &conf.Account{User: "odd", UID: 1000, GID: 0, Group: "root", Groups: []uint32{7}}
	if err := setGroup(account, "", "nobody"); err != nil || account.GID == 0 {
		t.Errorf("it is %+v (%v)", account, err)
	}
	account = &conf.Account{User: "odd", UID: 1000, GID: 0, Group: "root"}
	if err := setGroup(account, "", "root"); err == nil {
		t.Errorf("it is %+v", account)
	}
}

func TestAStartupFileOfRootsGroupGivesItToNobody(t *testing.T) {
	app := newFiles(t, 0, 0, -1)
	app.User, app.Group = "bin", conf.StartupFileGroup
	if account, err := ResolveUser(app, conf.Server{DefaultUser: "nobody"}, 0); err != nil || account.User != "bin" || account.Group != "nogroup" {
		t.Errorf("it runs as %+v (%v)", account, err)
	}
	app.User = "root"
	if account, err := ResolveUser(app, conf.Server{DefaultUser: "nobody"}, 0); err != nil || account.Group != "root" {
		t.Errorf("root runs as %+v (%v)", account, err)
	}
}

func TestWithoutRootThereIsOneUser(t *testing.T) {
	other := 1 // daemon
	app := conf.App{Name: "blog", Root: "/nowhere"}
	if account, err := ResolveUser(app, conf.Server{}, other); account != nil || err != nil {
		t.Errorf("it is %+v (%v)", account, err)
	}
	app.User = "daemon"
	if account, err := ResolveUser(app, conf.Server{}, other); account != nil || err != nil {
		t.Errorf("the same user is %+v (%v)", account, err)
	}
	app.User = "bin"
	if _, err := ResolveUser(app, conf.Server{}, other); err == nil || !strings.Contains(err.Error(), "is bin, and purser was started by daemon: only root may start apps as others") {
		t.Errorf("another user: %v", err)
	}
}

func TestTheEnvironmentIsThatOfTheUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root starts programs as others")
	}
	for name, value := range map[string]string{"HOME": "/root", "USER": "root", "SHELL": "/bin/zsh", "MAIL": "/var/mail/root", "XDG_RUNTIME_DIR": "/run/user/0", "COLOUR": "blue"} {
		t.Setenv(name, value)
	}
	app := conf.App{Name: "blog", EnvPass: []string{"*"}, RunsAs: &conf.Account{User: "blog", UID: 1234, Home: "/srv/blog", Shell: "/bin/false"}}
	handed := handedOn(app)
	for _, name := range []string{"HOME", "USER", "SHELL", "MAIL", "XDG_RUNTIME_DIR"} {
		if value, is := handed[name]; is {
			t.Errorf("%s of root is handed on: %s", name, value)
		}
	}
	if handed["COLOUR"] != "blue" {
		t.Error("what is nobody's in particular is not handed on")
	}
	env := environmentOf(app)
	for name, want := range map[string]string{"HOME": "/srv/blog", "USER": "blog", "LOGNAME": "blog", "SHELL": "/bin/false"} {
		if env[name] != want {
			t.Errorf("%s is %q, want %q", name, env[name], want)
		}
	}
}

func TestWhichFolderIsClosedToAUser(t *testing.T) {
	a := &conf.Account{User: "blog", UID: 1234, GID: 1235, Groups: []uint32{1236}}
	for _, c := range []struct {
		uid, gid, mode uint32
		may            bool
	}{
		{0, 0, 0o755, true}, {0, 0, 0o750, false}, {0, 1235, 0o750, true}, {0, 1236, 0o710, true}, {0, 1235, 0o705, false},
		{1234, 0, 0o700, true}, {1234, 1235, 0o077, false}, {0, 0, 0o001, true}, {0, 0, 0o004, false},
	} {
		if got := mayEnter(a, &unix.Stat_t{Uid: c.uid, Gid: c.gid, Mode: c.mode}); got != c.may {
			t.Errorf("of %d:%d with mode %o: %v", c.uid, c.gid, c.mode, got)
		}
	}
}

// Root finds what is in its own folders; who may not enter them finds the next.
func TestAProgramIsFoundAsTheUserOfTheAppWould(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root starts programs as others")
	}
	top, err := os.MkdirTemp("", "sp")
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(top) })
	check(t, os.Chmod(top, 0o755))
	for folder, mode := range map[string]os.FileMode{"closed": 0o700, "open": 0o755, "links": 0o755, "shut": 0o755} {
		check(t, os.Mkdir(filepath.Join(top, folder), 0o755))
		if folder != "links" {
			check(t, os.WriteFile(filepath.Join(top, folder, "serve"), nil, 0o755))
		}
		check(t, os.Chmod(filepath.Join(top, folder), mode))
	}
	check(t, os.Chmod(filepath.Join(top, "shut/serve"), 0o700))
	check(t, os.Symlink(filepath.Join(top, "closed/serve"), filepath.Join(top, "links/serve")))
	app := conf.App{Env: map[string]string{}}
	found := func(as *conf.Account, folders ...string) string {
		app.RunsAs = as
		for i, folder := range folders {
			folders[i] = filepath.Join(top, folder)
		}
		app.Env["PATH"] = strings.Join(folders, ":")
		path, err := lookPath(app, "serve", "/")
		check(t, err)
		return filepath.Base(filepath.Dir(path))
	}
	blog := &conf.Account{User: "blog", UID: 1234, GID: 1234}
	if got := found(blog, "closed", "links", "shut", "open"); got != "open" {
		t.Errorf("a user finds it in %s", got)
	}
	if got := found(blog, "shut", "closed"); got != "shut" {
		t.Errorf("what the kernel is to refuse is found in %s", got)
	}
	if got := found(nil, "closed", "open"); got != "closed" {
		t.Errorf("purser's own user finds it in %s", got)
	}
}

func TestAReleaseOfAnotherIsNotRunAsTheOwnerOfTheOneBefore(t *testing.T) {
	for name, c := range map[string]struct {
		folder, file int
		by           string
		runs         bool
	}{
		"his":                   {1, 1, conf.ByOwner, true},
		"his in root's folder":  {0, 1, conf.ByOwner, true},
		"another's":             {2, 2, conf.ByOwner, false},
		"root's":                {0, 0, conf.ByOwner, false},
		"his in another's":      {2, 1, conf.ByOwner, false},
		"root's in his":         {1, 0, conf.ByOwner, false},
		"another's, as written": {2, 2, conf.ByUser, true},
		"another's, by default": {2, 2, conf.ByDefault, true},
	} {
		app := newFiles(t, c.folder, c.file, -1)
		app.RunsAs = &conf.Account{User: "daemon", UID: 1, By: c.by}
		if err := stillOwned(app, app.Root); (err == nil) != c.runs {
			t.Errorf("%s: %v", name, err)
		}
	}
}
