package spawn

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"purser/conf/access"
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

// WayTo goes as the kernel does. What it returns held while it went: who opens the file then opens it by its real path,
// and follows no link.
func WayTo(path string) (w Way, err error) {
	var last access.Step
	w.Real, err = access.Walk("/", path, func(s access.Step) {
		last = s
		if !s.IsLink() {
			return
		}
		if link := owned(s.Path(), s.Stat); link.UID != 0 {
			w.Links = append(w.Links, link)
		}
	})
	if last.Last && errors.Is(last.Err, fs.ErrNotExist) {
		w.Real, err = last.Path(), nil
	}
	if err != nil {
		return w, err
	}
	return w, w.see(filepath.Dir(w.Real))
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
