package wire

import "encoding/binary"

// FieldID names the fields that an intermediary must know; all others are Other.
type FieldID uint8

const (
	Other FieldID = iota
	Accept
	AcceptEncoding
	Age
	Authorization
	CacheControl
	Connection
	ContentEncoding
	ContentLength
	ContentRange
	ContentType
	Cookie
	Date
	Expect
	Expires
	Forwarded
	Host
	HTTP2Settings
	IfMatch
	IfModifiedSince
	IfNoneMatch
	IfRange
	IfUnmodifiedSince
	KeepAlive
	MaxForwards
	Origin
	Pragma
	Proxy
	ProxyAuthenticate
	ProxyAuthorization
	ProxyConnection
	Range
	Referer
	SecWebSocketAccept
	SecWebSocketExtensions
	SecWebSocketKey
	SecWebSocketProtocol
	SecWebSocketVersion
	Server
	SetCookie
	TE
	Trailer
	TransferEncoding
	Upgrade
	UserAgent
	Vary
	WWWAuthenticate
	XAccelBuffering
	XAccelMapping
	XAccelRedirect
	XAccelTerm // how an answer is sent: -Charset, -Expires, -Limit-Rate, to be told apart by their names
	XForwardedFor
	XForwardedHost
	XForwardedPort
	XForwardedProto
	XLighttpdSendFile
	XRealIP
	XReproxyURL
	XRequestID
	XRequestStart
	XSendfile
	XSendfileType
	idCount
)

var fieldNames = [idCount]string{
	Accept: "accept", AcceptEncoding: "accept-encoding", Age: "age", Authorization: "authorization", CacheControl: "cache-control",
	Connection: "connection", ContentEncoding: "content-encoding", ContentLength: "content-length",
	ContentRange: "content-range", ContentType: "content-type", Cookie: "cookie", Date: "date",
	Expect: "expect", Expires: "expires", Forwarded: "forwarded", Host: "host",
	HTTP2Settings: "http2-settings", IfMatch: "if-match", IfModifiedSince: "if-modified-since",
	IfNoneMatch: "if-none-match", IfRange: "if-range", IfUnmodifiedSince: "if-unmodified-since",
	KeepAlive: "keep-alive", MaxForwards: "max-forwards", Origin: "origin", Pragma: "pragma", Proxy: "proxy",
	ProxyAuthenticate: "proxy-authenticate", ProxyAuthorization: "proxy-authorization",
	ProxyConnection: "proxy-connection", Range: "range", Referer: "referer",
	SecWebSocketAccept: "sec-websocket-accept", SecWebSocketExtensions: "sec-websocket-extensions",
	SecWebSocketKey: "sec-websocket-key", SecWebSocketProtocol: "sec-websocket-protocol",
	SecWebSocketVersion: "sec-websocket-version", Server: "server", SetCookie: "set-cookie", TE: "te",
	Trailer: "trailer", TransferEncoding: "transfer-encoding", Upgrade: "upgrade",
	UserAgent: "user-agent", Vary: "vary", WWWAuthenticate: "www-authenticate",
	XAccelBuffering: "x-accel-buffering", XAccelMapping: "x-accel-mapping",
	XAccelRedirect: "x-accel-redirect", XAccelTerm: "x-accel-charset", XForwardedFor: "x-forwarded-for",
	XForwardedHost: "x-forwarded-host", XForwardedPort: "x-forwarded-port",
	XForwardedProto: "x-forwarded-proto", XLighttpdSendFile: "x-lighttpd-send-file", XRealIP: "x-real-ip",
	XReproxyURL: "x-reproxy-url", XRequestID: "x-request-id", XRequestStart: "x-request-start",
	XSendfile: "x-sendfile", XSendfileType: "x-sendfile-type",
}

// alsoNamed are further names of fields that are known as one.
var alsoNamed = map[FieldID][]string{XAccelTerm: {"x-accel-expires", "x-accel-limit-rate"}}

// longestName is the length of the longest name in fieldNames.
const longestName = 24

// A knownName is a name in fieldNames, ready to be compared with eight bytes at once.
type knownName struct {
	id    FieldID
	lower [longestName]byte
	cases [longestName]byte // the bits in which its upper-case form differs: of letters alone
}

// knownByLength lists the known fields by the length of their names, so that a look-up compares with
// one or two candidates.
var knownByLength = func() (t [longestName + 1][]knownName) {
	for id := Other + 1; id < idCount; id++ {
		for _, name := range append(alsoNamed[id], fieldNames[id]) {
			known := knownName{id: id}
			copy(known.lower[:], name)
			for i, c := range []byte(name) {
				if c >= 'a' && c <= 'z' {
					known.cases[i] = 0x20
				}
			}
			t[len(name)] = append(t[len(name)], known)
		}
	}
	return t
}()

// lookup returns which known field a name is, in any case. What is known is a token.
func lookup(name []byte) FieldID {
	if len(name) > longestName || len(name) == 0 {
		return Other
	}
	candidates := knownByLength[len(name)]
	for i := range candidates {
		if known := &candidates[i]; known.lower[0] == name[0]|0x20 && known.is(name) {
			return known.id
		}
	}
	return Other
}

