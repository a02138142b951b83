package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// pages are the manual's, and the README, by their names.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, topic := range topics() {
		text, err := manual.ReadFile("help/" + topic + ".md")
		if err != nil {
			t.Fatal(err)
		}
		all["purser help "+topic] = string(text)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	all["README.md"] = string(readme)
	return all
}

var (
	inTicks  = regexp.MustCompile("`([^`\n]+)`")
	helpOf   = regexp.MustCompile(`purser help ([a-zA-Z0-9-]+)`)
	callOf   = regexp.MustCompile(`(?:^|[;|&] |exec NAME |/)purser ((?:[a-z][a-z-]*)(?: [^;|#)…]*)?)`)
	flagOf   = regexp.MustCompile(`--([a-z][a-z-]*)`)
	assigned = regexp.MustCompile(`^\s*([a-z_]+) += ["\[{0-9tf]`)
	dotted   = regexp.MustCompile(`\b(?:server|restart|health|hooks)\.([a-z_]+)`)
	keyLike  = regexp.MustCompile(`^[a-z]+(_[a-z]+)+$`)
)

// code is what a page shows of commands and files: indented or fenced lines, and what is in backticks.
func code(page string) (found []string) {
	fenced := false
	for line := range strings.Lines(page) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case strings.HasPrefix(line, "     "): // goes on with the line before
		case fenced, strings.HasPrefix(line, "    "):
			found = append(found, strings.TrimSpace(line))
		case strings.Contains(line, "not built"): // it says so itself
		default:
			for _, m := range inTicks.FindAllStringSubmatch(line, -1) {
				found = append(found, m[1])
			}
		}
	}
	return found
}

func TestTheManualNamesOnlyCommandsAndFlagsThatExist(t *testing.T) {
	root := newRoot()
	for name, page := range pages(t) {
		for _, m := range helpOf.FindAllStringSubmatch(page, -1) {
			if topic := m[1]; !slices.Contains(append(topics(), commandNames(root)...), topic) && aliases[topic] == "" && topic != "TOPIC" {
				t.Errorf("%s leads to purser help %s, which does not exist", name, topic)
			}
		}
		for _, line := range code(page) {
			for _, m := range callOf.FindAllStringSubmatch(line, -1) {
				checkCall(t, root, name, m[1])
			}
		}
	}
}

// checkCall checks what follows the word purser.
func checkCall(t *testing.T, root *cobra.Command, page, call string) {
	t.Helper()
	word, rest, _ := strings.Cut(call, " ")
	if word == "keeper" || word == "help" { // the one purser starts itself, the other is looked at by its topic
		return
	}
	i := slices.IndexFunc(root.Commands(), func(c *cobra.Command) bool { return c.Name() == word && !c.Hidden })
	if i < 0 {
		t.Errorf("%s has purser %s, which does not exist", page, word)
		return
	}
	if word == "serve" {
		rest, _, _ = strings.Cut(rest, "--command") // what follows is the app's
	}
	for _, m := range flagOf.FindAllStringSubmatch(rest, -1) {
		if flag := m[1]; flag != "help" && root.Commands()[i].Flags().Lookup(flag) == nil {
			t.Errorf("%s has purser %s --%s, which does not exist", page, word, flag)
		}
	}
}

// notKeys are words with an underscore that the manual has in backticks beside keys.
var notKeys = []string{"set_real_ip_from", "proxy_read_timeout", "client_body_temp_path", "proxy_max_temp_file_size", "proxy_pass_trailers", "stop_grace_period",
	"requests_total", "node_modules", "limit_req", "limit_conn", "client_max_body_size", "client_header_timeout", "client_body_timeout"}

// leastOfAllTables is a file whose effective configuration has all keys.
const leastOfAllTables = `
[server]
listen = ["https://:443"]
acme = {}
[apps.blog]
root = "."
command = "true"
hosts = ["a.org"]
[[apps.blog.limits]]
rate = "1/s"
[apps.blog.workers.jobs]
command = "true"
[[apps.blog.buffering]]
path = "/uploads"
[[apps.blog.redirects]]
from = "/a"
to = "/b"
[[apps.blog.static]]
path = "/downloads"
folder = "downloads"
`

