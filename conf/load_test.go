package conf

import (
	"bytes"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// full has every key, none with its default.
const full = `
[server]
listen = ["127.0.0.1:8080", ":0", "[::1]:81", "localhost:82", "unix:/run/p.sock", "systemd:web"]
h2c = true
admin = "127.0.0.1:9000"
metrics = ":9100"
log_level = "debug"
log_format = "json"
log_apps = "{app}.log"
log_apps_format = "text"
log_max_size = "10MiB"
log_keep = 2
access_log = "log/access.log"
access_log_format = "{remote} {{{status}}}"
access_log_sample = 0.25
user = "web"
admin_group = "adm"
default_user = "www-data"
max_processes = 40
max_spawns = 5
proxy_protocol = ["10.9.0.0/16", "unix:"]
trusted_proxies = ["10.1.2.3/8", "::1", "192.0.2.7", "unix:", "::ffff:192.0.2.8"]
spool_limit = "80%"
buffer_memory = "1GiB"
include = ["apps/*.toml", "/srv/shop/purser.toml"]
watch_config = true
head_timeout = "20s"
body_timeout = "1m"
body_min_rate = "1KiB"
send_timeout = "45s"
send_min_rate = "0"
keepalive_timeout = "5s"
keepalive_requests = 100
max_connections = 5000
max_connections_per_address = 50

[apps.blog]
root = "../blog/current"
user = "blog"
group = 1234
kind = "command"
reload_guard = false
preload = true
preload_idle = "1m"
preload_refork = 1000
load_shell_env = true
command = ["bin/serve", "--socket", "{socket}"]
environment = "staging"
env_file = ".env"
env_pass = ["DATABASE_URL", "RAILS_*"]
hosts = ["Blog.Example.org", "*.blog.example.org"]
canonical = "WWW.blog.example.org"
path = "/blog/"
public = "static/files"
sendfile = ["../files/", "/srv/exports"]
affinity = "forward"
traceparent = "make"
log = "stdout"
min_processes = 2
max_processes = 9
concurrency = "unlimited"
idle_timeout = "0"
start_timeout = "1m30s"
drain_timeout = "1h"
websocket_drain_timeout = "2h5m"
stop_timeout = "1.5s"
websocket_close_window = "0"
stop_signal = "QUIT"
backtrace_signal = "USR2"
max_queue = 0
queue_timeout = ""
request_timeout = "20s"
answer_stall = "2m30s"
hang_after = "12m"
slow_request = "2s"
max_requests = 1000
max_body = "64MiB"
buffer_request = false
pass_trailers = true
no_new_privs = true
nice = -5
oom_score_adj = 300
memory_max = "2GiB"
cpu_max = "150%"
env = { A = "b", "odd name" = "tab\t \"quoted\" back\\slash \u0001 ü" }

[apps.blog.process_limits]
open_files = 4096
core = "0"
address_space = "4GiB"
processes = "unlimited"

[apps.blog.restart]
strategy = "blue-green"
surge = "50%"
unavailable = 3
resist_deployment_errors = false
file = "/var/lib/blog/go"
settle = "1s"
watch = ["Gemfile.lock", "lib/**/*.r[bu]", "**"]
auto = "changed"
switch_timeout = "0"
rollback_window = "10m"
max_old_generations = 1

[apps.blog.health]
path = "/up?deep=1"
expect = "2XX,401 , 302"
interval = "100ms"
passes = 3
timeout = "250ms"
host = "up.example.org"
warmup = ["/", "/search?q=a%20b"]
probation = "2m"

[apps.blog.hooks]
before_restart = "bin/rails db:migrate && touch 'done it'"
after_restart = ["notify", "--text", "a \"new\" one"]
restart_failed = "page"
process_ready = ["warm"]
process_gone = "cleanup"
timeout = "5m"

[apps."shop.v2"]
root = "/srv/shop"
startup_file = "app.js"
interpreter = "node20"
kind = "node"
concurrency = 5
max_body = "0"
answer_stall = "0"
hang_after = ""
restart.file = ""
restart.surge = 0
restart.unavailable = "25%"
restart.strategy = "blocking"
health.expect = 204
public = ""
stop_signal = "USR2"
backtrace_signal = "none"
`

func fullConfig() *Config {
	blog := defaultApp("blog")
	blog.Root = "/etc/blog/current"
	blog.User, blog.Group = "blog", "1234"
	blog.Kind, blog.ReloadGuard, blog.LoadShellEnv = "command", false, true
	blog.Preload, blog.PreloadIdle = true, time.Minute
	blog.Command = Command{Args: []string{"bin/serve", "--socket", "{socket}"}}
	blog.EnvFile = ".env"
	blog.Environment = "staging"
	blog.EnvPass = []string{"DATABASE_URL", "RAILS_*"}
	blog.Env = map[string]string{"A": "b", "odd name": "tab\t \"quoted\" back\\slash \x01 ü"}
	blog.Hosts = []string{"blog.example.org", "*.blog.example.org"}
	blog.Canonical, blog.Path = "www.blog.example.org", "/blog"
	blog.MinProcesses, blog.MaxProcesses, blog.Concurrency = 2, 9, Unlimited
	blog.IdleTimeout, blog.StartTimeout, blog.DrainTimeout = 0, 90*time.Second, time.Hour
	blog.WebsocketDrainTimeout, blog.StopTimeout = 125*time.Minute, 1500*time.Millisecond
	blog.StopSignal, blog.BacktraceSignal = "QUIT", "USR2"
	blog.Public, blog.Affinity, blog.WebsocketCloseWindow = "static/files", "forward", 0
	blog.Traceparent, blog.SlowRequest = "make", 2*time.Second
	blog.Sendfile = []string{"/etc/files", "/srv/exports"}
	blog.Log = "stdout"
	blog.MaxQueue, blog.QueueTimeout, blog.RequestTimeout = 0, 0, 20*time.Second
	blog.AnswerStall, blog.HangAfter, blog.PassTrailers = 150*time.Second, 12*time.Minute, true
	blog.BufferRequest = false
	blog.Limits = Limits{NoNewPrivs: true, Nice: Number{true, -5}, OOMScoreAdj: Number{true, 300}, MemoryMax: 2 << 30, CPUMax: 150,
		Process: ProcessLimits{OpenFiles: Number{true, 4096}, Core: Number{true, 0}, AddressSpace: Number{true, 4 << 30}, Processes: Number{true, NoLimit}}}
	blog.PreloadRefork = 1000
	blog.MaxRequests, blog.MaxBody = 1000, 64<<20
	blog.Restart = Restart{
		Strategy: "blue-green", Surge: Amount{Percent: 50}, Unavailable: Amount{Count: 3},
		File: "/var/lib/blog/go", Settle: time.Second,
		Watch: []string{"Gemfile.lock", "lib/**/*.r[bu]", "**"}, Auto: "changed",
		RollbackWindow: 10 * time.Minute, MaxOldGenerations: 1,
	}
	blog.Health = Health{
		Path: "/up?deep=1", Expect: Expect{"2xx", "401", "302"}, Interval: 100 * time.Millisecond, Passes: 3,
		Timeout: 250 * time.Millisecond, Host: "up.example.org",
		Warmup: []string{"/", "/search?q=a%20b"}, Probation: 2 * time.Minute,
	}
	blog.Hooks = Hooks{
		BeforeRestart: Command{Shell: "bin/rails db:migrate && touch 'done it'"},
		AfterRestart:  Command{Args: []string{"notify", "--text", `a "new" one`}},
		RestartFailed: Command{Shell: "page"},
		ProcessReady:  Command{Args: []string{"warm"}},
		ProcessGone:   Command{Shell: "cleanup"},
		Timeout:       5 * time.Minute,
	}

	shop := defaultApp("shop.v2")
	shop.Root, shop.StartupFile, shop.Kind, shop.Interpreter = "/srv/shop", "app.js", "node", "node20"
	shop.Log = "/srv/shop/log/shop.v2.log"
	shop.Concurrency, shop.MaxBody, shop.AnswerStall, shop.HangAfter = 5, 0, 0, 0
	shop.Restart.Surge, shop.Restart.Unavailable = Amount{}, Amount{Percent: 25}
	shop.Restart.Strategy, shop.Restart.File = "blocking", ""
	shop.Health.Expect = Expect{"204"}
	shop.Public, shop.StopSignal, shop.BacktraceSignal = "", "USR2", "none"

	var proxies []netip.Prefix
	for _, cidr := range []string{"10.0.0.0/8", "::1/128", "192.0.2.7/32", "192.0.2.8/32"} {
		proxies = append(proxies, netip.MustParsePrefix(cidr))
	}
	return &Config{
		Server: Server{
			Listen: []Listen{
				{Network: "tcp", Address: "127.0.0.1:8080"}, {Network: "tcp", Address: ":0"}, {Network: "tcp", Address: "[::1]:81"}, {Network: "tcp", Address: "localhost:82"},
				{Network: "unix", Address: "/run/p.sock"}, {Network: "systemd", Address: "web"},
			},
			H2C:   true,
			Admin: "127.0.0.1:9000", Metrics: ":9100", LogLevel: "debug", LogFormat: "json",
			LogApps: "{app}.log", LogAppsFormat: "text", LogMaxSize: 10 << 20, LogKeep: 2,
			AccessLog: "/etc/purser/log/access.log", AccessLogFormat: "{remote} {{{status}}}", AccessLogSample: 0.25,
			MaxProcesses: 40, MaxSpawns: 5, ProxyProtocol: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}, ProxyUnix: true, TrustedProxies: proxies, TrustUnix: true, SpoolLimit: Share{Percent: 80}, BufferMemory: Share{Bytes: 1 << 30},
			Include: []string{"/etc/purser/apps/*.toml", "/srv/shop/purser.toml"}, WatchConfig: true,
			User: "web", AdminGroup: "adm", DefaultUser: "www-data",
			Clients: Clients{HeadTimeout: 20 * time.Second, BodyTimeout: time.Minute, BodyMinRate: 1 << 10, SendTimeout: 45 * time.Second,
				KeepaliveTimeout: 5 * time.Second, KeepaliveRequests: 100, MaxConnections: 5000, MaxConnectionsPerAddress: 50},
		},
		Apps: []App{blog, shop},
	}
}

