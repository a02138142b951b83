package keeper

import (
	"errors"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// socketPair is a connection whose other end is for a child.
func socketPair() (ours *net.UnixConn, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	theirs = os.NewFile(uintptr(pair[1]), "theirs")
	ours, err = connectionOf(pair[:1])
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return ours, theirs, nil
}

// inheritedSocket is the one to who has started this process.
func inheritedSocket() (*net.UnixConn, error) {
	conn, err := connectionOf([]int{socketFD})
	if err != nil {
		return nil, errors.New("it has no socket")
	}
	return conn, nil
}

// connectionOf makes a connection of the one descriptor of a message.
func connectionOf(files []int) (*net.UnixConn, error) {
	if len(files) != 1 {
		closeFiles(files)
		return nil, errMalformed("it comes with no connection")
	}
	file := os.NewFile(uintptr(files[0]), "purser")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	link, is := conn.(*net.UnixConn)
	if !is {
		return nil, errors.Join(errMalformed("its connection is none of purser's"), conn.Close())
	}
	return link, nil
}
