package restart

import (
	"bufio"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"purser/restart/disk"
)

// boots starts a process of a generation as purser does; while it starts, the test goes on.
func (s *shop) boots(generation int, meanwhile func()) {
	s.Helper()
	s.ends(s.begins(generation), meanwhile)
}

func (s *shop) begins(generation int) Process {
	s.Helper()
	release, err := ResolveRelease(disk.Own, s.app.Root)
	s.must(err)
	s.mu.Lock()
	s.number++
	p := Process{Number: s.number, PID: 100 + s.number, Generation: generation, Release: release.Path, Began: time.Now()}
	s.mu.Unlock()
	s.Booting("blog", p.Number, generation, release.Path)
	return p
}

func (s *shop) ends(p Process, meanwhile func()) {
	s.Helper()
	meanwhile()
	s.Booted("blog", p.Number, p.PID)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serve = append(s.serve, p)
}

// exit ends all processes of earlier generations.
func (s *shop) exit(before int) {
	s.mu.Lock()
	var left []Process
	var gone []int
	for _, p := range s.serve {
		if p.Generation >= before {
			left = append(left, p)
		} else {
			gone = append(gone, p.Number)
		}
	}
	s.serve = left
	s.mu.Unlock()
	for _, number := range gone {
		s.Gone("blog", number)
	}
}

func (s *shop) nothingIsWanted() {
	s.Helper()
	s.needs()
	for range 5 {
		s.expects(time.Second, "")
	}
	s.needs()
}

const lock = "releases/1/Gemfile.lock"

func TestWhatAProcessWritesAsItStartsIsItsOwnDoing(t *testing.T) {
	s := newShop(t, "changed").opened()
	s.boots(1, func() { s.touch(lock); s.make("releases/1/.env") })
	s.nothingIsWanted()
	s.touch(lock)
	s.expects(time.Second, "")
	s.needs("changed Gemfile.lock changed [101]")
	s.expects(time.Second, "Gemfile.lock changed")
}

// Each of three processes writes the same file as it starts, and none is older for that.
func TestWhatAProcessWritesOutdatesNoOther(t *testing.T) {
	s := newShop(t, "changed").opened()
	for range 3 {
		p := s.begins(1)
		s.ends(p, func() {
			s.touch(lock)
			s.expects(time.Second, "") // while it starts, who wrote that cannot be told
			s.expects(time.Second, "")
		})
	}
	s.nothingIsWanted()
}

func TestWhatAFailedStartWritesTriggersNoOther(t *testing.T) {
	s := newShop(t, "changed", "lib/*.rb").opened()
	s.boots(1, func() {})
	s.make("releases/1/lib/a.rb")
	s.expects(time.Second, "")
	s.expects(time.Second, "lib/a.rb added")
	for range 4 { // it is tried again and again, and writes its file each time
		p := s.begins(2)
		s.touch(lock)
		s.expects(time.Second, "")
		s.Booted("blog", p.Number, 0)
		s.expects(time.Second, "")
		s.expects(time.Second, "")
	}
	s.touch("releases/1/lib/a.rb") // the repair
	s.expects(time.Second, "")
	s.expects(time.Second, "lib/a.rb added")
}

func TestADeployWhileAProcessStartsIsSeen(t *testing.T) {
	for name, deploy := range map[string]func(*shop){
		"of a revision": func(s *shop) { s.make("releases/1/REVISION"); s.touch(lock) },
		"of a commit":   func(s *shop) { s.make("releases/1/.git/HEAD"); s.touch(lock) },
		"of code":       func(s *shop) { s.make("releases/1/lib/a.rb") },
		"of a folder":   func(s *shop) { s.deploy("2"); s.flip("2") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, "changed", "lib/*.rb").opened()
			s.boots(1, func() { deploy(s) })
			s.expects(time.Second, "")
			if got := s.Needs("blog"); len(got) != 1 {
				t.Errorf("it needs %v", got)
			}
		})
	}
}

