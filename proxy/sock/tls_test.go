package sock

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// longWait is how long a test waits for what must come.
const longWait = 20 * time.Second

// ownConfig is a server's, with a certificate that it has signed itself.
var ownConfig = sync.OnceValue(func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	plan := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"a.example"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, plan, plan, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		NextProtos:   []string{"http/1.1"}, DynamicRecordSizingDisabled: true,
	}
})

func visitorConfig() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: "a.example", NextProtos: []string{"h2", "http/1.1"}}
}

// goesOn is the handshake's over of who waits for ever.
func goesOn(s *Socket) func(error) error {
	return func(err error) error {
		if !TimedOut(err) || s.Passed() || s.Gone() {
			return err
		}
		return nil
	}
}

// securePair returns a socket that speaks TLS and the client at its other end; wrap may change what carries
// the client's bytes.
func securePair(t *testing.T, config *tls.Config, wrap func(net.Conn) net.Conn) (*Socket, *tls.Conn) {
	t.Helper()
	s, raw := pair(t)
	_ = raw.SetDeadline(time.Now().Add(longWait))
	if wrap != nil {
		raw = wrap(raw)
	}
	peer := tls.Client(raw, config)
	greeted := make(chan error, 1)
	go func() { greeted <- peer.Handshake() }()
	if err := s.StartTLS(ownConfig(), goesOn(s)); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	if err := <-greeted; err != nil {
		t.Fatalf("the client's handshake: %v", err)
	}
	return s, peer
}

// readAll reads so many bytes from a socket.
func readAll(t *testing.T, s *Socket, n int) []byte {
	t.Helper()
	var all []byte
	into := make(buffer, 5000)
	for len(all) < n {
		got, err := s.Read(into)
		if err != nil {
			t.Fatalf("after %d bytes: %v", len(all), err)
		}
		all = append(all, into[:got]...)
	}
	return all
}

// noise is bytes that tell a place from another.
func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8 + i>>16)
	}
	return b
}

// writeAll writes as those above do: what goes at once, then the rest at the peer's speed.
func writeAll(s *Socket, p []byte) error {
	n, err := s.TryWrite(p)
	for err == nil && n < len(p) {
		var more int
		more, err = s.WriteSome(p[n:])
		n += more
	}
	return err
}

func TestLargeBodiesBothWays(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := visitorConfig()
		config.MaxVersion = version
		s, peer := securePair(t, config, nil)
		want := noise(3 << 20)
		go func() { _, _ = peer.Write(want) }()
		if !bytes.Equal(readAll(t, s, len(want)), want) {
			t.Error("what came in is not what was sent")
		}
		wrote := make(chan error, 1)
		go func() { wrote <- writeAll(s, want) }()
		got := make([]byte, len(want))
		if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("what went out is not what was sent: %v", err)
		}
		if err := <-wrote; err != nil {
			t.Error(err)
		}
	}
}

// A drip sends one byte at a time.
type drip struct{ net.Conn }

func (d drip) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := d.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

func TestClientThatSendsByteByByte(t *testing.T) {
	s, peer := securePair(t, visitorConfig(), func(c net.Conn) net.Conn { return drip{c} })
	want := noise(20_000)
	go func() { _, _ = peer.Write(want) }()
	if !bytes.Equal(readAll(t, s, len(want)), want) {
		t.Error("what came in is not what was sent")
	}
}

// A client that does not read gets no more than the kernel's buffers hold and one record. What TryWrite has not
// told as written is offered again, and comes once.
func TestClientThatDoesNotRead(t *testing.T) {
	s, peer := securePair(t, visitorConfig(), nil)
	want := noise(16 << 20)
	n := 0
	for {
		more, err := s.TryWrite(want[n:])
		if err != nil {
			t.Fatal(err)
		}
		if n += more; more == 0 {
			break
		}
	}
	if len(s.tls.waiting) == 0 || len(s.tls.waiting) > Record+recordOverhead {
		t.Errorf("%d bytes of ciphertext wait, want one record at most", len(s.tls.waiting))
	}
	s.Arm(s.Clock().Now() + 1)
	s.sweeper.Sweep(s.Clock().Now() + 2)
	if _, err := s.WriteSome(want[n:]); !TimedOut(err) || !s.Passed() {
		t.Fatalf("got %v, want the deadline", err)
	}
	wrote := make(chan error, 1)
	go func() {
		wrote <- writeAll(s, want[n:])
		s.CloseWrite()
	}()
	got, err := io.ReadAll(peer)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, %v; want each of %d once", len(got), err, len(want))
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}

func TestFileIsSentThroughTLS(t *testing.T) {
	s, peer := securePair(t, visitorConfig(), nil)
	want := noise(1<<20 + 17)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, want, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sent := make(chan error, 1)
	go func() {
		for at := int64(0); at < int64(len(want)); {
			n, err := s.SendFile(f, at, int64(len(want))-at)
			if err != nil {
				sent <- err
				return
			}
			at += n
		}
		_, err := s.SendFile(f, int64(len(want)), 1)
		sent <- err
	}()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the file did not come as it is: %v", err)
	}
	if err := <-sent; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v behind the end of the file", err)
	}
}

