package test

import (
	"fmt"
	"strings"
	"testing"

	"purser/test/harness"
)

// config is a configuration with one app named "app".
func config(dir string, keys ...string) string {
	return serverTable() + appTable("app", dir, keys...)
}

// serverTable is the [server] table with further keys.
func serverTable(keys ...string) string {
	return "[server]\nlisten = [\"$LISTEN\"]\n" + strings.Join(keys, "\n") + "\n"
}

func appTable(name, dir string, keys ...string) string {
	return fmt.Sprintf("[apps.%s]\nroot = %q\n%s\n", name, dir, strings.Join(keys, "\n"))
}

// processes are the keys for exactly n processes.
func processes(n int) string {
	return fmt.Sprintf("min_processes = %d\nmax_processes = %d", n, n)
}

// serveNode serves the Node app with one process and further keys.
func serveNode(t *testing.T, keys ...string) (*harness.Purser, harness.App) {
	t.Helper()
	app := harness.NewApp(t, "node")
	if !strings.Contains(strings.Join(keys, "\n"), "min_processes") {
		keys = append([]string{processes(1)}, keys...)
	}
	return harness.Serve(t, harness.Options{Config: config(app.Dir, keys...)}), app
}

// restartTable are keys of [apps.app.restart]; no keys of the app may follow.
func restartTable(keys ...string) string {
	return "[apps.app.restart]\n" + strings.Join(keys, "\n")
}

// healthTable are keys of [apps.app.health]; no keys of the app may follow.
func healthTable(keys ...string) string {
	return "[apps.app.health]\n" + strings.Join(keys, "\n")
}
