package restart

import (
	"cmp"
	"encoding/binary"
	"errors"
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
	disk    disk.Disk
	file    *os.File
	told    chan<- told
	closing chan struct{}
	reading sync.WaitGroup
}

// Told is what one read of an inotify gave, or its end.
type told struct {
	by     *inotify
	events []event
	ended  error
}

// An event is what happened to a watched file or folder, or to the entry of a folder. Watch is -1 if
// events were lost.
type event struct {
	watch int
	mask  uint32
	name  string // of the entry; "" = the watched itself
}

// newInotify opens one for what a user owns. What it tells goes to a channel.
func newInotify(d disk.Disk, to chan<- told) (*inotify, error) {
	file, err := d.Inotify()
	if err != nil {
		return nil, err
	}
	i := &inotify{disk: d, file: file, told: to, closing: make(chan struct{})}
	i.reading.Go(i.read)
	return i, nil
}

// add watches what is at a path, or changes for what it is watched.
func (i *inotify) add(path string, mask uint32) (watch int, blind bool, err error) {
	return i.disk.Watch(i.file, path, mask)
}

// remove fails if what was watched is gone; then the kernel has done it.
func (i *inotify) remove(watch int) {
	_ = disk.WithNumber(i.file, func(fd int) error {
		_, err := unix.InotifyRmWatch(fd, uint32(watch))
		return err
	})
}

func (i *inotify) close() {
	close(i.closing)
	_ = i.file.Close()
	i.reading.Wait()
}

func (i *inotify) read() {
	for {
		events, err := i.await()
		if err != nil {
			i.tell(told{by: i, ended: fmt.Errorf("it has ended: %w", err)})
			return
		}
		if !i.tell(told{by: i, events: events}) {
			return
		}
	}
}

// rows are what events are read into. Who waits for some has none: there may be an inotify of each of hundreds of users.
var rows = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// await waits for events.
func (i *inotify) await() (events []event, err error) {
	raw, err := i.file.SyscallConn()
	if err != nil {
		return nil, err
	}
	var wrong error
	err = raw.Read(func(fd uintptr) (there bool) {
		row := rows.Get().(*[16 << 10]byte)
		defer rows.Put(row)
		var n int
		n, wrong = unix.Read(int(fd), row[:])
		events = eventsIn(row[:max(n, 0)])
		return !errors.Is(wrong, unix.EAGAIN)
	})
	return events, cmp.Or(err, wrong)
}

func (i *inotify) tell(t told) bool {
	select {
	case i.told <- t:
		return true
	case <-i.closing:
		return false
	}
}

// eventsIn reads a row of struct inotify_event. What is none of the kernel's is left out.
func eventsIn(b []byte) (all []event) {
	for len(b) >= unix.SizeofInotifyEvent {
		watch := int32(binary.NativeEndian.Uint32(b))
		length := int64(binary.NativeEndian.Uint32(b[12:]))
		if unix.SizeofInotifyEvent+length > int64(len(b)) {
			return all
		}
		name := string(b[unix.SizeofInotifyEvent : unix.SizeofInotifyEvent+length])
		all = append(all, event{int(watch), binary.NativeEndian.Uint32(b[4:]), strings.TrimRight(name, "\x00")})
		b = b[unix.SizeofInotifyEvent+length:]
	}
	return all
}
