package restart

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"purser/restart/disk"
)

// An inotify is one instance of inotify(7). It is used as it is, since what an app writes must cost
// nothing: only then can a folder be watched without being told of each write to the files in it.
type inotify struct {
	fd      int
	file    *os.File
	events  chan []event // what one read gave; closed when reading has ended
	closing chan struct{}
	reading sync.WaitGroup
}

// An event is what happened to a watched file or folder, or to the entry of a folder. Watch is -1 if
// events were lost.
type event struct {
	watch int
	mask  uint32
	name  string // of the entry; "" = the watched itself
}

func newInotify() (*inotify, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("cannot use inotify: %w", err)
	}
	i := &inotify{fd: fd, file: os.NewFile(uintptr(fd), "inotify"), events: make(chan []event), closing: make(chan struct{})}
	i.reading.Go(i.read)
	return i, nil
}

// add watches what is at a path, or changes for what it is watched.
func (i *inotify) add(d disk.Disk, path string, mask uint32) (watch int, blind bool, err error) {
	return d.Watch(i.fd, path, mask)
}

// remove fails if what was watched is gone; then the kernel has done it.
func (i *inotify) remove(watch int) { _, _ = unix.InotifyRmWatch(i.fd, uint32(watch)) }

func (i *inotify) close() {
	close(i.closing)
	_ = i.file.Close()
	i.reading.Wait()
}

func (i *inotify) read() {
	defer close(i.events)
	buffer := make([]byte, 16<<10)
	for {
		n, err := i.file.Read(buffer)
		if err != nil {
			return // closed
		}
		select {
		case i.events <- eventsIn(buffer[:n]):
		case <-i.closing:
			return
		}
	}
}

// eventsIn reads a row of struct inotify_event.
func eventsIn(b []byte) (all []event) {
	for len(b) >= unix.SizeofInotifyEvent {
		watch := int32(binary.NativeEndian.Uint32(b))
		length := int(binary.NativeEndian.Uint32(b[12:]))
		name := string(b[unix.SizeofInotifyEvent : unix.SizeofInotifyEvent+length])
		all = append(all, event{int(watch), binary.NativeEndian.Uint32(b[4:]), strings.TrimRight(name, "\x00")})
		b = b[unix.SizeofInotifyEvent+length:]
	}
	return all
}
