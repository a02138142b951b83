package users

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"purser/test/harness"
)

func TestPasswordsAreReadThatOnlyRootMayRead(t *testing.T) {
	f := newFolder(t, games)
	users := filepath.Join(t.TempDir(), "users")
	write := func(user string) {
		hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
		must(t, err)
		must(t, os.WriteFile(users, fmt.Appendf(nil, "%s:%s\n", user, hash), 0o600))
	}
	write("ann")
	p := serve(t, f.app("app"), fmt.Sprintf("[apps.app.access]\nhtpasswd = %q\n", users))
	status := func(user string) int {
		return harness.Ask(t, p, "GET /? HTTP/1.1\r\nHost: app\r\nConnection: close\r\nAuthorization: Basic "+base64.StdEncoding.EncodeToString([]byte(user+":secret"))+"\r\n\r\n").StatusCode
	}
	expect := func(when, user string, want int) {
		t.Helper()
		if got := status(user); got != want {
			t.Errorf("%s, %s gets %d", when, user, got)
		}
	}
	expect("at first", "ann", 200)
	expect("at first", "bob", 401)
	write("bob")
	if r := p.Run(t.Context(), "reload"); r.Code != 0 { // who serves may not enter the folder
		t.Fatalf("a reload ends with %d: %s", r.Code, r.Stderr)
	}
	expect("after a reload", "bob", 200)
	expect("after a reload", "ann", 401)
	front := p.Front()
	harness.Kill(t, front)
	harness.Eventually(t, harness.ReadyLimit, "another front serves", func() bool { next := p.Front(); return next != 0 && next != front })
	expect("after a crash", "bob", 200)
	expect("after a crash", "ann", 401)
	openWay(t, users)
	write("eve")
	harness.Eventually(t, harness.ReadyLimit, "a change is seen", func() bool { return status("eve") == 200 })
	expect("after a change", "bob", 401)
	must(t, os.Chown(filepath.Dir(users), backup, backup))
	says := check(t, "[server]\nlisten = [\"$LISTEN\"]\nuser = \"backup\"\n"+f.app("app")+fmt.Sprintf("[apps.app.access]\nhtpasswd = %q\n", users))
	if says.Code == 0 || !strings.Contains(says.Stderr, "backup, who serves, may change: "+users) {
		t.Errorf("a file that who serves may replace: %d %s", says.Code, says.Stderr)
	}
}

// openWay lets everybody enter the folders of a file of a test, which stays root's alone.
func openWay(t *testing.T, path string) {
	for at := filepath.Dir(path); at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		must(t, os.Chmod(at, 0o755))
	}
}
