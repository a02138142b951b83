package users

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

func TestFilesOfRootAreOpenedForWhatServes(t *testing.T) {
	f := newFolder(t, games)
	closed := t.TempDir() // of root alone
	must(t, os.Chmod(closed, 0o700))
	at := func(name string) string { return filepath.Join(closed, name) }
	ca := harness.NewAuthority(t)
	ca.Issue("app", time.Hour, "app")
	must(t, os.Chmod(ca.Dir, 0o700))
	cert, key := filepath.Join(ca.Dir, "app.pem"), filepath.Join(ca.Dir, "app.key")
	config := func(log string) string {
		return fmt.Sprintf("[server]\nlisten = [\"$LISTEN\", \"https://$SECURE\", \"unix:%s\"]\naccess_log = %q\n[server.tls]\ncert = %q\nkey = %q\n", at("p.sock"), at("access.log"), cert, key) +
			f.app("app", fmt.Sprintf("log = %q", log), "[apps.app.tls]\nredirect = false")
	}
	p := harness.Serve(t, harness.Options{Config: config(at("app.log")), Users: true})
	ask(t, p, "app")
	logged := func(name, text string) {
		t.Helper()
		harness.Eventually(t, harness.ReadyLimit, name+" has "+text, func() bool {
			content, _ := os.ReadFile(at(name))
			return strings.Contains(string(content), text)
		})
	}
	logged("access.log", `"GET /? HTTP/1.1" 200`)
	if shown := harness.DialTLS(t, p, ca.Trusting("app")).Shown(); len(shown) == 0 {
		t.Error("no certificate is shown")
	}
	must(t, os.Rename(at("access.log"), at("access.log.1")))
	p.Signal(syscall.SIGHUP)
	harness.Eventually(t, harness.ReadyLimit, "the log is opened again", func() bool { _, err := os.Stat(at("access.log")); return err == nil })
	harness.Eventually(t, harness.ReadyLimit, "it is written to", func() bool {
		ask(t, p, "app")
		content, _ := os.ReadFile(at("access.log"))
		return strings.Contains(string(content), "200")
	})
	_, err := os.Stat(at("p.sock"))
	must(t, err)
	if code, err := p.Stop(harness.ReadyLimit); err != nil || code != 0 {
		t.Errorf("it ended with %d (%v)", code, err)
	}
	if _, err := os.Lstat(at("p.sock")); err == nil {
		t.Error("the unix socket is left")
	}
}

func TestACertificateIsRenewedWhoseKeyOnlyRootMayRead(t *testing.T) {
	f := newFolder(t, games)
	ca := harness.NewAuthority(t)
	for at := ca.Dir; at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		must(t, os.Chmod(at, 0o755)) // the files are root's alone, but that they change may be seen
	}
	ca.Issue("site", time.Hour, "app", "before.example")
	config := fmt.Sprintf("[server]\nlisten = [\"$LISTEN\", \"https://$SECURE\"]\n[server.tls]\ncert = %q\nkey = %q\n", filepath.Join(ca.Dir, "site.pem"), filepath.Join(ca.Dir, "site.key"))
	p := harness.Serve(t, harness.Options{Config: config + f.app("app"), Users: true})
	shown := func() string { return strings.Join(harness.DialTLS(t, p, ca.Trusting("app")).Shown(), " ") }
	if got := shown(); got != "app before.example" {
		t.Errorf("it shows %s", got)
	}
	ca.Issue("site", time.Hour, "app", "after.example")
	harness.Eventually(t, harness.ReadyLimit, "the new certificate is shown", func() bool { return shown() == "app after.example" })
	front := p.Front()
	harness.Kill(t, front)
	harness.Eventually(t, harness.ReadyLimit, "another front serves", func() bool { next := p.Front(); return next != 0 && next != front })
	if got := shown(); got != "app after.example" {
		t.Errorf("after a crash it shows %s", got)
	}
}

func TestTheAdminSocketIsMadeAgain(t *testing.T) {
	f := newFolder(t, games)
	p := serve(t, f.app("app"))
	must(t, os.Remove(p.Admin))
	harness.Eventually(t, harness.ReadyLimit, "it is there again", func() bool { return p.Run(t.Context(), "status").Code == 0 })
	stat, err := os.Stat(p.Admin)
	must(t, err)
	if of := stat.Sys().(*syscall.Stat_t); strconv.Itoa(int(of.Uid)) != uidOf(t, p.Front()) || stat.Mode().Perm() != 0o660 {
		t.Errorf("it belongs to %d, with mode %v", of.Uid, stat.Mode())
	}
	if r := p.Run(t.Context(), "reload"); r.Code != 0 {
		t.Errorf("a reload ends with %d: %s", r.Code, r.Stderr)
	}
}

func TestRootReadsNothingThatWhoServesMayChange(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, config, folder string)
		says  string
	}{
		"its configuration":   {func(t *testing.T, config, _ string) { must(t, os.Chown(config, backup, backup)) }, "purser reads no configuration that backup, who serves, may change: "},
		"the folder of a key": {func(t *testing.T, _, folder string) { must(t, os.Chown(folder, backup, backup)) }, "purser reads no certificate, key or secret that backup, who serves, may change: "},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t, games)
			folder := t.TempDir()
			ca := harness.NewAuthority(t)
			ca.Issue("site", time.Hour, "app")
			must(t, os.Rename(filepath.Join(ca.Dir, "site.pem"), filepath.Join(folder, "site.pem")))
			must(t, os.Rename(filepath.Join(ca.Dir, "site.key"), filepath.Join(folder, "site.key")))
			config := filepath.Join(t.TempDir(), "purser.toml")
			must(t, os.WriteFile(config, []byte(placed(fmt.Sprintf("[server]\nlisten = [\"https://$LISTEN\"]\nuser = \"backup\"\n[server.tls]\ncert = %q\nkey = %q\n", filepath.Join(folder, "site.pem"), filepath.Join(folder, "site.key"))+f.app("app"))), 0o644))
			c.spoil(t, config, folder)
			p := harness.Start(t, harness.Options{Args: []string{"serve", "-c", config}, UsualPorts: true, Users: true})
			<-p.Exited
			if code := p.Cmd.ProcessState.ExitCode(); code != 2 || len(p.Log.Lines(c.says)) == 0 {
				t.Errorf("it ended with %d:\n%s", code, p.Log.String())
			}
		})
	}
}

