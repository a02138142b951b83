package cache

import (
	"strings"
	"testing"
	"time"

	"purser/proxy/wire"
)

// wall is the time of day at which all answers of the tests come.
var wall = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fields parses header lines, with "|" between them.
func fields(t testing.TB, lines string) []wire.Field {
	t.Helper()
	head := "HTTP/1.1 200 OK\r\n"
	for line := range strings.SplitSeq(lines, "|") {
		if line != "" {
			head += line + "\r\n"
		}
	}
	var r wire.Response
	if err := r.Parse([]byte(head+"\r\n"), false); err != nil {
		t.Fatalf("%q: %v", lines, err)
	}
	return r.Fields
}

func entry(t testing.TB, status int, answer, request string) *Entry {
	return NewEntry(&Answer{Status: status, Fields: fields(t, answer), Request: fields(t, request), Generation: 1, Asked: 1, Now: 1, Wall: wall})
}

// TestWhatIsStored: RFC 9111 section 3, and what purser leaves out beyond it.
func TestWhatIsStored(t *testing.T) {
	for _, c := range []struct {
		status          int
		answer, request string
		stored          bool
		lifetime, age   time.Duration
	}{
		{200, "Cache-Control: max-age=60", "", true, time.Minute, 0},
		{200, "Cache-Control: MAX-AGE=\"60\"", "", true, time.Minute, 0},
		{200, "Cache-Control: x=\"max-age=9, y\", max-age=60", "", true, time.Minute, 0},
		{200, "Cache-Control: max-age=60, max-age=30", "", true, 30 * time.Second, 0},
		{200, "Cache-Control: max-age=60|Cache-Control: s-maxage=5", "", true, 5 * time.Second, 0},
		{200, "Cache-Control: max-age=99999999999999999999", "", true, longest, 0},
		{200, "Cache-Control: max-age=60|Age: 20", "", true, time.Minute, 20 * time.Second},
		{200, "Cache-Control: max-age=60|Age: soon", "", false, 0, 0},
		{412, "Cache-Control: max-age=60", "If-Match: \"a\"", false, 0, 0},
		{416, "Cache-Control: max-age=60", "Range: bytes=9-", false, 0, 0},
		{200, "Cache-Control: max-age=60|Age: 0|Age: 0", "", false, 0, 0},
		{200, "Cache-Control: max-age=60|Date: Sun, 01 Mar 2026 11:59:50 GMT", "", true, time.Minute, 10 * time.Second},
		{200, "Expires: Sun, 01 Mar 2026 12:00:10 GMT", "", true, 10 * time.Second, 0},
		{200, "Expires: Sun, 01 Mar 2026 12:00:10 GMT|Date: Sun, 01 Mar 2026 12:00:05 GMT", "", true, 5 * time.Second, 0},
		{200, "Expires: 0", "", false, 0, 0},
		{200, "Expires: Sun, 01 Mar 2026 12:00:10 GMT|Cache-Control: max-age=0", "", false, 0, 0},
		{200, "Cache-Control: max-age='60'", "", false, 0, 0},
		{200, "Cache-Control: max-age=-1", "", false, 0, 0},
		{200, "Cache-Control: max-age=0|ETag: \"a\"", "", true, 0, 0},
		{200, "Cache-Control: no-cache|ETag: \"a\"", "", true, 0, 0},
		{200, "Cache-Control: public|Last-Modified: Sun, 01 Mar 2026 11:00:00 GMT", "", true, 0, 0},
		{200, "ETag: \"a\"|Last-Modified: Sun, 01 Mar 2026 11:00:00 GMT", "", false, 0, 0},
		{200, "Cache-Control: max-age=0, stale-while-revalidate=5", "", true, 0, 0},
		{200, "Cache-Control: no-store, max-age=60", "", false, 0, 0},
		{200, "Cache-Control: no-store, must-understand, max-age=60", "", true, time.Minute, 0},
		{299, "Cache-Control: must-understand, max-age=60", "", false, 0, 0},
		{299, "Cache-Control: max-age=60", "", true, time.Minute, 0},
		{200, "Cache-Control: private, max-age=60", "", false, 0, 0},
		{200, "Cache-Control: max-age=60|Set-Cookie: a=b", "", false, 0, 0},
		{200, "Cache-Control: max-age=60|Vary: Accept, *", "", false, 0, 0},
		{200, "Cache-Control: max-age=60|Vary: X-Real-IP", "", false, 0, 0},
		{200, "Cache-Control: max-age=60", "Cache-Control: no-store", false, 0, 0},
		{206, "Cache-Control: max-age=60|Content-Range: bytes 0-1/2", "", false, 0, 0},
		{304, "Cache-Control: max-age=60", "", false, 0, 0},
		{404, "Cache-Control: max-age=60", "", true, time.Minute, 0},
		{500, "Cache-Control: max-age=60", "", true, time.Minute, 0},
		{200, "Cache-Control: private, no-store, no-cache|X-Accel-Expires: 30", "", true, 30 * time.Second, 0},
		{200, "Cache-Control: max-age=60|X-Accel-Expires: 0", "", false, 0, 0},
		{200, "X-Accel-Expires: @1772366410", "", true, 10 * time.Second, 0},
		{200, "X-Accel-Expires: never", "", false, 0, 0},
	} {
		e := entry(t, c.status, c.answer, c.request)
		switch {
		case (e != nil) != c.stored:
			t.Errorf("%d %s: stored is %v", c.status, c.answer, e != nil)
		case e != nil && (e.lifetime != c.lifetime || e.age != c.age):
			t.Errorf("%d %s: fresh for %v at an age of %v, want %v and %v", c.status, c.answer, e.lifetime, e.age, c.lifetime, c.age)
		}
	}
}

