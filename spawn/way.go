package spawn

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A Way is how a path leads to a file, and who had a hand in that.
type Way struct {
	Real    string  // the path without links; what is at its end need not be there
	Links   []Owned // that were followed, except those of root
	Folders []Owned // the real ones down to the file, "/" first
}

// An Owned is a link or a folder, and whose it is.
type Owned struct {
	Path string
	UID  int
	Mode os.FileMode
}

// mostLinks is how many the kernel follows in one path (path_resolution(7)).
const mostLinks = 40

// WayTo goes as the kernel does. What it returns held while it went: who opens the file then opens it by its real path,
// and follows no link.
func WayTo(path string) (w Way, err error) {
	at, steps := "/", stepsOf(path)
	for followed := 0; len(steps) > 0; {
		step := steps[0]
		steps = steps[1:]
		if step == ".." {
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, step)
		stat, err := os.Lstat(next)
		if err != nil && (len(steps) > 0 || !errors.Is(err, fs.ErrNotExist)) {
			return w, err
		}
		if err != nil || stat.Mode().Type() != fs.ModeSymlink {
			at = next
			continue
		}
		target, err := os.Readlink(next)
		if followed++; followed > mostLinks {
			err = &fs.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
		}
		if err != nil {
			return w, err
		}
		if link := owned(next, stat); link.UID != 0 {
			w.Links = append(w.Links, link)
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		steps = append(stepsOf(target), steps...)
	}
	w.Real = at
	return w, w.see(filepath.Dir(at))
}

// see notes the folders down to one.
func (w *Way) see(folder string) error {
	if folder != "/" {
		if err := w.see(filepath.Dir(folder)); err != nil {
			return err
		}
	}
	stat, err := os.Lstat(folder)
	if err != nil {
		return err
	}
	w.Folders = append(w.Folders, owned(folder, stat))
	return nil
}

func owned(path string, stat fs.FileInfo) Owned {
	return Owned{path, int(stat.Sys().(*syscall.Stat_t).Uid), stat.Mode()}
}

func stepsOf(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}
