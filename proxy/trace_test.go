package proxy

import (
	"regexp"
	"strings"
	"testing"

	"purser/conf"
)

const (
	trace  = "0af7651916cd43dd8448eb211c80319c"
	parent = "00-" + trace + "-b7ad6b7169203331-01"
)

func tracingAs(word string) change {
	return func(_ *conf.Server, a *conf.App) { a.Traceparent = word }
}

var ours = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-00$`)

func TestTraceparentIsReadAsTheRulesSay(t *testing.T) {
	long := "cc-" + trace + "-b7ad6b7169203331-01"
	for sent, valid := range map[string]bool{
		parent:                                   true,
		strings.Replace(parent, "-01", "-00", 1): true,
		strings.Replace(parent, "-01", "-ff", 1): true,
		long:                                     true,
		long + "-what-comes-later":               true,
		long + ".what":                           false,
		parent + "-what":                         false, // version 00 has four fields
		parent[:54]:                              false,
		"":                                       false,
		"ff" + parent[2:]:                        false,
		strings.ToUpper(parent):                  false,
		strings.Replace(parent, trace, strings.Repeat("0", 32), 1):         false,
		strings.Replace(parent, "b7ad6b7169203331", "0000000000000000", 1): false,
		strings.Replace(parent, "b7", "g7", 1):                             false,
		strings.Replace(parent, "0af", "0aF", 1):                           false,
		strings.Replace(parent, "-", "_", 1):                               false,
		"0x" + parent[2:]:                                                  false,
		parent[:53] + "0 ":                                                 false,
	} {
		if got := validTraceparent([]byte(sent)); got != valid {
			t.Errorf("%q is valid: %v, want %v", sent, got, valid)
		}
	}
}

func TestTraceparentIsPassedOnAsItCame(t *testing.T) {
	c := newFront(t, mirror, nil).dial()
	expectHeader(t, c.asked("Host: a", "traceparent: "+parent, "tracestate: a=b", "tracestate: c=d"), "Traceparent", parent, "Tracestate", "a=b | c=d")
	expectHeader(t, c.asked("Host: a", "traceparent: rubbish"), "Traceparent", "rubbish")
	expectHeader(t, c.asked("Host: a"), "Traceparent", "")
}

func TestTraceparentIsMadeWhereThereIsNoneThatIsValid(t *testing.T) {
	c := newFront(t, mirror, tracingAs("make")).dial()
	expectHeader(t, c.asked("Host: a", "Traceparent: "+parent, "Tracestate: a=b"), "Traceparent", parent, "Tracestate", "a=b")
	seen := map[string]bool{}
	for _, lines := range [][]string{
		{}, {}, {"traceparent: rubbish", "tracestate: a=b"}, {"tracestate: a=b"},
		{"traceparent: " + parent, "TRACEPARENT: " + parent, "tracestate: a=b"}, // neither is valid
	} {
		told := c.asked(append(lines, "Host: a")...)
		made := told.Get("Traceparent")
		m := ours.FindStringSubmatch(made)
		if m == nil || len(told.Values("Traceparent")) != 1 || seen[m[1]] || seen[m[2]] {
			t.Fatalf("%q: the app got %q", lines, told.Values("Traceparent"))
		}
		seen[m[1]], seen[m[2]] = true, true
		expectHeader(t, told, "Tracestate", "")
	}
}

// TestTraceparentIsMadeWhereTheClientsIsRemoved, and the tracestate that came with that goes, too.
func TestTraceparentIsMadeWhereTheClientsIsRemoved(t *testing.T) {
	f, log := newLogged(t, "json", mirror, func(s *conf.Server, a *conf.App) {
		tracingAs("make")(s, a)
		a.Headers.RequestRemove = []string{"traceparent"}
	})
	told := f.dial().asked("Host: a", "Traceparent: "+parent, "Tracestate: a=b")
	made := ours.FindStringSubmatch(told.Get("Traceparent"))
	if made == nil || strings.Contains(parent, made[1]) || told.Get("Tracestate") != "" || log.line()["trace_id"] != made[1] {
		t.Errorf("the app got %q and %q", told.Values("Traceparent"), told.Get("Tracestate"))
	}
}

func TestTraceparentIsKeptFromTheApp(t *testing.T) {
	c := newFront(t, mirror, tracingAs("off")).dial()
	expectHeader(t, c.asked("Host: a", "Traceparent: "+parent, "Tracestate: a=b", "X-Trace: kept"), "Traceparent", "", "Tracestate", "", "X-Trace", "kept")
}

func TestAccessLogHasTheTraceThatTheAppWasTold(t *testing.T) {
	for word, want := range map[string]any{"pass": trace, "make": trace, "off": nil} {
		f, log := newLogged(t, "json", mirror, tracingAs(word))
		c := f.dial()
		c.asked("Host: a", "Traceparent: "+parent)
		if got := log.line()["trace_id"]; got != want {
			t.Errorf("%s: %v, want %v", word, got, want)
		}
		told := c.asked("Host: a", "Traceparent: rubbish").Get("Traceparent")
		got, _ := log.line()["trace_id"].(string)
		if made := ours.FindStringSubmatch(told); made == nil && got != "" || made != nil && made[1] != got {
			t.Errorf("%s: the app was told %q, and the log %q", word, told, got)
		}
	}
}

func TestRetryBelongsToTheSameTrace(t *testing.T) {
	told := make(chan string, 2)
	f := newFront(t, func(_ testing.TB, c *appConn) {
		head, _ := c.request()
		_, after, _ := strings.Cut(head, "traceparent: ")
		value, _, _ := strings.Cut(after, "\r\n")
		if told <- value; len(told) == 2 {
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	}, tracingAs("make"))
	f.dial().send(get).expect(200, "ok")
	if first, second := <-told, <-told; first != second || !ours.MatchString(first) {
		t.Errorf("the app was told %q, and then %q", first, second)
	}
}
