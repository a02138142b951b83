package upstream

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"

	"purser/proxy/sock"
	"purser/proxy/wire"
)

// readHead reads heads until the final one, passing interim answers on.
func (a *Ask) readHead() error {
	scanned := 0
	for interim := 0; ; {
		b := a.borrow()
		head := b.in[b.at:b.have]
		if !couldBeHTTP(head) {
			return ErrNotHTTP
		}
		end, seen, _ := wire.HeadEnd(head, scanned, false)
		if scanned = seen; end > wire.MaxAppHead || end == 0 && len(head) >= wire.MaxAppHead {
			return ErrHeadTooBig
		}
		if end == 0 {
			if err := a.fillHead(); err != nil {
				return err
			}
			continue
		}
		if err := b.res.Parse(head[:end], a.req.IsHead()); err != nil {
			return err
		}
		b.at += end
		switch {
		case b.res.Status == 101:
			return a.checkUpgrade(&b.res)
		case b.res.Status >= 200:
			a.answered = true
			a.content.begin(&b.res)
			return nil
		}
		if interim++; interim > maxInterim {
			return ErrManyEarly
		}
		scanned = 0
		a.passInterim(&b.res)
	}
}

// fillHead reads more of a head. One that has begun may not stall for longer than the content.
func (a *Ask) fillHead() error {
	begun := a.buf.at < a.buf.have
	if begun {
		a.silent = 0
	}
	until, late := a.untilHead(), ErrSlow
	if begun && a.req.Terms.Stall > 0 {
		if stall := a.link.Clock().In(a.req.Terms.Stall); until == 0 || stall < until {
			until, late = stall, ErrStalled
		}
	}
	a.link.Arm(until)
	for {
		n, err := a.link.Read(a)
		switch {
		case err == nil:
			a.buf.have += n
			return nil
		case !sock.TimedOut(err) && (a.buf == nil || a.buf.have == a.buf.at):
			return a.whyNoAnswer(err)
		case !sock.TimedOut(err):
			return a.whyEnded(ErrShortHead)
		}
		uploaded := !a.uploads
		if err := a.interrupted(late); err != nil {
			return err
		}
		if !uploaded && !a.uploads { // only now has the process all that it was asked
			a.startClocks()
		}
	}
}

// whyNoAnswer is noAnswer where the request was sent beside the reading, too: the sender may have met
// the reset, and who reads the end. What could not be sent was not read.
func (a *Ask) whyNoAnswer(err error) error {
	if short := a.uploaded(); short != nil {
		return short
	}
	if a.sender != nil {
		if a.sender.join(a.link); a.sender.err != nil {
			return ErrUnread
		}
	}
	return noAnswer(err)
}

// couldBeHTTP reports whether what has come so far may begin a status line.
func couldBeHTTP(b []byte) bool {
	const begin = "HTTP/1."
	n := min(len(b), len(begin))
	return string(b[:n]) == begin[:n]
}

// checkUpgrade refuses a 101 that nobody asked for, or to something else (RFC 6455 section 4.1).
func (a *Ask) checkUpgrade(r *wire.Response) error {
	if a.req.WebSocketKey == nil || !wire.EqualFold(r.Upgrade, "websocket") || !bytes.Equal(r.Accept, acceptKey(a.req.WebSocketKey)) {
		return ErrUpgrade
	}
	return nil
}

// acceptKey is what a server proves with that it understood a WebSocket handshake (RFC 6455 section
// 4.2.2).
func acceptKey(key []byte) []byte {
	sum := sha1.Sum(append(key[:len(key):len(key)], "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	return base64.StdEncoding.AppendEncode(nil, sum[:])
}

// passInterim passes an interim answer on (RFC 9110 section 15.2). A 100 of the app's is its answer to an
// expectation that we have met ourselves.
func (a *Ask) passInterim(r *wire.Response) {
	a.silent = 0
	if r.Status != 100 {
		a.req.Asker.Interim(&wire.ResponseHead{Status: r.Status, Reason: r.Reason, Fields: r.Fields})
	}
}
