package users

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

// Users that every Debian has, and their groups.
const (
	nobody  = 65534
	www     = 33
	games   = 5
	gamesID = 60 // its group
	backup  = 34
)

// A folder is that of an app, which its user can reach, as other folders of tests are root's alone.
type folder struct {
	t   *testing.T
	dir string
}

// newFolder has the probe in it, and all belongs to this user.
func newFolder(t *testing.T, uid int) folder {
	t.Helper()
	harness.MustBeRoot(t)
	dir, err := os.MkdirTemp("/tmp", "pu")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	f := folder{t, filepath.Join(dir, "app")}
	f.release("app", uid)
	return f
}

// release makes a folder with the probe beside that of the app, and returns its path.
func (f folder) release(name string, uid int) string {
	f.t.Helper()
	text, err := os.ReadFile("testdata/probe.js")
	must(f.t, err)
	dir := filepath.Join(filepath.Dir(f.dir), name)
	must(f.t, os.Mkdir(dir, 0o755))
	must(f.t, os.Mkdir(filepath.Join(dir, "tmp"), 0o755))
	must(f.t, os.WriteFile(filepath.Join(dir, "app.js"), text, 0o644))
	giveAll(f.t, dir, uid)
	return dir
}

// giveAll gives a folder and what is in it to a user, and the links that are in it.
func giveAll(t *testing.T, dir string, uid int) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, uid)
	}))
}

func (f folder) path(name string) string { return filepath.Join(f.dir, name) }

// write writes a file that belongs to a user.
func (f folder) write(name, text string, uid int) string {
	f.t.Helper()
	must(f.t, os.WriteFile(f.path(name), []byte(text), 0o600))
	must(f.t, os.Chown(f.path(name), uid, uid))
	return f.path(name)
}

// app is the table of an app, known by its name as a host.
func (f folder) app(name string, keys ...string) string {
	return harness.AppTable(name, f.dir, append([]string{fmt.Sprintf("hosts = [%q]\nmax_processes = 2", name)}, keys...)...)
}

// serve serves apps as root, as whom they are to run.
func serve(t *testing.T, tables ...string) *harness.Purser {
	t.Helper()
	return harness.Serve(t, harness.Options{Config: harness.ServerTable() + strings.Join(tables, ""), Users: true})
}

// A probe is what an app says of itself.
type probe struct {
	PID, UID, GID int
	Groups        []int
	Env           map[string]string
	Socket, Cwd   string
	Tried         []string
	Limits        string
	Left          int
}

// ask has an app try something: pairs of what and with what.
func ask(t *testing.T, p *harness.Purser, app string, tries ...string) (says probe) {
	t.Helper()
	query := url.Values{}
	for i := 0; i < len(tries); i += 2 {
		query.Add(tries[i], tries[i+1])
	}
	a := harness.Ask(t, p, "GET /?"+query.Encode()+" HTTP/1.1\r\nHost: "+app+"\r\nConnection: close\r\n\r\n")
	if a.StatusCode != 200 || json.Unmarshal([]byte(a.Body), &says) != nil {
		t.Fatalf("%s answers %d: %s", app, a.StatusCode, a.Body)
	}
	return says
}

// publicBinary is the purser under test where others than root may run it.
func publicBinary(t *testing.T) string {
	t.Helper()
	bin, err := harness.Binary()
	must(t, err)
	dir, err := os.MkdirTemp("/tmp", "pu")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	copied := filepath.Join(dir, "purser")
	if out, err := exec.Command("install", "-m", "755", bin, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return copied
}

// placed is a configuration whose address is given.
func placed(config string) string {
	return strings.ReplaceAll(config, "$LISTEN", harness.FreeAddr())
}

// check runs purser check on a configuration, as root.
func check(t *testing.T, config string) harness.Result {
	t.Helper()
	bin, err := harness.Binary()
	must(t, err)
	file := filepath.Join(t.TempDir(), "purser.toml")
	must(t, os.WriteFile(file, []byte(placed(config)), 0o644))
	return harness.RunBinary(harness.Within(t), bin, []string{"PATH=" + os.Getenv("PATH"), "HOME=/root"}, "check", "-c", file)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
