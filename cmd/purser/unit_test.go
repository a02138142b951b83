package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"purser/cmd/purser/install"
)

// block is the indented block of a page of the manual that begins with a line, without its indentation.
func block(t *testing.T, topic, first string) string {
	t.Helper()
	_, rest, found := strings.Cut(pages(t)["purser help "+topic], "\n    "+first+"\n")
	if !found {
		t.Fatalf("purser help %s has no block that begins with %s", topic, first)
	}
	lines := []string{first}
	for line := range strings.Lines(rest) {
		text, indented := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		if !indented && text != "" {
			break
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

// unitKeys are the settings of a unit, by section and name (systemd.syntax(7)).
func unitKeys(t *testing.T, unit string) map[string]string {
	t.Helper()
	keys, section := map[string]string{}, ""
	for line := range strings.Lines(unit) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			section = strings.Trim(line, "[]")
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || section == "" {
			t.Errorf("the unit has the line %q", line)
		}
		keys[section+"."+key] = value
	}
	return keys
}

// usualUnit is what purser install --user USER writes.
func usualUnit(user string) string {
	return install.Unit("/usr/local/bin/purser", "/etc/purser/purser.toml", user)
}

func TestTheUnitOfTheManualIsTheOneThatIsInstalled(t *testing.T) {
	if shown, written := block(t, "systemd", "[Unit]"), usualUnit("deploy"); shown != written {
		t.Errorf("purser help systemd shows\n%s\npurser install writes\n%s", shown, written)
	}
}

func TestTheUnitsAreWhole(t *testing.T) {
	for user, want := range map[string][2]string{"deploy": {"deploy", "CAP_NET_BIND_SERVICE"}, "": {}} {
		unit := unitKeys(t, usualUnit(user))
		for key, want := range map[string]string{
			"Service.Type": "notify", "Service.User": want[0], "Service.AmbientCapabilities": want[1], "Service.RuntimeDirectory": "purser",
			"Service.StateDirectory": "purser", "Service.StateDirectoryMode": "0700", "Service.LogsDirectory": "purser", "Service.KillMode": "mixed",
			"Service.OOMPolicy": "continue", "Service.Delegate": "yes", "Service.TasksMax": "32768", "Service.LimitNOFILE": "65536", "Service.WatchdogSec": "30",
			"Service.TimeoutStopSec": "120", "Service.Restart": "on-failure", "Service.RestartSec": "1", "Service.RestartPreventExitStatus": "", // a Go program that is killed by the watchdog, or panics, exits with 2
			"Service.ExecReload": "/bin/kill -HUP $MAINPID", "Install.WantedBy": "multi-user.target",
		} {
			if unit[key] != want {
				t.Errorf("%s is %q, want %q", key, unit[key], want)
			}
		}
		call, ok := strings.CutPrefix(unit["Service.ExecStart"], "/usr/local/bin/purser ")
		if !ok {
			t.Errorf("it starts %q", unit["Service.ExecStart"])
		}
		checkCall(t, newRoot(), "the unit", call)
	}
}

// The configuration that install writes can be served, though it has no app yet. With all that is commented out in it, it can be served.
func TestTheConfigurationThatIsInstalledCanBeServed(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("files get owners: this needs root")
	}
	l := newLand(t)
	if err := install.Package(l.dir); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(l.dir + "/etc/purser/purser.toml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("/var/log/purser", l.dir, "/etc/purser/", l.dir+"/etc/purser/", "/var/www/blog/current", l.dir).Replace(string(written))
	if got := l.purser("check", "-c", l.write("as-it-is.toml", "%s", text)); got.code != exitDone || !strings.Contains(got.stdout, l.dir+"/etc/purser/apps/*.toml") {
		t.Errorf("purser check says %d: %s%s", got.code, got.stdout, got.stderr)
	}
	text = strings.Replace(text, `[":3000"]`, `["http://:80", "https://:443"]`, 1) // as its comment advises
	whole := regexp.MustCompile(`(?m)^# (\[|[a-z_]+ +=)`).ReplaceAllString(text, "$1")
	l.write("config.ru", "")
	if got := l.purser("check", "-c", l.write("whole.toml", "%s", whole)); got.code != exitDone {
		t.Errorf("%s\n%s", got.stderr, whole)
	}
	if strings.Count(whole, "\n[") != 3 {
		t.Errorf("it has other tables than three:\n%s", whole)
	}
}

// With User=, settings that imply NoNewPrivileges= (systemd.exec(5)) would take sudo and sendmail from apps.
func TestAUnitWithAUserLeavesAppsTheirPrivileges(t *testing.T) {
	for key := range unitKeys(t, usualUnit("deploy")) {
		for _, implies := range []string{"NoNewPrivileges", "SystemCall", "Restrict", "PrivateDevices", "ProtectKernel", "ProtectClock", "ProtectHostname", "Memory", "Lock", "DynamicUser"} {
			if setting := strings.TrimPrefix(key, "Service."); strings.HasPrefix(setting, implies) {
				t.Errorf("the unit has %s", key)
			}
		}
	}
}

func TestSystemdAcceptsTheUnitsOfTheManual(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatal("this test needs systemd-analyze: apt install systemd")
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	socket := "[Unit]\n" + block(t, "systemd", "Description=Port 80 for Purser")
	files := map[string]string{"purser.socket": socket}
	for name, user := range map[string]string{"purser.service": "root", "without-a-user.service": ""} { // root is everywhere
		files[name] = install.Unit(binary, "/etc/purser/purser.toml", user)
	}
	var paths []string
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	out, err := exec.CommandContext(t.Context(), analyze, append([]string{"verify", "--man=no", "--recursive-errors=no"}, paths...)...).CombinedOutput()
	if err != nil || strings.Contains(string(out), dir) {
		t.Errorf("systemd-analyze says (%v):\n%s", err, out)
	}
}

// An instruction is one of a Dockerfile.
type instruction struct{ name, rest string }

func instructions(text string) (all []instruction) {
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		all = append(all, instruction{name, strings.TrimSpace(rest)})
	}
	return all
}

var (
	stageOf = regexp.MustCompile(`^(\S+) AS (\S+)$`)
	fromOf  = regexp.MustCompile(`--from=(\S+)`)
)

func TestDockerfilesAreSound(t *testing.T) {
	own, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"Dockerfile": string(own),
		"for Rails":  block(t, "docker", "FROM ruby:3.4-slim AS build"),
		"for Node":   block(t, "docker", "FROM node:22 AS build"),
	} {
		t.Run(name, func(t *testing.T) { checkDockerfile(t, name, instructions(text)) })
	}
}

