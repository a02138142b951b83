package keeper

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A fakeFront is the front of the tests: it does what it is told over its door, one line for each connection.
type fakeFront struct {
	keeper *Keeper
	left   Inheritance
	mu     sync.Mutex
	kids   map[string]*Process
	keep   map[string][]*os.File
	got    []string // signals
	silent bool
	dir    string
	door   net.Listener
	heard  []string // from old fronts
	yields int
	tasks  sync.WaitGroup // that are to be done before an old front ends
}

// runFakeFront serves in a folder, where it writes its address; or exits at once with a code.
func runFakeFront(args []string) int {
	if args[0] == "exit" {
		code, _ := strconv.Atoi(args[1])
		return code
	}
	k, left, err := Inherit()
	if err != nil {
		panic(err)
	}
	f := &fakeFront{keeper: k, left: left, kids: map[string]*Process{}, keep: map[string][]*os.File{}, dir: args[0]}
	if left.Candidate {
		f.prepare()
	}
	for _, child := range f.left.Children {
		f.kids[child.Name], f.keep[child.Name] = child.Process, child.Keep
	}
	signals := make(chan os.Signal, 10)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1)
	go f.catch(signals)
	door, err := f.open(args[0])
	if err != nil {
		panic(err)
	}
	f.door = door
	left = f.left
	if f.is("broken") && left.Fronts > 0 || f.is("broken-upgrade") && left.Upgraded {
		return 3
	}
	if f.is("stopped-upgrade") && left.Upgraded {
		syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		select {} // another thread may be the first that is stopped
	}
	for _, b := range left.Borrowers {
		go f.lend(b)
	}
	go f.yield()
	k.Ready(fmt.Sprint("v", left.Fronts))
	if err := k.Notify("READY=1", fmt.Sprint("STATUS=", left.Fronts)); err != nil {
		panic(err)
	}
	go f.live()
	for {
		conn, err := door.Accept()
		if err != nil {
			return f.finish()
		}
		go f.serve(conn)
	}
}

func (f *fakeFront) open(dir string) (net.Listener, error) {
	if held := f.left.Held["door"]; held != nil {
		return net.FileListener(held)
	}
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	file, err := door.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	if err := f.keeper.Hold("door", file); err != nil {
		return nil, err
	}
	return door, os.WriteFile(filepath.Join(dir, "address"), []byte(door.Addr().String()), 0o600)
}

func (f *fakeFront) catch(signals <-chan os.Signal) {
	for s := range signals {
		f.mu.Lock()
		f.got = append(f.got, signalName(s.(syscall.Signal)))
		f.mu.Unlock()
		if s == syscall.SIGTERM {
			if f.is("deaf") {
				continue
			}
			if f.is("slow-stop") {
				time.Sleep(time.Second)
			}
			fmt.Println(os.Getpid(), "stops")
			f.keeper.Stopping()
			os.Exit(0)
		}
	}
}

func (f *fakeFront) live() {
	for range time.Tick(200 * time.Millisecond) {
		f.mu.Lock()
		silent := f.silent
		f.mu.Unlock()
		if !silent {
			f.keeper.Alive()
		}
	}
}

func (f *fakeFront) serve(conn net.Conn) {
	defer conn.Close()
	line, _ := bufio.NewReader(conn).ReadString('\n')
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	name, text, _ := strings.Cut(rest, " ")
	if word == "upgrade" {
		f.tasks.Add(1)
		defer f.tasks.Done()
		fmt.Fprintln(conn, f.upgrade(name, text))
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	fmt.Fprintln(conn, f.do(word, name, text))
}

func (f *fakeFront) do(word, name, text string) string {
	number, _ := strconv.Atoi(name)
	switch word {
	case "pid":
		return fmt.Sprint(os.Getpid())
	case "main":
		return fmt.Sprint(f.keeper.MainPID())
	case "fork":
		return f.fork(name, text)
	case "hook":
		return f.fork("", name+" "+text)
	case "source": // NAME SCRIPT
		p := sourceProgram(text)
		p.Name, p.Source = name, true
		return f.start(p)
	case "bear": // NAME SOURCE SCRIPT
		from, script, _ := strings.Cut(text, " ")
		p := sourceProgram(script)
		p.Name, p.From = name, f.kids[from]
		return f.start(p)
	case "loaded":
		<-f.kids[name].Loaded()
		return "done"
	case "write":
		_, err := fmt.Fprintln(f.keep[name][0], text)
		return fmt.Sprint(err)
	case "read":
		line, err := bufio.NewReader(f.keep[name][1]).ReadString('\n')
		return fmt.Sprint(strings.Join(strings.Fields(line), " "), " ", err)
	case "note":
		return fmt.Sprint(f.keeper.Note(name, []byte(text)))
	case "noted":
		return string(f.left.Notes[name])
	case "left":
		return f.inventory()
	case "stop":
		f.kids[name].Stop(syscall.SIGTERM)
		return "done"
	case "await":
		<-f.kids[name].Gone()
		return fmt.Sprint(f.kids[name].Exit())
	case "rights":
		text, _ := os.ReadFile("/proc/self/status")
		return string(text)
	case "got":
		return strings.Join(f.got, " ")
	case "came":
		return fmt.Sprintf("upgraded %t, back %t, after %s, borrowers %d, yields %d", f.left.Upgraded, f.left.Back, f.left.Version, len(f.left.Borrowers), f.yields)
	case "heard":
		sort.Strings(f.heard)
		return strings.Join(f.heard, ", ")
	case "descriptors":
		names, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", f.keeper.PID()))
		return fmt.Sprint(len(names))
	case "storm":
		return f.storm()
	case "silent":
		f.silent = true
		return "done"
	case "stopping":
		f.keeper.Stopping()
		return "done"
	case "exit":
		os.Exit(number)
	}
	return f.doConfined(word, name, text)
}

// fork runs a shell, whose pipes the keeper keeps.
func (f *fakeFront) fork(name, script string) string {
	return f.start(Program{Name: name, Path: "/bin/sh", Dir: "/", Args: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}})
}

