package conf

import (
	"fmt"
	"slices"
	"time"
)

const maxName = 64 // letters of an app's name: it becomes part of file names

var (
	kinds            = []string{"auto", "command", "ruby", "python", "node"}
	logLevels        = []string{"trace", "debug", "info", "warn", "error"}
	logFormats       = []string{"text", "json"}
	appsFormats      = []string{"auto", "raw", "text", "json"}
	accessLogFormats = []string{"combined", "json"}
	stopSignals      = []string{"TERM", "INT", "QUIT", "HUP", "USR1", "USR2"}
	traceSignals     = []string{"auto", "none", "QUIT", "ABRT", "USR1", "USR2", "HUP"}
	affinities       = []string{"off", "forward"}
	traceparents     = []string{"pass", "make", "off"}
	automatics       = []string{"off", "changed"}

	// Strategies are the ways to restart; the first is the default.
	Strategies = []string{"rolling", "blocking", "blue-green"}
)

// Validate says what of the configuration cannot be honoured. Parse has called it already: it is
// for a Config that was made by ForDir or changed by flags. Its error is Problems.
func (c *Config) Validate() error { return c.problems().err() }

func (c *Config) problems() Problems {
	var all Problems
	c.Server.check(table{&all, []string{"server"}})
	apps := table{&all, []string{"apps"}}
	if len(c.Apps) == 0 && len(c.AwaitedAt()) == 0 {
		apps.refuse("no app is configured; write a table such as [apps.blog] with its root")
	}
	for i := range c.Apps {
		app := apps.in(c.Apps[i].Name)
		if !isName(c.Apps[i].Name) {
			app.refuse("an app's name has 1 to %d letters a-z A-Z, digits and _ - . and begins with none of - .", maxName)
		}
		c.Apps[i].check(app)
	}
	c.checkRoutes(apps)
	c.checkCap(apps)
	c.checkTLS(table{&all, []string{"server"}}, apps)
	return all
}

// A table collects the problems of one table of the configuration.
type table struct {
	problems *Problems
	key      []string
}

func (t table) in(name string) table {
	return table{t.problems, append(t.key[:len(t.key):len(t.key)], name)}
}

func (t table) refuse(text string, args ...any) {
	*t.problems = append(*t.problems, Problem{Key: t.key, Text: fmt.Sprintf(text, args...)})
}

func (t table) require(ok bool, key, text string, args ...any) {
	if !ok {
		t.in(key).refuse(text, args...)
	}
}

func (t table) accept(key string, err error) {
	if err != nil {
		t.in(key).refuse("%s", err)
	}
}

func (t table) oneOf(key, value string, allowed []string) {
	if !slices.Contains(allowed, value) {
		t.in(key).refuse("%s", notOneOf(value, allowed))
	}
}

func (t table) count(key string, n, least int) {
	t.require(least <= n && n <= maxCount, key, "must be a number from %d to %d", least, maxCount)
}

// orOff accepts a duration of which 0 means none.
func (t table) orOff(key string, d time.Duration) {
	t.require(0 <= d && d <= maxDuration, key, `must be a duration from "0" (off) to "8760h"`)
}

func (t table) positive(key string, d time.Duration) {
	t.require(0 < d && d <= maxDuration, key, `must be a duration above 0 and up to "8760h"`)
}

func (s *Server) check(t table) {
	t.require(len(s.Listen) > 0, "listen", `must name at least one address such as ":3000"`)
	for _, l := range s.Listen {
		_, err := ParseListen(l.String())
		t.accept("listen", err)
	}
	s.checkPlaces(t)
	t.accept("admin", checkAdmin(s.Admin))
	t.accept("metrics", checkMetrics(s.Metrics))
	s.checkLogs(t)
	t.accept("user", checkAccount(s.User))
	t.accept("admin_group", checkAccount(s.AdminGroup))
	t.accept("default_user", checkAccount(s.DefaultUser))
	t.require(s.DefaultUser != "", "default_user", "must be a name or a number")
	t.count("max_processes", s.MaxProcesses, 0)
	t.count("max_spawns", s.MaxSpawns, 0)
	s.SpoolLimit.check(t, "spool_limit")
	s.BufferMemory.check(t, "buffer_memory")
	s.Clients.check(t)
	s.TLS.check(t.in("tls"))
	s.ACME.check(t.in("acme"))
}

func (s Share) check(t table, key string) {
	t.require(0 <= s.Percent && s.Percent <= 100, key, "must be a share from 1%% to 100%%")
	t.require(s.Percent != 0 || s.Bytes >= minShare, key, `must be a share such as "50%%" or a size of at least "1MiB", not %s`, formatShare(s))
}

// checkRoutes refuses two apps where one request could be meant for both.
func (c *Config) checkRoutes(apps table) {
	owners := map[string]string{}
	for _, app := range c.Apps {
		hosts, key, where := app.Hosts, "hosts", "host %s at path %s is also that of app %s"
		if len(hosts) == 0 {
			hosts, key, where = []string{""}, "path", "%sthe default app at path %s is also app %s; give one of them hosts or another path"
		}
		for _, host := range hosts {
			route := host + app.Path
			if owner, taken := owners[route]; taken && owner != app.Name {
				apps.in(app.Name).in(key).refuse(where, host, app.Path, owner)
			}
			owners[route] = app.Name
		}
	}
}

// Held is how many processes apps hold always, and one of them that holds none; "" = each holds some.
func Held(apps []App) (held int, resting string) {
	for _, app := range apps {
		if held += app.MinProcesses; app.MinProcesses == 0 {
			resting = app.Name
		}
	}
	return held, resting
}

// checkCap refuses a cap of the whole pool below what the apps hold always, as that is kept for each of
// them, and one that leaves nothing for those that hold none.
func (c *Config) checkCap(t table) {
	held, resting := Held(c.Apps)
	server, limit := table{t.problems, []string{"server", "max_processes"}}, c.Server.MaxProcesses
	switch {
	case limit <= 0:
	case held > limit:
		server.refuse("is %d, but min_processes of all apps is %d together", limit, held)
	case held == limit && resting != "":
		server.refuse("is %d, and min_processes of all apps is as much together: nothing is left for app %q, whose min_processes is 0", limit, resting)
	}
}
