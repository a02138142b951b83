// Package helper does what package disk does as the user whom it belongs to: by one short-lived process of that user
// for all apps of his, the helper, with which purser talks through a socket. It ends when nobody has asked it
// for a while, and there is another at the next request, also when it was killed or does not answer in time.
//
// A helper has no more rights than its user. What it was started for, its grants, holds whoever asks it to less than
// that. What it answers is not believed: its lengths are checked, and of what it has opened only regular files that
// nobody can be made to wait for are taken.
package helper

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/restart/disk"
)

// A User is as whom a helper runs.
type User struct {
	UID, GID uint32
	Groups   []uint32
}

func (u User) key() string { return fmt.Sprint(u.UID, u.GID, u.Groups) }

// Helpers are those of all users, whose apps are on this machine. Close ends them.
type Helpers struct {
	start func(u User, args []string, socket *os.File) (Process, error)
	log   hclog.Logger

	mu     sync.Mutex // guards what follows
	users  map[string]*user
	apps   map[string]*user
	closed bool
}

// New returns helpers that are started so: with purser's binary, whose name among its arguments comes first, and the
// socket as stdin.
func New(start func(u User, args []string, socket *os.File) (Process, error), log hclog.Logger) *Helpers {
	return &Helpers{start: start, log: log.Named("helper"), users: map[string]*user{}, apps: map[string]*user{}}
}

// Disk is the way to what a user owns, for an app of his to which that is granted. It may be asked for again and again.
func (h *Helpers) Disk(app string, u User, g Grants) disk.Disk {
	h.mu.Lock()
	defer h.mu.Unlock()
	one := h.users[u.key()]
	if one == nil {
		one = &user{helpers: h, User: u, grants: map[string]Grants{}, closed: h.closed}
		h.users[u.key()] = one
	}
	if before := h.apps[app]; before != nil && before != one {
		before.forget(app)
	}
	h.apps[app] = one
	one.grant(app, g)
	return owned{one}
}

// Only ends what was granted for other apps than some.
func (h *Helpers) Only(is func(app string) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for app, of := range h.apps {
		if !is(app) {
			of.forget(app)
			delete(h.apps, app)
		}
	}
}

// Close ends all helpers, and returns when nobody listens to any of them.
func (h *Helpers) Close() {
	h.mu.Lock()
	h.closed = true
	users := slices.Collect(maps.Values(h.users))
	h.mu.Unlock()
	for _, u := range users {
		u.close()
	}
}

// A user is one for whom there may be a helper.
type user struct {
	User
	helpers *Helpers

	mu     sync.Mutex        // guards what follows; held while a helper is started, which takes milliseconds
	grants map[string]Grants // by app
	args   []string          // all that; nil = to be found out again
	fits   bool              // that is what the helper was started with
	link   *link             // nil = there is none
	old    []*link           // that are about to end
	failed int               // helpers that did not answer, until forgiven
	until  time.Time         // none is started before
	spent  spending
	closed bool
}

// A helper that fails is not started anew at once: who can stop it could hold up all who ask.
const (
	leastWait = time.Second
	mostWait  = 30 * time.Second
)

func (u *user) grant(app string, g Grants) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.grants[app], u.args = g, nil
}

func (u *user) forget(app string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.grants, app)
	u.args = nil
	if len(u.grants) == 0 && u.link != nil {
		u.retire()
	}
}

// retire ends the helper once it has answered what it was asked. It is called with mu held.
func (u *user) retire() {
	u.old = append(slices.DeleteFunc(u.old, (*link).over), u.link)
	u.link.leave()
	u.link = nil
}

// living is a helper that may be asked, by what is granted now.
func (u *user) living() (*link, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.args == nil {
		u.args = Arguments(slices.Collect(maps.Values(u.grants))...)
		u.fits = u.link != nil && slices.Equal(u.link.grants, u.args)
	}
	if u.link != nil && u.fits && u.link.why() == nil {
		return u.link, nil
	}
	if u.closed || len(u.grants) == 0 { // who asks yet is late
		return nil, errLost
	}
	if now := time.Now(); now.Before(u.until) {
		return nil, fmt.Errorf("%w; it is started again in %s", errLost, u.until.Sub(now).Round(time.Second))
	}
	if u.link != nil {
		u.retire()
	}
	conn, process, err := u.run(u.args)
	if err != nil {
		u.fail(err)
		return nil, err
	}
	u.link, u.fits = newLink(conn, process, u.args, patience>>min(u.failed, 2)), true
	return u.link, nil
}

func (u *user) run(args []string) (conn *net.UnixConn, process Process, err error) {
	conn, theirs, err := socketPair()
	if err != nil {
		return nil, nil, err
	}
	defer theirs.Close()
	process, err = u.helpers.start(u.User, append([]string{Name}, args...), theirs)
	if err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("%w: %w", errStarted, err)
	}
	return conn, process, nil
}

// fail notes that a helper did not do what it is for. It is called with mu held.
func (u *user) fail(why error) {
	wait := min(leastWait<<min(u.failed, 5), mostWait)
	u.failed++
	u.until = time.Now().Add(wait)
	u.helpers.log.Warn("cannot look after the files of a user's apps, so changes are seen late", "uid", u.UID, "error", why, "again-in", wait)
}

// lose notes that a helper has ended, and whether that says that the next will as well.
func (u *user) lose(l *link, why error, fails bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.link != l {
		return // somebody has noted it
	}
	u.retire()
	if fails && !u.closed {
		u.fail(why)
	}
}

// ask asks the helper. One that has ended, as it was asked for nothing or was killed, is followed by another at once.
func (u *user) ask(v verb, q request, file int) (a answer, with *os.File, err error) {
	for try := range 2 {
		l, err := u.living()
		if err != nil {
			return a, nil, err
		}
		began := time.Now()
		a, with, err = l.ask(v, q, file)
		if err == nil {
			u.answered(l, time.Since(began))
			return a, with, a.Failure.err()
		}
		if l.why() == nil {
			return a, nil, err // it is not the helper's fault
		}
		ended := errors.Is(err, errLost)
		u.lose(l, err, try > 0 || !ended)
		if try > 0 || !ended {
			return a, nil, err
		}
	}
	panic("BUG: a helper is asked a third time")
}

// forgiven is for how long helpers have to have answered until it is forgotten that some did not.
const forgiven = 5 * time.Minute

func (u *user) well() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.failed > 0 && time.Since(u.until) > forgiven {
		u.failed = 0
	}
}

func (u *user) close() {
	u.mu.Lock()
	u.closed = true
	all := u.old
	if u.link != nil {
		all = append(all, u.link)
	}
	u.mu.Unlock()
	for _, l := range all {
		l.end(errLost)
		<-l.done
	}
}
