package wire

import "bytes"

var (
	errLength      = &Error{Status: 400, Text: "the Content-Length is malformed"}
	errBothLengths = &Error{Status: 400, Text: "both Content-Length and Transfer-Encoding are given"}
	errCoding      = &Error{Status: 400, Text: "the Transfer-Encoding is malformed"}
	errCodingOther = &Error{Status: 501, Text: "the Transfer-Encoding is not supported"}
	errCoding10    = &Error{Status: 400, Text: "an HTTP/1.0 request has a Transfer-Encoding"}
)

// frame decides how long the body is (RFC 9112 section 6.3).
func (r *Request) frame(length, coding []byte) error {
	switch {
	case coding == nil && length == nil:
		return nil
	case coding == nil:
		var ok bool
		if r.Length, ok = parseLength(length); !ok {
			return errLength
		}
		return nil
	case length != nil:
		return errBothLengths
	case r.Minor == 0:
		return errCoding10
	}
	r.Length, r.Chunked = -1, true
	return checkCoding(coding)
}

// checkCoding accepts "chunked" alone, in any case. What is a list of proper codings that we do not
// know deserves 501 (RFC 9112 section 6.1), anything else 400.
func checkCoding(coding []byte) error {
	if EqualFold(coding, "chunked") {
		return nil
	}
	seenChunked := false
	for more := true; more; {
		var token []byte
		token, coding, more = nextToken(coding)
		if i := bytes.IndexByte(token, ';'); i >= 0 && !more && !seenChunked {
			token = trim(token[:i])
			if IsToken(token) {
				return errCodingOther
			}
		}
		if seenChunked || !IsToken(token) {
			return errCoding // chunked must come last, and once
		}
		seenChunked = EqualFold(token, "chunked")
	}
	return errCodingOther
}

// parseLength parses a Content-Length: digits only, below 2^63.
func parseLength(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' || n > (1<<63-1-int64(c-'0'))/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
