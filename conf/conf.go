// Package conf is what the operator wrote: the configuration file as plain data.
//
// Load reads it, fills in the defaults and refuses whatever it cannot honour, naming the file, the
// line, the key, what is allowed and the nearest key. Nothing here opens a socket or starts a
// process, or looks at the file system beside the configuration.
package conf

import (
	"net/netip"
	"strings"
	"time"
)

// Config is a whole configuration: the server and its apps.
type Config struct {
	Server  Server
	Apps    []App    // in the order of their names
	Sources []Source // that Load has read, itself first; none = it was not read from files
}

// Server is the [server] table: what is common to all apps.
type Server struct {
	Listen          []Listen       // default ":3000"
	HTTPSPort       int            // where clients find https, as a redirect names it; default 0 = the port of listen
	H2C             bool           // clients may speak HTTP/2 without TLS, with prior knowledge; default false
	Admin           string         // "" = unix socket in the runtime dir; else host:port on loopback
	Metrics         string         // host:port where anybody may read /metrics, /healthz and /readyz; default "" = nowhere
	LogLevel        string         // trace debug info warn error; default info
	LogFormat       string         // text | json; default text
	LogApps         string         // what apps print goes there: stderr | stdout | a path, in which {app} is the app's name; default stderr
	LogAppsFormat   string         // auto (raw, but on stderr as LogFormat) | raw | text | json; default auto
	LogMaxSize      int64          // bytes, about, after which a log file is moved aside; default 0 = never
	LogKeep         int            // how many files moved aside are kept; default 5; 0 = all
	AccessLog       string         // off | stderr | stdout | an absolute path; default off
	AccessLogFormat string         // combined | json | a template (ParseLogTemplate); default combined
	AccessLogSample float64        // which part of the lines is written, beside those of what failed or was slow; default 1
	MaxProcesses    int            // over all apps; 0 = no pool-wide cap
	MaxSpawns       int            // processes of all apps starting at once; 0 = one per core
	ProxyProtocol   []netip.Prefix // peers that begin each connection with a header of the PROXY protocol; default none
	ProxyUnix       bool           // so does whoever connects over a unix socket; default false
	TrustedProxies  []netip.Prefix // peers whose X-Forwarded-* are believed; default none
	TrustUnix       bool           // so are those of whoever connects over a unix socket; default false
	TLS             Pairs          // shown where no app has a certificate for the name that is asked for; default none
	ACME            ACME           // who issues certificates for the hosts of apps that have none; default nobody
	Include         []string       // absolute paths, or globs, of files with further apps; default none
	WatchConfig     bool           // the files are read again when they change; default false
	Clients         Clients        // how long they may take, and how many may come
	SpoolLimit      Share          // of the temp folder's free space, for all that waits there for apps and clients; default 50%
	BufferMemory    Share          // of the RAM, for what of that is in memory; default 12%
	User            string         // name or number that the process runs as which serves, if purser is started as root; "" = purser, or an unused one
	AdminGroup      string         // name or number of a group whose members may use the admin socket of a purser that is started as root; "" = nobody
	DefaultUser     string         // that apps run as whose files belong to root, if purser is started as root; default nobody
}

// Listen is one place where requests come in.
type Listen struct {
	Network string // "tcp", "unix" or "systemd"
	Address string // host:port, an absolute path, or the name of a systemd socket
	TLS     bool   // https
}

