package wire

import "bytes"

// setTarget checks the pseudo-fields that make the request line.
func (h *StreamHead) setTarget() error {
	r, method, path := h.req, h.pseudo[pseudoMethod], h.pseudo[pseudoPath]
	if !IsToken(method) || len(method) > MaxMethod {
		return errPseudoValue
	}
	r.Method = method
	connect := string(method) == "CONNECT"
	switch protocol := h.pseudo[pseudoProtocol]; {
	case protocol != nil && !connect:
		return errPseudo
	case connect && protocol == nil && path == nil && h.pseudo[pseudoScheme] == nil:
		return errConnect
	case path == nil || h.pseudo[pseudoScheme] == nil || connect && protocol == nil:
		return errPseudo
	case connect && !EqualFold(protocol, "websocket"):
		return errProtocol
	case connect:
		r.Method = methodGet // RFC 8441 section 5: as the handshake of RFC 6455 has it
	}
	if scheme := h.pseudo[pseudoScheme]; !EqualFold(scheme, "http") && !EqualFold(scheme, "https") {
		return errScheme
	}
	if end, err := r.scanTarget(path[:len(path)+1], 0); err != nil || end != len(path) {
		return errPseudoValue
	}
	r.Target = path
	if path[0] != '/' && (string(path) != "*" || string(method) != "OPTIONS") {
		return errPseudoValue
	}
	return r.checkTarget()
}

var methodGet = []byte("GET")

// setHost takes the authority for the host. A Host field may only say the same.
func (h *StreamHead) setHost() error {
	r, authority := h.req, h.pseudo[pseudoAuthority]
	if authority == nil {
		return nil // RFC 9113 section 8.3.1: then the Host field is meant
	}
	port, ok := ParseHost(authority)
	if !ok {
		return errHost
	}
	if said := r.Get(Host); said != nil && !bytes.EqualFold(said, authority) {
		return errAuthority
	}
	r.Host, r.Port = authority, port
	return nil
}

// frameStream decides how long the body is: only END_STREAM tells it surely.
func (r *Request) frameStream(length []byte, ended bool) error {
	if err := r.frame(length, nil); err != nil {
		return errStreamSize
	}
	switch {
	case ended && r.Length > 0:
		return errStreamSize
	case !ended && length == nil:
		r.Length, r.Chunked = -1, true
	}
	r.Continue = r.Continue && r.Length != 0
	return nil
}
