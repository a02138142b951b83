package sock

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Security is what a handshake has settled.
type Security struct {
	Version    string // such as "TLS 1.3"
	Cipher     string // such as "TLS_AES_128_GCM_SHA256"
	ServerName string // that the client asked for, in lower case; "" = it named none
	Protocol   string // that both sides chose (ALPN); "" = none
	Verified   bool   // the client has shown a certificate, and it was found to be good
}

// A NotTLSError says that a peer speaks something else than TLS.
type NotTLSError struct{ First [5]byte } // what it sent first

func (e *NotTLSError) Error() string {
	return fmt.Sprintf("the first bytes are not those of TLS: %q", e.First[:])
}

// StartTLS makes the socket one that speaks TLS, as the server. It returns when the handshake is done. Over is
// asked why the handshake is to end when a wait of it has ended with an error, such as that of a wake; nil has
// it go on. After an error the socket is as it was, but for what was read.
func (s *Socket) StartTLS(config *tls.Config, over func(error) error) error {
	t := &tlsLayer{sock: s, over: over}
	t.conn = tls.Server(t, config)
	defer t.turn.give()
	if err := t.conn.Handshake(); err != nil {
		if not, ok := errors.AsType[tls.RecordHeaderError](err); ok && not.Conn != nil {
			return &NotTLSError{not.RecordHeader}
		}
		return err
	}
	state := t.conn.ConnectionState()
	t.security = Security{
		Version:    tls.VersionName(state.Version),
		Cipher:     tls.CipherSuiteName(state.CipherSuite),
		ServerName: strings.ToLower(state.ServerName),
		Protocol:   state.NegotiatedProtocol,
		Verified:   len(state.VerifiedChains) > 0,
	}
	t.over = nil
	s.tls = t
	if state.Version == tls.VersionTLS13 {
		s.acknowledge()
	}
	return nil
}

// acknowledge tells the peer at once what has come. In TLS 1.3 the client has the last word of a handshake, and
// one that gathers small writes (Nagle) sends its request only after that is acknowledged, which the kernel
// would do 40 ms later.
func (s *Socket) acknowledge() {
	_ = unix.SetsockoptInt(int(s.fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) // fails on a unix socket
}

// Security returns what the handshake has settled, or nil of a socket without TLS.
func (s *Socket) Security() *Security {
	if s.tls == nil {
		return nil
	}
	return &s.tls.security
}

// awaitBytes is a read that waits. What has come is worked on when it is the handshake's turn.
func (t *tlsLayer) awaitBytes(p []byte) (n int, err error) {
	for {
		var got error
		err := t.sock.raw.Read(func(fd uintptr) bool {
			var again bool
			if n, again, got = receive(fd, p); again {
				t.turn.give()
			}
			return !again
		})
		if err == nil {
			if n > 0 {
				t.turn.take(t.sock.Flow)
			}
			return n, got
		}
		if err = t.over(err); err != nil {
			return 0, err
		}
	}
}

// writeThrough is a write that waits until all of b has gone to the kernel.
func (t *tlsLayer) writeThrough(b []byte) (n int, err error) {
	n, err = t.sock.TryWrite(b) // there is no layer in the socket yet
	for err == nil && n < len(b) {
		t.turn.give()
		var more int
		more, err = t.sock.WriteSome(b[n:])
		n += more
		if err != nil {
			err = t.over(err)
		}
	}
	return n, err
}