func TestLogsInAFolderOfWhoServesAreNotOpenedByRoot(t *testing.T) {
	f := newFolder(t, games)
	logs, shadow := t.TempDir(), filepath.Join(t.TempDir(), "shadow")
	for at := logs; at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		must(t, os.Chmod(at, 0o755))
	}
	must(t, os.Chown(logs, backup, backup))
	must(t, os.WriteFile(shadow, []byte("root:x\n"), 0o600))
	config := harness.ServerTable(`user = "backup"`, fmt.Sprintf("access_log = %q", filepath.Join(logs, "access.log"))) + f.app("app")
	p := harness.Serve(t, harness.Options{Config: config, Users: true})
	ask(t, p, "app")
	harness.Eventually(t, harness.ReadyLimit, "requests are logged", func() bool {
		text, _ := os.ReadFile(filepath.Join(logs, "access.log"))
		return strings.Contains(string(text), "200")
	})
	must(t, os.Remove(filepath.Join(logs, "access.log")))
	must(t, os.Symlink(shadow, filepath.Join(logs, "access.log")))
	p.Run(t.Context(), "reload")
	p.Signal(syscall.SIGHUP)
	for range 5 {
		ask(t, p, "app")
	}
	p.Run(t.Context(), "reload")
	if text, err := os.ReadFile(shadow); err != nil || string(text) != "root:x\n" {
		t.Errorf("root's file has become %q (%v)", text, err)
	}
}

// own is a folder that belongs to a user, and all may enter.
func own(t *testing.T, uid int) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pu")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	must(t, os.Chown(dir, uid, uid))
	return dir
}

func TestWhatServesUsesFoldersOfItsOwn(t *testing.T) {
	f, dir := newFolder(t, games), own(t, backup)
	at := func(name string) string { return filepath.Join(dir, name) }
	p := harness.Serve(t, harness.Options{Users: true, Config: fmt.Sprintf("[server]\nuser = \"backup\"\nlisten = [\"$LISTEN\", \"unix:%s\"]\naccess_log = %q\nlog_max_size = \"64KiB\"\nlog_keep = 1\n",
		at("p.sock"), at("access.log")) + f.app("app")})
	stat, err := os.Stat(at("p.sock"))
	must(t, err)
	if of := stat.Sys().(*syscall.Stat_t); of.Uid != backup || stat.Mode().Perm() != 0o660 {
		t.Errorf("the unix socket belongs to %d, with mode %v", of.Uid, stat.Mode())
	}
	harness.Eventually(t, harness.ReadyLimit, "the log is moved aside", func() bool {
		for range 50 {
			ask(t, p, "app", "ignored", strings.Repeat("x", 1000))
		}
		moved, _ := filepath.Glob(at("access-*.log"))
		return len(moved) > 0
	})
	if code, err := p.Stop(harness.ReadyLimit); err != nil || code != 0 {
		t.Errorf("it ended with %d (%v)", code, err)
	}
	if _, err := os.Lstat(at("p.sock")); err == nil {
		t.Error("the unix socket is left")
	}
	if text, err := os.ReadFile(filepath.Join(harness.Scratch()+"-state", p.Instance+".history")); err != nil || !strings.Contains(string(text), "purser-stop") {
		t.Errorf("what has happened is not kept: %q (%v)", text, err)
	}
}

func TestRootChoosesTheBinaryOfAnUpgrade(t *testing.T) {
	f := newFolder(t, games)
	bin, other := publicBinary(t), publicBinary(t)
	p := harness.Serve(t, harness.Options{Bin: bin, Config: harness.ServerTable(`user = "backup"`) + f.app("app"), Users: true})
	before, front := ask(t, p, "app"), p.Front()
	if r := p.Run(t.Context(), "upgrade", other); r.Code != 0 {
		t.Fatalf("the upgrade ended with %d: %s", r.Code, r.Stderr)
	}
	harness.Eventually(t, harness.ReadyLimit, "the one before has ended", func() bool { return !harness.Alive(front) })
	if now := ask(t, p, "app"); now.PID != before.PID {
		t.Errorf("process %d serves, and before it was %d", now.PID, before.PID)
	}
	if uid := uidOf(t, p.Front()); uid != strconv.Itoa(backup) {
		t.Errorf("what serves runs as %s", uid)
	}
	must(t, os.Chown(other, games, games))
	if r := p.Run(t.Context(), "upgrade", other); r.Code != 1 || !strings.Contains(r.Stderr, "root has not chosen that binary") {
		t.Errorf("an upgrade to a file of another user ends with %d: %s", r.Code, r.Stderr)
	}
	if r := p.Run(t.Context(), "reload"); r.Code != 0 {
		t.Errorf("a reload after an upgrade ends with %d: %s", r.Code, r.Stderr)
	}
}
