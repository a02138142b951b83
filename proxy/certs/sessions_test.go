package certs

import (
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// A visitor comes again and again, with what it was given the last time.
type visitor struct {
	t      *testing.T
	config *tls.Config
	last   *tls.ClientSessionState
}

func newVisitor(t *testing.T, version uint16) *visitor {
	v := &visitor{t: t}
	v.config = &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, ClientSessionCache: v}
	return v
}

// Get and Put make it keep one session, whatever the name: it would use it anywhere.
func (v *visitor) Get(string) (*tls.ClientSessionState, bool) { return v.last, v.last != nil }

func (v *visitor) Put(_ string, session *tls.ClientSessionState) {
	if session != nil {
		v.last = session
	}
}

// visit asks for a name, and reports what the server has agreed on, nil if it has not.
func (v *visitor) visit(server *tls.Config, name string) *tls.ConnectionState {
	v.t.Helper()
	a, b := net.Pipe()
	defer b.Close()
	agreed := make(chan *tls.ConnectionState, 1)
	go func() {
		defer a.Close()
		c := tls.Server(a, server)
		_ = a.SetDeadline(time.Now().Add(time.Minute))
		if c.Handshake() != nil {
			agreed <- nil
			return
		}
		state := c.ConnectionState()
		agreed <- &state
		_, _ = c.Write([]byte("x")) // a ticket of TLS 1.3 is read with what follows it
	}()
	config := v.config.Clone()
	config.ServerName = name
	_, _ = io.ReadFull(tls.Client(b, config), make([]byte, 1))
	return <-agreed
}

var versions = map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}

// All listeners have the same keys of tickets, and new certificates do not change them.
func TestClientsThatComeBackAreResumed(t *testing.T) {
	for name, version := range versions {
		a := newAuthority(t)
		s := load(t, Source{App: "blog", Hosts: []string{"blog.example"}, Pairs: []Pair{a.issue("blog", year, "blog.example")}})
		v := newVisitor(t, version)
		if first := v.visit(s.Config(), "blog.example"); first == nil || first.DidResume {
			t.Fatalf("%s: the first visit: %+v, want a whole handshake", name, first)
		}
		if again := v.visit(s.Config(), "blog.example"); again == nil || !again.DidResume {
			t.Errorf("%s: at another listener it is not resumed", name)
		}
		a.issue("blog", year, "blog.example")
		for range 3 {
			s.look(News{Read: func(string, []string) {}})
		}
		if again := v.visit(s.Config(), "blog.example"); again == nil || !again.DidResume {
			t.Errorf("%s: with a new certificate it is not resumed", name)
		}
	}
}

// A key that is found out later opens the sessions of few days.
func TestKeysOfTicketsChange(t *testing.T) {
	a := newAuthority(t)
	c := load(t, Source{Pairs: []Pair{a.issue("blog", year, "blog.example")}}).Config()
	now := time.Now()
	c.Time = func() time.Time { return now }
	v := newVisitor(t, tls.VersionTLS13)
	if v.visit(c, "blog.example") == nil || v.last == nil {
		t.Fatal("it was given no ticket")
	}
	ticket, _, err := v.last.ResumptionState()
	if err != nil {
		t.Fatal(err)
	}
	for _, day := range []struct {
		after time.Duration
		opens bool
	}{{25 * time.Hour, true}, {8 * 24 * time.Hour, false}} {
		later := now.Add(day.after)
		c.Time = func() time.Time { return later }
		_ = newVisitor(t, tls.VersionTLS13).visit(c, "blog.example")
		if state, err := c.DecryptTicket(ticket, tls.ConnectionState{}); err != nil || (state != nil) != day.opens {
			t.Errorf("after %s: got %v, %v; want it to be opened: %v", day.after, state, err, day.opens)
		}
	}
}

func TestTicketLetsNobodyInWhoNeedsACertificate(t *testing.T) {
	for name, version := range versions {
		a := newAuthority(t)
		staff := a.issue("staff", year, "staff.example")
		mine, err := tls.LoadX509KeyPair(staff.Cert, staff.Key)
		if err != nil {
			t.Fatal(err)
		}
		s := load(t,
			Source{App: "inner", Hosts: []string{"inner.example"}, ClientCA: filepath.Join(a.dir, "ca.pem")},
			Source{App: "closed", Hosts: []string{"closed.example"}, ClientCA: newAuthority(t).dir + "/ca.pem"},
			Source{App: "outer", Hosts: []string{"outer.example"}},
			Source{Pairs: []Pair{a.issue("default", year, "inner.example", "closed.example", "outer.example")}})
		v := newVisitor(t, version)
		if v.visit(s.Config(), "outer.example") == nil || v.last == nil {
			t.Fatalf("%s: the open app gave no ticket", name)
		}
		if v.visit(s.Config(), "inner.example") != nil {
			t.Errorf("%s: the ticket of an open app lets in where a certificate is needed", name)
		}
		member := newVisitor(t, version)
		member.config.Certificates = []tls.Certificate{mine}
		if in := member.visit(s.Config(), "inner.example"); in == nil || len(in.VerifiedChains) == 0 || member.last != nil {
			t.Errorf("%s: who has a certificate: %+v, want it let in, and no ticket", name, in)
		}
		if member.visit(s.Config(), "closed.example") != nil {
			t.Errorf("%s: who was let in by one authority is let in by another's", name)
		}
		if member.last = v.last; member.visit(s.Config(), "inner.example") == nil {
			t.Errorf("%s: who has a certificate, and a ticket of elsewhere, is not let in", name)
		}
	}
}

func TestWhatIsWeakIsNotSpoken(t *testing.T) {
	a := newAuthority(t)
	c := load(t, Source{Pairs: []Pair{a.issue("blog", year, "blog.example")}}).Config()
	for name, weak := range map[string]func(*tls.Config){
		"TLS 1.1":               func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
		"CBC":                   func(c *tls.Config) { c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA} },
		"keys that are not new": func(c *tls.Config) { c.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256} },
	} {
		v := newVisitor(t, tls.VersionTLS12)
		if weak(v.config); v.visit(c, "blog.example") != nil {
			t.Errorf("%s is spoken", name)
		}
	}
	for _, id := range ciphers {
		for _, weak := range tls.InsecureCipherSuites() {
			if id == weak.ID {
				t.Errorf("%s is spoken", weak.Name)
			}
		}
	}
	v := newVisitor(t, tls.VersionTLS13)
	if state := v.visit(c, "blog.example"); state == nil || state.CurveID != tls.X25519MLKEM768 {
		t.Errorf("got %+v, want a key exchange that holds against what is to come", state)
	}
	_, session, err := v.last.ResumptionState()
	if err != nil || session.EarlyData {
		t.Errorf("got %v and early data %v, want none: it can be sent twice", err, session.EarlyData)
	}
}
