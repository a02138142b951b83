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
	expect := func(when, user string, status int) {
		t.Helper()
		a := harness.Ask(t, p, "GET /? HTTP/1.1\r\nHost: app\r\nConnection: close\r\nAuthorization: Basic "+base64.StdEncoding.EncodeToString([]byte(user+":secret"))+"\r\n\r\n")
		if a.StatusCode != status {
			t.Errorf("%s, %s gets %d %s", when, user, a.StatusCode, a.Body)
		}
	}
	expect("at first", "ann", 200)
	expect("at first", "bob", 401)
	write("bob")
	if r := p.Run(t.Context(), "reload"); r.Code != 0 {
		t.Fatalf("a reload ends with %d: %s", r.Code, r.Stderr)
	}
	expect("after a reload", "bob", 200)
	expect("after a reload", "ann", 401)
	front := p.Front()
	harness.Kill(t, front)
	harness.Eventually(t, harness.ReadyLimit, "another front serves", func() bool { next := p.Front(); return next != 0 && next != front })
	expect("after a crash", "bob", 200)
	expect("after a crash", "ann", 401)
	must(t, os.Chown(filepath.Dir(users), backup, backup))
	says := check(t, "[server]\nlisten = [\"$LISTEN\"]\nuser = \"backup\"\n"+f.app("app")+fmt.Sprintf("[apps.app.access]\nhtpasswd = %q\n", users))
	if says.Code == 0 || !strings.Contains(says.Stderr, "backup, who serves, may change: "+users) {
		t.Errorf("a file that who serves may replace: %d %s", says.Code, says.Stderr)
	}
}
