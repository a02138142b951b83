package keeper

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

// held are limits that whoever runs the tests may set.
func held() Limits {
	return Limits{{NoNewPrivs, 1}, {Nice, 17}, {OOMScoreAdj, 321}, {OpenFiles, 77}, {Core, 0}, {AddressSpace, 3 << 30}, {Processes, 5000}}
}

var blogGroup = AppGroup{Name: "blog", MemoryMax: 1 << 30, CPUMax: 150}

func TestLimitsAreReadAsTheyWereWritten(t *testing.T) {
	user := &User{UID: 33, GID: 34, Groups: []uint32{4, 5}}
	for _, l := range []Limits{nil, held(), {{Nice, -20}}, {{OpenFiles, NoLimit}}} {
		for _, u := range []*User{nil, user} {
			gotUser, got, group, err := parseAs(asText(u, l, blogGroup))
			if err != nil || !reflect.DeepEqual(got, l) || !reflect.DeepEqual(gotUser, u) || group != blogGroup {
				t.Errorf("%+v of %+v is read as %+v of %+v (%v)", l, u, got, gotUser, err)
			}
		}
	}
	for _, text := range []string{" ", " nice", " nice=", " nice=x", " nice=+1", " nice=01", " nice=1 ", "  nice=1", " nice=1 nice=2", " stack=1", " core=9223372036854775808", " group=a memory_max=1 cpu_max=x", " group=a/b memory_max=1 cpu_max=1", " group=a memory_max=-1 cpu_max=1", " memory_max=1", "root nice=1"} {
		if _, l, _, err := parseAs(text); err == nil {
			t.Errorf("%q is read as %+v", text, l)
		}
	}
}

// seen has a program say how it is held.
const seen = `read a b c d e f g h i j k l m n o p q r nice rest < /proc/self/stat; echo "nice $nice oom $(cat /proc/self/oom_score_adj)"
grep -E '^NoNewPrivs' /proc/self/status; ulimit -n; ulimit -Hn; ulimit -c; ulimit -v; ulimit -Hu
echo "open $(ls /proc/self/fd | wc -w)"; echo "$PURSER_CHILD" | cut -c1-1 | wc -w; env | wc -l`

func TestAChildIsHeldToItsLimits(t *testing.T) {
	users := map[string]*User{"as the keeper": nil}
	if os.Geteuid() == 0 {
		users["as its user"] = &User{UID: 12345, GID: 54321, Groups: []uint32{7, 8}}
	}
	for name, user := range users {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			out := h.output.Fd()
			check(t, h.output.Chmod(0o666))
			p, err := h.keeper.Fork(Program{Path: "/bin/bash", Dir: "/", User: user, Limits: held(), Args: []string{"bash", "-c", seen + "; id -u; id -G; pwd; exit 3"},
				Env: []string{"PATH=/usr/bin:/bin"}, Files: [3]uintptr{out, out, out}})
			check(t, err)
			h.ends(p, "exited with status 3")
			want := "nice 17 oom 321\nNoNewPrivs:\t1\n77\n77\n0\n3145728\n5000\n"
			who := fmt.Sprintf("%d\n", os.Geteuid())
			if user != nil {
				who = "12345\n54321 7 8\n/\n"
			}
			if got := h.printed(); !strings.HasPrefix(got, want) || !strings.Contains(got, who) || !strings.Contains(got, "\nopen 4\n1\n") {
				t.Errorf("it printed %q, want %q, and %q", got, want, who)
			}
		})
	}
}

func TestAChildWithLimitsDiesWithTheKeeper(t *testing.T) {
	h := newHouse(t)
	out := h.output.Fd()
	var user *User
	if os.Geteuid() == 0 {
		user = &User{UID: 12345, GID: 54321}
	}
	p, err := h.keeper.Fork(Program{Path: "/bin/sleep", Dir: "/", User: user, Limits: Limits{{Nice, 17}}, Args: []string{"sleep", "1000"}, Files: [3]uintptr{out, out, out}})
	check(t, err)
	h.keeper.Kill()
	h.eventually("it has died", func() bool { return !lives(p.PID()) })
}

func TestWhatCannotRunWithinItsLimitsIsTheSameError(t *testing.T) {
	h := newHouse(t)
	out := h.output.Fd()
	plain := t.TempDir() + "/plain"
	check(t, os.WriteFile(plain, nil, 0o644))
	for _, c := range []struct {
		path, dir string
		want      error
	}{{"/nonexistent", "/", syscall.ENOENT}, {"/bin/true", "/nonexistent", syscall.ENOENT}, {plain, "/", syscall.EACCES}} {
		for _, limits := range []Limits{nil, {{Nice, 17}}} {
			_, err := h.keeper.Fork(Program{Path: c.path, Dir: c.dir, Limits: limits, Args: []string{"x"}, Files: [3]uintptr{out, out, out}})
			if !errors.Is(err, c.want) {
				t.Errorf("%s in %s with %v: %v, want %v", c.path, c.dir, limits, err, c.want)
			}
		}
	}
	if got := h.printed(); got != "" {
		t.Errorf("it printed %q", got)
	}
}

func TestALimitThatCannotBeSetRunsNothing(t *testing.T) {
	h := newHouse(t)
	out := h.output.Fd()
	p, err := h.keeper.Fork(Program{Path: "/bin/echo", Dir: "/", Limits: Limits{{OpenFiles, 1 << 40}}, Args: []string{"echo", "it runs"}, Files: [3]uintptr{out, out, out}})
	check(t, err)
	h.ends(p, "exited with status 126")
	if got := h.printed(); got != "purser: cannot start it with open_files = 1099511627776: operation not permitted\n" {
		t.Errorf("it printed %q", got)
	}
}

// What is said before the start is what happens at it.
func TestWhatMayBeSetIsKnownBefore(t *testing.T) {
	if err := MaySet(Limit{OpenFiles, 1 << 40}); err == nil || !strings.Contains(err.Error(), "fs.nr_open") && !strings.Contains(err.Error(), "only root") {
		t.Errorf("of more files than there may be it says %v", err)
	}
	for _, limit := range held() {
		if err := MaySet(limit); err != nil {
			t.Errorf("%+v: %v", limit, err)
		}
	}
}

// An app's user may stop whatever runs as that user.
func TestAProgramThatIsStoppedBeforeItRunsIsNotAwaited(t *testing.T) {
	said, says, err := os.Pipe()
	check(t, err)
	defer said.Close()
	defer says.Close()
	begin := time.Now()
	if failure := failureOf(said); failure != syscall.ETIMEDOUT || time.Since(begin) < mostLimited {
		t.Errorf("after %v it is %v", time.Since(begin), failure)
	}
}

func TestAProgramWithLimitsKeepsAllOfItsFiles(t *testing.T) {
	reads, writes, err := os.Pipe()
	check(t, err)
	defer reads.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	check(t, err)
	defer null.Close()
	fd := int(null.Fd())
	p := Program{Path: "/bin/sh", Dir: "/", Limits: held(), Args: []string{"sh", "-c", "echo told >&3; echo $(ls /proc/self/fd) >&3"}, Env: []string{"PATH=/usr/bin:/bin"}}
	pid, why, err := forkLimited(p, &syscall.SysProcAttr{}, fd, fd, fd, int(writes.Fd()))
	writes.Close()
	check(t, err)
	defer why.Close()
	said, err := io.ReadAll(reads)
	check(t, err)
	_, err = syscall.Wait4(pid, nil, 0, nil)
	check(t, err)
	if string(said) != "told\n0 1 2 3 4\n" { // 4 is what ls reads
		t.Errorf("it said %q", said)
	}
}
