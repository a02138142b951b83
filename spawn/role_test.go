package spawn

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/spawn/keeper"
)

// roles are what this test binary does as a child, in the order of the tests that use them.
var roles = map[string]func(){
	"exits":          exits,
	"never listens":  neverListens,
	"serves":         serves,
	"forks a server": func() { forkServer(false); wait() },
	"foreign server": func() { forkServer(true); wait() },
	"daemonises":     daemonises,
	"leaves a pipe":  leavesPipe,
	"chatters":       chatters,
	"ignores TERM":   func() { signal.Ignore(syscall.SIGTERM); serves() },
	"ends by stdin":  endsByStdin,
	"counts":         counts,
	"tells its env":  tellsEnv,
	"purser":         playPurser,
	"serves hidden":  func() { must(unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)); serves() },

	"purser with a hidden child": playPurserWithHiddenChild,

	"purser with a hook": playPurserWithHook,
	"waits":              wait,
	"leaves group":       leavesGroup,
}

func play(role string) {
	part, known := roles[role]
	if !known {
		fmt.Println("unknown role", role)
		os.Exit(70)
	}
	part()
	os.Exit(0)
}

func wait() { select {} }

func exits() {
	fmt.Println("about to fail")
	fmt.Fprint(os.Stderr, "no database")
	os.Exit(3)
}

// neverListens has a grandchild in its process group.
func neverListens() {
	fmt.Println("grandchild", again("waits", false).Process.Pid)
	wait()
}

// again starts this binary in another role, on demand in a session of its own.
func again(role string, setsid bool) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: setsid}
	must(cmd.Start())
	return cmd
}

func forkServer(setsid bool) {
	fmt.Println("port", os.Getenv("PORT"))
	fmt.Println("grandchild", again("serves", setsid).Process.Pid)
}

// starterVariable is the pid of a process that has to be gone before the server that it forked begins.
const starterVariable = "SPAWN_TEST_STARTER"

func daemonises() {
	must(os.Setenv(starterVariable, strconv.Itoa(os.Getpid())))
	forkServer(true)
	os.Exit(0)
}

