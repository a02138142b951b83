package harness

import (
	"fmt"
	"strings"
	"testing"
)

// Config is a configuration with one app named "app".
func Config(dir string, keys ...string) string {
	return ServerTable() + AppTable("app", dir, keys...)
}

// ServerTable is the [server] table with further keys.
func ServerTable(keys ...string) string {
	return "[server]\nlisten = [\"$LISTEN\"]\n" + strings.Join(keys, "\n") + "\n"
}

// AppTable is the table of an app with further keys.
func AppTable(name, dir string, keys ...string) string {
	return fmt.Sprintf("[apps.%s]\nroot = %q\n%s\n", name, dir, strings.Join(keys, "\n"))
}

// RestartTable are keys of [apps.app.restart]; no keys of the app may follow.
func RestartTable(keys ...string) string {
	return "[apps.app.restart]\n" + strings.Join(keys, "\n")
}

// HealthTable are keys of [apps.app.health]; no keys of the app may follow.
func HealthTable(keys ...string) string {
	return "[apps.app.health]\n" + strings.Join(keys, "\n")
}

// Processes are the keys for exactly n processes.
func Processes(n int) string {
	return fmt.Sprintf("min_processes = %d\nmax_processes = %d", n, n)
}

// ServeNode serves the Node app with one process and further keys.
func ServeNode(t *testing.T, keys ...string) (*Purser, App) {
	t.Helper()
	app := NewApp(t, "node")
	if !strings.Contains(strings.Join(keys, "\n"), "min_processes") {
		keys = append([]string{Processes(1)}, keys...)
	}
	return Serve(t, Options{Config: Config(app.Dir, keys...)}), app
}
