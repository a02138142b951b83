package restart

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"purser/restart/disk"
)

// A Release is the folder with code that an app's root led to at one moment, as pool.Release is.
type Release struct {
	Path     string    `json:"path"`               // real path of the app's root
	Dev      uint64    `json:"dev"`                // of that directory
	Inode    uint64    `json:"inode"`              // of that directory
	Revision string    `json:"revision,omitempty"` // content of its REVISION file, or its git commit
	Seen     time.Time `json:"seen"`               // when it was resolved
}

// ResolveRelease resolves an app's root, once: what a symlink on the way does later is another release.
// Without a REVISION file or a git commit that can be read, Revision is "".
func ResolveRelease(d disk.Disk, root string) (Release, error) {
	resolved, err := d.Resolve(root)
	if err != nil {
		return Release{}, notFound(root, err)
	}
	stat, err := disk.Look(d, resolved)
	if err != nil {
		return Release{}, notFound(root, err)
	}
	if !stat.IsFolder() {
		return Release{}, fmt.Errorf("the app's root %s is not a folder", root)
	}
	return Release{Path: resolved, Dev: stat.Dev, Inode: stat.Inode, Revision: d.Revision(resolved), Seen: time.Now()}, nil
}

// notFound says why an app's root leads nowhere, without the name of the system call.
func notFound(root string, err error) error {
	at, known := errors.AsType[*fs.PathError](err)
	switch {
	case !known:
		return fmt.Errorf("cannot find the app's folder %s: %w", root, err)
	case at.Err != syscall.ENOENT:
		return fmt.Errorf("cannot find the app's folder %s: %s: %w", root, at.Path, at.Err)
	case at.Path == root:
		return fmt.Errorf("the app's folder %s does not exist", root)
	}
	return fmt.Errorf("the app's folder %s leads to %s, which does not exist", root, at.Path)
}