// is compares with a name of the same length. The last eight bytes may be compared in part again.
func (k *knownName) is(name []byte) bool {
	if len(name) < 8 {
		for i, c := range name {
			if (c^k.lower[i])&^k.cases[i] != 0 {
				return false
			}
		}
		return true
	}
	for i := 0; ; i = min(i+8, len(name)-8) {
		differ := binary.LittleEndian.Uint64(name[i:]) ^ binary.LittleEndian.Uint64(k.lower[i:])
		if differ&^binary.LittleEndian.Uint64(k.cases[i:]) != 0 {
			return false
		}
		if i+8 == len(name) {
			return true
		}
	}
}

// idSet is a set of FieldIDs.
type idSet uint64

func setOf(ids ...FieldID) (s idSet) {
	for _, id := range ids {
		s |= 1 << id
	}
	return s
}

func (s idSet) has(id FieldID) bool { return s&(1<<id) != 0 }

// hopByHop are the fields that belong to one connection and are never sent on as received (RFC 9110
// section 7.6.1), and those that frame the message, which are always written anew.
var hopByHop = setOf(Connection, KeepAlive, ProxyConnection, ProxyAuthenticate, ProxyAuthorization,
	TE, Trailer, TransferEncoding, Upgrade, HTTP2Settings, ContentLength)

// notForwarded are the fields of a request that are not sent on as received: Host is written first,
// Expect is answered here, and Proxy becomes HTTP_PROXY in CGI-like apps (CVE-2016-5385).
var notForwarded = hopByHop | setOf(Host, Expect, Proxy)

// notReturned are the fields of a response that are not sent on as received. What begins with X- is for
// the server in front, which is us.
var notReturned = hopByHop | sendsFile | setOf(XAccelBuffering, XAccelTerm)

// sendsFile are the fields by which an app has the server in front send something else in the place of its
// answer.
var sendsFile = setOf(XAccelRedirect, XLighttpdSendFile, XReproxyURL, XSendfile)

// SendsFile reports a field of an answer that must not be taken for content: what is to be sent is named in
// the field.
func (f *Field) SendsFile() bool { return sendsFile.has(f.ID) }

// notNominable are fields that a Connection header cannot have removed. RFC 9110 section 7.6.1 forbids to
// name what is meant for all recipients. A client that does could take away what the app relies on
// (CVE-2021-33197, CVE-2024-45410), or what we have read ourselves: of a handshake that we take for whole
// the app would see a part, and its refusal would count as its error.
var notNominable = setOf(Host, ContentLength, TransferEncoding, // whose it is, and where it ends
	Upgrade, SecWebSocketKey, SecWebSocketVersion, SecWebSocketProtocol, SecWebSocketExtensions, SecWebSocketAccept,
	Authorization, Cookie, Origin, SetCookie, WWWAuthenticate, // who may
	IfMatch, IfModifiedSince, IfNoneMatch, IfRange, IfUnmodifiedSince, Range, MaxForwards, // whether, and how much
	ContentType, ContentEncoding, ContentRange, CacheControl, Date, Vary) // what the content is, and for whom

// nominable reports whether a Connection header may have a field removed.
func (f *Field) nominable() bool { return !notNominable.has(f.ID) && !f.Forwarded() }

// once are request fields of which a second one makes the message ambiguous.
var once = setOf(Host, ContentLength, TransferEncoding, Authorization, ContentType, Expect, IfMatch,
	IfModifiedSince, IfNoneMatch, IfRange, IfUnmodifiedSince, Range, SecWebSocketKey, SecWebSocketVersion)

// notInTrailers are fields that a trailer section may not carry (RFC 9110 section 6.5.1): framing,
// routing, authentication, caching and what else must be known before the content.
var notInTrailers = sendsFile | setOf(Age, Authorization, CacheControl, Connection, ContentEncoding, ContentLength,
	ContentRange, ContentType, Cookie, Date, Expect, Expires, Host, HTTP2Settings, IfMatch, IfModifiedSince,
	IfNoneMatch, IfRange, IfUnmodifiedSince, KeepAlive, MaxForwards, Pragma, Proxy, ProxyAuthenticate,
	ProxyAuthorization, ProxyConnection, Range, SetCookie, TE, Trailer, TransferEncoding, Upgrade, Vary,
	WWWAuthenticate, XAccelBuffering, XAccelTerm)

// inTrailers reports whether a field may be sent on in a trailer section: many apps read trailers as if
// they were fields of the head.
func (f *Field) inTrailers() bool {
	return !notInTrailers.has(f.ID) && !f.Forwarded() && !unsafeName(f.Name)
}

var forwarded = setOf(XForwardedFor, XForwardedHost, XForwardedPort, XForwardedProto, Forwarded, XRealIP,
	XRequestID, XRequestStart, XSendfileType, XAccelMapping)

// Forwarded reports a field by which an app is told about the client, or about the server in front of it:
// only we or a trusted proxy may write it, in a head and never in a trailer section. All names that begin
// with X-Forwarded- are of the kind, for frameworks know more of them than we do (-Ssl, -Scheme, -Prefix).
func (f *Field) Forwarded() bool {
	const family = "x-forwarded-"
	if f.ID != Other {
		return forwarded.has(f.ID)
	}
	return len(f.Name) >= len(family) && f.Name[0]|0x20 == 'x' && EqualFold(f.Name[:len(family)], family)
}
