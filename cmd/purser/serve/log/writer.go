package log

import (
	"time"

	"golang.org/x/sys/unix"
)

// run is the goroutine that writes.
func (l *Log) run() {
	defer close(l.done)
	for {
		select {
		case <-l.soon:
		case <-l.later:
			if !l.gather() {
				l.finish()
				return
			}
		case <-l.quit:
			l.finish()
			return
		}
		for l.round() {
			if !l.await(retry) {
				l.finish()
				return
			}
		}
	}
}

// gather waits for more lines, so that many are written at once. It reports false at the end.
func (l *Log) gather() bool {
	timer := time.NewTimer(gather)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.soon:
	case <-l.quit:
		return false
	}
	return true
}

// round writes what can be written without waiting, and reports whether something is left.
func (l *Log) round() (left bool) {
	if l.takeStale() {
		rules := l.rules() // links of apps' folders may lead elsewhere than before
		for _, s := range l.all() {
			s.reopen(rules)
		}
	}
	now := time.Now()
	for _, s := range l.all() {
		if s.flush(now) {
			left = true
		} else if s.unused.Load() {
			l.closeUnused(s)
		}
	}
	return left
}

// await waits until one of those who did not read reads again, or for d. It reports false at the end.
func (l *Log) await(d time.Duration) bool {
	var waiting []unix.PollFd
	for _, s := range l.all() {
		if fd, ok := s.target.waitsFor(); ok && len(s.rest) > 0 {
			waiting = append(waiting, unix.PollFd{Fd: int32(fd), Events: unix.POLLOUT})
		}
	}
	if len(waiting) > 0 {
		_, _ = unix.Poll(waiting, int(d.Milliseconds())) // interrupted or not, it is tried again
	} else {
		time.Sleep(d)
	}
	select {
	case <-l.quit:
		return false
	default:
		return true
	}
}

// finish writes what is left, for a while, and closes all files.
func (l *Log) finish() {
	deadline := time.Now().Add(stopWithin)
	for l.round() && time.Now().Before(deadline) {
		l.await(min(retry, time.Until(deadline)))
	}
	for _, s := range l.all() {
		s.end()
	}
	l.tidy.Wait()
}
