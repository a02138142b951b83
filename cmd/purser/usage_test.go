package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

func TestWrongCommandLinesAreRefusedWithAHint(t *testing.T) {
	l := newLand(t)
	for line, says := range map[string]string{
		"stauts":                                      `did you mean "status"?`,
		"frobnicate":                                  `there is no command "frobnicate"`,
		"serve --lisen :80":                           "did you mean --listen?",
		"serve --processes many":                      "--processes",
		"serve a b":                                   `"b" is too much`,
		"serve --listen 3000":                         "--listen",
		"serve --concurrency few":                     "--concurrency",
		"serve --env nothing":                         "--env",
		"serve --processes 0":                         "max_processes",
		"serve --instance a/b":                        "cannot name a purser",
		"serve --log-level loud":                      "log_level",
		"serve --admin 127.0.0.1:1":                   "PURSER_ADMIN_TOKEN",
		"serve --https localhost":                     "it is this machine only",
		"serve --acme-directory staging":              "goes with --https",
		"serve --https a.org --listen :80":            "never used",
		"serve -c none.toml":                          "none.toml",
		"serve nowhere":                               "nowhere",
		"serve .":                                     "nothing in ",
		"check -c x.toml .":                           "either a folder or -c FILE",
		"restart":                                     "needs an app",
		"restart --all blog":                          "not two of them",
		"restart --all --marked":                      "not two of them",
		"restart --marked blog":                       "not two of them",
		"restart blog --canary few":                   "--canary must be a count or a share",
		"restart blog --canary 0":                     "--canary must be at least 1",
		"restart blog --strategy blocking --canary 1": "--canary goes only with",
		"rollback":                                    "needs one app",
		"rollback a b":                                `"b" is too much`,
		"promote":                                     "needs one app",
		"mark":                                        "needs one app",
		"detach blog":                                 "needs an app and a pid",
		"detach blog worker":                          `"worker" is no pid`,
		"restart blog --strategy fast":                `no strategy "fast"`,
		"status --xml":                                "not supported yet",
		"stop a b":                                    `"b" is too much`,
		"ls blog":                                     "takes no arguments",
		"history a b":                                 `"b" is too much`,
		"history -n few":                              "a whole number",
		"history -n -1":                               "from 0 on",
		"history --since soon":                        "--since must be a duration",
		"history --since -1h":                         "above 0",
		"logs -f":                                     "not supported yet",
		"requests":                                    "not supported yet",
		"why blog":                                    "not supported yet",
		"convert nginx.conf":                          "not supported yet",
		"reload now":                                  "takes no arguments",
		"scale blog":                                  "an app and a number",
		"scale blog none":                             "needs a number of processes",
		"start":                                       "needs one app",
		"upgrade a b":                                 `"b" is too much`,
		"help restarst":                               `did you mean "restarts"?`,
		"help knitting":                               "the topics are",
		"completion tcsh":                             "bash",
		"completion":                                  "needs a shell",
		"status --admin x --instance y":               "instance",
		"install blog":                                "takes no arguments",
		"uninstall --root .":                          "nothing to remove",
		"demo --listen nonsense":                      "--listen",
		"restart blog --timeout soon":                 "--timeout",
		"serve -c x.toml --instance a --bad":          "--bad",
	} {
		got := l.purser(strings.Fields(line)...)
		if got.code != exitUsage || !strings.Contains(got.stderr, says) {
			t.Errorf("purser %s: exit code %d, want 2 with %q; stderr: %s", line, got.code, says, got.stderr)
		}
		if !strings.HasPrefix(got.stderr, "purser: ") || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("purser %s: stderr is no single sentence: %q", line, got.stderr)
		}
	}
}

func TestAllThatIsWrongWithAConfigurationIsSaidAtOnce(t *testing.T) {
	l := newLand(t)
	file := l.write("bad.toml", "[server]\nlog_levl = \"info\"\n[apps.blog]\nroot = \".\"\nmax_queue = -1\n")
	for _, command := range []string{"serve", "check"} {
		l.purser(command, "-c", file).wants(t, exitUsage, file+":2: ", `did you mean "log_level"?`, file+":5: ", "max_queue")
	}
}

func TestAppFlagsDoNotGoWithAFile(t *testing.T) {
	l := newLand(t)
	file := l.write("good.toml", "[apps.blog]\nroot = \".\"\ncommand = \"true\"\n")
	l.purser("serve", "-c", file, "--processes", "3").wants(t, exitUsage, "--processes goes with a folder")
}

func TestCheckSaysWhatWouldBeServed(t *testing.T) {
	l := newLand(t)
	file := l.write("good.toml", "[apps.blog]\nroot = \".\"\ncommand = \"true\"\nmax_processes = 3\n")
	got := l.purser("check", "-c", file)
	got.wants(t, exitDone)
	if !strings.Contains(got.stdout, "blog: command app in "+l.dir+", 1 to 3 processes") {
		t.Errorf("it says %q", got.stdout)
	}
	effective := l.purser("check", "-c", file, "--effective")
	effective.wants(t, exitDone)
	again := l.write("again.toml", "%s", effective.stdout)
	if got := l.purser("check", "-c", again, "--effective"); got.code != exitDone || got.stdout != effective.stdout {
		t.Errorf("the effective configuration is not its own effective configuration: %s%s", got.stdout, got.stderr)
	}
}

func TestAPortInUseIsSaidPlainly(t *testing.T) {
	l := newLand(t)
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	address := other.Addr().String()
	l.purser("demo", "--listen", address, "--instance", l.name).wants(t, exitUsage, address, "the port is in use", "--listen")
}

