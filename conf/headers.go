package conf

import (
	"fmt"
	"slices"
	"strings"
)

// Headers is [apps.NAME.headers]: fields of answers, whoever has made them, and of requests that the app gets.
type Headers struct {
	Set           []HeaderLine // take the place of those of the same names in answers; default none
	Remove        []string     // names that no answer has; default none
	RequestSet    []HeaderLine // take the place of those of the same names in requests; default none
	RequestRemove []string     // names that the app does not see; default none
	Security      bool         // answers have the usual fields that make browsers careful, where they have none; default false
}

// A HeaderLine is a field to be set.
type HeaderLine struct{ Name, Value string }

func (l HeaderLine) String() string { return l.Name + ": " + l.Value }

var headersSchema = schema[Headers]{fields: []field[Headers]{
	at("set", func(h *Headers) *[]HeaderLine { return &h.Set }, headerLinesForm),
	at("remove", func(h *Headers) *[]string { return &h.Remove }, headerNamesForm),
	at("request_set", func(h *Headers) *[]HeaderLine { return &h.RequestSet }, headerLinesForm),
	at("request_remove", func(h *Headers) *[]string { return &h.RequestRemove }, headerNamesForm),
	at("security", func(h *Headers) *bool { return &h.Security }, truthForm),
}}

var headersSection = aTable("headers", func(a *App) *Headers { return &a.Headers }, headersSchema, (*Headers).check, nil)

var (
	headerLinesForm = listOf(parseHeaderLine, HeaderLine.String)
	headerNamesForm = listOf(parseHeaderName, strings.Clone)
)

func parseHeaderLine(s string) (HeaderLine, error) {
	name, value, ok := strings.Cut(s, ":")
	if !ok {
		return HeaderLine{}, fmt.Errorf(`must be a list of "Name: value", but %s is in it`, described(s))
	}
	l := HeaderLine{name, strings.Trim(value, " \t")}
	switch {
	case !isFieldName(l.Name):
		return l, fmt.Errorf(`must have a name of letters, digits and "-" before its ":", not %s`, described(s))
	case !printable(l.Value):
		return l, fmt.Errorf("must not have a line end or another control character in the value of %s", l.Name)
	}
	return l, nil
}

func parseHeaderName(s string) (string, error) {
	if !isFieldName(s) {
		return s, fmt.Errorf(`must be names of header fields, of letters, digits and "-", not %s`, described(s))
	}
	return s, nil
}

// isFieldName accepts names that no app takes for another: many read "_" and "." as "-".
func isFieldName(s string) bool {
	return s != "" && len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-')
	})
}

// Fields that say where a message ends and what becomes of its connection (RFC 9110 section 7.6.1, RFC 9112 section 6),
// what its bytes are, and what purser itself says in them.
var (
	framing      = []string{"connection", "content-length", "http2-settings", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "sec-websocket-"}
	ownInAnswer  = append([]string{"content-encoding", "content-range", "date", "purser-", "x-accel-", "x-sendfile"}, framing...)
	ownInRequest = append([]string{"content-encoding", "content-type", "expect", "host", "proxy", "x-accel-mapping", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port",
		"x-forwarded-proto", "x-real-ip", "x-request-id", "x-request-start", "x-sendfile-type"}, framing...)
)

func (h *Headers) check(t table) {
	checkNames(t, "set", namesOf(h.Set), "remove", h.Remove, ownInAnswer)
	checkNames(t, "request_set", namesOf(h.RequestSet), "request_remove", h.RequestRemove, ownInRequest)
}

// checkHSTS refuses to have one thing said in two ways.
func (a *App) checkHSTS(t table) {
	for _, name := range namesOf(a.Headers.Set) {
		both := a.TLS.HSTS != 0 && strings.EqualFold(name, "Strict-Transport-Security")
		t.in("headers").require(!both, "set", "has %s, and tls.hsts says it, too: leave out one of them", name)
	}
}

func checkNames(t table, set string, names []string, remove string, removed []string, own []string) {
	for key, names := range map[string][]string{set: names, remove: removed} {
		for _, name := range names {
			t.require(!isOneOf(name, own), key, "cannot have %s: purser writes it itself, or a message could not be read without it", name)
		}
	}
	for _, name := range removed {
		both := slices.ContainsFunc(names, func(other string) bool { return strings.EqualFold(name, other) })
		t.require(!both, remove, "has %s, and so has %s, which takes the place of what was there; leave it out here", name, set)
	}
}

func namesOf(lines []HeaderLine) (names []string) {
	for _, l := range lines {
		names = append(names, l.Name)
	}
	return names
}

// isOneOf reports whether a name is in a list, or begins with one in it that ends with "-".
func isOneOf(name string, list []string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(list, func(own string) bool {
		return name == own || strings.HasSuffix(own, "-") && strings.HasPrefix(name, own)
	})
}