// serves answers 200, a number as the status of that number, and a list of them one by one:
// /200,503,200 is 200, then 503, then 200 for ever.
func serves() {
	for strconv.Itoa(os.Getppid()) == os.Getenv(starterVariable) {
		time.Sleep(time.Millisecond)
	}
	served := map[string]int{}
	handler := http.NewServeMux()
	handler.HandleFunc("/{list}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("asked for", r.Method, r.Host, r.URL)
		list := strings.Split(r.PathValue("list"), ",")
		status, err := strconv.Atoi(list[min(served[r.URL.Path], len(list)-1)])
		served[r.URL.Path]++
		if err != nil {
			status = http.StatusOK
		}
		w.WriteHeader(status)
	})
	handler.HandleFunc("/hangs", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("hanging")
		<-r.Context().Done()
		fmt.Println("left alone")
	})
	handler.HandleFunc("/to-tls/{list}", func(w http.ResponseWriter, r *http.Request) { // as force_ssl of Rails
		fmt.Println("asked for", r.Method, r.Host, r.URL)
		if r.Header.Get("X-Forwarded-Proto") != "https" {
			http.Redirect(w, r, "https://"+r.Host+r.URL.Path, http.StatusMovedPermanently)
		}
	})
	handler.HandleFunc("/hangs-after-500", func(w http.ResponseWriter, r *http.Request) {
		if served[r.URL.Path]++; served[r.URL.Path] > 1 {
			<-r.Context().Done()
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	handler.HandleFunc("/exits", func(http.ResponseWriter, *http.Request) { os.Exit(4) })
	handler.HandleFunc("/breaks", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	handler.HandleFunc("/cut", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "short")
	})
	must(http.Serve(listen(), handler))
}

func listen() net.Listener {
	network, address := "unix", os.Getenv("PURSER_SOCKET")
	if port := os.Getenv("PORT"); port != "" && address == "" {
		network, address = "tcp", "127.0.0.1:"+port
	}
	if len(os.Args) > 1 && strings.Contains(os.Args[1], "=") {
		network, address, _ = strings.Cut(os.Args[1], "=")
	}
	listener, err := net.Listen(network, address)
	must(err)
	return listener
}

// leavesGroup moves into the group of Purser, and leaves a grandchild in its own that is stopped.
func leavesGroup() {
	grandchild := again("waits", false).Process
	must(grandchild.Signal(syscall.SIGSTOP))
	must(syscall.Setpgid(0, must1(syscall.Getpgid(os.Getppid()))))
	fmt.Println("grandchild", grandchild.Pid)
	serves()
}

func leavesPipe() {
	fmt.Println("grandchild", again("waits", true).Process.Pid)
	os.Exit(1)
}

func chatters() {
	os.Stdout.WriteString("first\r\n\n")
	os.Stdout.WriteString(strings.Repeat("a", maxLine) + "\n")
	os.Stdout.WriteString(strings.Repeat("b", maxLine) + "bb\n")
	os.Stdout.WriteString("ünï\tcode \x1b[31mred\x00\xff\xfe\n")
	for i := range 100 {
		fmt.Fprintln(os.Stderr, "line", i)
	}
	os.Stderr.WriteString("last without end")
	os.Exit(1)
}

func endsByStdin() {
	signal.Ignore(syscall.SIGTERM)
	go func() { must(http.Serve(listen(), nil)) }()
	io.Copy(io.Discard, os.Stdin)
	fmt.Println("stdin closed")
}

// counts serves, and prints numbers one after another, in pieces that end anywhere in a line.
func counts() {
	go serves()
	var text []byte
	for n := 0; ; n++ {
		text = append(strconv.AppendInt(text, int64(n), 10), '\n')
		for len(text) > 7 {
			must1(os.Stdout.Write(text[:7]))
			text = text[7:]
		}
	}
}

func tellsEnv() {
	for _, variable := range slices.Sorted(slices.Values(os.Environ())) {
		fmt.Println("env", strings.ReplaceAll(variable, "\n", `\n`))
	}
	dir, err := os.Readlink("/proc/self/cwd")
	must(err)
	fmt.Println("cwd", dir)
	os.Exit(1)
}

// playPurser starts one child that ignores TERM and its stdin, and waits to be killed.
func playPurser() {
	app := conf.App{
		Name: "blog", Root: os.TempDir(), Kind: kindCommand, StopSignal: "TERM",
		Command: conf.Command{Args: []string{os.Args[0]}},
		Env:     map[string]string{roleVariable: "ignores TERM"},
	}
	spawner := New(&keeper.Keeper{}, app, os.Getenv("SPAWN_TEST_DIR"), func(Line) {})
	child, err := spawner.Start(context.Background(), Order{Path: os.TempDir()})
	must(err)
	fmt.Println("child", child.PID())
	wait()
}

// playPurserWithHiddenChild says how a child became ready that lets nobody see what it holds.
func playPurserWithHiddenChild() {
	app := conf.App{
		Name: "blog", Root: "/", Kind: kindCommand, StopSignal: "TERM", StartTimeout: 20 * time.Second,
		Command: conf.Command{Args: []string{os.Args[0], "tcp=127.0.0.1:{port}"}},
		Env:     map[string]string{roleVariable: "serves hidden"},
	}
	k := &keeper.Keeper{}
	spawner := New(k, app, os.Getenv("SPAWN_TEST_DIR"), func(Line) {})
	child, err := spawner.Start(context.Background(), Order{Path: "/"})
	must(err)
	fmt.Println("ready on", child.Network())
	must(spawner.Close())
	k.Close()
}

// playPurserWithHook runs a hook that says its pid, by a pipe of its own, and waits to be killed.
func playPurserWithHook() {
	hook := Hook{
		Keeper:  &keeper.Keeper{},
		App:     conf.App{Name: "blog", Root: os.TempDir()},
		Command: conf.Command{Shell: fmt.Sprintf("echo child $$ >/proc/%d/fd/1; exec sleep 1000", os.Getpid())},
		Lines:   func(Line) {},
	}
	must(hook.Run(context.Background(), nil, nil))
}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(70)
	}
}

func must1[T any](value T, err error) T {
	must(err)
	return value
}