// TestWhatMayBeUsed: RFC 9111 section 4 and RFC 5861, so many seconds after it came.
func TestWhatMayBeUsed(t *testing.T) {
	for _, c := range []struct {
		answer, request string
		defaults        Defaults
		after           int
		want            Verdict
		inError         bool
	}{
		{"max-age=60", "", Defaults{}, 59, Use, false},
		{"max-age=60", "", Defaults{}, 60, Ask, false},
		{"max-age=60", "Cache-Control: no-cache", Defaults{}, 1, AskAgain, false},
		{"max-age=60", "Pragma: no-cache", Defaults{}, 1, AskAgain, false},
		{"max-age=60", "Pragma: no-cache|Cache-Control: x", Defaults{}, 1, Use, false},
		{"max-age=60", "Cache-Control: max-age=10", Defaults{}, 11, AskAgain, false},
		{"max-age=60", "Cache-Control: min-fresh=10", Defaults{}, 51, AskAgain, false},
		{"max-age=60", "Cache-Control: max-stale", Defaults{}, 600, Use, false},
		{"max-age=60", "Cache-Control: max-stale=10", Defaults{}, 70, Use, false},
		{"max-age=60", "Cache-Control: max-stale=10", Defaults{}, 71, Ask, false},
		{"max-age=60, must-revalidate", "Cache-Control: max-stale", Defaults{}, 61, Ask, false},
		{"s-maxage=60", "Cache-Control: max-stale", Defaults{}, 61, Ask, false},
		{"max-age=60, no-cache", "", Defaults{}, 1, Ask, false},
		{"max-age=60, stale-while-revalidate=30", "", Defaults{}, 89, UseAndRefresh, false},
		{"max-age=60, stale-while-revalidate=30", "", Defaults{}, 90, Ask, false},
		{"s-maxage=60, stale-while-revalidate=30", "", Defaults{}, 89, UseAndRefresh, false},
		{"max-age=60", "", Defaults{WhileRevalidate: 30 * time.Second}, 89, UseAndRefresh, false},
		{"max-age=60, stale-while-revalidate=0", "", Defaults{WhileRevalidate: 30 * time.Second}, 61, Ask, false},
		{"s-maxage=60", "", Defaults{WhileRevalidate: 30 * time.Second, IfError: time.Hour}, 61, Ask, false},
		{"max-age=60, proxy-revalidate, stale-while-revalidate=30, stale-if-error=30", "", Defaults{}, 61, Ask, false},
		{"max-age=60, stale-if-error=30", "", Defaults{}, 89, Ask, true},
		{"max-age=60, stale-if-error=30", "", Defaults{}, 90, Ask, false},
		{"max-age=60", "", Defaults{IfError: 30 * time.Second}, 89, Ask, true},
	} {
		e := entry(t, 200, "ETag: \"a\"|Cache-Control: "+c.answer, "")
		w := WishesOf(fields(t, c.request))
		now := 1 + int64(c.after)*int64(time.Second)
		if got := e.Judge(&w, c.defaults, now); got != c.want {
			t.Errorf("%s, asked with %q after %d s: %d, want %d", c.answer, c.request, c.after, got, c.want)
		}
		if got := e.Left(now) <= 0 && e.InError(c.defaults, now); got != c.inError {
			t.Errorf("%s after %d s in place of an error: %v", c.answer, c.after, got)
		}
	}
}

