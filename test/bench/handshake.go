package main

import (
	"crypto/tls"
	"errors"
)

// A handshake is what a client wants of TLS. All fronts are asked by the same client for the same version and
// the same key exchange: X25519, which is what they have in common.
type handshake struct {
	version     uint16
	resumes     bool // with the ticket of the connection before
	postQuantum bool // X25519MLKEM768 is offered first, and X25519 beside it
}

// config is how one client, with a memory of its own, begins its connections. Nobody has signed the certificate.
func (h *handshake) config() *tls.Config {
	c := &tls.Config{InsecureSkipVerify: true}
	if h == nil {
		return c
	}
	c.MinVersion, c.MaxVersion = h.version, h.version
	c.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256} // in TLS 1.2 the certificate is of P-256, too
	if h.postQuantum {
		c.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256}
	}
	if h.resumes {
		c.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	return c
}

// check is an error if a connection, the first of its client or a later one, began otherwise than was wanted.
func (h *handshake) check(conn *tls.Conn, first bool) error {
	if err := conn.Handshake(); err != nil {
		return err
	}
	if h != nil && conn.ConnectionState().DidResume != (h.resumes && !first) {
		return errors.New("a session was resumed that should not have been, or the other way round")
	}
	return nil
}
