package users

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"purser/test/harness"
)

func TestEachAppRunsAsItsUser(t *testing.T) {
	owned, roots, linked := newFolder(t, www), newFolder(t, 0), newFolder(t, 0)
	// The startup file is a symlink to what is shared by releases.
	shared := owned.path("app.js")
	must(t, os.Remove(linked.path("app.js")))
	must(t, os.Symlink(shared, linked.path("app.js")))
	nameless := newFolder(t, 54321)
	cases := []struct {
		app, table string
		uid, gid   int
		home, user string
	}{
		{"written", roots.app("written", `user = "games"`), games, gamesID, "/usr/games", "games"},
		{"numbered", roots.app("numbered", `user = 5`), games, gamesID, "/usr/games", "games"},
		{"grouped", owned.app("grouped", `user = "backup"`, `group = "www-data"`), backup, www, "/var/backups", "backup"},
		{"unnamed", owned.app("unnamed", `user = 12345`, `group = 12346`), 12345, 12346, "/", "12345"},
		{"owner", owned.app("owner"), www, www, "/var/www", "www-data"},
		{"folder", owned.app("folder", `command = "node app.js"`), www, www, "/var/www", "www-data"},
		{"linked", linked.app("linked"), www, www, "/var/www", "www-data"},
		{"roots", roots.app("roots"), nobody, nobody, "/nonexistent", "nobody"},
		{"nameless", nameless.app("nameless"), nobody, nobody, "/nonexistent", "nobody"},
		{"root", roots.app("root", `user = "root"`), 0, 0, "/root", "root"},
	}
	var tables []string
	for _, c := range cases {
		tables = append(tables, c.table)
	}
	p := serve(t, tables...)
	for _, c := range cases {
		says := ask(t, p, c.app)
		if says.UID != c.uid || says.GID != c.gid || !slices.Equal(says.Groups, []int{c.gid}) {
			t.Errorf("%s runs as %d:%d, in the groups %v, want %d:%d", c.app, says.UID, says.GID, says.Groups, c.uid, c.gid)
		}
		if says.Env["HOME"] != c.home || says.Env["USER"] != c.user || says.Env["LOGNAME"] != c.user || says.Env["SHELL"] == "" {
			t.Errorf("%s has HOME %s, USER %s, LOGNAME %s and SHELL %s", c.app, says.Env["HOME"], says.Env["USER"], says.Env["LOGNAME"], says.Env["SHELL"])
		}
		if got := runsAs(t, p, c.app); got != c.user {
			t.Errorf("status says that %s runs as %s, want %s", c.app, got, c.user)
		}
	}
	warned := p.Log.Lines("apps run as nobody")
	if len(warned) != 1 || !strings.Contains(warned[0], `apps="nameless, roots"`) || !strings.Contains(warned[0], "default_user") {
		t.Errorf("of apps that run as nobody it says %q", warned)
	}
	if lines := p.Log.Lines("running as root"); len(lines) > 0 {
		t.Errorf("it warns of apps that run as root: %q", lines)
	}
}

// runsAs is whom status names.
func runsAs(t *testing.T, p *harness.Purser, app string) string {
	t.Helper()
	var says struct{ User, Group string }
	p.AdminJSON(t, "/v1/apps/"+app, &says)
	if text := p.Run(t.Context(), "status", app).Stdout; !strings.Contains(text, "Runs as : "+says.User) {
		t.Errorf("the text of status does not name %s:\n%s", says.User, text)
	}
	return says.User
}

func TestAnAppHasTheGroupsOfItsUser(t *testing.T) {
	f := newFolder(t, games)
	list := filepath.Join(filepath.Dir(f.dir), "group")
	must(t, os.WriteFile(list, []byte("root:x:0:\ngames:x:60:\naudio:x:29:games\nvideo:x:44:root,games\nstaff:x:50:backup\n"), 0o644))
	p := harness.Serve(t, harness.Options{
		Config: harness.ServerTable() + f.app("app") + f.app("other", `group = "staff"`), Users: true,
		Before: []string{"unshare", "-m", "sh", "-c", `mount --bind "$0" /etc/group && exec "$@"`, list},
	})
	for app, want := range map[string][]int{"app": {29, 44, gamesID}, "other": {29, 44, 50}} {
		groups := ask(t, p, app).Groups
		slices.Sort(groups)
		if !slices.Equal(groups, want) {
			t.Errorf("%s is in the groups %v, want %v", app, groups, want)
		}
	}
}

func TestHooksRunAsTheUserOfTheirApp(t *testing.T) {
	f := newFolder(t, games)
	p := serve(t, f.app("app")+"[apps.app.hooks]\nprocess_ready = \"id -u > tmp/who; id -G >> tmp/who; echo $HOME $USER >> tmp/who\"\n")
	var text []byte
	harness.Eventually(t, harness.ReadyLimit, "the hook has run", func() bool {
		text, _ = os.ReadFile(f.path("tmp/who"))
		return strings.Count(string(text), "\n") == 3
	})
	if want := "5\n60\n/usr/games games\n"; string(text) != want {
		t.Errorf("the hook ran as %q, want %q", text, want)
	}
	_ = p
}

func TestAnAppThatMayNotEnterItsFolderIsToldWhichIsClosed(t *testing.T) {
	f := newFolder(t, games)
	must(t, os.Chmod(filepath.Dir(f.dir), 0o700))
	p := harness.Start(t, harness.Options{Config: harness.ServerTable() + f.app("app"), Users: true})
	harness.Eventually(t, harness.ReadyLimit, "the start has failed", func() bool {
		s, err := p.FetchStatus(t.Context(), "app")
		return err == nil && s.Failure != nil
	})
	want := "user games may not enter the folder " + filepath.Dir(f.dir) + ", which is root's with mode 700"
	if got := p.Status(t, "app").Failure.Reason; !strings.Contains(got, want) {
		t.Errorf("it says %q, want %q", got, want)
	}
	if r := check(t, harness.ServerTable("default_user = \"root\"")+f.app("app")); !strings.Contains(r.Stdout, "app: warning: "+want) {
		t.Errorf("purser check says %q", r.Stdout+r.Stderr)
	}
}

// What purser puts in front of Ruby, Python and Node is read by the user, too.
func TestEveryKindOfAppRunsAsItsUser(t *testing.T) {
	var tables []string
	kinds := []string{"node", "python", "python-asgi", "ruby"}
	for _, kind := range kinds {
		f := newFolder(t, games)
		must(t, os.RemoveAll(f.dir))
		must(t, os.CopyFS(f.dir, os.DirFS(filepath.Join("../apps", kind))))
		must(t, os.WriteFile(f.path("VERSION"), []byte("1"), 0o644))
		must(t, os.Mkdir(f.path("tmp"), 0o755))
		giveAll(t, f.dir, games)
		must(t, os.Chmod(f.dir, 0o700))
		tables = append(tables, f.app(kind))
	}
	p := serve(t, tables...)
	for _, kind := range kinds {
		harness.Eventually(t, harness.ReadyLimit, kind+" serves", func() bool { return len(p.Status(t, kind).Ready()) == 1 })
		pid := p.Status(t, kind).PIDs()[0]
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		must(t, err)
		for _, want := range []string{"\nUid:\t5\t5\t5\t5\n", "\nGid:\t60\t60\t60\t60\n", "\nCapPrm:\t0000000000000000\n", "\nCapEff:\t0000000000000000\n"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the process of the %s app lacks %q:\n%s", kind, want, text)
			}
		}
	}
}
