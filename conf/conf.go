// Package conf is what the operator wrote: the configuration file as plain data.
//
// Load reads it, fills in the defaults and refuses whatever it cannot honour, naming the file, the
// line, the key, what is allowed and the nearest key. Nothing here opens a socket or starts a
// process; beside the configuration, only CheckRoot looks at the file system.
package conf

import (
	"net/netip"
	"time"
)

// Config is a whole configuration: the server and its apps.
type Config struct {
	Server Server
	Apps   []App // in the order of their names
}

// Server is the [server] table: what is common to all apps.
type Server struct {
	Listen          []Listen       // default ":3000"
	Admin           string         // "" = unix socket in the runtime dir; else host:port on loopback
	LogLevel        string         // trace debug info warn error; default info
	LogFormat       string         // text | json; default text
	AccessLog       string         // off | stderr | an absolute path; default off
	AccessLogFormat string         // combined | json; default combined
	MaxProcesses    int            // over all apps; 0 = no pool-wide cap
	TrustedProxies  []netip.Prefix // peers whose X-Forwarded-* are believed; default none
}

// Listen is one place where requests come in.
type Listen struct {
	Network string // "tcp", "unix" or "systemd"
	Address string // host:port, an absolute path, or the name of a systemd socket
}

// App is one [apps.NAME] table. Its name is the group's name everywhere: at most 64 letters, digits,
// "_", "-" and ".", and neither of the last two first.
type App struct {
	Name        string
	Root        string // absolute, symlinks kept: resolved at each restart, never once
	Kind        string // auto | command | ruby | python | node; default auto
	Command     Command
	StartupFile string            // relative to Root; "" = found by kind
	Environment string            // default production
	Env         map[string]string // wins over everything; never nil
	Hosts       []string          // lower case; "*.example.org" allowed; none = the default app
	Path        string            // sub-URI, begins with "/", no trailing slash but for "/" itself

	MinProcesses int // held always; default 1
	MaxProcesses int // default 6
	Concurrency  int // requests at once per process; 0 = by kind; Unlimited = no limit

	IdleTimeout           time.Duration // of processes above min; default 5m; 0 = never
	StartTimeout          time.Duration // default 90s
	DrainTimeout          time.Duration // of requests; default 60s
	WebsocketDrainTimeout time.Duration // of long-lived connections; default 5m
	StopTimeout           time.Duration // from stop signal to KILL; default 30s
	StopSignal            string        // TERM INT QUIT HUP USR1 USR2; default TERM
	MaxQueue              int           // default 100; 0 = unlimited
	QueueTimeout          time.Duration // default 60s; 0 = unlimited
	RequestTimeout        time.Duration // until the app begins to answer; 0 = unlimited
	MaxRequests           int           // recycle a process after about this many; 0 = never
	MaxBody               int64         // bytes; default 1 GiB; 0 = unlimited

	Restart Restart
	Health  Health
}

// Unlimited as App.Concurrency means that a process takes any number of requests at once.
const Unlimited = -1

// Command is how a process of kind "command" is started.
type Command struct {
	Shell string   // given to sh -c "exec …"; "" if Args is set
	Args  []string // an argument vector; nil if Shell is set
}

// IsZero reports whether no command was written.
func (c Command) IsZero() bool { return c.Shell == "" && len(c.Args) == 0 }

// Restart is [apps.NAME.restart].
type Restart struct {
	Strategy               string        // rolling
	Surge                  Amount        // extra processes while restarting; default 1
	ResistDeploymentErrors bool          // default true
	File                   string        // relative to Root; default tmp/restart.txt; "" = none
	Settle                 time.Duration // touches within it are one restart; default 250ms
}

// Amount is a count ("2", 2) or a share of the processes ("50%").
type Amount struct {
	Count   int
	Percent int // used if > 0
}

// Of returns the amount for n processes: at least 1 unless it was written as 0.
func (a Amount) Of(n int) int {
	if a.Percent > 0 {
		return max(1, n*a.Percent/100)
	}
	return a.Count
}

// Health is [apps.NAME.health].
type Health struct {
	Path    string        // "" = a connection that is provably the process's own is enough
	Timeout time.Duration // of one check; default 5s
}
