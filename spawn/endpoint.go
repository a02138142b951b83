package spawn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/spawn/keeper"
)

const (
	loaders    = "loader"          // folder of the loaders, beside the socket folders
	socketName = keeper.SocketName // longer than any other socket's name that a loader makes beside it
	maxSocket  = 107               // bytes of a socket's path: sun_path is 108 with its final zero
)

// An endpoint is where a child is asked to listen. Of two places, the first that answers counts.
type endpoint struct {
	folder string // new, and closed to others, so that only this child, or who else runs as its user, can have made a socket in it
	owner  int    // number of that user; anybody = purser's own
	socket string // path; "" if not offered
	port   int    // on loopback; 0 if not offered

	listener int // pid of who listens on the socket, once that answers; 0 = not known

	// Of a folder that the keeper has made for us:
	number uint32
	open   func() error // lets us reach the socket, whose mode is the app's matter
	leave  func()       // removes the folder, if no child has it
}

// anybody is the owner of a socket that nobody else could have made.
const anybody = -1

// ownerOfSockets is whose socket a child's has to be. As root purser may connect to every socket, and where that of the
// child should be, its user may put a link to any.
func ownerOfSockets(app conf.App) int {
	if isAnothers(app) {
		return int(app.RunsAs.UID)
	}
	return anybody
}

// makeEndpoint makes the folder of a child and says which places its app is offered: loaders put
// the app on the socket, a command says by {socket} and {port} what it wants, or gets both.
func makeEndpoint(folder string, app conf.App) (*endpoint, error) {
	e := &endpoint{folder: folder, owner: ownerOfSockets(app)}
	if err := e.offer(app); err != nil {
		return nil, err
	}
	if err := e.makeFolder(app); err != nil {
		ports.giveBack(e.port)
		return nil, fmt.Errorf("cannot make a socket folder: %w", err)
	}
	return e, nil
}

// offers says which places an app is offered.
func offers(app conf.App) (socket, port bool) {
	wantsSocket, wantsPort := app.Command.Has("{socket}"), app.Command.Has("{port}")
	switch app.Kind {
	case kindRuby, kindPython:
		wantsSocket, wantsPort = true, false
	case kindNode: // a server that asks for $PORT is known by it, and one of native code listens there
		wantsSocket, wantsPort = true, true
	}
	if _, set := app.Env["PORT"]; set && app.Kind == kindCommand && !wantsPort {
		wantsSocket = true // $PORT is not ours to say
	}
	return wantsSocket || !wantsPort, wantsPort || !wantsSocket
}

// offer fills in the places that an app is offered.
func (e *endpoint) offer(app conf.App) error {
	socket, port := offers(app)
	if socket {
		e.socket = filepath.Join(e.folder, socketName)
	}
	if len(e.socket) > maxSocket {
		return fmt.Errorf("the socket path %s has %d bytes, the system allows %d: "+
			"use a shorter runtime directory (XDG_RUNTIME_DIR)", e.socket, len(e.socket), maxSocket)
	}
	if port {
		taken, err := ports.take()
		if err != nil {
			return err
		}
		e.port = taken
	}
	return nil
}

// makeFolder makes the folder that the child's user makes sockets in, and purser's group enters.
func (e *endpoint) makeFolder(app conf.App) error {
	err := os.Mkdir(e.folder, 0o700)
	if err != nil || e.owner == anybody {
		return err
	}
	if err = os.Chown(e.folder, e.owner, os.Getegid()); err == nil {
		err = os.Chmod(e.folder, 0o710)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(e.folder))
	}
	return err
}

func (e *endpoint) remove() {
	ports.giveBack(e.port)
	switch {
	case e.leave != nil:
		e.leave()
		return
	case e.folder == "": // that of a worker
		return
	}
	_ = removeInTurn(e.folder) // what stays is removed with the folder that it is in
}

// watch tells when something appears in the folder. Without it, as where the user has no inotify
// instance left, the endpoint is still found, a little later.
func (e *endpoint) watch() (appeared <-chan fsnotify.Event, unwatch func()) {
	if e.socket == "" {
		return nil, func() {}
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, func() {}
	}
	watcher.Add(e.folder) // if it fails, nothing is ever seen to appear
	return watcher.Events, func() { closeTurns.do(func() { watcher.Close() }) }
}

// String says where a connection was hoped for.
func (e *endpoint) String() string {
	switch {
	case e.port == 0:
		return "the socket $PURSER_SOCKET"
	case e.socket == "":
		return fmt.Sprintf("port %d", e.port)
	}
	return fmt.Sprintf("port %d ($PORT) or the socket $PURSER_SOCKET", e.port)
}

// wish is what to tell an app that listens elsewhere.
func (e *endpoint) wish() string {
	if e.port == 0 {
		return "$PURSER_SOCKET"
	}
	return "$PORT"
}

// probe tries to connect. It returns "", "" while nobody answers, and an error if a port is
// answered by a process outside the group of leader.
func (e *endpoint) probe(ctx context.Context, leader *process) (network, address string, err error) {
	if e.socket != "" {
		pid, ok, err := e.listenerOf(ctx, e.socket)
		if err != nil {
			return "", "", err
		}
		if ok {
			e.listener = pid
			return "unix", e.socket, nil
		}
	}
	if e.port == 0 {
		return "", "", nil
	}
	for _, ip := range []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback} {
		address := net.JoinHostPort(ip.String(), strconv.Itoa(e.port))
		if !answers(ctx, "tcp", address) {
			continue
		}
		owned, err := provenOwner(ip, e.port, leader)
		if owned {
			return "tcp", address, nil
		}
		return "", "", err
	}
	return "", "", nil
}

// listenerOf connects to a unix socket, and returns who has called listen(2) on it, 0 if that is not to
// be known (unix(7), SO_PEERCRED). The error says that it is a user whose socket cannot be the child's.
func (e *endpoint) listenerOf(ctx context.Context, socket string) (pid int, ok bool, err error) {
	dialer := net.Dialer{Timeout: time.Second}
	connection, err := dialer.DialContext(ctx, "unix", socket)
	if errors.Is(err, syscall.EACCES) && e.open != nil {
		if err := e.open(); errors.Is(err, syscall.EPERM) {
			return 0, false, fmt.Errorf("what is at %s is no socket of %s, whom the app runs as", socket, NameOf(e.owner))
		}
		connection, err = dialer.DialContext(ctx, "unix", socket)
	}
	if err != nil { // a full backlog is no refusal: somebody listens
		return 0, errors.Is(err, syscall.EAGAIN) && e.owner == anybody, nil
	}
	defer connection.Close()
	peer, err := peerOf(connection)
	switch {
	case e.owner == anybody && err != nil:
		return 0, true, nil
	case err != nil:
		return 0, false, fmt.Errorf("cannot find out who listens on the socket %s: %w", socket, err)
	case e.owner != anybody && int(peer.Uid) != e.owner:
		return 0, false, fmt.Errorf("the socket %s is that of user %s, not of %s, whom the app runs as", socket, NameOf(int(peer.Uid)), NameOf(e.owner))
	}
	return int(peer.Pid), true, nil
}

// peerOf is who is at the other end, or has called listen(2) there.
func peerOf(connection net.Conn) (peer *unix.Ucred, err error) {
	socket, ok := connection.(*net.UnixConn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	failed := raw.Control(func(fd uintptr) { peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	return peer, errors.Join(failed, err)
}

func answers(ctx context.Context, network, address string) bool {
	dialer := net.Dialer{Timeout: time.Second}
	connection, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return false
	}
	connection.Close()
	return true
}
