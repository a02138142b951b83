package keeper

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The front of a purser that root has started meets strangers, and has no rights: who takes it over must gain nothing.
// So it does not say what to run and as whom. It names a grant of a table, which a reader of the configuration that
// runs as root has made, and fills its slots.

// A Grant is a program that the front may have run: a template, with slots in its path, folder, arguments and
// environment.
type Grant struct {
	User      *User
	Limits    Limits
	Group     AppGroup
	Path, Dir string
	Args, Env []string
	Root      string   // of the app, as it is configured: its releases may be filled in
	Shell     bool     // a shell reads its arguments, so what is filled in has to be plain words
	Variables []string // the names of those that may be added to its environment
}

// The slots of a template. Everything else in it is as it is; the first byte of a slot is doubled where it is meant.
const (
	SlotRelease    = "\x01r" // the path of a release of the app
	SlotFolder     = "\x01f" // that of a folder for its socket, which the keeper has made
	SlotPort       = "\x01p"
	SlotProcess    = "\x01n" // the number of the process
	SlotIndex      = "\x01i" // its index among those of its generation
	SlotGeneration = "\x01g"
	SlotWord       = "\x01w" // one of the words, in their order
)

const slotMark = '\x01'

// Literal is a text as it is in a template.
func Literal(text string) string { return strings.ReplaceAll(text, "\x01", "\x01\x01") }

// A Filling is what a front puts into the slots of a grant.
type Filling struct {
	Release    string
	Folder     uint32 // its number, as MakeFolder has returned it; 0 = none
	Port       int
	Process    int
	Index      int
	Generation int
	Words      []string
	Env        []string // NAME=VALUE
}

// An errRefused is why something that the front asks for is not done. It is logged.
type errRefused string

func (e errRefused) Error() string {
	return "the process that serves asks for what no grant names: " + string(e)
}

func refused(format string, args ...any) error { return errRefused(fmt.Sprintf(format, args...)) }

var (
	plainWord = regexp.MustCompile(`^[\w./:@%+=,-]+$`)
	markValue = regexp.MustCompile(`^[A-Z2-7]{10}\.[0-9]{1,10}$`)
)

// Fill is the program that a filling makes of the grant; folder is the path of the filling's. Whether the release is
// one of the app's is not known here.
func (g Grant) Fill(f Filling, folder string) (p Program, err error) {
	s := slots{grant: g, filling: f, folder: folder, words: f.Words}
	p.Path, p.Dir = s.expand(g.Path, false), s.expand(g.Dir, false)
	for _, arg := range g.Args {
		p.Args = append(p.Args, s.expand(arg, g.Shell))
	}
	for _, variable := range g.Env {
		p.Env = append(p.Env, s.expand(variable, false))
	}
	for _, variable := range f.Env {
		s.check(g.takes(variable))
		p.Env = append(p.Env, variable)
	}
	p.User, p.Limits, p.Group = g.User, g.Limits, g.Group
	if len(s.words) > 0 {
		s.check(refused("there are %d words too many", len(s.words)))
	}
	return p, s.wrong
}

// takes says why a variable may not be added.
func (g Grant) takes(variable string) error {
	name, value, _ := strings.Cut(variable, "=")
	if name == MarkVariable {
		if markValue.MatchString(value) {
			return nil
		}
		return refused("the mark %q", value)
	}
	strange := strings.IndexFunc(value, func(r rune) bool { return unicode.IsControl(r) && r != '\t' && r != '\n' })
	if !slices.Contains(g.Variables, name) || strange >= 0 || !utf8.ValidString(value) {
		return refused("the variable %q", variable)
	}
	return nil
}

// slots are those of one grant, while they are filled.
type slots struct {
	grant   Grant
	filling Filling
	folder  string
	words   []string // that are left
	wrong   error
}

func (s *slots) check(err error) {
	if s.wrong == nil {
		s.wrong = err
	}
}

// expand fills the slots of one text. In a plain one, what is filled in has to be plain words.
func (s *slots) expand(template string, plain bool) string {
	var out strings.Builder
	for rest := template; rest != ""; {
		at := strings.IndexByte(rest, slotMark)
		if at < 0 || at+1 == len(rest) {
			out.WriteString(rest)
			break
		}
		out.WriteString(rest[:at])
		if rest[at+1] == slotMark {
			out.WriteByte(slotMark)
		} else {
			value := s.value(rest[at : at+2])
			if plain && !plainWord.MatchString(value) {
				s.check(refused("%q, which a shell would not read as one word", value))
			}
			out.WriteString(value)
		}
		rest = rest[at+2:]
	}
	return out.String()
}

// value is what comes into a slot.
func (s *slots) value(slot string) string {
	f := s.filling
	switch slot {
	case SlotRelease:
		if !filepath.IsAbs(f.Release) || filepath.Clean(f.Release) != f.Release || s.grant.Root == "" {
			s.check(refused("the release %q", f.Release))
		}
		return f.Release
	case SlotFolder:
		if s.folder == "" {
			s.check(refused("the folder %d", f.Folder))
		}
		return s.folder
	case SlotPort:
		if f.Port < 1024 || f.Port > 65535 {
			s.check(refused("the port %d", f.Port))
		}
		return strconv.Itoa(f.Port)
	case SlotProcess:
		return s.count(f.Process)
	case SlotIndex:
		return s.count(f.Index)
	case SlotGeneration:
		return s.count(f.Generation)
	case SlotWord:
		return s.word()
	}
	s.check(refused("a slot that is none"))
	return ""
}

func (s *slots) count(n int) string {
	if n < 0 {
		s.check(refused("the number %d", n))
	}
	return strconv.Itoa(n)
}

func (s *slots) word() string {
	if len(s.words) == 0 {
		s.check(refused("a word is missing"))
		return ""
	}
	word := s.words[0]
	s.words = s.words[1:]
	if !plainWord.MatchString(word) {
		s.check(refused("the word %q", word))
	}
	return word
}
