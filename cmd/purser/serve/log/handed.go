package log

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Opened opens a log for another user, as the rules say: what is new is theirs. What is below the folder of an app that
// user opens by the way to what belongs to the app's, so it is nil.
func (r Rules) Opened(where string, uid, gid int) (*os.File, error) {
	where = named(where)
	if err := r.refusal(where); err != nil {
		return nil, err
	}
	if folder, _, _ := r.untrusted(where); folder != "" {
		return nil, nil
	}
	f := newFile(r.log, where)
	if err := f.locate(r); err != nil {
		return nil, err
	}
	_, missing := os.Lstat(where)
	fd, err := f.open()
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), where)
	if f.below == "" && os.IsNotExist(missing) {
		if err := unix.Fchown(fd, uid, gid); err != nil {
			file.Close()
			return nil, fmt.Errorf("cannot give the log %s to whom it is opened for: %w", where, err)
		}
	}
	return file, nil
}
