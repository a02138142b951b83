package files

import (
	"cmp"
	"errors"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// A tree is what lies below a folder, as far as a reader may have it.
type tree struct {
	root   *os.Root                            // nil = purser may not look into it
	owner  func(name string) (*os.File, error) // opens what purser may not; nil = nobody does
	reader reader

	mu   sync.Mutex      // guards what follows; nothing is looked up under it
	ways map[string]bool // folders below, "" = root itself, and whether the reader may reach what is in them
}

// open opens a regular file, or returns nil if there is none of that name. Errors are those that say
// nothing about the file. If owner is not -1, the file must be his.
func (t *tree) open(name string, owner int64) (*find, error) {
	// It does not wait for whatever a file that is none might want.
	f, err := t.openFile(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, grave(err)
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || owner >= 0 && uidOf(info) != owner {
		_ = f.Close()
		return nil, nil
	}
	return &find{file: f, state: stateOf(sysOf(info))}, nil
}

// reach reports whether the reader may search a folder and those above it. That is remembered until the
// next look.
func (t *tree) reach(folder string) (bool, error) {
	t.mu.Lock()
	reached, known := t.ways[folder]
	t.mu.Unlock()
	if known {
		return reached, nil
	}
	info, err := t.root.Stat(cmp.Or(folder, "."))
	if err != nil {
		return false, grave(err)
	}
	if reached = t.reader.may(toSearch, info); reached && folder != "" {
		if reached, err = t.reach(folderOf(folder)); err != nil {
			return false, err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ways == nil || len(t.ways) >= mostNames {
		t.ways = make(map[string]bool)
	}
	t.ways[folder] = reached
	return reached, nil
}

// folderOf returns the name of the folder that holds what has this name.
func folderOf(name string) string { return name[:max(0, strings.LastIndexByte(name, '/'))] }

// forget is called at each look: permissions may have changed.
func (t *tree) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ways = nil
}

// grave returns err if it says nothing about the file.
func grave(err error) error {
	if closedMeanwhile(err) || OutOfDescriptors(err) {
		return err
	}
	return nil
}

func closedMeanwhile(err error) bool { return errors.Is(err, os.ErrClosed) }

// OutOfDescriptors reports an error that will pass: as many files and connections are open as may be.
func OutOfDescriptors(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENOMEM)
}
