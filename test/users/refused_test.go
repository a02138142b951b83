package users

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

func TestAUserThatCannotBeHadIsRefusedWithItsLine(t *testing.T) {
	f, roots := newFolder(t, games), newFolder(t, 0)
	mixed := newFolder(t, games)
	must(t, os.Chown(mixed.path("app.js"), www, www))
	for name, c := range map[string]struct{ server, table, want string }{
		"unknown user":          {"", f.app("app", `user = "nosuchuser"`), `.toml:8: apps.app.user: there is no user "nosuchuser" on this machine`},
		"unknown group":         {"", f.app("app", `group = "nosuchgroup"`), `.toml:8: apps.app.group: there is no group "nosuchgroup" on this machine`},
		"number without group":  {"", f.app("app", `user = 12345`), `apps.app.group: is not set, and user 12345 has no name on this machine`},
		"unknown default_user":  {`default_user = "nosuchuser"`, roots.app("app"), `.toml:3: server.default_user: there is no user "nosuchuser" on this machine`},
		"default_user unneeded": {`default_user = "nosuchuser"`, f.app("app"), `.toml:3: server.default_user: there is no user "nosuchuser" on this machine`},
		"unknown admin_group":   {`admin_group = "nosuchgroup"`, f.app("app"), `.toml:3: server.admin_group: there is no group "nosuchgroup" on this machine`},
		"folder of another":     {"", mixed.app("app"), `apps.app.user: is not set: app.js belongs to www-data, but the folder it is in, ` + mixed.dir + `, to games`},
	} {
		t.Run(name, func(t *testing.T) {
			r := check(t, harness.ServerTable(c.server)+c.table)
			if r.Code != 2 || !strings.Contains(r.Stderr, c.want) {
				t.Errorf("it exits with %d: %s\nwant %s", r.Code, r.Stderr, c.want)
			}
		})
	}
}

// What a start would refuse as what serves could change it, check refuses, too.
func TestCheckFindsWhatTheUserThatServesMayChange(t *testing.T) {
	open := newFolder(t, games)
	must(t, os.Chown(filepath.Dir(open.dir), backup, backup))
	served := harness.ServerTable(`user = "backup"`)
	if r := check(t, served+newFolder(t, www).app("good")+open.app("open")); r.Code != 2 || !strings.Contains(r.Stderr, `cannot serve app "open": backup, who serves, may change `+open.dir) || strings.Contains(r.Stderr, "good") {
		t.Errorf("it exits with %d: %s", r.Code, r.Stderr)
	}
	bin, err := harness.Binary()
	must(t, err)
	file := filepath.Join(t.TempDir(), "purser.toml")
	must(t, os.WriteFile(file, []byte(placed(served+newFolder(t, www).app("good"))), 0o644))
	must(t, os.Chown(file, backup, backup))
	r := harness.RunBinary(harness.Within(t), bin, []string{"PATH=" + os.Getenv("PATH"), "HOME=/root"}, "check", "-c", file)
	if r.Code != 2 || !strings.Contains(r.Stderr, "as root, purser reads no configuration that backup, who serves, may change: "+file) {
		t.Errorf("it exits with %d: %s", r.Code, r.Stderr)
	}
}

// A log that purser is to move aside is not where an app's user could put a link.
func TestCheckFindsALogThatCannotBeKept(t *testing.T) {
	f := newFolder(t, games)
	r := check(t, harness.ServerTable(`log_max_size = "1MB"`)+f.app("app", `log = "app.log"`))
	if r.Code != 2 || !strings.Contains(r.Stderr, "cannot keep the log "+f.path("log/app.log")) {
		t.Errorf("it exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
}

func TestCheckSaysThatRootServesForNoGroup(t *testing.T) {
	r := check(t, harness.ServerTable(`user = "root"`, `admin_group = "games"`)+newFolder(t, games).app("app"))
	harness.MustSay(t, r.Stdout, "warning: admin_group is not used, as what serves runs as root")
}

func TestCheckSaysAsWhomAppsWouldRun(t *testing.T) {
	r := check(t, harness.ServerTable()+newFolder(t, games).app("a")+newFolder(t, 0).app("b")+newFolder(t, 0).app("c", `user = "www-data"`))
	harness.MustSay(t, r.Stdout, "as user games and group games, the owner of its files\n",
		"as user nobody and group nogroup, by default_user: its files belong to root or to a user without a name\n", "as user www-data and group www-data\n")
}

func TestOnlyRootMayStartAppsAsOthers(t *testing.T) {
	bin, f := publicBinary(t), newFolder(t, games)
	file := filepath.Join(filepath.Dir(f.dir), "purser.toml")
	for keys, want := range map[string]string{
		`user = "www-data"`: ".toml:8: apps.app.user: is www-data, and purser was started by games: only root may start apps as others",
		`group = "backup"`:  ".toml:8: apps.app.group: is backup, and purser was started by games: only root may start apps as others",
		`user = "games"`:    "",
		`group = 60`:        "",
	} {
		must(t, os.WriteFile(file, []byte(placed(harness.ServerTable()+f.app("app", keys))), 0o644))
		r := harness.RunBinary(harness.Within(t), "setpriv", []string{"PATH=" + os.Getenv("PATH"), "HOME=/"},
			"--reuid=games", "--regid=games", "--clear-groups", bin, "check", "-c", file)
		if !strings.Contains(r.Stderr, want) || (want == "") != (r.Code == 0) {
			t.Errorf("with %s it exits with %d: %s%s\nwant %s", keys, r.Code, r.Stdout, r.Stderr, want)
		}
	}
}
