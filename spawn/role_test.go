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
	"strings"
	"syscall"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
)

// roles are what this test binary does as a child, in the order of the tests that use them.
var roles = map[string]func(){
	"exits":          exits,
	"never listens":  neverListens,
	"serves":         serves,
	"forks a server": func() { forkServer(false); wait() },
	"foreign server": func() { forkServer(true); wait() },
	"daemonises":     func() { forkServer(true); os.Exit(0) },
	"leaves a pipe":  leavesPipe,
	"chatters":       chatters,
	"ignores TERM":   func() { signal.Ignore(syscall.SIGTERM); serves() },
	"ends by stdin":  endsByStdin,
	"tells its env":  tellsEnv,
	"purser":         playPurser,
	"waits":          wait,
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

// serves answers /count with the number of the request, /fail with 503 twice, then 200.
func serves() {
	requests := 0
	handler := http.NewServeMux()
	handler.HandleFunc("/fail", func(w http.ResponseWriter, r *http.Request) {
		if requests++; requests <= 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	handler.HandleFunc("/host", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("host", r.Host)
	})
	handler.HandleFunc("/never", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/", http.StatusFound)
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

func tellsEnv() {
	for _, variable := range slices.Sorted(slices.Values(os.Environ())) {
		fmt.Println("env", variable)
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
	spawner := New(app, os.Getenv("SPAWN_TEST_DIR"), hclog.NewNullLogger())
	child, err := spawner.Start(context.Background(), Order{Path: os.TempDir()})
	must(err)
	fmt.Println("child", child.PID())
	wait()
}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(70)
	}
}
