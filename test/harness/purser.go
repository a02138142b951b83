package harness

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Options say how purser is started. The zero value serves nothing.
type Options struct {
	Bin        string   // the binary; default Binary
	Config     string   // TOML; $LISTEN in it is the listen address, $SECURE one for https; written to a file given with -c
	Args       []string // instead of Config: the command, as in "serve DIR"; --listen and --instance are added
	UsualPorts bool     // no --listen is added to them
	Users      bool     // as root, apps run as the users that purser finds; else all as root, so that tests need no folders of others
	Env        []string // added to the environment, which is otherwise PATH, HOME and XDG_RUNTIME_DIR
	Before     []string // a command line that purser's is appended to, as in "taskset -c 0"
	Stderr     *os.File // instead of Log
	After      *Purser  // which has ended: this is the next one of its name
	Addr       string   // it serves on; default one that is free
	Secure     string   // the same for https
}

// A Purser is a running purser.
type Purser struct {
	*Program
	Addr     string // host:port it serves on
	Secure   string // host:port for https
	Instance string // its name
	Admin    string // its admin socket
	Config   string // path of its config file, "" without one
	env      []string
	bin      string
}

// ReadyLimit is how long purser may take until an app serves.
const ReadyLimit = 60 * time.Second

// Serve starts purser, waits until it is ready, and stops it at the end of the test. If the test
// failed, purser's last lines are in its log.
func Serve(t testing.TB, o Options) *Purser {
	t.Helper()
	p := Start(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), ReadyLimit)
	defer cancel()
	if err := p.WaitReady(ctx); err != nil {
		t.Fatalf("purser did not become ready: %v", err)
	}
	return p
}

// Start is Serve without waiting.
func Start(t testing.TB, o Options) *Purser {
	t.Helper()
	p, err := Launch(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.end(t) })
	return p
}

func (p *Purser) end(t testing.TB) {
	select {
	case <-p.Exited:
	default:
		// Nobody measures this stop: a second TERM asks for it now instead of waiting for apps. Those of
		// the first 100 ms are one.
		p.Signal(sigTERM)
		time.AfterFunc(200*time.Millisecond, func() { p.Signal(sigTERM) })
		time.AfterFunc(5*time.Second, func() { p.Signal(sigTERM) })
		if _, err := p.Stop(ReadyLimit); err != nil {
			t.Errorf("purser did not stop: %v", err)
		}
	}
	p.sweep(t)
	if races := p.Log.Lines("DATA RACE"); len(races) > 0 {
		t.Errorf("purser has a data race:\n%s", p.Log.String())
	}
	if t.Failed() {
		t.Logf("purser's last lines:\n%s", p.Log.Tail(60))
	}
}

// sweep removes what a killed purser left in the runtime folder; one that ended by itself leaves
// nothing.
func (p *Purser) sweep(t testing.TB) {
	for _, path := range []string{p.Admin, strings.TrimSuffix(p.Admin, ".sock")} {
		if _, err := os.Lstat(path); err == nil && p.Cmd.ProcessState.ExitCode() == 0 {
			t.Errorf("purser left %s", path)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Errorf("cannot remove what purser left: %v", err)
		}
	}
}

// Launch starts purser outside a test; the caller stops it.
func Launch(o Options) (*Purser, error) {
	bin, err := o.binary()
	if err != nil {
		return nil, err
	}
	p := &Purser{Addr: o.Addr, Secure: o.Secure, Instance: nextName(), bin: bin}
	if p.Addr == "" {
		p.Addr = FreeAddr()
	}
	if p.Secure == "" {
		p.Secure = FreeAddr()
	}
	if o.After != nil {
		p.Instance = o.After.Instance
	}
	run := filepath.Join(Scratch(), "run")
	if err := os.MkdirAll(run, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make a runtime folder: %w", err)
	}
	state, err := o.stateDir(run)
	if err != nil {
		return nil, err
	}
	p.env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "XDG_RUNTIME_DIR=" + run, "STATE_DIRECTORY=" + state}, o.Env...)
	p.Admin = filepath.Join(runtimeDir(run), p.Instance+".sock")
	args, err := p.args(o)
	if err != nil {
		return nil, err
	}
	line := slices.Concat(o.Before, []string{bin}, args)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = p.env
	if o.Stderr != nil {
		cmd.Stderr = o.Stderr
	}
	p.Program, err = StartProgram(cmd)
	return p, err
}

