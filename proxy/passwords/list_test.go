package passwords

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// hashed is a line for a user.
func hashed(t testing.TB, user, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return user + ":" + string(hash)
}

func read(t testing.TB, lines ...string) *List {
	t.Helper()
	l, err := Read("users", []byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func credentials(user, password string) []byte {
	return []byte(base64.StdEncoding.EncodeToString([]byte(user + ":" + password)))
}

func (l *List) lets(t testing.TB, user, password string) bool {
	t.Helper()
	ok, err := l.Check(t.Context(), credentials(user, password))
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// The first line is by htpasswd -nbB, which writes "$2y$" as PHP does.
func TestFilesOfHtpasswdAreRead(t *testing.T) {
	l := read(t, "ann:$2y$05$pvEV2KmZyYyVhsrCKIkPd.1ZqTWQTX0VlWbbCM.dtVFhFBM48DYSi", "", "# people", "  "+hashed(t, "bob", "b")+":a comment\r", hashed(t, "zoë", "ü"))
	for _, c := range []struct {
		user, password string
		ok             bool
	}{{"bob", "b", true}, {"zoë", "ü", true}, {"bob", "ü", false}, {"ann", "no", false}, {"eve", "b", false}, {"", "", false}} {
		if got := l.lets(t, c.user, c.password); got != c.ok {
			t.Errorf("%s with %q: %v", c.user, c.password, got)
		}
	}
}

func TestWhatCannotBeCheckedIsRefusedByItsLine(t *testing.T) {
	for line, want := range map[string]string{
		"ann":                   "users, line 2: it is not USER:HASH, as htpasswd -B writes it",
		":$2y$05$x":             "users, line 2: it is not USER:HASH, as htpasswd -B writes it",
		"ann:":                  "users, line 2: it is not USER:HASH, as htpasswd -B writes it",
		"ann:$apr1$Ab$cdef":     `users, line 2: the password of "ann" is hashed by MD5, and purser takes bcrypt only; write it again with: htpasswd -B FILE USER`,
		"ann:{SHA}qUqP5cyxm6Y=": `users, line 2: the password of "ann" is hashed by SHA-1, and purser takes bcrypt only; write it again with: htpasswd -B FILE USER`,
		"ann:$6$salt$hash":      `users, line 2: the password of "ann" is hashed by crypt with SHA-2, and purser takes bcrypt only; write it again with: htpasswd -B FILE USER`,
		"ann:secret":            `users, line 2: the password of "ann" is not hashed, or in a way that is not known, and purser takes bcrypt only; write it again with: htpasswd -B FILE USER`,
		"ann:$2y$05$short":      `users, line 2: the password of "ann" is no whole hash of bcrypt; write it again with: htpasswd -B FILE USER`,
		"ann:$2y$31$pvEV2KmZyYyVhsrCKIkPd.1ZqTWQTX0VlWbbCM.dtVFhFBM48DYSi": `users, line 2: the password of "ann" has the cost 31, and each check would take minutes; the most is 17`,
		hashed(t, "top", "x"): `users, line 2: user "top" is there twice`,
	} {
		_, err := Read("users", []byte(hashed(t, "top", "secret")+"\n"+line+"\n"))
		if fmt.Sprint(err) != want {
			t.Errorf("%s\n got %v\nwant %s", line, err, want)
		}
		if strings.Contains(fmt.Sprint(err), "hash\"") || strings.Contains(fmt.Sprint(err), "qUqP5") {
			t.Errorf("the error tells what is secret: %v", err)
		}
	}
}

func TestWhatIsRightIsRememberedAndWhatIsWrongIsNot(t *testing.T) {
	l := read(t, hashed(t, "ann", "secret"))
	for password, want := range map[string]bool{"secret": true, "wrong": false} {
		_ = l.lets(t, "ann", password)
		if got := l.Knows(credentials("ann", password)); got != want {
			t.Errorf("%s is known: %v", password, got)
		}
	}
	for key := range l.right {
		if strings.Contains(string(key[:]), "secret") {
			t.Error("a password is kept")
		}
	}
	for i := range mostRight + 10 {
		l.end(sum{byte(i), byte(i >> 8), 1}, &trial{done: make(chan struct{}), ok: true})
	}
	if n := len(l.right); n != mostRight {
		t.Errorf("%d are remembered", n)
	}
}

// holdTurns has nobody check until it is let go of.
func holdTurns(t *testing.T) (letGo func()) {
	for range cap(turns) {
		turns <- struct{}{}
	}
	return sync.OnceFunc(func() {
		for range cap(turns) {
			<-turns
		}
	})
}

func TestAllWhoSendTheSameWaitForOneCheck(t *testing.T) {
	l := read(t, hashed(t, "ann", "secret"))
	letGo := holdTurns(t)
	defer letGo()
	leaving, leave := context.WithCancelCause(t.Context())
	first := make(chan error)
	go func() {
		_, err := l.Check(leaving, credentials("ann", "secret"))
		first <- err
	}()
	for waiting.Load() != 1 {
		runtime.Gosched()
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if !l.lets(t, "ann", "secret") {
				t.Error("one of them is not let in")
			}
		})
	}
	if n := waiting.Load(); n != 1 {
		t.Errorf("%d checks wait", n)
	}
	left := errors.New("left")
	leave(left)
	if err := <-first; !errors.Is(err, left) {
		t.Errorf("who has left gets %v", err)
	}
	letGo()
	all.Wait()
}

func TestOnlySoManyWaitForACheck(t *testing.T) {
	l := read(t, hashed(t, "ann", "secret"))
	letGo := holdTurns(t)
	defer letGo()
	var all sync.WaitGroup
	for i := range mostWaiting {
		all.Go(func() { _ = l.lets(t, "ann", fmt.Sprint(i)) })
	}
	for waiting.Load() != mostWaiting {
		runtime.Gosched()
	}
	if _, err := l.Check(t.Context(), credentials("ann", "x")); !errors.Is(err, ErrBusy) {
		t.Errorf("one more gets %v", err)
	}
	letGo()
	all.Wait()
	if n := waiting.Load(); n != 0 {
		t.Errorf("%d wait in the end", n)
	}
}

func TestListsAreTheSameIfTheySayTheSame(t *testing.T) {
	line := hashed(t, "ann", "secret")
	if !read(t, line).Same(read(t, line)) || read(t, line).Same(read(t, line, hashed(t, "bob", "x"))) {
		t.Error("they are not told apart")
	}
}