func (f *fakeFront) start(program Program) string {
	var ours, theirs []*os.File
	for i := range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			return err.Error()
		}
		if i == 0 {
			r, w = w, r
		}
		ours, theirs = append(ours, r), append(theirs, w)
	}
	program.Files, program.Keep = [3]uintptr{theirs[0].Fd(), theirs[1].Fd(), theirs[2].Fd()}, ours
	p, err := f.keeper.Fork(program)
	if err != nil {
		return err.Error()
	}
	for _, file := range theirs {
		file.Close()
	}
	f.kids[program.Name], f.keep[program.Name] = p, ours
	return fmt.Sprint(p.PID())
}

// inventory is what this front has inherited.
func (f *fakeFront) inventory() string {
	said := []string{fmt.Sprint("fronts ", f.left.Fronts)}
	for _, child := range f.left.Children {
		state := "lives"
		select {
		case <-child.Process.Gone():
			state = fmt.Sprint("gone: ", child.Process.Exit())
		default:
		}
		if child.Stopping {
			state += ", stopping"
		}
		said = append(said, child.Name+" "+state)
	}
	var held []string
	for name := range f.left.Held {
		held = append(held, name)
	}
	sort.Strings(held)
	return strings.Join(append(said, "held "+strings.Join(held, ",")), "; ")
}

func (f *fakeFront) is(how string) bool {
	_, err := os.Stat(filepath.Join(f.dir, how))
	return err == nil
}

// prepare is what a candidate does.
func (f *fakeFront) prepare() {
	fmt.Println("candidate", os.Getpid())
	switch {
	case f.is("candidate-exits"):
		os.Exit(4)
	case f.is("candidate-hangs"):
		select {}
	}
	if len(f.left.Held) == 0 || f.left.Upgraded {
		panic("a candidate is told nothing, or too much")
	}
	f.left.Close()
	left, err := f.keeper.Prepared()
	if err != nil {
		panic(err)
	}
	f.left = left
}

// upgrade has a front of a binary take over.
func (f *fakeFront) upgrade(path, how string) string {
	binary, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer binary.Close()
	err = f.keeper.Upgrade(binary, how == "now")
	return fmt.Sprint(err)
}

// yield yields as an owner does, unless it is to do otherwise.
func (f *fakeFront) yield() {
	for y := range f.keeper.Yields() {
		f.mu.Lock()
		f.yields++
		f.mu.Unlock()
		fmt.Println("told to yield")
		if f.is("yield-refuses") {
			y.GoOn("this is no time for it")
		}
		if f.is("yield-busy") {
			<-y.Withdrawn()
		}
		if !y.Begin() {
			fmt.Println("goes on")
			continue
		}
		if f.is("yield-crashes") {
			os.Exit(5)
		}
		if f.is("yield-hangs") {
			continue
		}
		fmt.Println("has begun to yield")
		for f.is("yield-slow") {
			time.Sleep(time.Millisecond)
		}
		f.door.Close()
		y.Done()
	}
}

// finish is an old front: it tells each owner that it lives, and ends when it may.
func (f *fakeFront) finish() int {
	met, once := make(chan struct{}), sync.Once{} // an owner
	go func() {
		for conn := range f.keeper.Owners() {
			fmt.Fprint(conn, os.Getpid())
			once.Do(func() { close(met) })
		}
	}()
	<-met
	f.tasks.Wait()
	for f.is("linger") {
		time.Sleep(10 * time.Millisecond)
	}
	return 0
}

func (f *fakeFront) lend(b Borrower) {
	said := make([]byte, 100)
	n, _ := b.Conn.Read(said)
	f.mu.Lock()
	f.heard = append(f.heard, string(said[:n]))
	f.mu.Unlock()
	b.Conn.Read(said) // until it ends
	f.mu.Lock()
	f.heard = append(f.heard, string(said[:n])+" has ended")
	f.mu.Unlock()
}

// storm forks one after the other, until it is told to yield, and prints how all of them have exited.
func (f *fakeFront) storm() string {
	f.tasks.Go(func() {
		wrong := 0
		for n := 0; f.keeper.link.owns.Load(); n++ {
			name := fmt.Sprint("storm#", n)
			if err := f.keeper.Note("storm", []byte(name)); err != nil {
				wrong++
			}
			p, err := f.keeper.Fork(Program{Path: "/bin/sh", Dir: "/", Args: []string{"sh", "-c", "exit 9"}, Env: []string{"A=B"}, Files: [3]uintptr{0, 1, 2}})
			if err != nil {
				if f.keeper.link.owns.Load() {
					wrong++
				}
				break
			}
			if <-p.Gone(); fmt.Sprint(p.Exit()) != "exited with status 9" {
				wrong++
			}
		}
		if wrong == 0 {
			fmt.Println("all that was forked was told of:", os.Getpid())
		}
	})
	return fmt.Sprint(os.Getpid())
}