func checkDockerfile(t *testing.T, name string, all []instruction) {
	stages, user, health, start := []string{"purser"}, "", "", "" // the image that holds the binary
	for _, i := range all {
		switch i.name {
		case "FROM":
			user, health, start = "", "", ""
			if m := stageOf.FindStringSubmatch(i.rest); m != nil {
				stages = append(stages, m[2])
			}
		case "COPY":
			if m := fromOf.FindStringSubmatch(i.rest); m != nil && !slices.Contains(stages, m[1]) {
				t.Errorf("it copies from %s, which is no stage before it", m[1])
			}
		case "USER":
			user = i.rest
		case "HEALTHCHECK":
			_, health, _ = strings.Cut(i.rest, "CMD ")
		case "CMD":
			start = i.rest
		case "RUN", "ENV", "ARG", "WORKDIR", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT":
			if strings.Contains(i.rest, "MASTER_KEY=") || strings.Contains(i.rest, "SECRET_KEY_BASE=") {
				t.Errorf("it has a secret: %s", i.rest)
			}
		default:
			t.Errorf("there is no instruction %s", i.name)
		}
	}
	if user == "" || strings.HasPrefix(user, "root") || strings.HasPrefix(user, "0") {
		t.Errorf("it runs as %q", user)
	}
	if words := execForm(t, health); len(words) != 2 || filepath.Base(words[0]) != "purser" || words[1] != "health" {
		t.Errorf("its health is checked by %q", health)
	}
	words := execForm(t, start)
	if filepath.Base(words[0]) == "purser" {
		words = words[1:]
	}
	checkCall(t, newRoot(), name, strings.Join(words, " "))
}

// execForm is a command as a list, which runs without a shell.
func execForm(t *testing.T, text string) (words []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &words); err != nil || len(words) == 0 {
		t.Fatalf("%q is no list of words: %v", text, err)
	}
	return words
}

func TestTheBuildHasWhatDockerLeavesIn(t *testing.T) {
	ignored, err := os.ReadFile(filepath.Join("..", "..", ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	needed := exec.CommandContext(t.Context(), "go", "list", "-pgo=off", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
	out, err := needed.Output()
	if err != nil {
		t.Fatal(err)
	}
	for folder := range strings.Lines(string(ignored)) {
		folder = strings.TrimSpace(folder)
		if folder != "" && !strings.HasPrefix(folder, "#") && strings.Contains(string(out), "purser/"+folder+"/") {
			t.Errorf(".dockerignore leaves out %s, which purser is built from", folder)
		}
	}
}
