package spawn

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"purser/conf"
)

func TestEndpoints(t *testing.T) {
	for name, test := range map[string]struct {
		args             []string
		network, address string
	}{
		"{socket}":       {[]string{"unix={socket}"}, "unix", "/"},
		"{port}":         {[]string{"tcp=127.0.0.1:{port}"}, "tcp", "127.0.0.1:"},
		"every address":  {[]string{"tcp=:{port}"}, "tcp", ""}, // [::1] if it began to listen between two attempts
		"wildcard":       {[]string{"tcp=0.0.0.0:{port}"}, "tcp", ""},
		"IPv6 only":      {[]string{"tcp=[::1]:{port}"}, "tcp", "[::1]:"},
		"neither: first": {nil, "unix", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStage(t, "serves", func(app *conf.App) {
				app.Command.Args = append(app.Command.Args, test.args...)
			})
			child := st.start()
			if child.Network() != test.network || !strings.HasPrefix(child.Address(), test.address) {
				t.Errorf("the endpoint is %s %s", child.Network(), child.Address())
			}
			st.send(child, "GET", "/", nil)
		})
	}
}

// That a socket is tried at once rests on this; without it, it is found all the same.
func TestSocketIsSeenToAppear(t *testing.T) {
	e := &endpoint{folder: t.TempDir(), socket: "set"}
	appeared, unwatch := e.watch()
	defer unwatch()
	check(t, os.WriteFile(filepath.Join(e.folder, socketName), nil, 0o600))
	select {
	case <-appeared:
	case <-time.After(20 * time.Second):
		t.Error("nothing was seen")
	}
}

func TestShellCommandWithPort(t *testing.T) {
	st := newStage(t, "serves", func(app *conf.App) {
		app.Command = conf.Command{Shell: "'" + app.Command.Args[0] + `' "tcp=127.0.0.1:$PORT"`}
	})
	child := st.start()
	if child.Network() != "tcp" {
		t.Errorf("the endpoint is %s %s", child.Network(), child.Address())
	}
	comm, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(child.PID()), "cmdline"))
	check(t, err)
	if strings.HasPrefix(string(comm), "/bin/sh") {
		t.Error("the shell stayed between")
	}
}

func TestPortOfAGrandchildInTheGroupIsOurs(t *testing.T) {
	st := newStage(t, "forks a server", portArgument)
	child := st.start()
	grandchild := number(t, st.said("grandchild "))
	child.Kill()
	st.ends(child, "killed by signal KILL")
	eventually(t, "the grandchild is gone", func() bool { return !alive(grandchild) })
}

// portArgument makes a port the only endpoint; the grandchild gets it by $PORT.
func portArgument(app *conf.App) {
	app.Command.Args = append(app.Command.Args, "{port}")
}

func TestChildThatListensElsewhereIsToldWhere(t *testing.T) {
	port := strconv.Itoa(must1(freePort()))
	st := newStage(t, "serves", func(app *conf.App) {
		app.Command.Args = append(app.Command.Args, "tcp=127.0.0.1:"+port)
		app.StartTimeout = time.Second
	})
	if failure := st.startFails(); !strings.HasSuffix(failure.Reason, "; it listens on port "+port+" instead: let it listen on $PORT") {
		t.Errorf("the reason is %q", failure.Reason)
	}
}

func TestPurserThatWasStoppedDuringABootLooksOnceMore(t *testing.T) {
	st := newStage(t, "serves", func(app *conf.App) { app.Health.Path = "/up" })
	child, err := st.spawner.begin(t.Context(), st.order, false)
	check(t, err)
	st.eventually("the child listens", func() bool {
		network, _, err := child.endpoint.probe(t.Context(), &child.process)
		return network != "" && err == nil
	})
	st.spawner.app.StartTimeout = time.Nanosecond // it was over before purser could look
	check(t, st.spawner.awaitReady(t.Context(), child))
	st.get(child, "/up")
}

func TestHiddenDescriptorsAreTheChildsOwn(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may become another user, who must not look")
	}
	binary := filepath.Join(shortDir(t), "spawn.test")
	check(t, os.Link(executable(t), binary))
	check(t, os.Chmod(filepath.Dir(binary), 0o755))
	runtime := shortDir(t)
	check(t, os.Chown(runtime, 65534, 65534))
	purser := exec.Command(binary)
	purser.Env = append(os.Environ(), roleVariable+"=purser with a hidden child", "SPAWN_TEST_DIR="+runtime)
	purser.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	said, err := purser.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "ready on tcp") {
		t.Errorf("%v: %s", err, said)
	}
}

