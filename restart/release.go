package restart

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// A Release is the folder with code that an app's root led to at one moment, as pool.Release is.
type Release struct {
	Path     string    `json:"path"`               // real path of the app's root
	Dev      uint64    `json:"dev"`                // of that directory
	Inode    uint64    `json:"inode"`              // of that directory
	Revision string    `json:"revision,omitempty"` // content of its REVISION file, or its git commit
	Seen     time.Time `json:"seen"`               // when it was resolved
}

// maxRevision is how many bytes of a REVISION file are its revision.
const maxRevision = 100

// ResolveRelease resolves an app's root, once: what a symlink on the way does later is another release.
// Without a REVISION file or a git commit that can be read, Revision is "".
func ResolveRelease(root string) (Release, error) {
	resolved, err := filepath.EvalSymlinks(root)
	if err != nil {
		return Release{}, notFound(root, err)
	}
	stat, err := os.Stat(resolved)
	if err != nil {
		return Release{}, notFound(root, err)
	}
	if !stat.IsDir() {
		return Release{}, fmt.Errorf("the app's root %s is not a folder", root)
	}
	dev, inode := identityOf(stat)
	return Release{Path: resolved, Dev: dev, Inode: inode, Revision: revisionOf(resolved), Seen: time.Now()}, nil
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

// revisionOf opens nothing outside the folder: what is in it may not be trusted.
func revisionOf(folder string) string {
	root, err := openFolder(folder)
	if err != nil {
		return ""
	}
	defer root.Close()
	if revision := firstLine(root, "REVISION", maxRevision); revision != "" {
		return revision
	}
	head := firstLine(root, ".git/HEAD", maxRevision)
	ref, symbolic := strings.CutPrefix(head, "ref: ")
	if !symbolic {
		return head
	}
	if commit := firstLine(root, path.Join(".git", ref), maxRevision); commit != "" {
		return commit
	}
	return packedRef(root, ref)
}

// firstLine is the printable part of a file's first line, "" if there is no such file. No more than
// the file's first limit bytes are looked at.
func firstLine(root *os.Root, name string, limit int64) string {
	f, err := openFile(root, name)
	if err != nil {
		return ""
	}
	defer f.Close()
	start, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(start)), "\n")
	return strings.TrimSpace(printable(line))
}

// printable is what a log or a terminal may be shown of a text.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}

// packedRef finds a branch that has no file of its own (git-pack-refs(1)).
func packedRef(root *os.Root, ref string) string {
	f, err := openFile(root, ".git/packed-refs")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if commit, name, _ := strings.Cut(lines.Text(), " "); name == ref {
			return commit
		}
	}
	return ""
}

// openFolder makes the kernel refuse what is no folder, by the slash at the end: without it, a pipe of
// that name would block.
func openFolder(path string) (*os.Root, error) { return os.OpenRoot(path + "/") }

// openFile opens a regular file only, and without waiting: a pipe of that name would block.
func openFile(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	stat, err := f.Stat()
	if err == nil && !stat.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
