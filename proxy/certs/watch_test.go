package certs

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFilesThatChangeAreReadAgain(t *testing.T) {
	a := newAuthority(t)
	pair := a.issue("blog", year, "old.example")
	s := load(t, Source{App: "blog", Pairs: []Pair{pair}})
	var said []string
	news := News{
		Read:     func(string, []string) { said = append(said, "read") },
		Unusable: func(_ string, _ []string, err error) { said = append(said, "unusable") },
		Warning:  func(w Warning) { said = append(said, w.Text) },
	}
	expect := func(names string, want ...string) {
		t.Helper()
		for range 3 {
			s.look(news)
		}
		if got := strings.Join(s.List()[0].Names, " "); got != names || !slices.Equal(said, want) {
			t.Fatalf("it is for %q and said was %q; want %q and %q", got, said, names, want)
		}
		said = nil
	}
	expect("old.example")
	a.issue("blog", year, "new.example")
	expect("new.example", "read")
	a.write("blog.key", "PRIVATE KEY", nil)
	expect("new.example", "unusable")
	expect("new.example")
	_ = os.Remove(pair.Cert)
	expect("new.example", "unusable")
	a.issue("blog", year, "newest.example")
	expect("newest.example", "read")
}

// What was in the way may not show on the files: a deploy hook of certbot gives the right to read them after they
// were looked at.
func TestFilesThatCouldNotBeUsedAreTriedAgain(t *testing.T) {
	a := newAuthority(t)
	pair := a.issue("blog", year, "old.example")
	s := load(t, Source{App: "blog", Pairs: []Pair{pair}})
	var said []string
	news := News{
		Read:     func(string, []string) { said = append(said, "read") },
		Unusable: func(string, []string, error) { said = append(said, "unusable") },
		Warning:  func(Warning) {},
	}
	expect := func(names, problem, want string) {
		t.Helper()
		for range 4 {
			s.look(news)
		}
		got := s.List()[0]
		if got.Names[0] != names || !strings.Contains(got.Problem, problem) || problem == "" && got.Problem != "" || strings.Join(said, " ") != want {
			t.Errorf("got %+v, and said was %q; want %s, a problem with %q, and %q", got, said, names, problem, want)
		}
		said = nil
	}
	a.issue("blog", year, "new.example")
	good, _ := os.ReadFile(pair.Cert)
	rewrite := func(b []byte) {
		at := time.Unix(1e9, 0)
		if os.WriteFile(pair.Cert, b, 0o600) != nil || os.Chtimes(pair.Cert, at, at) != nil {
			t.Fatal("cannot write")
		}
	}
	rewrite(make([]byte, len(good)))
	expect("old.example", "cannot be used", "unusable")
	rewrite(good)
	expect("new.example", "", "read")
}

func TestCertificateThatIsNotValidNeverReplacesOneThatIs(t *testing.T) {
	a := newAuthority(t)
	s := load(t, Source{App: "blog", Pairs: []Pair{a.issue("blog", 50*24*time.Hour, "good.example")}})
	news := News{Read: func(string, []string) {}, Unusable: func(string, []string, error) {}, Warning: func(Warning) {}}
	expect := func(name, problem string) {
		t.Helper()
		for range 3 {
			s.look(news)
		}
		if got := s.List()[0]; got.Names[0] != name || !strings.Contains(got.Problem, problem) || problem == "" && got.Problem != "" {
			t.Errorf("got %+v, want %s, and a problem with %q", got, name, problem)
		}
	}
	a.issue("blog", -time.Hour, "expired.example")
	expect("good.example", "has expired on")
	a.issue("blog", 60*24*time.Hour, "later.example")
	s.now = func() time.Time { return time.Now().Add(-3 * 24 * time.Hour) } // neither is valid yet, so it says nothing
	expect("later.example", "")
	a.issue("blog", -time.Hour, "expired.example")
	s.now = func() time.Time { return time.Now().Add(70 * 24 * time.Hour) } // nor any more
	expect("expired.example", "")
}

func TestEndsAreRemindedOf(t *testing.T) {
	a := newAuthority(t)
	s := load(t, Source{App: "blog", Pairs: []Pair{a.issue("blog", 20*24*time.Hour, "a.example")}})
	said := ""
	news := News{Warning: func(w Warning) { said += w.Text }}
	if s.remind(news); said != "" {
		t.Errorf("said %q 20 days before the end", said)
	}
	s.now = func() time.Time { return time.Now().Add(7 * 24 * time.Hour) }
	if s.remind(news); !strings.Contains(said, "in 12 days; renew it") && !strings.Contains(said, "in 13 days; renew it") {
		t.Errorf("said %q", said)
	}
}