func TestPortAnsweredByAForeignProcessFailsAtOnce(t *testing.T) {
	st := newStage(t, "foreign server", portArgument)
	failure := st.startFails()
	port := st.said("port ")
	want := "port " + port + " is answered by pid " + st.said("grandchild ") +
		" (spawn.test), not by this process"
	if failure.Reason != want {
		t.Errorf("the reason is %q, want %q", failure.Reason, want)
	}
	st.grandchildIsGone()
}

func TestServerThatHasLeftTheGroupEndsWithItsChild(t *testing.T) {
	for how, end := range map[string]func(*Child){"killed by signal TERM": (*Child).Stop, "killed by signal KILL": (*Child).Kill} {
		t.Run(how, func(t *testing.T) {
			st := newStage(t, "foreign server", nil) // on the socket, which nobody else can have made
			child := st.start()
			st.get(child, "/200")
			server := number(t, st.said("grandchild "))
			end(child)
			st.ends(child, how)
			eventually(t, "the server is gone", func() bool { return !alive(server) })
		})
	}
}

func TestDaemonIsRefused(t *testing.T) {
	st := newStage(t, "daemonises", nil)
	failure := st.startFails()
	if !strings.Contains(failure.Reason, "exited with status 0 before it was ready (it must stay in the foreground)") {
		t.Errorf("the reason is %q", failure.Reason)
	}
	st.grandchildIsGone()
}

// runs has the app's program be that text.
func (st *stage) runs(text string) {
	check(st.t, os.WriteFile(filepath.Join(st.order.Path, "server"), []byte(text), 0o755))
	st.spawner.app.Command.Args = []string{"./server"}
}

func TestStartRefusesWhatCannotWork(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*stage)
		want   string
	}{
		"release gone": {
			func(st *stage) { st.order.Path = "/nowhere/release" },
			"the folder /nowhere/release does not exist",
		},
		"program missing": {
			func(st *stage) { st.spawner.app.Command.Args = []string{"no-such-server"} },
			"there is no no-such-server in PATH (",
		},
		"not executable": {
			func(st *stage) {
				check(st.t, os.WriteFile(filepath.Join(st.order.Path, "server"), nil, 0o644))
				st.spawner.app.Command.Args = []string{"./server"}
			},
			"server is not executable: chmod +x /",
		},
		"interpreter missing": {
			func(st *stage) { st.runs("#!/nowhere/ruby\n") },
			`server names an interpreter in its first line, "/nowhere/ruby", that is not there`,
		},
		"lines as in DOS": {
			func(st *stage) { st.runs("#!/bin/sh\r\nexit\r\n") },
			`server names an interpreter in its first line, "/bin/sh\r", that is not there`,
		},
		"for another machine": {
			func(st *stage) { st.runs("\x7fELF of another kind") },
			"server is not a program for this machine; a script has to begin with a line such as #!/bin/sh",
		},
		"a folder": {
			func(st *stage) {
				check(st.t, os.Mkdir(filepath.Join(st.order.Path, "server"), 0o755))
				st.spawner.app.Command.Args = []string{"./server"}
			},
			"server is a folder, not a program",
		},
		"path missing": {
			func(st *stage) { st.spawner.app.Command.Args = []string{"bin/server"} },
			"there is no program bin/server",
		},
		"socket path too long": {
			func(st *stage) {
				st.spawner.folder.parent = filepath.Join(st.t.TempDir(), strings.Repeat("x", 100))
				check(st.t, os.Mkdir(st.spawner.folder.parent, 0o700))
			},
			"bytes, the system allows 107: use a shorter runtime directory",
		},
		"root not plain in a shell": {
			func(st *stage) {
				st.spawner.app.Command = conf.Command{Shell: "server {root}"}
				st.order.Path = filepath.Join(st.order.Path, "a b")
				check(st.t, os.Mkdir(st.order.Path, 0o700))
			},
			"which a shell would not read as one word: write the command as a list",
		},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStage(t, "exits", nil)
			test.change(st)
			if failure := st.startFails(); !strings.Contains(failure.Reason, test.want) {
				t.Errorf("the reason is %q, want %q", failure.Reason, test.want)
			}
		})
	}
}