func (o Options) binary() (string, error) {
	if o.Bin != "" {
		return filepath.Abs(o.Bin)
	}
	return Binary()
}

func (p *Purser) args(o Options) ([]string, error) {
	if o.Config == "" {
		args := slices.Clone(o.Args)
		if !o.UsualPorts {
			args = append(args, "--listen", p.Addr)
		}
		return append(o.users(args), "--instance", p.Instance), nil
	}
	p.Config = filepath.Join(Scratch(), p.Instance+".toml")
	text := os.Expand(o.Config, func(key string) string {
		switch key {
		case "LISTEN":
			return p.Addr
		case "SECURE":
			return p.Secure
		}
		return "$" + key
	})
	if err := os.WriteFile(p.Config, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("cannot write the config: %w", err)
	}
	return append(o.users([]string{"serve", "-c", p.Config}), "--instance", p.Instance), nil
}

// stateDir is where purser keeps what it is to know after its restart: one that other users may reach, if what serves is
// to be one. Everything else of tests is root's alone.
func (o Options) stateDir(usual string) (string, error) {
	if os.Geteuid() != 0 || !o.Users {
		return usual, nil
	}
	dir := Scratch() + stateSuffix
	return dir, os.MkdirAll(dir, 0o755)
}

// stateSuffix is behind the name of the scratch folder, as nobody else may enter that.
const stateSuffix = "-state"

// users has apps run as root.
func (o Options) users(args []string) []string {
	if os.Geteuid() != 0 || o.Users || args[0] != "serve" {
		return args
	}
	return append(args, "--default-user", "root", "--serve-as", "root")
}

// WaitReady waits until /readyz on the admin socket says that an app serves.
func (p *Purser) WaitReady(ctx context.Context) error {
	for {
		if p.readyz(ctx) {
			return nil
		}
		select {
		case <-p.Exited:
			return fmt.Errorf("purser exited with code %d:\n%s", p.Cmd.ProcessState.ExitCode(), p.Log.Tail(30))
		case <-ctx.Done():
			return fmt.Errorf("%w; its last lines:\n%s", context.Cause(ctx), p.Log.Tail(30))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (p *Purser) readyz(ctx context.Context) bool {
	answer, err := p.adminRequest(ctx, http.MethodGet, "/readyz", nil)
	return err == nil && answer.StatusCode == http.StatusOK
}

// A Result is how one run of the command line ended.
type Result struct {
	Stdout, Stderr string
	Code           int
	Took           time.Duration
}

// Run runs purser's command line against this purser: purser ARGS --instance NAME.
func (p *Purser) Run(ctx context.Context, args ...string) Result {
	return RunBinary(ctx, p.bin, p.env, append(args, "--instance", p.Instance)...)
}

// RunBinary runs bin to its end.
func RunBinary(ctx context.Context, bin string, env []string, args ...string) Result {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &stdout, &stderr
	cmd.WaitDelay = time.Second
	begin := time.Now()
	err := cmd.Run()
	r := Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode(), Took: time.Since(begin)}
	if err != nil && cmd.ProcessState == nil {
		r.Stderr += err.Error()
	}
	return r
}

var named atomic.Int32

// nextName is a name that no other purser on this machine has.
func nextName() string {
	return "t" + strconv.Itoa(os.Getpid()) + "-" + strconv.Itoa(int(named.Add(1)))
}

func runtimeDir(xdg string) string {
	if os.Geteuid() == 0 {
		return "/run/purser"
	}
	return filepath.Join(xdg, "purser")
}

var given sync.Map // addresses that FreeAddr has returned, or found in use

// FreeAddr is an address on loopback that nobody listens on: below the ports that the kernel gives
// to outgoing connections, so that none of those takes it meanwhile. Nobody gets it twice: whoever was given it
// may be about to listen.
func FreeAddr() string {
	for range 1000 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(15000+rand.IntN(15000)))
		if _, given := given.LoadOrStore(addr, nil); given {
			continue
		}
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	panic("no free port on 127.0.0.1 between 15000 and 30000")
}