// App is one [apps.NAME] table. Its name is the group's name everywhere: at most 64 letters, digits,
// "_", "-" and ".", and neither of the last two first.
type App struct {
	Name          string
	Root          string            // absolute, symlinks kept: resolved at each restart, never once
	User          string            // name or number that it runs as; "" = the owner of its startup file. Another than purser's own only as root
	Group         string            // name or number; "" = the user's primary group
	RunsAs        *Account          // what comes of these; nil = purser's own user. spawn.ResolveUser fills it in
	Grants        map[string]uint32 // the numbers of what may be run for it, of a purser that root has started; nil = anything
	Kind          string            // auto | command | ruby | python | node; default auto
	Command       Command
	ReloadGuard   bool              // servers are kept from loading new code by themselves; default true
	StartupFile   string            // relative to Root; "" = found by kind
	Preload       bool              // the app is loaded once for each generation, and its processes are forked from that; Ruby and Python
	PreloadIdle   time.Duration     // what is loaded for that ends when nothing was forked for so long; default 5m; 0 = never
	PreloadRefork int               // a process that has answered so many requests becomes what the others are forked from; Ruby; 0 = none, the default
	Found         Found             // what spawn.Detect has found out beside
	Environment   string            // "" = that of the variables handed on (RAILS_ENV…), else production; Detect says which
	Env           map[string]string // wins over everything; never nil
	EnvFile       string            // file with more variables, which the app's user reads at each start; relative to the release, or absolute; "" = none
	EnvPass       []string          // names and globs of purser's own variables that the app gets; default none, of a folder all
	Hosts         []string          // lower case; "*.example.org" allowed; none = the default app
	Path          string            // sub-URI, begins with "/", no trailing slash but for "/" itself
	Public        string            // folder of static files, relative to Root; default public; "" = none
	Static        []Static          // further folders of static files; default none
	Accel         map[string]string // paths that X-Accel-Redirect may name, begin with "/", and the absolute folders that they are; default none
	Sendfile      []string          // absolute paths of folders of which X-Sendfile may name files; default none
	Affinity      string            // off | forward: who saw a generation is never sent to an older one; default off
	Traceparent   string            // pass | make | off: what the app gets of W3C Trace Context; default pass: what was sent
	Log           string            // what it prints goes there: stderr | stdout | an absolute path; default as Server.LogApps says

	Interpreter  string // a name, an absolute path, or one relative to Root, of the ruby, python or node that runs it; "" = the app's own, else that in PATH
	LoadShellEnv bool   // it is started through its user's login shell, so that it has what is set up there; default false

	MinProcesses int // held always; default 1
	MaxProcesses int // default 6
	Concurrency  int // requests at once per process; 0 = by kind; Unlimited = no limit

	IdleTimeout           time.Duration // of processes above min; default 5m; 0 = never
	StartTimeout          time.Duration // default 90s
	DrainTimeout          time.Duration // of requests; default 60s
	WebsocketDrainTimeout time.Duration // of long-lived connections; default 5m
	StopTimeout           time.Duration // from stop signal to KILL; default 30s
	WebsocketCloseWindow  time.Duration // over which they are told to reconnect; default 10s; 0 = all at once
	StopSignal            string        // TERM INT QUIT HUP USR1 USR2; default TERM
	BacktraceSignal       string        // asks a hung process where it hangs, before KILL; auto (by kind), none, or a signal; default auto
	MaxQueue              int           // default 100; 0 = unlimited
	QueueTimeout          time.Duration // default 60s; 0 = unlimited
	RequestTimeout        time.Duration // until the app begins to answer; 0 = unlimited
	AnswerStall           time.Duration // between two bytes of an answer while the app is waited for; default 60s; 0 = unlimited
	HangAfter             time.Duration // no process answers for so long: they hang, and are replaced while others wait; default 5m; 0 = never
	MaxRequests           int           // recycle a process after about this many; 0 = never
	SlowRequest           time.Duration // the log has a request that takes longer; 0 = it does not
	MaxBody               int64         // bytes; default 1 GiB; 0 = unlimited
	BufferRequest         bool          // a request's body is taken whole before a process is asked; default true
	PassTrailers          bool          // a request's trailers reach the app, its body chunked; default false: dropped, and a Content-Length always

	Limits  Limits
	Restart Restart
	Health  Health
	Hooks   Hooks
	TLS     TLS
	Files   Files

	Canonical string     // the host that visitors of all others of Hosts are sent to; "" = none
	Redirects []Redirect // in their order
	Headers   Headers
	Access    Access

	Cache   Cache
	Workers []Worker // by name; what runs beside the web

	Buffering   []Buffering // paths for which it is otherwise
	Compress    Compress
	PathLimits  []PathLimit // of what requests may ask for; default none
	Maintenance Maintenance
	Pages       Pages
}

