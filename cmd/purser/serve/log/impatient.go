package log

import (
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// Impatient writes to w for those who have no Log any more: it gives up when nobody has read for 2 s.
func Impatient(w io.Writer) io.Writer { return impatient{streamOf(w)} }

type impatient struct{ target }

func (w impatient) Write(p []byte) (n int, err error) {
	deadline := time.Now().Add(stopWithin)
	for n < len(p) {
		written, err := w.write(p[n:])
		n += written
		fd, stuck := w.waitsFor()
		switch {
		case err == nil, errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN) && stuck && time.Now().Before(deadline):
			ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
			_, _ = unix.Poll(ready, int(time.Until(deadline).Milliseconds())+1)
		default:
			return n, err
		}
	}
	return n, nil
}
