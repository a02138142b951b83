package conf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// A Problem is one thing in a configuration that cannot be honoured.
type Problem struct {
	File string   // as it was named to Load; "" if the configuration came from flags
	Line int      // counted from 1; 0 = not known
	Key  []string // such as apps, blog, root; none for a syntax error
	Text string   // what is wrong and what is allowed
}

// Error is "purser.toml:12: apps.blog.min_proceses: unknown key; …".
func (p Problem) Error() string {
	var b strings.Builder
	switch {
	case p.File != "" && p.Line > 0:
		fmt.Fprintf(&b, "%s:%d: ", p.File, p.Line)
	case p.File != "":
		fmt.Fprintf(&b, "%s: ", p.File)
	}
	if len(p.Key) > 0 {
		fmt.Fprintf(&b, "%s: ", toml.Key(p.Key))
	}
	b.WriteString(p.Text)
	return b.String()
}

// Problems is everything that is wrong with a configuration, by file and in the order of the lines. It is the
// error that Parse and Validate return.
type Problems []Problem

// Error has one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// about reports whether one of the problems is about the key or a table that it is in.
func (ps Problems) about(key []string) bool {
	return slices.ContainsFunc(ps, func(p Problem) bool {
		return len(p.Key) <= len(key) && slices.Equal(p.Key, key[:len(p.Key)])
	})
}

// err is nil if there is no problem: an empty Problems in an error would not be.
func (ps Problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	first := ps[0].File
	slices.SortStableFunc(ps, func(a, b Problem) int {
		if a.File == b.File {
			return a.Line - b.Line
		}
		return strings.Compare(strings.TrimPrefix(a.File, first), strings.TrimPrefix(b.File, first))
	})
	return ps
}
