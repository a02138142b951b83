// Package passwords knows who has which password: it reads files of users as htpasswd(1) makes them, and checks what
// browsers send by the scheme Basic (RFC 7617).
//
// The passwords are hashed by bcrypt, which is slow on purpose: each check takes a core for as long as a hundred
// requests. So what was found to be right is remembered, by a keyed hash of it and never by itself, checks are made one
// after the other on half of the cores, and only so many wait for that.
package passwords

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"
)

// mostCost is that of htpasswd -C. A hash of more takes minutes for each check.
const mostCost = 17

// A List is what one file says. It never changes; what was found out by it is remembered.
type List struct {
	text    []byte
	users   map[string][]byte // their hashes
	dearest []byte            // the hash that takes longest to check; nil = there are no users

	key    [32]byte // of the hashes of what was right
	mu     sync.Mutex
	right  map[sum]struct{}
	trying map[sum]*trial
}

// None is a list of nobody, for a file that cannot be read.
func None() *List { return newList(nil) }

func newList(text []byte) *List {
	l := &List{text: text, users: map[string][]byte{}, right: map[sum]struct{}{}, trying: map[sum]*trial{}}
	_, _ = rand.Read(l.key[:]) // never fails, says its documentation
	return l
}

// Read reads a file, given by its path and what is in it.
func Read(path string, text []byte) (*List, error) {
	l := newList(text)
	number, most := 0, 0
	for line := range bytes.Lines(text) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		cost, err := l.add(string(line))
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", path, number, err)
		}
		if cost > most {
			user, _, _ := strings.Cut(string(line), ":")
			most, l.dearest = cost, l.users[user]
		}
	}
	return l, nil
}

// add takes in "user:hash". What follows another ":" is a comment, as for nginx.
func (l *List) add(line string) (cost int, err error) {
	user, rest, ok := strings.Cut(line, ":")
	hash, _, _ := strings.Cut(rest, ":")
	if !ok || user == "" || hash == "" {
		return 0, fmt.Errorf("it is not USER:HASH, as htpasswd -B writes it")
	}
	if l.users[user] != nil {
		return 0, fmt.Errorf("user %q is there twice", user)
	}
	cost, err = bcrypt.Cost([]byte(hash))
	switch {
	case !strings.HasPrefix(hash, "$2"):
		return 0, fmt.Errorf("the password of %q is %s, and purser takes bcrypt only; write it again with: htpasswd -B FILE USER", user, kind(hash))
	case err != nil:
		return 0, fmt.Errorf("the password of %q is no whole hash of bcrypt; write it again with: htpasswd -B FILE USER", user)
	case cost > mostCost:
		return 0, fmt.Errorf("the password of %q has the cost %d, and each check would take minutes; the most is %d", user, cost, mostCost)
	}
	l.users[user] = []byte(hash)
	return cost, nil
}

// kind is how a password is hashed that is not by bcrypt.
func kind(hash string) string {
	switch {
	case strings.HasPrefix(hash, "$apr1$"), strings.HasPrefix(hash, "$1$"):
		return "hashed by MD5"
	case strings.HasPrefix(hash, "{SHA}"), strings.HasPrefix(hash, "{SSHA}"):
		return "hashed by SHA-1"
	case strings.HasPrefix(hash, "$5$"), strings.HasPrefix(hash, "$6$"):
		return "hashed by crypt with SHA-2"
	}
	return "not hashed, or in a way that is not known"
}

// Same reports whether two lists say the same.
func (l *List) Same(other *List) bool { return bytes.Equal(l.text, other.text) }