func diff(a, b *Config) string {
	return cmp.Diff(a, b, cmpopts.EquateComparable(netip.Prefix{}))
}

// relativeLogs begin below the app's root, but the access log beside the file; with a folder for logs, all
// of them begin there.
func TestRelativeLogsBeginAtTheFolderForLogs(t *testing.T) {
	const file = "[server]\nlog_apps = \"{app}.log\"\naccess_log = \"access.log\"\n[apps.blog]\nroot = \"/srv/blog\"\n" +
		"[apps.shop]\nroot = \"/srv/shop\"\npath = \"/shop\"\nlog = \"web/{app}.txt\"\n[apps.api]\nroot = \"/srv/api\"\npath = \"/api\"\nlog = \"stderr\"\n"
	for _, c := range []struct{ folder, blog, shop, access string }{
		{"", "/srv/blog/log/blog.log", "/srv/shop/log/web/shop.txt", "/etc/access.log"},
		{"/var/log/purser", "/var/log/purser/blog.log", "/var/log/purser/web/shop.txt", "/var/log/purser/access.log"},
		{"/var/log/a:/var/log/b", "/var/log/a/blog.log", "/var/log/a/web/shop.txt", "/var/log/a/access.log"},
	} {
		t.Setenv("LOGS_DIRECTORY", c.folder)
		cfg, err := Parse("/etc/purser.toml", []byte(file))
		if err != nil {
			t.Fatal(err)
		}
		if api, blog, shop := cfg.Apps[0].Log, cfg.Apps[1].Log, cfg.Apps[2].Log; api != "stderr" || blog != c.blog || shop != c.shop || cfg.Server.AccessLog != c.access {
			t.Errorf("with %q: %s, %s, %s, %s", c.folder, api, blog, shop, cfg.Server.AccessLog)
		}
	}
}