func TestVariantsAreToldApart(t *testing.T) {
	e := entry(t, 200, "Cache-Control: max-age=60|Vary: Accept-Language, X-Kind|Vary: x-more", "Accept-Language: de,  en|X-Kind: a|X-Kind: b")
	for request, suits := range map[string]bool{
		"Accept-Language: de, en|X-Kind: a, b":            true,
		"X-Kind: a,b|Accept-Language: de,en|X-Other: z":   true,
		"Accept-Language: en, de|X-Kind: a, b":            false,
		"Accept-Language: de, en|X-Kind: \"a, b\"":        false,
		"Accept-Language: de, en|X-Kind: a, b|X-More:":    false,
		"Accept-Language: de, en":                         false,
		"Accept-Language: de|Accept-Language: en|X-Kind:": false,
	} {
		if e.suits(fields(t, request)) != suits {
			t.Errorf("%q: it suits is %v", request, !suits)
		}
	}
}

func TestWhatA304Changes(t *testing.T) {
	e := entry(t, 200, "Cache-Control: max-age=1|ETag: W/\"a\"|X-Kept: old|X-New: old|Content-Encoding: br|Vary: X-A", "X-A: 1")
	e.Body = []byte("body")
	a := &Answer{Status: 304, Fields: fields(t, "Cache-Control: max-age=60|ETag: \"a\"|X-New: new|Content-Encoding: gzip|Connection: X-Gone|X-Gone: x"),
		Request: fields(t, "X-A: 1"), Generation: 1, Asked: 5, Now: 5, Wall: wall}
	fresh, store := e.Freshened(a)
	if fresh == nil || !store {
		t.Fatal("it is not taken for the same")
	}
	got := map[string]string{}
	for _, f := range fresh.Fields {
		got[string(f.Name)] += string(f.Value)
	}
	for name, want := range map[string]string{"X-Kept": "old", "X-New": "new", "Content-Encoding": "br", "X-Gone": "", "ETag": "W/\"a\"", "Cache-Control": "max-age=60"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if string(fresh.Body) != "body" || fresh.Status != 200 || fresh.lifetime != time.Minute {
		t.Errorf("got %d %q, fresh for %v", fresh.Status, fresh.Body, fresh.lifetime)
	}
	a.Fields = fields(t, "ETag: \"b\"")
	if other, _ := e.Freshened(a); other != nil {
		t.Error("a 304 about another state is taken for this one")
	}
	a.Fields = fields(t, "ETag: \"a\"|Set-Cookie: a=b")
	if seen, store := e.Freshened(a); seen == nil || store {
		t.Error("a 304 that sets a cookie is for one visitor")
	}
}

func TestParts(t *testing.T) {
	e := entry(t, 200, "Cache-Control: max-age=60|ETag: \"a\"|Last-Modified: Sun, 01 Mar 2026 11:00:00 GMT", "")
	e.Body = []byte("0123456789")
	for request, want := range map[string]Part{
		"": {200, 0, 10}, "Range: bytes=0-0": {206, 0, 1}, "Range: bytes=5-": {206, 5, 10}, "Range: bytes=-3": {206, 7, 10}, "Range: BYTES=8-99": {206, 8, 10},
		"Range: bytes=-99": {206, 0, 10}, "Range: bytes=10-": {Status: 416}, "Range: bytes=-0": {Status: 416}, "Range: bytes=99999999999999999999-": {Status: 416},
		"Range: bytes=3-2": {200, 0, 10}, "Range: bytes=0-1,3-4": {200, 0, 10}, "Range: lines=0-1": {200, 0, 10}, "Range: bytes=-": {200, 0, 10}, "Range: bytes=+1-2": {200, 0, 10},
		"Range: bytes=0-1|If-Range: \"a\"": {206, 0, 2}, "Range: bytes=0-1|If-Range: W/\"a\"": {200, 0, 10}, "Range: bytes=0-1|If-Range: Sun, 01 Mar 2026 11:00:00 GMT": {206, 0, 2},
		"If-None-Match: \"b\", W/\"a\"": {Status: 304}, "If-None-Match: *": {Status: 304}, "If-None-Match: \"b\"|If-Modified-Since: Sun, 01 Mar 2026 11:00:00 GMT": {200, 0, 10},
		"If-Modified-Since: Sun, 01 Mar 2026 11:00:00 GMT": {Status: 304}, "If-Modified-Since: Sun, 01 Mar 2026 10:59:59 GMT": {200, 0, 10}, "If-Modified-Since: yesterday": {200, 0, 10},
	} {
		r := &wire.Request{Method: []byte("GET"), Fields: fields(t, request)}
		if got := e.PartFor(r); got != want {
			t.Errorf("%q: %v, want %v", request, got, want)
		}
	}
}
