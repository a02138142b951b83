package reload

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"purser/test/harness"
)

// A land is a purser with some apps, and the configuration that it is to have next.
type land struct {
	t      *testing.T
	p      *harness.Purser
	server []string            // keys
	listen []string            // addresses beside the first
	apps   map[string][]string // keys of each
	broken string              // is written at the end
}

// newLand serves apps of two processes each, by the host of their name.
func newLand(t *testing.T, names ...string) *land {
	t.Helper()
	l := &land{t: t, apps: map[string][]string{}}
	for _, name := range names {
		l.apps[name] = nil
	}
	l.p = harness.Serve(t, harness.Options{Config: l.text("$LISTEN")})
	for _, name := range names {
		l.await(name, 2)
	}
	return l
}

func (l *land) text(listen string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[server]\nlisten = [%q", listen)
	for _, address := range l.listen {
		fmt.Fprintf(&b, ", %q", address)
	}
	fmt.Fprintf(&b, "]\n%s\n", strings.Join(l.server, "\n"))
	return b.String() + l.tables() + l.broken
}

// tables are those of the apps.
func (l *land) tables() string {
	program, err := harness.GoApp()
	if err != nil {
		l.t.Fatal(err)
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(l.apps)) {
		fmt.Fprintf(&b, "[apps.%s]\nroot = %q\ncommand = [%q]\nhosts = [%q]\n%s\n", name, filepath.Dir(program), program, name, strings.Join(l.apps[name], "\n"))
		if !strings.Contains(strings.Join(l.apps[name], "\n"), "min_processes") {
			fmt.Fprintln(&b, "min_processes = 2\nmax_processes = 2")
		}
	}
	return b.String()
}

// write writes the configuration, in one step for whoever reads it.
func (l *land) write() {
	l.t.Helper()
	if err := os.WriteFile(l.p.Config+".next", []byte(l.text(l.p.Addr)), 0o600); err != nil {
		l.t.Fatal(err)
	}
	if err := os.Rename(l.p.Config+".next", l.p.Config); err != nil {
		l.t.Fatal(err)
	}
}

// reloads writes the configuration and runs purser reload, which is to exit with a code.
func (l *land) reloads(code int, args ...string) harness.Result {
	l.t.Helper()
	l.write()
	return l.runs(code, append([]string{"reload"}, args...)...)
}

func (l *land) runs(code int, args ...string) harness.Result {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 3*harness.Patience)
	defer cancel()
	r := l.p.Run(ctx, args...)
	if r.Code != code {
		l.t.Fatalf("purser %v exits with %d, not %d: %s%s\n%s", args, r.Code, code, r.Stdout, r.Stderr, l.text(l.p.Addr))
	}
	return r
}

// await waits until an app has so many processes, all ready.
func (l *land) await(name string, n int) {
	l.t.Helper()
	harness.Eventually(l.t, harness.Patience, fmt.Sprintf("%s has %d processes", name, n), func() bool {
		s, err := l.p.FetchStatus(l.t.Context(), name)
		return err == nil && len(s.Ready()) == n && len(s.Processes) == n
	})
}

func (l *land) pids(name string) []int { return harness.SortedPIDs(l.p.Status(l.t, name).Processes) }

// load asks for an app at a rate.
func (l *land) load(name string, rate int) *harness.Running {
	return harness.Load{Addr: l.p.Addr, Host: name, Rate: rate}.Begin()
}

// get asks for an app once.
func (l *land) get(name string) harness.Answer {
	l.t.Helper()
	return harness.Ask(l.t, l.p, "GET / HTTP/1.1\r\nHost: "+name+"\r\nConnection: close\r\n\r\n")
}
