package users

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"purser/test/harness"
)

// everything is all that is not an app's own: the processes of purser and of other apps, their sockets and files.
func everything(t *testing.T, p *harness.Purser, own int, folders ...string) (a attack) {
	t.Helper()
	a.PIDs = append([]int{p.PID(), p.Keeper(), p.Front()}, p.Helpers()...)
	for _, proc := range p.Family() {
		a.PIDs = append(a.PIDs, proc.PID)
	}
	slices.Sort(a.PIDs)
	a.PIDs = slices.DeleteFunc(slices.Compact(a.PIDs), func(pid int) bool { return pid == own })
	a.Sockets = socketsOf(t, a.PIDs)
	runtime := strings.TrimSuffix(p.Admin, ".sock")
	a.Files = []string{filepath.Dir(p.Admin), p.Admin}
	for _, folder := range append(folders, runtime, harness.Scratch()+"-state") {
		must(t, filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if path != harness.Scratch()+"-state" { // which the harness has made
				a.Files = append(a.Files, path)
			}
			return err
		}))
	}
	return a
}

// socketsOf are the unix sockets with a name, abstract ones too, of some processes.
func socketsOf(t *testing.T, pids []int) (names []string) {
	t.Helper()
	theirs := map[string]bool{}
	for _, pid := range pids {
		all, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, fd := range all {
			target, _ := os.Readlink(fd)
			theirs[strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")] = true
		}
	}
	table, err := os.ReadFile("/proc/net/unix")
	must(t, err)
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) == 8 && theirs[fields[6]] {
			names = append(names, strings.Replace(fields[7], "@", "\x00", 1))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// without leaves out the lines that have one of some words.
func without(text string, words ...string) (left []string) {
	for line := range strings.Lines(text) {
		if !slices.ContainsFunc(words, func(word string) bool { return strings.Contains(line, word) }) {
			left = append(left, strings.TrimSuffix(line, "\n"))
		}
	}
	return left
}

// The attacker is a program of one app's user. What an app can do to itself says that the attacks are real.
func TestNoAppsUserReachesAnythingOfAnothers(t *testing.T) {
	for name, options := range map[string]harness.Options{"of a front without rights": {Users: true}, "of a front that is root": {}} {
		t.Run(name, func(t *testing.T) {
			f, other := newFolder(t, games), newFolder(t, www)
			other.write("secret", "hunter2", www)
			must(t, os.Chmod(other.dir, 0o700))
			log := fmt.Sprintf("log = %q", filepath.Join(t.TempDir(), "other.log"))
			options.Config = harness.ServerTable() + f.app("app", `user = "games"`) + other.app("other", `user = "www-data"`, log, "env = { TOKEN = \"hunter2\" }", allLimits)
			p := harness.Serve(t, options)
			mine, theirs := ask(t, p, "app"), ask(t, p, "other")
			a := everything(t, p, mine.PID, other.dir)
			own := filepath.Dir(mine.Socket)
			a.Sockets = slices.DeleteFunc(a.Sockets, func(name string) bool { return strings.HasPrefix(name, own) })
			a.Files = slices.DeleteFunc(a.Files, func(name string) bool { return strings.HasPrefix(name, own) })
			if len(a.PIDs) < 4 || !slices.Contains(a.Sockets, theirs.Socket) || !slices.Contains(a.Sockets, p.Admin) || len(a.Files) < 8 {
				t.Fatalf("there is more to attack than %+v", a)
			}
			mustBeOutOfReach(t, p, a)
			got := attackAs(t, www, www, attack{PIDs: []int{theirs.PID}, Sockets: []string{theirs.Socket}, Files: []string{other.path("secret")}})
			for _, want := range []string{"connect to " + theirs.Socket, fmt.Sprintf("read /proc/%d/environ", theirs.PID), "read " + other.path("secret"), "signal ", "trace "} {
				if !strings.Contains(got, want) {
					t.Errorf("what is its own a user could only\n%s", got)
				}
			}
		})
	}
}

// mustBeOutOfReach has the user games, and one who has no app, attack all that is not theirs.
func mustBeOutOfReach(t *testing.T, p *harness.Purser, a attack) {
	t.Helper()
	for _, name := range a.Sockets {
		if strings.HasPrefix(name, "\x00") {
			t.Errorf("the socket %q is open to everybody", name)
		}
	}
	open := []string{"loader"} // code that all apps run
	if helper := helpers(t, p)[games]; helper != 0 {
		// A user may end the helper that looks after the user's own files, but not have it do anything else.
		open = append(open, fmt.Sprint("signal ", helper), fmt.Sprint("signal by pidfd ", helper), fmt.Sprint("slow down ", helper), fmt.Sprint("see the limits of ", helper))
	}
	for _, attacker := range [][2]int{{games, gamesID}, {nobody, nobody}} {
		if got := without(attackAs(t, attacker[0], attacker[1], a), open...); len(got) > 0 {
			t.Errorf("user %d could\n%s", attacker[0], strings.Join(got, "\n"))
		}
	}
	loaders := slices.DeleteFunc(slices.Clone(a.Files), func(name string) bool { return !strings.Contains(name, "loader") })
	if got := without(attackAs(t, games, gamesID, attack{Files: loaders}), "read ", "watch "); len(got) > 0 || len(loaders) == 0 {
		t.Errorf("with the loaders %q a user could\n%s", loaders, strings.Join(got, "\n"))
	}
}

// What serves meets strangers: taken over, it is no more than another user without rights.
func TestWhatServesReachesNothingOfRootsAndLittleOfApps(t *testing.T) {
	f := newFolder(t, games)
	secret := f.write("secret", "hunter2", games)
	p := serve(t, f.app("app"))
	app, front := ask(t, p, "app"), p.Front()
	uid := 0
	_, err := fmt.Sscan(uidOf(t, front), &uid)
	must(t, err)
	a := attack{PIDs: []int{p.PID(), p.Keeper(), app.PID, front}, Sockets: []string{filepath.Dir(app.Socket)}, Files: []string{secret, filepath.Dir(p.Admin), filepath.Dir(filepath.Dir(app.Socket))}}
	got := without(attackAs(t, uid, uid, a), fmt.Sprint("signal ", front), fmt.Sprint("signal by pidfd ", front), fmt.Sprint("slow down ", front), fmt.Sprint("see the limits of ", front), fmt.Sprint("/proc/", front, "/"))
	if len(got) > 0 {
		t.Errorf("who serves could\n%s", strings.Join(got, "\n"))
	}
}

// What root reads to find out what an app is comes to the app: it is only what the app's user may read.
func TestNothingOfAnothersIsReadForAnApp(t *testing.T) {
	const secret = "hunter2"
	for name, lead := range map[string]func(f, other folder){
		"by a link": func(folder, folder) {},
		"by a link in a folder that its user has closed meanwhile": func(f, _ folder) {
			must(t, os.Chown(filepath.Dir(f.dir), games, games))
			must(t, os.Chmod(filepath.Dir(f.dir), 0))
		},
		"by a root that leads there": func(f, other folder) {
			must(t, os.RemoveAll(f.dir))
			must(t, os.Symlink(other.dir, f.dir))
			must(t, os.Lchown(f.dir, games, games))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, other := newFolder(t, games), newFolder(t, www)
			must(t, os.Remove(other.path("app.js")))
			must(t, os.Remove(f.path("app.js")))
			for _, file := range []string{"Procfile", "package.json"} {
				theirs := other.write(file, map[string]string{"Procfile": "web: server --key " + secret + "\n", "package.json": `{"scripts": {"start": "node server.js --key ` + secret + `"}}`}[file], www)
				must(t, os.Symlink(theirs, f.path(file)))
				must(t, os.Lchown(f.path(file), games, games))
			}
			must(t, os.Chmod(other.dir, 0o700))
			lead(f, other)
			r := check(t, harness.ServerTable()+f.app("app", `user = "games"`))
			if r.Code != 2 || strings.Contains(r.Stdout+r.Stderr, secret) {
				t.Errorf("purser check ends with %d: %s%s", r.Code, r.Stdout, r.Stderr)
			}
		})
	}
}

// A visitor gets of an app's folder what the app's user may read, and that alone: whoever serves.
func TestStaticFilesAreThoseThatTheAppsUserMayRead(t *testing.T) {
	for name, options := range map[string]harness.Options{"of a front without rights": {Users: true}, "of a front that is root": {}} {
		t.Run(name, func(t *testing.T) {
			f, other := newFolder(t, games), newFolder(t, www)
			must(t, os.Mkdir(f.path("public"), 0o700))
			must(t, os.Chown(f.path("public"), games, games))
			must(t, os.Mkdir(other.path("public"), 0o755))
			secret := other.write("public/secret.txt", "hunter2", www)
			f.write("public/own.txt", "its own", games)
			must(t, os.Symlink(secret, f.path("public/link.txt")))
			must(t, os.Link(secret, f.path("public/hard.txt")))
			current := filepath.Join(filepath.Dir(f.dir), "current")
			must(t, os.Symlink(other.dir, current))
			must(t, os.Lchown(current, games, games))
			options.Config = harness.ServerTable() + harness.AppTable("led", current, `hosts = ["led"]`, `user = "games"`) + f.app("app", `user = "games"`)
			p := harness.Serve(t, options)
			get := func(host, path string) string {
				return harness.Ask(t, p, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n").Body
			}
			if got := get("app", "/own.txt"); got != "its own" {
				t.Errorf("its own file is %q", got)
			}
			for _, asked := range [][2]string{{"led", "/secret.txt"}, {"app", "/link.txt"}, {"app", "/hard.txt"}} {
				if got := get(asked[0], asked[1]); strings.Contains(got, "hunter2") {
					t.Errorf("%s is served for %s", asked[1], asked[0])
				}
			}
		})
	}
}
