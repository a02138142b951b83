package conf

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// parseInclude refuses what could never name a file.
func parseInclude(s string) (string, error) {
	if _, err := filepath.Match(s, ""); err != nil || s == "" || !printable(s) {
		return "", fmt.Errorf(`must be paths or globs such as "apps/*.toml", not %s`, described(s))
	}
	return s, nil
}

// include has the apps of the files that server.include names be among the others.
func (r *reader) include(top *node) {
	n, patterns := includes(top)
	for _, pattern := range patterns {
		if err := r.unreadable(pattern); err != nil {
			r.refuse(n, fmt.Sprintf("cannot look for %s: %v", pattern, err))
		}
		paths := r.included(pattern)
		if len(paths) == 0 && !isGlob(pattern) {
			r.refuse(n, fmt.Sprintf("there is no file %s", pattern))
		}
		for _, path := range paths {
			if !slices.ContainsFunc(r.sources, func(s Source) bool { return s.Path == path }) {
				r.includeFile(top, n, path)
			}
		}
	}
	if apps := top.nodes["apps"]; r.given == nil && (apps == nil || apps.nodes != nil && len(apps.nodes) == 0) {
		r.expectFolders(n, patterns)
	}
}

// includes are the absolute paths and globs that a file names. What cannot be read is said where its table is.
func includes(top *node) (n *node, patterns []string) {
	server := top.nodes["server"]
	if server == nil || server.nodes["include"] == nil {
		return nil, nil
	}
	n = server.nodes["include"]
	patterns, err := includesForm.parse(n.value)
	if err != nil {
		return n, nil
	}
	placeAll(patterns, top.file.dir)
	return n, patterns
}

// Includes are the absolute paths and globs that a file names as it is now, whether or not it can be used.
func Includes(path string) []string {
	data, err := ReadFile(path)
	if err != nil {
		return nil
	}
	top, err := open(path, data)
	if err != nil {
		return nil
	}
	_, patterns := includes(top)
	return patterns
}

// Included are the files that there are now by absolute paths or globs, in their order.
func Included(patterns []string) (paths []string) {
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern) // what parseInclude accepted is well-formed
		paths = append(paths, found...)
	}
	return paths
}

// expectFolders refuses globs without a folder, where all apps are to come from them: it is more likely that the
// folder is misspelt, or gone by mistake.
func (r *reader) expectFolders(n *node, patterns []string) {
	for _, pattern := range patterns {
		if _, err := os.Stat(fixedFolder(pattern)); errors.Is(err, os.ErrNotExist) && isGlob(pattern) {
			r.refuse(n, fmt.Sprintf("there is no folder %s, and no app is configured; create it", fixedFolder(pattern)))
		}
	}
}

// AwaitedAt are the paths and globs of the files that apps are awaited in, if there is none yet.
func (c *Config) AwaitedAt() []string {
	if len(c.Apps) > 0 {
		return nil
	}
	return c.Server.Include
}

// fixedFolder is the folder of a glob before its first wildcard.
func fixedFolder(pattern string) string {
	for isGlob(pattern) {
		pattern = filepath.Dir(pattern)
	}
	return pattern
}

// unreadable is why the files of a glob cannot be found. To filepath.Glob a folder that cannot be read is an empty
// one; to us its apps would be gone. One that is not there, and not even a link to it, is empty.
func unreadable(pattern string) error {
	dir := filepath.Dir(pattern)
	switch {
	case !isGlob(pattern):
		return nil // that there is no such file is said
	case !isGlob(dir):
		return readable(dir)
	}
	wrong := unreadable(dir)
	for _, folder := range Included([]string{dir}) {
		if stat, err := os.Stat(folder); err == nil && stat.IsDir() || err != nil && !errors.Is(err, fs.ErrNotExist) {
			wrong = cmp.Or(wrong, readable(folder))
		}
	}
	return wrong
}

func readable(dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err = f.Readdirnames(1); errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func isGlob(pattern string) bool { return strings.ContainsAny(pattern, `*?[\`) }

// includeFile adds the apps of one file. It may hold nothing else: what is common to all apps has one place.
func (r *reader) includeFile(top, from *node, path string) {
	data, err := r.file(path)
	if err != nil {
		r.refuse(from, fmt.Sprintf("cannot read what is included: %v", err))
		return
	}
	other, err := open(path, data)
	if problems, ok := errors.AsType[Problems](err); ok {
		r.problems = append(r.problems, problems...)
	}
	if err != nil {
		return
	}
	for name, n := range other.nodes {
		switch {
		case name != "apps":
			r.refuseAt(n, fmt.Sprintf("a file that is included may only have apps; write this into %s", top.file.name))
		case n.nodes == nil:
			r.refuseAt(n, fmt.Sprintf("must be a table, not %s", described(n.value)))
		case top.nodes["apps"] == nil:
			top.nodes["apps"] = n
		default:
			r.addApps(top.nodes["apps"], n)
		}
	}
}

func (r *reader) addApps(to, from *node) {
	if to.nodes == nil {
		return // it is said that apps is no table
	}
	for name, app := range from.nodes {
		if there := to.nodes[name]; there != nil {
			r.refuseAt(app, fmt.Sprintf("is also in %s:%d; an app is written in one place", there.file.name, there.line()))
			continue
		}
		to.nodes[name] = app
	}
}

// refuseAt is refuse for what another file has a key for as well.
func (r *reader) refuseAt(n *node, text string) {
	r.problems = append(r.problems, Problem{File: n.file.name, Line: n.line(), Key: n.key, Text: text})
}