func TestEveryKeyIsRead(t *testing.T) {
	got, err := Parse("/etc/purser/purser.toml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(fullConfig(), got); d != "" {
		t.Error(d)
	}
}

// full is only as good as it is complete.
func TestFullHasEveryKeyAndNoneWithItsDefault(t *testing.T) {
	cfg := fullConfig()
	blog, fresh := cfg.Apps[0], defaultApp("blog")
	server := defaultServer()
	unchanged := slices.Concat(
		sameIn(&cfg.Server, &server, serverSchema),
		sameIn(&blog, &fresh, appSchema),
		sameIn(&blog.Limits.Process, &fresh.Limits.Process, processLimitsSchema),
		sameIn(&blog.Restart, &fresh.Restart, restartSchema),
		sameIn(&blog.Health, &fresh.Health, healthSchema),
		sameIn(&blog.Hooks, &fresh.Hooks, hooksSchema),
	)
	// There is no https, a command has no startup file and no interpreter, and 1m30s is another way to write 90s.
	if want := []string{"https_port", "startup_file", "interpreter", "start_timeout"}; !slices.Equal(unchanged, want) {
		t.Errorf("these keys have their defaults: %q, want only %q", unchanged, want)
	}
}

func sameIn[T any](a, b *T, s schema[T]) (keys []string) {
	for _, f := range s.fields {
		if f.format(a) == f.format(b) {
			keys = append(keys, f.key)
		}
	}
	return keys
}

