package conf

import (
	"os"
	"path/filepath"
	"slices"
)

// A Source is a file that a configuration was read from, as it was then.
type Source struct {
	Path string
	Text []byte
}

// Reread reads a configuration from what it was read from before, whatever the files hold by now. path is what
// Load was given.
func Reread(path string, sources []Source) (*Config, error) {
	r := &reader{given: sources}
	data, err := r.file(sourcePath(path))
	if err != nil {
		return nil, err
	}
	return parse(path, data, r, (*reader).include)
}

// sourcePath is by what path the file that includes the others is among the sources.
func sourcePath(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		return absolute
	}
	return path
}

// file is what is in a file, which is a source from now on.
func (r *reader) file(path string) ([]byte, error) {
	text, err := r.look(path)
	if err == nil {
		r.sources = append(r.sources, Source{path, text})
	}
	return text, err
}

func (r *reader) look(path string) ([]byte, error) {
	if r.given == nil {
		return ReadFile(path)
	}
	at := slices.IndexFunc(r.given, func(s Source) bool { return s.Path == path })
	if at < 0 {
		return nil, &os.PathError{Op: "open", Path: path, Err: os.ErrNotExist}
	}
	return r.given[at].Text, nil
}

// unreadable is why the files of a glob cannot be found.
func (r *reader) unreadable(pattern string) error {
	if r.given != nil {
		return nil
	}
	return unreadable(pattern)
}

// included are the files that a path or glob stands for.
func (r *reader) included(pattern string) (paths []string) {
	if r.given == nil {
		return Included([]string{pattern})
	}
	for _, s := range r.given {
		if matches, _ := filepath.Match(pattern, s.Path); matches {
			paths = append(paths, s.Path)
		}
	}
	return paths
}

// Files are the paths that the configuration was read from, itself first; none if it was not read from files.
func (c *Config) Files() (paths []string) {
	for _, s := range c.Sources {
		paths = append(paths, s.Path)
	}
	return paths
}

// Refuse is a problem with a key of a configuration that was read, which only this machine tells: a user that it does
// not know. It names the place where the key stands, or the nearest table around it.
func (c *Config) Refuse(key []string, text string) Problem {
	p := Problem{Key: key, Text: text}
	if len(c.Sources) == 0 {
		return p
	}
	top, err := open(c.Sources[0].Path, c.Sources[0].Text)
	if err == nil {
		r := &reader{given: c.Sources}
		r.include(top)
		p.File, p.Line = top.placeOf(key)
	}
	return p
}
