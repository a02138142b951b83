// Package dotenv reads files of variables as dotenv has them, and runs a program with them. Purser itself reads none:
// what runs the app does, as the app's user and each time, so that nobody else learns what is in there.
package dotenv

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A Variable is one that a file sets.
type Variable struct{ Name, Value string }

// Parse returns the variables of a file in their order; of a name that is set twice, the last counts. Each line is
// NAME=VALUE, with "export " before it or not, empty, or a comment that begins with "#". A value in ” or in backticks is
// taken as it is; in one in "" there are \n, \r, \t, \", \\ and \$; both may go over several lines. One without quotes
// ends at a blank followed by "#", or with its line. Nothing is expanded: a "$" is a "$". An error names the line, and
// never what is in it.
func Parse(text string) (all []Variable, err error) {
	p := parser{rest: strings.TrimPrefix(text, "\ufeff"), line: 1}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, fmt.Errorf("it is no text in UTF-8")
	}
	for p.rest != "" {
		at := p.line
		v, err := p.next()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", at, err)
		}
		if v.Name != "" {
			p.set(v)
		}
	}
	return p.all, nil
}

type parser struct {
	rest string
	line int // that rest begins in
	all  []Variable
}

func (p *parser) set(v Variable) {
	for i := range p.all {
		if p.all[i].Name == v.Name {
			p.all[i] = v
			return
		}
	}
	p.all = append(p.all, v)
}

func (p *parser) has(name string) bool {
	for _, v := range p.all {
		if v.Name == name {
			return true
		}
	}
	return false
}

var (
	assignment = regexp.MustCompile(`^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*`)
	exported   = regexp.MustCompile(`^[ \t]*export[ \t]+([A-Za-z_][A-Za-z0-9_.-]*)$`)
	comment    = regexp.MustCompile(`(^|[ \t]+)#.*$`)
)

// next reads one line, or the several that a value in quotes is in. Without a name, it sets nothing.
func (p *parser) next() (v Variable, err error) {
	begin := assignment.FindStringSubmatch(p.rest)
	if begin == nil {
		return v, p.nothing()
	}
	v.Name = begin[1]
	p.rest = p.rest[len(begin[0]):]
	if p.rest == "" || !strings.ContainsRune("'\"`", rune(p.rest[0])) {
		v.Value = strings.TrimSpace(comment.ReplaceAllString(p.takeLine(), ""))
		return v, nil
	}
	if v.Value, err = p.quoted(p.rest[0]); err != nil {
		return v, err
	}
	if strings.TrimSpace(comment.ReplaceAllString(p.takeLine(), "")) != "" {
		return v, fmt.Errorf("something follows the closing quote of %s", v.Name)
	}
	return v, nil
}

// nothing takes a line that sets nothing.
func (p *parser) nothing() error {
	line := strings.TrimRight(comment.ReplaceAllString(p.takeLine(), ""), " \t")
	if line == "" {
		return nil
	}
	if name := exported.FindStringSubmatch(line); name != nil && p.has(name[1]) {
		return nil
	}
	return fmt.Errorf(`it is not NAME=VALUE, nor a comment that begins with "#"`)
}

// takeLine takes what is left of the line.
func (p *parser) takeLine() string {
	line, rest, _ := strings.Cut(p.rest, "\n")
	p.rest, p.line = rest, p.line+1
	return strings.TrimSuffix(line, "\r")
}

// quoted takes a value up to its closing quote.
func (p *parser) quoted(quote byte) (string, error) {
	var value strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == quote:
			p.line += strings.Count(p.rest[:i], "\n")
			p.rest = p.rest[i+1:]
			return strings.ReplaceAll(value.String(), "\r\n", "\n"), nil
		case c == '\\' && quote == '"' && i+1 < len(p.rest):
			i++
			value.WriteString(escaped(p.rest[i]))
		default:
			value.WriteByte(c)
		}
	}
	return "", fmt.Errorf("a value begins with %c, and no such quote closes it", quote)
}

// escaped is what a backslash before a character means: of one that it means nothing before, both.
func escaped(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 't':
		return "\t"
	case '"', '\\', '$':
		return string(c)
	}
	return `\` + string(c)
}
