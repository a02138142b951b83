package spawn

import (
	"bufio"
	"os/exec"
	"strings"
	"testing"
)

// orphanEnds runs an app below a shell, as a wrapper script would, where no death signal reaches
// it. It has to survive the end of its stdin, for that is also how a stop begins, and to end when
// its parent is gone too. The app prints its pid.
func orphanEnds(t *testing.T, st *stage) {
	t.Helper()
	endpoint, err := st.spawner.newEndpoint()
	check(t, err)
	argv, err := st.spawner.argv(st.order, endpoint)
	check(t, err)
	// A shell without job control gives a background job an empty stdin unless told otherwise.
	shell := exec.Command("/bin/sh", append([]string{"-c", `exec 3<&0; "$@" <&3 3<&- & wait`, "sh"}, argv...)...)
	shell.Dir, shell.Env = st.order.Path, st.spawner.environment(&Child{Order: st.order, endpoint: endpoint})
	stdin, err := shell.StdinPipe()
	check(t, err)
	stdout, err := shell.StdoutPipe()
	check(t, err)
	check(t, shell.Start())
	pid := 0
	for lines := bufio.NewScanner(stdout); pid == 0 && lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "pid "); ok {
			pid = number(t, text)
		}
	}
	app := &Child{network: "unix", address: endpoint.socket, endpoint: endpoint}
	eventually(t, "the app listens", func() bool { return answers(t.Context(), app.network, app.address) })
	check(t, stdin.Close())
	st.get(app, "/")
	check(t, shell.Process.Kill())
	shell.Wait()
	eventually(t, "the app ends", func() bool { return pid != 0 && !alive(pid) })
}