func TestAFileInTheWayOfASocketStays(t *testing.T) {
	l := newLand(t)
	path := l.write("precious", "data")
	l.purser("demo", "--listen", "unix:"+path, "--instance", l.name).wants(t, exitUsage, "no socket")
	if content, err := os.ReadFile(path); err != nil || string(content) != "data" {
		t.Errorf("the file is %q now (%v)", content, err)
	}
}

func TestAnAdminSocketThatIsRemovedIsMadeAgain(t *testing.T) {
	l := newLand(t)
	l.start("demo", "--listen", "127.0.0.1:0")
	if err := os.Remove(l.socket()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a command reaches purser again", func() bool { return l.purser("status", "--instance", l.name).code == exitDone })
}

func TestWithoutARunningPurserTheCodeIsFive(t *testing.T) {
	l := newLand(t)
	for _, command := range []string{"status", "stop", "restart --all", "restart --marked", "rollback blog", "promote blog", "mark blog", "detach blog 1"} {
		args := append(strings.Fields(command), "--instance", l.name)
		l.purser(args...).wants(t, exitUnreachable, "no running purser answers")
	}
	cmd := l.command("status")
	cmd.Env = append(cmd.Env, "PURSER_ADMIN="+l.dir+"/none.sock")
	l.end(cmd).wants(t, exitUnreachable, "none.sock")
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	for _, c := range newRoot().Commands() {
		if !c.Hidden && (c.Example == "" || c.Short == "") {
			t.Errorf("purser %s has no example or no description", c.Name())
		}
	}
	l := newLand(t)
	for _, topic := range topics() {
		if got := l.purser("help", topic); got.code != exitDone || !strings.HasPrefix(got.stdout, "# ") {
			t.Errorf("purser help %s: %d %q", topic, got.code, got.stdout)
		}
	}
	if got := l.purser("help"); got.code != exitDone || !strings.Contains(got.stdout, "getting-started") {
		t.Errorf("purser help does not name the topics: %q", got.stdout)
	}
	if got := l.purser("help", "serve"); got.code != exitDone || !strings.Contains(got.stdout, "--processes") {
		t.Errorf("purser help serve: %q", got.stdout)
	}
}

func TestTheManualHasEveryKey(t *testing.T) {
	l := newLand(t)
	file := l.write("least.toml", leastOfAllTables)
	effective := l.purser("check", "-c", file, "--effective")
	effective.wants(t, exitDone)
	page, err := manual.ReadFile("help/config.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(effective.stdout) {
		key, _, ok := strings.Cut(line, " = ")
		if ok && !strings.Contains(string(page), "\n    "+key+" ") {
			t.Errorf("purser help config does not explain %s", key)
		}
	}
}

func TestTheManualsConfigurationIsAccepted(t *testing.T) {
	l := newLand(t)
	page, err := manual.ReadFile("help/config.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "    [server]\n")
	example, _, _ = strings.Cut(example, "## ")
	file := l.write("manual.toml", "[server]\n%s", strings.ReplaceAll(example, `command       = ""`, `command = "true"`))
	l.purser("check", "-c", file).wants(t, exitUsage, "/var/www/blog/current")
	if err := os.WriteFile(file, []byte("[server]\n"+strings.NewReplacer(`command       = ""`, `command = "true"`, "/var/www/blog/current", l.dir).Replace(example)), 0o600); err != nil {
		t.Fatal(err)
	}
	l.purser("check", "-c", file).wants(t, exitDone)
}

// Low ports are taken, and an authority is asked, only if that was typed.
func TestServeWithHTTPS(t *testing.T) {
	l := newLand(t)
	for line, want := range map[string]string{
		".":                                    "[:3000] [] false  []",
		". --https a.org --https B.org":        "[:80 https://:443] [a.org b.org] true  []",
		". --https a.org --listen https://:84": "[https://:84] [a.org] true  []",
		". --https a.org --acme-directory staging --acme-email me@a.org": "[:80 https://:443] [a.org] true me@a.org [staging]",
	} {
		c, o := newServe(), serveOptions{}
		c.ResetFlags()
		o.declare(c.Flags())
		if err := c.ParseFlags(append(strings.Fields(line), "--command", "true")); err != nil {
			t.Fatal(err)
		}
		cfg, err := o.config(c.Flags(), []string{l.dir})
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		acme := cfg.Server.ACME
		if got := fmt.Sprintln(cfg.Server.Listen, cfg.Apps[0].Hosts, acme.On, acme.Email, acme.Directory); got != want+"\n" {
			t.Errorf("%s\n got %swant %s", line, got, want)
		}
	}
}

func TestVersionAndCompletion(t *testing.T) {
	l := newLand(t)
	if got := l.purser("version"); got.code != exitDone || !strings.Contains(got.stdout, "go1.") {
		t.Errorf("purser version: %d %q", got.code, got.stdout)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if got := l.purser("completion", shell); got.code != exitDone || !strings.Contains(got.stdout, "purser") {
			t.Errorf("purser completion %s: %d", shell, got.code)
		}
	}
}

func TestAPanicIsAnInternalError(t *testing.T) {
	var stderr strings.Builder
	if code := run([]string{"version"}, broken{}, &stderr); code != exitInternal || !strings.Contains(stderr.String(), "please report it") {
		t.Errorf("the code is %d, stderr %q", code, stderr.String())
	}
}

// broken panics when it is written to.
type broken struct{}

func (broken) Write([]byte) (int, error) { panic("out of paper") }
