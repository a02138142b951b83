package processes

import (
	"os"
	"strings"
	"testing"

	"purser/test/harness"
)

func TestAnAppGetsTheVariablesOfItsFileAsItIsAtEachStart(t *testing.T) {
	for name, keys := range map[string][]string{"by its kind": nil, "by a command": {`command = "PORT={port} exec node app.js"`}} {
		t.Run(name, func(t *testing.T) {
			app := harness.NewApp(t, "node")
			app.Write(".env", "# of the app\nexport SECRET='first one'\nPORT=3000\nMINE=file\nNODE_ENV=test\n")
			if err := os.Chmod(app.Path(".env"), 0o600); err != nil {
				t.Fatal(err)
			}
			p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, append(keys, harness.Processes(1), `env_file = ".env"`, `env = { MINE = "env" }`)...)})
			env := harness.NamesIn(t, harness.Get(t, p, "/env"))
			if env["SECRET"] != "first one" || env["MINE"] != "env" || env["NODE_ENV"] != "production" || env["PORT"] == "3000" {
				t.Errorf("it gets SECRET=%s MINE=%s NODE_ENV=%s PORT=%s", env["SECRET"], env["MINE"], env["NODE_ENV"], env["PORT"])
			}
			harness.MustSay(t, p.Log.String(), "env_file .env: PORT is not taken", "env_file .env: NODE_ENV is not taken; set environment")
			app.Write(".env", "SECRET=second")
			if err := os.Chmod(app.Path(".env"), 0o600); err != nil {
				t.Fatal(err)
			}
			if r := p.Run(harness.Within(t), "restart", "app"); r.Code != 0 {
				t.Fatalf("the restart exits with %d: %s", r.Code, r.Stderr)
			}
			if env := harness.NamesIn(t, harness.Get(t, p, "/env")); env["SECRET"] != "second" {
				t.Errorf("after the restart SECRET is %q", env["SECRET"])
			}
			if s := p.Run(harness.Within(t), "status", "app"); strings.Contains(s.Stdout, "second") {
				t.Errorf("status shows it:\n%s", s.Stdout)
			}
		})
	}
}

func TestAnAppDoesNotStartWithoutItsFileOfVariables(t *testing.T) {
	app := harness.NewApp(t, "node")
	p := harness.Start(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1), `env_file = "shared/.env"`)})
	harness.Eventually(t, harness.ReadyLimit, "the reason is told", func() bool {
		s, err := p.FetchStatus(t.Context(), "app")
		return err == nil && s.Failure != nil && strings.Contains(strings.Join(s.Failure.Output, "\n"), "cannot use env_file: open shared/.env: no such file or directory")
	})
	bin, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	if r := harness.RunBinary(harness.Within(t), bin, []string{"PATH=" + os.Getenv("PATH"), "HOME=/"}, "check", "-c", p.Config); r.Code != 2 || !strings.Contains(r.Stderr, "app app: env_file: open "+app.Path("shared/.env")) {
		t.Errorf("check exits with %d: %s", r.Code, r.Stderr)
	}
}
