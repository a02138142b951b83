package operators

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

// A refusal is a start that cannot work: purser says why in one sentence and exits with 2.
type refusal struct {
	name string
	args func(t *testing.T) []string
	env  []string
	want []string // in what it says
}

var refusals = []refusal{
	{
		name: "unknown key",
		args: configFile("[server]\nlisten = [\"127.0.0.1:1\"]\n[apps.a]\nroot = \"/\"\nmin_proceses = 2\n"),
		want: []string{".toml:5", "min_proceses", "min_processes"},
	}, {
		name: "bad value",
		args: configFile("[apps.a]\nroot = \"/\"\nstart_timeout = \"soon\"\n"),
		want: []string{".toml:3", "start_timeout"},
	}, {
		name: "no TOML",
		args: configFile("[apps.a\n"),
		want: []string{".toml:1"},
	}, {
		name: "key of a later version",
		args: configFile("[apps.a]\nroot = \"/\"\nmemory_limit = \"1GiB\"\n"),
		want: []string{".toml:3", "memory_limit", "not supported yet"},
	}, {
		name: "config file missing",
		args: words("serve", "-c", "/nowhere/purser.toml"),
		want: []string{"/nowhere/purser.toml"},
	}, {
		name: "bad flag",
		args: words("serve", ".", "--proceses", "3"),
		want: []string{"--proceses", "--processes"},
	}, {
		name: "app folder missing",
		args: words("serve", "/nowhere/app", "--listen", "127.0.0.1:0"),
		want: []string{"/nowhere/app"},
	}, {
		name: "nothing recognised in the folder",
		args: func(t *testing.T) []string {
			return []string{"serve", harness.EmptyApp(t).Dir, "--listen", "127.0.0.1:0"}
		},
		want: []string{"config.ru"},
	}, {
		name: "port in use",
		args: portInUse,
		want: []string{"127.0.0.1:", "in use"},
	}, {
		name: "no interpreter",
		args: func(t *testing.T) []string {
			return []string{"serve", harness.NewApp(t, "node").Dir, "--listen", "127.0.0.1:0", "--env", "PATH=/nowhere"}
		},
		want: []string{"node"},
	}, {
		name: "unknown command",
		args: words("sevre"),
		want: []string{"sevre", "serve"},
	},
}

func TestWhatCannotWorkIsRefusedInOneSentenceWithExitCode2(t *testing.T) {
	for _, r := range refusals {
		t.Run(r.name, r.test)
	}
}

func (r refusal) test(t *testing.T) {
	args := r.args(t)
	result := runPurser(t, append(r.env, "XDG_RUNTIME_DIR="+harness.Scratch()), args...)
	if result.Code != 2 {
		t.Errorf("exit code %d, not 2", result.Code)
	}
	if lines := strings.Count(strings.TrimSpace(result.Stderr), "\n") + 1; lines != 1 {
		t.Errorf("said %d lines, not one sentence", lines)
	}
	for _, want := range r.want {
		if !strings.Contains(result.Stderr, want) {
			t.Errorf("does not say %q", want)
		}
	}
	t.Logf("purser %s: %s%s", strings.Join(args, " "), result.Stdout, result.Stderr)
}

func TestCommandsWithoutARunningPurserExitWith5(t *testing.T) {
	for _, args := range [][]string{{"status"}, {"restart", "app"}, {"stop"}} {
		result := runPurser(t, nil, append(args, "--instance", "nobody-has-this-name")...)
		if result.Code != 5 || strings.Count(strings.TrimSpace(result.Stderr), "\n") != 0 {
			t.Errorf("purser %s exited with %d and said %q", args[0], result.Code, result.Stderr)
		}
	}
}

func TestCheckAcceptsAGoodConfigAndRefusesABadOne(t *testing.T) {
	app := harness.NewApp(t, "node")
	good := configFile(harness.AppTable("app", app.Dir))(t)
	if result := runPurser(t, nil, "check", "-c", good[2]); result.Code != 0 {
		t.Errorf("purser check of a good config exited with %d: %s", result.Code, result.Stderr)
	}
	bad := configFile(harness.AppTable("app", app.Dir, "max_processes = 0"))(t)
	if result := runPurser(t, nil, "check", "-c", bad[2]); result.Code != 2 || !strings.Contains(result.Stderr, "max_processes") {
		t.Errorf("purser check of a bad config exited with %d: %s", result.Code, result.Stderr)
	}
}

// runPurser runs purser's command line without a purser of the test's own.
func runPurser(t *testing.T, env []string, args ...string) harness.Result {
	t.Helper()
	bin, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	return harness.RunBinary(harness.Within(t), bin, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/"}, env...), args...)
}

func words(args ...string) func(*testing.T) []string {
	return func(*testing.T) []string { return args }
}

func configFile(text string) func(*testing.T) []string {
	return func(t *testing.T) []string {
		file := filepath.Join(t.TempDir(), "purser.toml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"serve", "-c", file}
	}
}

func portInUse(t *testing.T) []string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return []string{"serve", harness.NewApp(t, "node").Dir, "--listen", l.Addr().String()}
}
