package serve

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"purser/conf"
)

// A door is one place where requests come in.
type door struct {
	place     conf.Listen
	listeners []net.Listener // several, if systemd passed several by one name
	accepting *sync.WaitGroup
}

// openDoors opens every place, or none.
func openDoors(places []conf.Listen, from sockets) (doors []door, err error) {
	for _, place := range places {
		opened, err := openDoor(place, places, from)
		if err != nil {
			closeDoors(doors)
			return nil, refusal(err)
		}
		doors = append(doors, opened)
	}
	return doors, nil
}

func openDoor(place conf.Listen, all []conf.Listen, from sockets) (door, error) {
	listeners, err := from.open(place, all)
	if err != nil {
		return door{}, err
	}
	return newDoor(place, listeners), nil
}

func newDoor(place conf.Listen, listeners []net.Listener) door {
	d := door{place: place, accepting: &sync.WaitGroup{}}
	for _, listener := range listeners {
		if place.TLS {
			listener = httpsListener{listener}
		}
		d.listeners = append(d.listeners, listener)
	}
	return d
}

func closeDoors(doors []door) { closeAll(listenersOf(doors)) }

func listenersOf(doors []door) (all []net.Listener) {
	for _, d := range doors {
		all = append(all, d.listeners...)
	}
	return all
}

// A rebuilding is what is done to the doors. What is opened accepts nobody before it is served.
type rebuilding struct {
	doors  []door // that there will be, in their order
	opened []door // those of them that are new
	left   []door
}

// rebuild opens what is new among the places, or nothing. A place whose address is the same, but not how it is
// spoken there, keeps its socket.
func rebuild(doors []door, places []conf.Listen, from sockets) (r rebuilding, err error) {
	defer func() {
		if err != nil {
			closeDoors(r.opened)
		}
	}()
	r.left = slices.Clone(doors)
	for _, place := range places {
		at := slices.IndexFunc(doors, func(d door) bool { return d.place == place })
		if at >= 0 {
			r.doors = append(r.doors, doors[at])
			r.left = slices.DeleteFunc(r.left, func(d door) bool { return d.place == place })
			continue
		}
		var opened door
		at = slices.IndexFunc(doors, func(d door) bool { return d.place.Network == place.Network && d.place.Address == place.Address })
		if at >= 0 {
			opened, err = doors[at].again(place)
		} else {
			opened, err = openDoor(place, places, from)
		}
		if err != nil {
			return r, refusal(besideOwn(err, place, doors))
		}
		r.doors, r.opened = append(r.doors, opened), append(r.opened, opened)
	}
	return r, nil
}

// besideOwn says that it is purser who is in the way, if it is: what was there stays until all that is new is open.
func besideOwn(err error, place conf.Listen, doors []door) error {
	at := slices.IndexFunc(doors, func(d door) bool { return place.Clashes(d.place, nil) })
	if at < 0 || !errors.Is(err, unix.EADDRINUSE) {
		return err
	}
	return fmt.Errorf("cannot listen on %s while purser listens on %s: restart purser, or leave that out in one reload, and write the new one in the next", place, doors[at].place)
}

// addresses are those that are opened, and those that are left.
func (r rebuilding) addresses() (opened, closed []string) {
	opened, closed = addresses(listenersOf(r.opened)), addresses(listenersOf(r.left))
	return append([]string{}, opened...), append([]string{}, closed...)
}

// rebuilt has the front leave doors, and accept at the new ones. It returns when those that are left are closed: their
// addresses may be wanted again. On a socket that stays nobody accepts as before while others accept anew, as whoever
// connects would be spoken to in the one way or the other.
func (p *purser) rebuilt(r rebuilding) {
	for _, d := range r.left {
		stays := slices.ContainsFunc(r.opened, func(o door) bool { return o.place.Network == d.place.Network && o.place.Address == d.place.Address })
		for _, listener := range d.listeners {
			if !stays {
				lock(inner(listener))
			}
			p.front.Leave(inner(listener))
		}
	}
	for _, d := range r.left {
		d.accepting.Wait()
	}
	p.serveDoors(r.opened)
}

func (p *purser) serveDoors(doors []door) {
	for _, d := range doors {
		for _, listener := range d.listeners {
			d.accepting.Add(1)
			p.group.Go(func() error {
				defer d.accepting.Done()
				return p.serveDoor(listener)
			})
		}
	}
}

// again is a door with the same sockets.
func (d door) again(place conf.Listen) (door, error) {
	var all []net.Listener
	for _, listener := range d.listeners {
		twin, err := twinOf(inner(listener))
		if err != nil {
			closeAll(all)
			return door{}, fmt.Errorf("cannot go on listening on %s: %w", place, err)
		}
		all = append(all, twin)
	}
	return newDoor(place, all), nil
}

// inner is the listener below TLS.
func inner(l net.Listener) net.Listener {
	if secure, ok := l.(httpsListener); ok {
		return secure.Listener
	}
	return l
}

// twinOf is another listener on the same socket. The first may be closed.
func twinOf(l net.Listener) (net.Listener, error) {
	switch l := l.(type) {
	case *lentListener:
		twin, err := twinOf(l.Listener)
		return &lentListener{twin}, err
	case *unixListener:
		twin, err := twinOf(l.Listener)
		if err != nil {
			return nil, err
		}
		l.share.join()
		return &unixListener{Listener: twin, share: l.share}, nil
	case *tcpListener:
		twin, err := twinOf(l.TCPListener)
		if err != nil {
			return nil, err
		}
		l.share.join()
		return &tcpListener{TCPListener: twin.(*net.TCPListener), share: l.share}, nil
	}
	file, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	twin, err := net.FileListener(file)
	if unix, ok := twin.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false)
	}
	return twin, err
}

// lock has nobody connect to a listener any more, while those who have are still accepted. Where that cannot be
// had, who connects in its last moment is not.
func lock(l net.Listener) {
	switch l := l.(type) {
	case *unixListener:
		l.unlink()
	case *tcpListener:
		raw, err := l.SyscallConn()
		if err != nil {
			return
		}
		drop := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K}} // nothing of any packet is taken
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop[0]})
		})
	}
}

// A lentListener is systemd's: we stop accepting, and it stays, as it may be wanted again.
type lentListener struct{ net.Listener }

// Close ends Accept.
func (l *lentListener) Close() error { return l.SetDeadline(time.Now()) }

// SetDeadline ends Accept then.
func (l *lentListener) SetDeadline(at time.Time) error {
	return l.Listener.(interface{ SetDeadline(time.Time) error }).SetDeadline(at)
}
