package proxy

import (
	"strconv"

	"purser/proxy/wire"
)

// A logField is one thing that a line of the access log can say of an exchange. It has text or plain.
type logField struct {
	name   string
	text   func(x *exchange) []byte           // what a stranger may have written, which is escaped
	plain  func(b []byte, x *exchange) []byte // appends what needs no escape, and nothing if there is nothing to say
	quoted bool                               // plain appends a text, for JSON
	timed  bool                               // it says when, or how long
	seldom bool                               // text is left out of JSON if there is none
}

// jsonFields are those that a line of JSON has, in their order. Of ours it has those that there is something to say of.
var jsonFields = []logField{
	{name: "time", plain: appendTime, quoted: true, timed: true},
	{name: "remote", text: func(x *exchange) []byte { return x.origin.client() }},
	{name: "user", text: (*exchange).user, seldom: true},
	{name: "request_id", text: func(x *exchange) []byte { return x.origin.requestID() }},
	{name: "method", text: func(x *exchange) []byte { return x.req.Method }},
	{name: "host", text: func(x *exchange) []byte { return x.req.Host }},
	{name: "target", text: func(x *exchange) []byte { return x.req.Target }},
	{name: "protocol", plain: appendProtocolOf, quoted: true},
	{name: "status", plain: number(func(x *exchange) int64 { return int64(x.story.status) })},
	{name: "bytes", plain: number(func(x *exchange) int64 { return x.story.sent })},
	{name: "bytes_in", plain: number(func(x *exchange) int64 { return x.story.received })},
	{name: "duration_ms", plain: millis((*exchange).took), timed: true},
	{name: "receive_ms", plain: ifPassed(millis((*exchange).receiving)), timed: true},
	{name: "queue_ms", plain: millis(func(x *exchange) int64 { return x.details.queued })},
	{name: "connect_ms", plain: ifPassed(millis(func(x *exchange) int64 { return x.details.connecting })), timed: true},
	{name: "first_byte_ms", plain: ifAnswered(millis((*exchange).answering)), timed: true},
	{name: "phase", plain: appendPhase, quoted: true},
	{name: "ended_by", plain: appendParty, quoted: true},
	{name: "retries", plain: ifPositive(func(x *exchange) int64 { return int64(x.story.asks - 1) })},
	{name: "tls_protocol", plain: appendTLSVersion, quoted: true},
	{name: "tls_cipher", plain: appendTLSCipher, quoted: true},
	{name: "app", plain: appendApp, quoted: true},
	{name: "app_status", plain: ifPositive(func(x *exchange) int64 { return int64(x.story.appStatus) })},
	{name: "pid", plain: ifServed(func(x *exchange) int64 { return int64(x.story.served.Child().PID()) })},
	{name: "generation", plain: ifServed(func(x *exchange) int64 { return int64(x.story.served.Generation()) })},
	{name: "cached", plain: func(b []byte, x *exchange) []byte { return append(b, x.story.cached.String()...) }, quoted: true},
	{name: "error", plain: func(b []byte, x *exchange) []byte { return append(b, x.story.reason...) }, quoted: true},
	{name: "trace_id", plain: func(b []byte, x *exchange) []byte { return append(b, x.traceID()...) }, quoted: true},
	{name: "referer", text: func(x *exchange) []byte { return x.req.Get(wire.Referer) }},
	{name: "user_agent", text: func(x *exchange) []byte { return x.req.Get(wire.UserAgent) }},
}

// furtherFields are those that only a template may name.
var furtherFields = []logField{
	{name: "time_local", plain: func(b []byte, x *exchange) []byte { return append(b, x.clock.Stamp().Log...) }},
	{name: "path", text: func(x *exchange) []byte { return x.req.Path }},
}

func appendTime(b []byte, x *exchange) []byte {
	return x.clock.Wall(x.details.over).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
}

func appendProtocolOf(b []byte, x *exchange) []byte {
	if len(x.req.Target) == 0 {
		return b
	}
	return appendProtocol(b, x)
}

func appendPhase(b []byte, x *exchange) []byte { return append(b, x.story.ended().in.String()...) }

func appendParty(b []byte, x *exchange) []byte { return append(b, x.story.ended().by.String()...) }

func appendTLSVersion(b []byte, x *exchange) []byte {
	if tls := x.origin.peer.TLS; tls != nil {
		b = append(b, tls.Version...)
	}
	return b
}

func appendTLSCipher(b []byte, x *exchange) []byte {
	if tls := x.origin.peer.TLS; tls != nil {
		b = append(b, tls.Cipher...)
	}
	return b
}

func appendApp(b []byte, x *exchange) []byte {
	if x.site != nil {
		b = append(b, x.site.app.Name...)
	}
	return b
}

// An appender appends what a field says.
type appender = func(b []byte, x *exchange) []byte

func number(of func(x *exchange) int64) appender {
	return func(b []byte, x *exchange) []byte { return strconv.AppendInt(b, of(x), 10) }
}

func ifPositive(of func(x *exchange) int64) appender {
	return func(b []byte, x *exchange) []byte {
		if n := of(x); n > 0 {
			b = strconv.AppendInt(b, n, 10)
		}
		return b
	}
}

func ifServed(of func(x *exchange) int64) appender {
	return given(func(x *exchange) bool { return x.story.served != nil }, number(of))
}

func ifPassed(say appender) appender {
	return given(func(x *exchange) bool { return x.details.passed != 0 }, say)
}

func ifAnswered(say appender) appender {
	return given(func(x *exchange) bool { return x.details.answered != 0 }, say)
}

func given(is func(x *exchange) bool, say appender) appender {
	return func(b []byte, x *exchange) []byte {
		if is(x) {
			b = say(b, x)
		}
		return b
	}
}

// millis says a span in milliseconds, with three digits behind the point.
func millis(of func(x *exchange) int64) appender {
	return func(b []byte, x *exchange) []byte {
		micros := (of(x) + 500) / 1000
		b = append(strconv.AppendInt(b, micros/1000, 10), '.')
		rest := micros % 1000
		return append(b, byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	}
}
