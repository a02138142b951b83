// Package access says where a path leads, and what a user may do with what is there, as the kernel has it
// (path_resolution(7)).
package access

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A Step is an entry on the way of a path.
type Step struct {
	Folder, Name string      // the former by its real path
	Stat         fs.FileInfo // by lstat(2); nil = Err says why not
	Err          error
	Last         bool // nothing follows, but where it leads if it is a link
}

// Path is where the entry is, by its real path.
func (s Step) Path() string { return filepath.Join(s.Folder, s.Name) }

// IsLink reports whether it is a symbolic link.
func (s Step) IsLink() bool { return s.Err == nil && s.Stat.Mode().Type() == fs.ModeSymlink }

// mostLinks is how many the kernel follows in one path.
const mostLinks = 40

// Walk goes along a path from a folder, whose real path at is, and tells each step as it comes to it. It returns the real
// path of the end. At what is not there or cannot be looked at, and if links lead on without an end, it ends with an error.
func Walk(at, path string, tell func(Step)) (end string, err error) {
	steps := Split(path)
	for links := 0; len(steps) > 0; {
		name := steps[0]
		steps = steps[1:]
		if name == ".." {
			at = filepath.Dir(at)
			continue
		}
		s := Step{Folder: at, Name: name, Last: len(steps) == 0}
		s.Stat, s.Err = os.Lstat(s.Path())
		tell(s)
		if s.Err != nil {
			return "", s.Err
		}
		if !s.IsLink() {
			at = s.Path()
			continue
		}
		target, err := os.Readlink(s.Path())
		if links++; err == nil && links > mostLinks {
			err = &fs.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
		}
		if err != nil {
			return "", err
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		steps = append(Split(target), steps...)
	}
	return at, nil
}

// Split is a path in its parts.
func Split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}