func TestEndsOfTLS(t *testing.T) {
	t.Run("in order", func(t *testing.T) {
		s, peer := securePair(t, visitorConfig(), nil)
		_, _ = io.WriteString(peer, "last")
		_ = peer.CloseWrite()
		if got := readAll(t, s, 4); string(got) != "last" {
			t.Errorf("got %q", got)
		}
		if _, err := s.Read(make(buffer, 9)); err != io.EOF { //nolint:errorlint // it comes bare
			t.Errorf("got %v, want the end", err)
		}
		s.Close()
		if b, err := io.ReadAll(peer); err != nil || len(b) > 0 {
			t.Errorf("the client got %q, %v; want a clean end", b, err)
		}
	})
	t.Run("in the middle of a record", func(t *testing.T) {
		s, peer := securePair(t, visitorConfig(), func(c net.Conn) net.Conn { return &cutter{Conn: c} })
		peer.NetConn().(*cutter).after = 500
		_, _ = peer.Write(noise(1000))
		if _, err := s.Read(make(buffer, 9)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v, want an end that is none", err)
		}
	})
	t.Run("by a reset", func(t *testing.T) {
		s, peer := securePair(t, visitorConfig(), nil)
		if err := writeAll(s, []byte("begun")); err != nil {
			t.Fatal(err)
		}
		s.Reset()
		if b, err := io.ReadAll(peer); err == nil {
			t.Errorf("the client got %q and a clean end, want a cut", b)
		}
	})
}

// A cutter closes the connection inside a write.
type cutter struct {
	net.Conn
	after int // 0 = never
}

func (c *cutter) Write(p []byte) (int, error) {
	if c.after == 0 {
		return c.Conn.Write(p)
	}
	_, _ = c.Conn.Write(p[:c.after])
	return 0, c.Conn.Close()
}

func TestWakesAndDeadlinesThroughTLS(t *testing.T) {
	s, peer := securePair(t, visitorConfig(), nil)
	into := make(buffer, 16)
	for range 50 {
		s.Wake()
		if _, err := s.Read(into); !TimedOut(err) || s.Passed() {
			t.Fatalf("got %v, want the wake", err)
		}
		_, _ = io.WriteString(peer, "x")
		if n, err := s.Read(into); n != 1 || err != nil {
			t.Fatalf("got %d, %v after the wake was taken back", n, err)
		}
	}
}

// Several records may come in one read of the socket, and one record in several reads of who uses it.
func TestServeGetsAllOfTheRecordsThatCame(t *testing.T) {
	s, peer := securePair(t, visitorConfig(), nil)
	want := 0
	r := &reader{buffer: make(buffer, 700), came: make(chan int, 100), most: 1 << 30}
	over := served(s, r)
	for _, n := range []int{100, 5, 3000, 1} {
		_, _ = peer.Write(noise(n))
		want += n
	}
	for got := 0; got < want; {
		select {
		case n := <-r.came:
			got += n
		case <-time.After(longWait):
			t.Fatalf("%d of %d bytes came", got, want)
		}
	}
	s.Wake()
	if err := <-over; !TimedOut(err) {
		t.Errorf("got %v", err)
	}
}

func TestQuietThroughTLS(t *testing.T) {
	s, peer := securePair(t, visitorConfig(), nil)
	if !s.Quiet() {
		t.Error("nothing was sent")
	}
	_, _ = io.WriteString(peer, "more")
	for end := time.Now().Add(longWait); s.Quiet(); {
		if time.Now().After(end) {
			t.Fatal("what was sent is not seen")
		}
	}
}

func BenchmarkSmallExchangeThroughTLS(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := tls.Dial("tcp", l.Addr().String(), visitorConfig())
		if err != nil {
			return
		}
		p := make([]byte, 200)
		for {
			if _, err := c.Write(p[:100]); err != nil {
				return
			}
			if _, err := io.ReadFull(c, p); err != nil {
				return
			}
		}
	}()
	c, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	s, err := New(c, NewSweeper())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.StartTLS(ownConfig(), goesOn(s)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := s.Serve(&echoer{s: s, left: b.N, in: make([]byte, 4096), out: make([]byte, 200)}); err != nil {
		b.Fatal(err)
	}
}

// An echoer answers every 100 bytes.
type echoer struct {
	s       *Socket
	left    int
	in, out []byte
}

func (e *echoer) Space() []byte { return e.in }
func (e *echoer) Unused()       {}
func (e *echoer) Use(int) bool {
	_, _ = e.s.TryWrite(e.out)
	e.left--
	return e.left > 0
}
