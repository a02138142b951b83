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
)

const (
	loaders    = "loader"   // folder of the loaders, beside the socket folders
	socketName = "app.sock" // longer than any other socket's name that a loader makes beside it
	maxSocket  = 107        // bytes of a socket's path: sun_path is 108 with its final zero
)

// An endpoint is where a child is asked to listen. Of two places, the first that answers counts.
type endpoint struct {
	folder string // 0700 and new, so that only this child can have made a socket in it
	socket string // path; "" if not offered
	port   int    // on loopback; 0 if not offered

	listener int // pid of who listens on the socket, once that answers; 0 = not known
}

// makeEndpoint makes the folder of a child and says which places its app is offered: loaders put
// the app on the socket, a command says by {socket} and {port} what it wants, or gets both.
func makeEndpoint(folder string, app conf.App) (*endpoint, error) {
	e := &endpoint{folder: folder}
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
	if wantsSocket || !wantsPort {
		e.socket = filepath.Join(folder, socketName)
	}
	if len(e.socket) > maxSocket {
		return nil, fmt.Errorf("the socket path %s has %d bytes, the system allows %d: "+
			"use a shorter runtime directory (XDG_RUNTIME_DIR)", e.socket, len(e.socket), maxSocket)
	}
	if wantsPort || !wantsSocket {
		port, err := ports.take()
		if err != nil {
			return nil, err
		}
		e.port = port
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		ports.giveBack(e.port)
		return nil, fmt.Errorf("cannot make a socket folder: %w", err)
	}
	return e, nil
}

func (e *endpoint) remove() {
	ports.giveBack(e.port)
	folderTurns.do(func() { os.RemoveAll(e.folder) })
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
func (e *endpoint) probe(ctx context.Context, leader int) (network, address string, err error) {
	if e.socket != "" {
		if pid, ok := listenerOf(ctx, e.socket); ok {
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
// be known (unix(7), SO_PEERCRED).
func listenerOf(ctx context.Context, socket string) (pid int, ok bool) {
	dialer := net.Dialer{Timeout: time.Second}
	connection, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return 0, errors.Is(err, syscall.EAGAIN) // a full backlog is no refusal: somebody listens
	}
	defer connection.Close()
	raw, err := connection.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, true
	}
	raw.Control(func(fd uintptr) {
		if peer, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(peer.Pid)
		}
	})
	return pid, true
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