// Unlimited as App.Concurrency means that a process takes any number of requests at once.
const Unlimited = -1

// Command is how a process of kind "command" is started, or what a hook runs.
type Command struct {
	Shell string   // given to sh -c, for a process as "exec …"; "" if Args is set
	Args  []string // an argument vector; nil if Shell is set
}

// IsZero reports whether no command was written.
func (c Command) IsZero() bool { return c.Shell == "" && len(c.Args) == 0 }

// Has reports whether a placeholder such as "{port}" was written into the command.
func (c Command) Has(placeholder string) bool {
	return strings.Contains(c.Shell+strings.Join(c.Args, "\n"), placeholder)
}

// Restart is [apps.NAME.restart].
type Restart struct {
	Strategy               string        // rolling | blocking | blue-green; default rolling
	Surge                  Amount        // extra processes while restarting; default 1
	Unavailable            Amount        // how many processes may be missing while restarting; default 0
	ResistDeploymentErrors bool          // default true
	File                   string        // relative to Root, or absolute; default tmp/restart.txt; "" = none
	Settle                 time.Duration // touches within it are one restart; default 250ms
	Watch                  []string      // globs of files relative to Root, "**" for any folders; changed since the start = needs a restart
	Auto                   string        // off | changed: restart by itself what needs it; default off
	SwitchTimeout          time.Duration // blue-green: how long requests wait at the switch for the last old answers; default 1s; 0 = not at all
	RollbackWindow         time.Duration // how long the replaced processes are kept for a rollback; default 0 = not at all
	MaxOldGenerations      int           // of which processes may live on for their connections; default 2
}

// Amount is a count ("2", 2) or a share of the processes ("50%").
type Amount struct {
	Count   int
	Percent int // used if > 0
}

// Of returns the amount for n processes, a share rounded down: at least 1 unless it was written as 0.
func (a Amount) Of(n int) int {
	if a.Percent > 0 {
		return max(1, n*a.Percent/100)
	}
	return a.Count
}

// Share is a part of the free space ("50%") or a size ("10GiB").
type Share struct {
	Percent int   // used if > 0
	Bytes   int64 // at least 1 MiB
}

// Of returns how many bytes the share is where so many are free: never more than those.
func (s Share) Of(free int64) int64 {
	if s.Percent > 0 {
		return free/100*int64(s.Percent) + free%100*int64(s.Percent)/100 // in two steps, for free*Percent may overflow
	}
	return min(s.Bytes, free)
}

// Health is [apps.NAME.health].
type Health struct {
	Path      string        // "" = a connection that is provably the process's own is enough
	Expect    Expect        // statuses that pass; default 2xx
	Interval  time.Duration // between two checks; default 1s
	Passes    int           // checks in a row that have to pass; default 1
	Timeout   time.Duration // of one check; default 5s
	Host      string        // that the checks ask for; "" = the app's first, or localhost
	Warmup    []string      // paths requested after that, each once, before the first visitor
	Probation time.Duration // after the last swap the new generation's errors are compared with the old one's; 0 = not at all
}

// Hooks is [apps.NAME.hooks]: commands that are told of what happens to the app.
type Hooks struct {
	BeforeRestart Command       // its failure refuses the restart
	AfterRestart  Command       // after one that is done
	RestartFailed Command       // after one that failed or was rolled back
	ProcessReady  Command       // after a process was put to work
	ProcessGone   Command       // after a process has exited
	Timeout       time.Duration // then a hook is killed; default 30s
}
