package spawn

import (
	"strings"
	"testing"

	"purser/conf"
)

func TestShellCommandsRunAsWritten(t *testing.T) {
	st := newStage(t, "tells its env", nil)
	st.spawner.app.Env["SELF"] = executable(t)
	for _, command := range []string{
		`$SELF {socket}`, `exec $SELF {socket}`, `cd / && $SELF {socket}`, `A=1 $SELF {socket}`, `if true; then $SELF {socket}; fi`, `"$SELF" {socket}`,
	} {
		st.spawner.app.Command = conf.Command{Shell: command}
		failure := st.startFails()
		contains(t, failure.LastLines(), "env PURSER_APP=blog")
	}
	if argv, err := shellArgv("app --x", nil); err != nil || argv[2] != "exec app --x" {
		t.Errorf("%q, %v: a shell stays above a plain program", argv, err)
	}
}

func TestPORTInEnvBesideThePlaceholderIsRefused(t *testing.T) {
	app := conf.App{Name: "a", Root: t.TempDir(), Command: conf.Command{Shell: "app {port}"}, Env: map[string]string{"PORT": "80"}}
	_, err := Detect(app)
	if want := `env sets PORT to "80", and the command has {port}`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestTwoChildrenNeverGetOnePort(t *testing.T) {
	given := map[int]bool{}
	for range 500 {
		port, err := ports.take()
		check(t, err)
		defer ports.giveBack(port)
		if given[port] {
			t.Fatalf("port %d was given twice", port)
		}
		given[port] = true
	}
}
