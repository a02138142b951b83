package users

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"purser/test/harness"
)

// facts are those of /proc/PID/status.
func facts(t *testing.T, pid int) map[string]string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		all[name] = strings.Join(strings.Fields(value), " ")
	}
	return all
}

// uidOf is the user that a process runs as, if all of its four numbers are that.
func uidOf(t *testing.T, pid int) string {
	t.Helper()
	uids := strings.Fields(facts(t, pid)["Uid"])
	for _, uid := range uids {
		if uid != uids[0] {
			t.Errorf("process %d has the users %v", pid, uids)
		}
	}
	return uids[0]
}

func TestWhatServesIsAUserWithoutRights(t *testing.T) {
	f := newFolder(t, games)
	p := serve(t, f.app("app"))
	front := p.Front()
	uid := uidOf(t, front)
	if uid == "0" || uid == strconv.Itoa(games) || uid == strconv.Itoa(nobody) {
		t.Errorf("what serves runs as %s", uid)
	}
	is := facts(t, front)
	const none = "0000000000000000"
	for name, want := range map[string]string{"CapEff": none, "CapPrm": none, "CapInh": none, "CapAmb": none, "NoNewPrivs": "1"} {
		if is[name] != want {
			t.Errorf("of what serves %s is %s, want %s", name, is[name], want)
		}
	}
	if is["Groups"] != "" && is["Groups"] != strings.Fields(is["Gid"])[0] {
		t.Errorf("what serves is in the groups %s", is["Groups"])
	}
	for who, pid := range map[string]int{"the main process": p.PID(), "the keeper": p.Keeper()} {
		if got := uidOf(t, pid); got != "0" {
			t.Errorf("%s runs as %s", who, got)
		}
	}
	// Nobody but root looks into it, its own user included.
	look := exec.Command("cat", fmt.Sprintf("/proc/%d/environ", front))
	number, _ := strconv.Atoi(uid)
	look.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(number), Gid: uint32(number)}}
	if out, err := look.CombinedOutput(); err == nil || !strings.Contains(string(out), "Permission denied") {
		t.Errorf("another process of its user reads %q (%v)", out, err)
	}
	var d struct {
		Users struct{ Main, Keeper, Front string }
	}
	p.AdminJSON(t, "/v1/status", &d)
	if d.Users.Main != "root" || d.Users.Keeper != "root" || d.Users.Front == "root" || d.Users.Front == "" {
		t.Errorf("status says %+v", d.Users)
	}
	if text := p.Run(t.Context(), "status").Stdout; !strings.Contains(text, "Runs as : "+d.Users.Front+" serves, and root starts and ends the apps") {
		t.Errorf("status says\n%s", text)
	}
}

func TestAReloadOpensWhatOnlyRootMay(t *testing.T) {
	if !harness.InOwnNetwork(t) {
		return
	}
	first, second := newFolder(t, games), newFolder(t, www)
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable() + first.app("first"), Users: true, Addr: "127.0.0.1:80"})
	if got := ask(t, p, "first").UID; got != games {
		t.Errorf("the app runs as %d", got)
	}
	config := "[server]\nlisten = [\"127.0.0.1:80\", \"127.0.0.1:81\"]\n" + first.app("first") + second.app("second")
	must(t, os.WriteFile(p.Config, []byte(config), 0o600))
	if r := p.Run(t.Context(), "reload"); r.Code != 0 {
		t.Fatalf("the reload ended with %d: %s", r.Code, r.Stderr)
	}
	p.Addr = "127.0.0.1:81"
	if got := ask(t, p, "second").UID; got != www {
		t.Errorf("the app that is new runs as %d", got)
	}
	front := p.Front()
	harness.Kill(t, front)
	harness.Eventually(t, harness.ReadyLimit, "another front serves", func() bool { next := p.Front(); return next != 0 && next != front })
	if got := ask(t, p, "second").UID; got != www {
		t.Errorf("after a crash the app that is new runs as %d", got)
	}
	if uid := uidOf(t, p.Front()); uid == "0" {
		t.Error("after a crash root serves")
	}
	must(t, os.WriteFile(p.Config, []byte(config+"wrong = 1\n"), 0o600))
	if r := p.Run(t.Context(), "reload"); r.Code != 2 || !strings.Contains(r.Stderr, p.Config+":") || !strings.Contains(r.Stderr, "unknown key") {
		t.Errorf("the reload ended with %d: %s", r.Code, r.Stderr)
	}
	must(t, os.WriteFile(p.Config, []byte(strings.ReplaceAll(config, ", \"127.0.0.1:81\"", "")), 0o600))
	if r := p.Run(t.Context(), "reload"); r.Code != 0 {
		t.Errorf("the reload ended with %d: %s", r.Code, r.Stderr)
	}
	if !harness.Refuses(p) {
		t.Error("it still listens on port 81")
	}
}

func TestWhatServesIsNoUserOfAnApp(t *testing.T) {
	f := newFolder(t, games)
	p := harness.Start(t, harness.Options{Config: harness.ServerTable(`user = "games"`) + f.app("app"), Users: true})
	<-p.Exited
	if code := p.Cmd.ProcessState.ExitCode(); code != 2 || len(p.Log.Lines(p.Config+":3: server.user: must not be games, whom the app app runs as")) == 0 {
		t.Errorf("it ended with %d:\n%s", code, p.Log.String())
	}
}