func TestEffectiveIsReadAsTheSame(t *testing.T) {
	for _, file := range []string{full, "[apps.a]\nroot = '/a'\ncommand = 'bin/a \"x\"'"} {
		cfg, err := Parse("/etc/purser/purser.toml", []byte(file))
		if err != nil {
			t.Fatal(err)
		}
		mustBeReadAsWritten(t, cfg)
	}
}

func TestTrustedUnixSocketsAndSpoolLimitsArePrintedAsWritten(t *testing.T) {
	for _, written := range []string{
		"trusted_proxies = [\"unix:\"]\nspool_limit = \"1%\"\nbuffer_memory = \"2%\"\n",
		"trusted_proxies = [\"10.0.0.0/8\", \"unix:\"]\nspool_limit = \"100%\"\nbuffer_memory = \"100%\"\n",
		"trusted_proxies = [\"::1/128\"]\nspool_limit = \"10GiB\"\nbuffer_memory = \"512MiB\"\n",
		"trusted_proxies = []\nspool_limit = \"1MiB\"\nbuffer_memory = \"1MiB\"\n",
	} {
		cfg, err := Parse("p.toml", []byte(inServer(written)))
		if err != nil {
			t.Fatal(err)
		}
		var effective bytes.Buffer
		if err := cfg.WriteTOML(&effective); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(effective.String(), written) {
			t.Errorf("%q is not in\n%s", written, &effective)
		}
	}
}

func TestEffectiveShowsWhatPeopleWouldWrite(t *testing.T) {
	cfg, err := Parse("/etc/purser.toml", []byte("[apps.blog]\nroot = 'blog'"))
	if err != nil {
		t.Fatal(err)
	}
	var effective bytes.Buffer
	if err := cfg.WriteTOML(&effective); err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/effective.toml")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(golden), effective.String()); d != "" {
		t.Error(d)
	}
}

func TestLoadReadsAFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "purser.toml")
	if err := os.WriteFile(file, []byte("[apps.a]\nroot = 'a'"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cfg.Apps[0].Root, filepath.Join(dir, "a"); got != want {
		t.Errorf("root is %s, want %s", got, want)
	}
	if _, err := Load(filepath.Join(dir, "none.toml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestAllProblemsAreTold(t *testing.T) {
	_, err := Parse("p.toml", []byte("[apps.b]\nkind = 'perl'\nmax_queue = -1\n[server]\nx = 1\n[apps.a]\n"))
	want := strings.Join([]string{
		`p.toml:2: apps.b.kind: must be one of auto, command, ruby, python, node, not "perl"`,
		`p.toml:1: apps.b.root: must name the app's folder`,
	}, "\n")
	problems, ok := errors.AsType[Problems](err)
	if !ok || len(problems) != 6 {
		t.Fatalf("got %v", err)
	}
	for line := range strings.SplitSeq(want, "\n") {
		if !strings.Contains(err.Error(), line) {
			t.Errorf("%q is missing in\n%v", line, err)
		}
	}
	for i := range problems[1:] {
		if problems[i].Line > problems[i+1].Line {
			t.Errorf("not in the order of the lines:\n%v", err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(full)
	for _, r := range refusals {
		f.Add(r.file)
	}
	f.Fuzz(func(t *testing.T, file string) {
		cfg, err := Parse("/etc/purser/purser.toml", []byte(file))
		if err != nil {
			return
		}
		var effective bytes.Buffer
		if err := cfg.WriteTOML(&effective); err != nil {
			t.Fatal(err)
		}
		again, err := Parse("/etc/purser/purser.toml", effective.Bytes())
		if err != nil {
			t.Fatalf("%v in\n%s", err, &effective)
		}
		if d := diff(cfg, again); d != "" {
			t.Errorf("%s in\n%s", d, &effective)
		}
	})
}
