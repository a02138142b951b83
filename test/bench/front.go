package main

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"purser/test/harness"
)

// A front is a running proxy with the Go app behind it.
type front struct {
	name string
	addr string
	tls  string // where it speaks TLS; "" = nowhere
	pid  int
	stop func()
}

// startFronts starts those that are asked for and installed, and says which are not. What it has
// started it returns with an error, too.
func startFronts(o options) (fronts []front, err error) {
	app, err := harness.GoApp()
	if err != nil {
		return nil, err
	}
	root, err := appFolder()
	if err != nil {
		return nil, err
	}
	if slices.Contains(o.only, "purser") {
		f, err := startPurser("purser", "", root, app, o)
		if err != nil {
			return fronts, err
		}
		fronts = append(fronts, f)
	}
	if o.against != "" {
		f, err := startPurser("before", o.against, root, app, o)
		if err != nil {
			return fronts, err
		}
		fronts = append(fronts, f)
	}
	peers, err := startPeers(o, root, app)
	return append(fronts, peers...), err
}

// at is where requests of a mode go.
func (f front) at(m mode) string {
	if m.tls {
		return f.tls
	}
	return f.addr
}

// isPeer reports whether it is not purser.
func (f front) isPeer() bool { return f.name != "purser" && f.name != "before" }

// processes are all processes of the front, the app left out.
func (f front) processes() []harness.Proc {
	app, _ := harness.GoApp()
	self, _ := harness.ReadProc(f.pid)
	return append(slices.DeleteFunc(harness.Descendants(f.pid), func(p harness.Proc) bool { return harness.Exe(p.PID) == app }), self)
}

// cpu is what all processes of the front have used so far.
func (f front) cpu() (total time.Duration) {
	for _, p := range f.processes() {
		total += p.CPU
	}
	return total
}

// memory is the resident memory of all processes of the front.
func (f front) memory() (total int64) {
	for _, p := range f.processes() {
		total += harness.RSS(p.PID)
	}
	return total
}

// inOurSession is an error if the front, or the app that it has started, has a session of its own.
func (f front) inOurSession() error {
	ours, err := unix.Getsid(0)
	if err != nil {
		return fmt.Errorf("cannot tell in which session this is: %w", err)
	}
	pids := []int{f.pid}
	for _, p := range harness.Descendants(f.pid) {
		pids = append(pids, p.PID)
	}
	for _, pid := range pids {
		session, err := unix.Getsid(pid)
		if err == nil && session != ours {
			return fmt.Errorf("process %d of %s (%s) has left the session: figures cannot be compared across sessions", pid, f.name, harness.Exe(pid))
		}
	}
	return nil
}