func TestMembersOfTheAdminGroupMayCall(t *testing.T) {
	f := newFolder(t, games)
	bin := publicBinary(t)
	p := harness.Serve(t, harness.Options{Bin: bin, Config: harness.ServerTable(`admin_group = "backup"`) + f.app("app"), Users: true})
	as := func(uid, gid int) harness.Result {
		return harness.RunBinary(t.Context(), "setpriv", []string{"PATH=" + os.Getenv("PATH")}, "--reuid", strconv.Itoa(uid), "--regid", strconv.Itoa(gid), "--clear-groups", bin, "status", "--instance", p.Instance)
	}
	if r := as(www, backup); r.Code != 0 || !strings.Contains(r.Stdout, "Runs as : games") {
		t.Errorf("a member gets %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	if r := as(www, www); r.Code == 0 {
		t.Errorf("who is no member gets %s", r.Stdout)
	}
	uid, _ := strconv.Atoi(uidOf(t, p.Front()))
	if r := as(uid, uid); r.Code != 0 {
		t.Errorf("the user that serves gets %d: %s", r.Code, r.Stderr)
	}
}

func TestAFolderThatOnlyItsUserMayEnterIsServed(t *testing.T) {
	f := newFolder(t, games)
	must(t, os.MkdirAll(f.path("public"), 0o700))
	f.write("public/hello.txt", "hello", games)
	must(t, os.Chown(f.path("public"), games, games))
	must(t, os.Chmod(f.dir, 0o700))
	p := serve(t, f.app("app"))
	before := ask(t, p, "app")
	if a := harness.Ask(t, p, "GET /hello.txt HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n"); a.StatusCode == 200 && a.Body != "hello" {
		t.Errorf("the file is answered with %d: %s", a.StatusCode, a.Body)
	}
	f.write("tmp/restart.txt", "", games)
	harness.Eventually(t, harness.ReadyLimit, "another process serves", func() bool { return ask(t, p, "app").PID != before.PID })
}

func TestAnAppOnAPortOfItsOwnIsProven(t *testing.T) {
	f, thief := newFolder(t, games), newFolder(t, games)
	server := `require('http').createServer((req, res) => res.end('uid ' + process.getuid())).listen(process.env.PORT, '127.0.0.1');`
	f.write("app.js", server, games)
	// Another app of the same user answers at the port before the app does.
	thief.write("app.js", `const child = require('child_process').spawn('setsid', ['node', '-e', `+"`"+server+"`"+`], { detached: true, stdio: 'ignore' }); setInterval(() => {}, 1000);`, games)
	p := serve(t, f.app("app", `command = "node app.js"`))
	if a := harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n"); a.Body != "uid 5" {
		t.Errorf("the app answers %d: %s", a.StatusCode, a.Body)
	}
	other := harness.Start(t, harness.Options{Config: harness.ServerTable() + thief.app("thief", `command = "node app.js {port}"`), Users: true})
	harness.Eventually(t, harness.ReadyLimit, "the start has failed", func() bool {
		s, err := other.FetchStatus(t.Context(), "thief")
		return err == nil && s.Failure != nil
	})
	if got := other.Status(t, "thief").Failure.Reason; !strings.Contains(got, "is answered by another process, not by this one") {
		t.Errorf("it says %q", got)
	}
}

func TestWhereRootMayBecomeNobodyElseItServes(t *testing.T) {
	f := newFolder(t, 0)
	drop := []string{"setpriv", "--bounding-set", "-setuid,-setgid", "--inh-caps", "-setuid,-setgid"}
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable(`default_user = "root"`) + f.app("app"), Users: true, Before: drop})
	if got := ask(t, p, "app").UID; got != 0 {
		t.Errorf("the app runs as %d", got)
	}
	if lines := p.Log.Lines("what serves runs as root, as root cannot become another user here"); len(lines) != 1 {
		t.Errorf("it says %q", lines)
	}
	refused := harness.Start(t, harness.Options{Config: harness.ServerTable(`user = "backup"`, `default_user = "root"`) + f.app("app"), Users: true, Before: drop})
	<-refused.Exited
	if code := refused.Cmd.ProcessState.ExitCode(); code != 2 || len(refused.Log.Lines("server.user: is backup, and root cannot become that user here")) == 0 {
		t.Errorf("it ended with %d:\n%s", code, refused.Log.String())
	}
}

func TestManyReloadsLeaveWhatRunsAsItIs(t *testing.T) {
	f, other := newFolder(t, games), newFolder(t, www)
	p := serve(t, f.app("app"), other.app("other", "idle_timeout = \"1m\""))
	before := ask(t, p, "app")
	for i := range 8 {
		config := harness.ServerTable() + f.app("app") + other.app("other", fmt.Sprintf("idle_timeout = \"%dm\"", i+2))
		must(t, os.WriteFile(p.Config, []byte(strings.ReplaceAll(config, "$LISTEN", p.Addr)), 0o600))
		if r := p.Run(t.Context(), "reload"); r.Code != 0 {
			t.Fatalf("reload %d ended with %d: %s", i, r.Code, r.Stderr)
		}
	}
	harness.Kill(t, before.PID)
	harness.AwaitRestartOf(t, p, "app", before.PID)
	if now := ask(t, p, "app"); now.UID != games || now.PID == before.PID {
		t.Errorf("process %d of user %d serves", now.PID, now.UID)
	}
	if lines := p.Log.Lines("asks for what no grant names"); len(lines) > 0 {
		t.Errorf("it says %q", lines)
	}
}