// The app writes a file at each start that the operator has watched: one restart comes of it, not one
// after the other.
func TestWatchedFilesThatEachStartWritesEndToRestart(t *testing.T) {
	s := newShop(t, "changed", "lib/*.rb").opened()
	write := func() { s.make("releases/1/lib/routes.rb"); s.touch("releases/1/lib/routes.rb") }
	s.boots(1, write)
	s.expects(time.Second, "")
	s.expects(time.Second, "lib/routes.rb added")
	for generation := 2; generation <= 4; generation++ {
		s.boots(generation, write)
		s.boots(generation, write)
		s.exit(generation)
		s.nothingIsWanted()
	}
	s.touch("releases/1/lib/routes.rb")
	s.expects(time.Second, "")
	if got := s.Needs("blog"); len(got) != 1 {
		t.Errorf("somebody changed it after that, and it needs %v", got)
	}
}

func TestARestartFileMadeByAProcessThatStartsIsNoOrder(t *testing.T) {
	s := newShop(t, "off").opened()
	made := func() bool { return s.Made("blog", s.app.Root, "tmp/restart.txt") }
	s.make("releases/1/app.rb")
	create := func() { s.must(os.WriteFile(s.path(currentFile), nil, 0o600)) }

	create()
	if made() {
		t.Error("nothing started, and it is the app's")
	}
	s.remove(currentFile)
	s.boots(1, func() {
		create()
		<-time.After(20 * time.Millisecond) // the kernel's clock for files goes on
	})
	if !made() {
		t.Error("a process that started made it, and it is an order")
	}
	s.touch(currentFile)
	if made() {
		t.Error("it was touched after that, and is the app's")
	}
	s.remove(currentFile)
	s.boots(1, func() {})
	create() // by whoever has waited for the process, in the same instant
	if made() {
		t.Error("it came when the process was ready, and is the app's")
	}
	s.boots(1, func() { s.touch(currentFile) })
	if made() {
		t.Error("it was there before the process, and is the app's")
	}
	s.remove(currentFile)
	s.exit(2)
	p := s.begins(1)
	create()
	if !made() {
		t.Error("a process that starts made it, and it is an order")
	}
	s.must(os.WriteFile(s.path(currentFile), []byte("now"), 0o600))
	if made() {
		t.Error("there is something in it, and it is the app's")
	}
	create()
	s.remove(currentFile)
	s.boots(1, func() {})
	create()
	if made() {
		t.Error("another process has started without making it, and it is the app's")
	}
	s.exit(2)
	s.touch("releases/1/app.rb")
	if made() {
		t.Error("code was deployed with it, and it is the app's")
	}
	s.ends(p, func() {})
}

func TestAProcessThatStartsItselfAnewIsTold(t *testing.T) {
	s := newShop(t, "off").opened()
	var told []int
	s.Reexecuted = func(_ string, p Process) { told = append(told, p.PID) }
	cmd := exec.Command("/bin/sh", "-c", `echo ready; read go; exec /bin/sh -c 'echo ready; read go'`)
	in, err := cmd.StdinPipe()
	s.must(err)
	out, err := cmd.StdoutPipe()
	s.must(err)
	s.must(cmd.Start())
	lines := bufio.NewScanner(out)
	lines.Scan()

	p := s.begins(1)
	p.PID = cmd.Process.Pid
	s.ends(p, func() {})
	s.expects(time.Second, "")
	if len(told) > 0 {
		t.Errorf("told of %v, which has not changed", told)
	}
	_, err = in.Write([]byte("\n"))
	s.must(err)
	lines.Scan()
	s.expects(time.Second, "")
	if len(told) != 1 || told[0] != p.PID {
		t.Errorf("told of %v, want %d", told, p.PID)
	}
	s.must(in.Close())
	_ = cmd.Wait() // its read has failed
}

// Processes of one app start and end beside each other, and are looked at meanwhile.
func TestBootsBesideEachOther(t *testing.T) {
	s := newShop(t, "changed").opened()
	s.Checker.now = time.Now
	var running sync.WaitGroup
	for number := range 8 {
		running.Go(func() {
			for round := range 20 {
				id := 1000*(number+1) + round
				s.Booting("blog", id, round, s.path("releases/1"))
				_ = os.WriteFile(s.path(lock), []byte{byte(id)}, 0o600)
				s.Booted("blog", id, os.Getpid())
				s.Needs("blog")
				s.Gone("blog", id)
			}
		})
	}
	running.Wait()
	s.start(0)
	s.Checker.look(s.Checker.apps[0])
	s.needs()
}
