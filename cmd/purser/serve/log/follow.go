package log

import (
	"time"

	"golang.org/x/sys/unix"
)

// Follow leaves the files to another process, which writes to them, too: it alone moves them aside as they grow, and is
// told when they are to be opened again. This one notices, before it writes, that a file has been moved. Follow returns
// once no file is being moved aside from here, or after 2 s.
func (l *Log) Follow() {
	l.follows.Store(true)
	for end := time.Now().Add(stopWithin); l.moving.Load() > 0 && time.Now().Before(end); {
		time.Sleep(retry / 10)
	}
}

// Own takes the files over, which another process has left.
func (l *Log) Own() {
	l.follows.Store(false)
	l.Reopen()
}

// beginMove reports whether a file may be moved aside, which has to be ended then.
func (l *Log) beginMove() bool {
	l.moving.Add(1)
	if l.follows.Load() { // looked at afterwards: who begins to follow from now on waits
		l.moving.Add(-1)
		return false
	}
	return true
}

func (l *Log) endMove() { l.moving.Add(-1) }

// follow goes on in the file that has the name now. While none has it, or if it cannot be opened, the one that was moved
// aside is written on. The writer calls it between two lines.
func (f *file) follow() {
	var named, open unix.Stat_t
	if unix.Stat(f.path, &named) != nil || unix.Fstat(f.fd, &open) != nil || named.Dev == open.Dev && named.Ino == open.Ino {
		return
	}
	_ = f.start(f.rules)
}
