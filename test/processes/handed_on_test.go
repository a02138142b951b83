package processes

import (
	"os/user"
	"strings"
	"testing"

	"purser/test/harness"
)

// tellsEnv is a Node app that answers with the variable that is asked for.
const tellsEnv = `require('http').createServer((req, res) => {
  res.end(process.env[req.url.slice(1)] ?? 'unset')
}).listen(process.env.PORT)`

// containerEnv is what docker run -e and systemd give purser.
var containerEnv = []string{
	"DATABASE_URL=postgres://db/blog", "RAILS_ENV=staging", "PURSER_TOKEN=secret", "NOTIFY_SOCKET=/nowhere",
	"LISTEN_FDNAMES=x", "LANG=C", "HOME=/somebody/elses",
}

func mustHave(t *testing.T, p *harness.Purser, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := harness.Get(t, p, "/"+name).Body; got != value {
			t.Errorf("the app has %s=%q, want %q", name, got, value)
		}
	}
}

func TestServedFolderGetsTheEnvironmentThatPurserGot(t *testing.T) {
	t.Parallel()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	app := harness.EmptyApp(t)
	app.Write("app.js", tellsEnv)
	p := harness.Serve(t, harness.Options{Args: []string{"serve", app.Dir, "--env", "RAILS_ENV", "--env", "COLOUR=blue"}, Env: containerEnv})
	mustHave(t, p, map[string]string{
		"DATABASE_URL": "postgres://db/blog", "RAILS_ENV": "staging", "NODE_ENV": "staging", "COLOUR": "blue", "LANG": "C.UTF-8",
		"PURSER_TOKEN": "unset", "NOTIFY_SOCKET": "unset", "LISTEN_FDNAMES": "unset", "HOME": me.HomeDir,
	})
}

func TestAppOfAFileGetsWhatEnvPassNames(t *testing.T) {
	t.Parallel()
	app := harness.EmptyApp(t)
	app.Write("app.js", tellsEnv)
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1), `env_pass = ["DATABASE_*"]`), Env: containerEnv})
	mustHave(t, p, map[string]string{"DATABASE_URL": "postgres://db/blog", "RAILS_ENV": "production", "LANG": "C.UTF-8", "PURSER_TOKEN": "unset"})
}

func TestAFlagForAVariableThatPurserHasNotIsRefused(t *testing.T) {
	t.Parallel()
	bin, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	result := harness.RunBinary(harness.Within(t), bin, nil, "serve", harness.EmptyApp(t).Dir, "--env", "NOWHERE")
	if want := "--env NOWHERE: purser's own environment has no such variable"; result.Code != 2 || !strings.Contains(result.Stderr, want) {
		t.Errorf("exit code %d: %s", result.Code, result.Stderr)
	}
}