func TestTheManualNamesOnlyKeysThatExist(t *testing.T) {
	l := newLand(t)
	file := l.write("least.toml", leastOfAllTables)
	effective := l.purser("check", "-c", file, "--effective")
	effective.wants(t, exitDone)
	known := []string{"env", "tls", "acme", "process_limits", "txt", "status", "d", "js"} // tables, and what is after the dot of files
	for line := range strings.Lines(effective.stdout) {
		if key, _, ok := strings.Cut(line, " = "); ok {
			known = append(known, key)
		}
	}
	for name, page := range pages(t) {
		for _, m := range dotted.FindAllStringSubmatch(page, -1) {
			if !slices.Contains(known, m[1]) {
				t.Errorf("%s names %s, which is no key", name, m[0])
			}
		}
		for _, line := range code(page) {
			key := ""
			if m := assigned.FindStringSubmatch(line); m != nil {
				key = m[1]
			} else if keyLike.MatchString(line) && !strings.HasPrefix(line, "passenger_") && !strings.HasPrefix(line, "purser_") {
				key = line
			}
			if key != "" && !slices.Contains(known, key) && !slices.Contains(notKeys, key) {
				t.Errorf("%s names %s, which is no key", name, key)
			}
		}
	}
}

func TestTheManualNamesAllMetrics(t *testing.T) {
	l := newLand(t)
	l.start("demo", "--listen", "127.0.0.1:0")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", l.socket())
	}}}
	response, err := client.Get("http://purser/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text := make([]byte, 1<<20)
	n := 0
	for err == nil {
		var more int
		more, err = response.Body.Read(text[n:])
		n += more
	}
	page := pages(t)["purser help metrics"]
	told := 0
	for line := range strings.Lines(string(text[:n])) {
		if name, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, _, _ = strings.Cut(name, " ")
			told++
			if strings.HasPrefix(name, "purser_") && !strings.Contains(page, "\n    "+name) { // the others every program in Go has
				t.Errorf("purser help metrics does not name %s", name)
			}
		}
	}
	if told < 10 {
		t.Errorf("only %d metrics are told", told)
	}
}

func TestTheIndexIsOneScreen(t *testing.T) {
	l := newLand(t)
	for _, line := range [][]string{{"help"}, {"--help"}, {}} {
		got := l.purser(line...)
		if got.code != exitDone || strings.Count(got.stdout, "\n") > 23 {
			t.Errorf("purser %v: code %d, %d lines:\n%s", line, got.code, strings.Count(got.stdout, "\n"), got.stdout)
		}
		for line := range strings.Lines(got.stdout) {
			if utf8.RuneCountInString(line) > 80 {
				t.Errorf("a line is too wide for a terminal: %s", line)
			}
		}
		for _, word := range append(topics(), commandNames(newRoot())...) {
			if !strings.Contains(got.stdout, word) {
				t.Errorf("it does not name %s", word)
			}
		}
	}
}

func TestWhoseSiteIsDownFindsThePage(t *testing.T) {
	l := newLand(t)
	for _, word := range []string{"down", "502", "503", "504"} {
		got := l.purser("help", word)
		for _, want := range []string{"My site is down", "process_exited", "start_failed", "queue_timeout", "purser status", "journalctl", "kill -QUIT", "error id"} {
			if !strings.Contains(got.stdout, want) {
				t.Errorf("purser help %s does not say %q", word, want)
			}
		}
	}
	for _, topic := range aliases {
		if !slices.Contains(topics(), topic) {
			t.Errorf("an alias leads to %s, which is no topic", topic)
		}
	}
}

func TestEveryReasonHasItsMeaning(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("..", "..", "proxy", "failure.go"))
	if err != nil {
		t.Fatal(err)
	}
	reasons := regexp.MustCompile(`failure\{[^,]+, "([a-z_]+)"|\{http\.Status\w+, "([a-z_]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(reasons) < 10 {
		t.Fatalf("only %d reasons are found", len(reasons))
	}
	all := pages(t)
	for _, m := range reasons {
		reason := m[1] + m[2]
		if !strings.Contains(all["purser help errors"], " "+reason+" ") && reason != "client_gone" {
			t.Errorf("purser help errors does not explain %s", reason)
		}
	}
}
