package passwords

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/bcrypt"
)

// ErrBusy says that so many passwords are being checked that this one would wait for too long.
var ErrBusy = errors.New("too many passwords are waiting to be checked")

const (
	mostRight   = 1000 // credentials of one list that are remembered
	mostWaiting = 30   // checks that wait for their turn, or are made
)

// turns are had by those who check. They are for all lists: what they share is the cores.
var (
	turns   = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))
	waiting atomic.Int64
)

// A sum is a keyed hash of credentials.
type sum [sha256.Size]byte

// A trial is a check under way, for all who have sent the same.
type trial struct {
	done chan struct{} // closed when what follows is known
	ok   bool
	err  error
}

// Knows reports whether credentials are known to be right. It never takes long.
func (l *List) Knows(credentials []byte) bool {
	s := l.sum(credentials)
	l.mu.Lock()
	defer l.mu.Unlock()
	_, known := l.right[s]
	return known
}

// Check reports whether credentials, which are what follows "Basic ", are right. An error is ErrBusy, or why ctx has
// ended.
func (l *List) Check(ctx context.Context, credentials []byte) (bool, error) {
	s := l.sum(credentials)
	for {
		t, first := l.try(s)
		if t == nil {
			return true, nil
		}
		if first {
			t.ok, t.err = l.compare(ctx, credentials)
			l.end(s, t)
			return t.ok, t.err
		}
		select {
		case <-t.done:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
		if t.err == nil || errors.Is(t.err, ErrBusy) {
			return t.ok, t.err
		} // else who made the check has left
	}
}

// try begins a check, or returns the one under way; nil = they are right.
func (l *List) try(s sum) (t *trial, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.right[s]; known {
		return nil, false
	}
	if t = l.trying[s]; t != nil {
		return t, false
	}
	t = &trial{done: make(chan struct{})}
	l.trying[s] = t
	return t, true
}

func (l *List) end(s sum, t *trial) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.trying, s)
	if t.ok {
		if len(l.right) >= mostRight {
			for any := range l.right {
				delete(l.right, any)
				break
			}
		}
		l.right[s] = struct{}{}
	}
	close(t.done)
}

// compare takes a turn, and as long for a user that is not there as for one that is.
func (l *List) compare(ctx context.Context, credentials []byte) (bool, error) {
	text, err := base64.StdEncoding.DecodeString(string(credentials))
	user, password, ok := strings.Cut(string(text), ":")
	if err != nil || !ok || l.dearest == nil {
		return false, nil
	}
	defer waiting.Add(-1)
	if waiting.Add(1) > mostWaiting {
		return false, ErrBusy
	}
	select {
	case turns <- struct{}{}:
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	defer func() { <-turns }()
	hash, there := l.users[user]
	if !there {
		hash = l.dearest
	}
	right := bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil
	return right && there, nil
}

func (l *List) sum(credentials []byte) (s sum) {
	mac := hmac.New(sha256.New, l.key[:])
	mac.Write(credentials)
	mac.Sum(s[:0])
	return s
}
