package conf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	server := top.nodes["server"]
	if server == nil || server.nodes["include"] == nil {
		return
	}
	n := server.nodes["include"]
	patterns, err := includesForm.parse(n.value)
	if err != nil {
		return // it is said where the table is read
	}
	placeAll(patterns, top.file.dir)
	for _, pattern := range patterns {
		paths := r.included(pattern)
		if len(paths) == 0 {
			r.expect(n, pattern)
		}
		for _, path := range paths {
			if !slices.ContainsFunc(r.sources, func(s Source) bool { return s.Path == path }) {
				r.includeFile(top, n, path)
			}
		}
	}
	if apps := top.nodes["apps"]; apps == nil || apps.nodes != nil && len(apps.nodes) == 0 {
		r.expectFolders(n, patterns)
	}
}

// Included are the files that there are now by absolute paths or globs, in their order.
func Included(patterns []string) (paths []string) {
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern) // what parseInclude accepted is well-formed
		paths = append(paths, found...)
	}
	return paths
}

// expect refuses a path that leads to nothing. A glob may: its files are still to come. Where its folder cannot be
// read, nobody knows.
func (r *reader) expect(n *node, pattern string) {
	if !isGlob(pattern) {
		r.refuse(n, fmt.Sprintf("there is no file %s", pattern))
		return
	}
	if _, err := os.ReadDir(fixedFolder(pattern)); err != nil && !errors.Is(err, os.ErrNotExist) {
		r.refuse(n, fmt.Sprintf("cannot look for %s: %v", pattern, err))
	}
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
