package users

import (
	"os"
	"strings"
	"testing"

	"purser/test/harness"
)

func TestAnAppsUserReadsItsVariablesAndNobodyElseDoes(t *testing.T) {
	f := newFolder(t, games)
	f.write(".env", "SECRET=first\n", games)
	p := serve(t, f.app("app", `env_file = ".env"`)+"[apps.app.hooks]\nprocess_ready = \"echo $SECRET > tmp/hook\"\n")
	says := ask(t, p, "app")
	if says.UID != games || says.Env["SECRET"] != "first" {
		t.Errorf("it runs as %d, with SECRET=%s", says.UID, says.Env["SECRET"])
	}
	harness.Eventually(t, harness.ReadyLimit, "the hook has it, too", func() bool {
		text, _ := os.ReadFile(f.path("tmp/hook"))
		return string(text) == "first\n"
	})
	if r := check(t, harness.ServerTable()+f.app("app", `env_file = ".env"`)); r.Code != 0 {
		t.Errorf("what serves is refused by check, which exits with %d: %s", r.Code, r.Stderr)
	}
	f.write(".env", "SECRET=second\n", games)
	if r := p.Run(harness.Within(t), "restart", "app"); r.Code != 0 {
		t.Fatalf("the restart exits with %d: %s", r.Code, r.Stderr)
	}
	if says := ask(t, p, "app"); says.Env["SECRET"] != "second" {
		t.Errorf("after the restart SECRET is %q", says.Env["SECRET"])
	}
	f.write(".env", "SECRET=third\n", 0) // of root alone
	if r := p.Run(harness.Within(t), "restart", "app"); r.Code == 0 || !strings.Contains(r.Stdout+r.Stderr, "permission denied") {
		t.Errorf("a file that its user may not read: the restart exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	if r := check(t, harness.ServerTable()+f.app("app", `env_file = ".env"`)); r.Code != 2 || !strings.Contains(r.Stderr, "app app: env_file: ") {
		t.Errorf("check exits with %d: %s", r.Code, r.Stderr)
	}
	if says := ask(t, p, "app"); says.Env["SECRET"] != "second" {
		t.Errorf("the old code serves with SECRET=%q", says.Env["SECRET"])
	}
}
