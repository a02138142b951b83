package proxy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"

	"purser/conf"
)

func TestTemplateMayNameWhatThereIsAndNothingElse(t *testing.T) {
	var names []string
	for _, f := range slices.Concat(jsonFields, furtherFields) {
		names = append(names, f.name)
	}
	slices.Sort(names)
	if known := slices.Sorted(slices.Values(conf.LogNames)); !slices.Equal(names, known) {
		t.Errorf("there are\n%v\nand the configuration knows\n%v", names, known)
	}
}

func TestAccessLogByTemplate(t *testing.T) {
	template := `{remote} [{time_local}] "{method} {target} {protocol}" {path} {status} {app_status} {bytes} {bytes_in} {app} {error} {tls_cipher} {header.X-Shop} {header.X-None} {{{generation}}}`
	f, log := newLogged(t, template, hello, nil)
	f.dial().send("POST /a?b=c HTTP/1.1\r\nHost: a\r\nX-Shop: north\r\nContent-Length: 3\r\n\r\nabc").expect(200, "hello")
	want := regexp.MustCompile(`^127\.0\.0\.1 \[\d\d/\w{3}/\d{4}(:\d\d){3} [+-]\d{4}\] "POST /a\?b=c HTTP/1\.1" /a 200 200 5 3 app - (-|TLS_\w+) north - \{1\}$`)
	if line := log.next(); !want.MatchString(line) {
		t.Error(line)
	}
	f.dial().send("BAD\r\n\r\n").expectFailure("GET", 400, "bad_request")
	want = regexp.MustCompile(`^127\.0\.0\.1 \[[^]]+\] "- - -" - 400 - \d+ 0 - bad_request (-|TLS_\w+) - - \{-\}$`)
	if line := log.next(); !want.MatchString(line) {
		t.Error(line)
	}
}

func TestTemplateWithEachNameHasAValueForEach(t *testing.T) {
	f, log := newLogged(t, "{"+strings.Join(conf.LogNames, "}\t{")+"}", hello, nil)
	f.dial().send("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: x\r\nReferer: y\r\nAuthorization: Basic YTpi\r\n\r\n").expect(200, "hello")
	values := strings.Split(log.next(), "\t")
	if len(values) != len(conf.LogNames) {
		t.Fatalf("%d values of %d names: %q", len(values), len(conf.LogNames), values)
	}
	for i, name := range conf.LogNames {
		missing := name == "trace_id" || name == "cached" || name == "error" || name == "retries" || strings.HasPrefix(name, "tls_") && !f.secure
		if (values[i] == "-") != missing {
			t.Errorf("{%s} is %q", name, values[i])
		}
	}
}

// What follows a value in the template is where it ends, for whoever reads the line.
func TestNoClientCanGoOnAsTheNextFieldOfATemplate(t *testing.T) {
	for template, want := range map[string]string{
		`{user_agent} {status}`:      `a\x20200\x20b|c;d]e'f\x22g\x5Ch 200`,
		`{user_agent}|{status}`:      `a 200 b\x7Cc;d]e'f\x22g\x5Ch|200`,
		`{user_agent}; {status}`:     `a 200 b|c\x3Bd]e'f\x22g\x5Ch; 200`,
		`[{user_agent}] {status}`:    `[a 200 b|c;d\x5De'f\x22g\x5Ch] 200`,
		`'{user_agent}' {status}`:    `'a 200 b|c;d]e\x27f\x22g\x5Ch' 200`,
		`"{user_agent}" {status}`:    `"a 200 b|c;d]e'f\x22g\x5Ch" 200`,
		"{user_agent}\t{status}":     "a 200 b|c;d]e'f\\x22g\\x5Ch\t200",
		`{user_agent}{status}`:       `a 200 b|c;d]e'f\x22g\x5Ch200`,
		`{header.User-Agent} é`:      `a\x20200\x20b|c;d]e'f\x22g\x5Ch é`,
		`{status} {user_agent}`:      `200 a 200 b|c;d]e'f\x22g\x5Ch`,
		`{status} {user_agent}bytes`: `200 a 200 b|c;d]e'f\x22g\x5Chbytes`, // no separator
	} {
		f, log := newLogged(t, template, hello, nil)
		f.dial().send("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: %s\r\n\r\n", `a 200 b|c;d]e'f"g\h`).expect(200, "hello")
		if line := log.next(); line != want {
			t.Errorf("%s: %q, want %q", template, line, want)
		}
	}
}

func TestSampleOfTheAccessLogLeavesOutWhatWentWell(t *testing.T) {
	f, log := newLogged(t, "{status} {target}", hello, func(s *conf.Server, _ *conf.App) { s.AccessLogSample = 0 })
	c := f.dial()
	for range 20 {
		c.send(get).expect(200, "hello")
	}
	f.dial().send("BAD\r\n\r\n").expectFailure("GET", 400, "bad_request")
	if line := log.next(); line != "400 -" {
		t.Errorf("the first line is %q, want that of the failure", line)
	}
}

func TestSampleOfTheAccessLogIsAsLargeAsWritten(t *testing.T) {
	const asked = 2000
	lines := 0
	l := accessLog{take: func([]byte) { lines++ }, append: func(b []byte, _ *exchange) []byte { return b }}
	for _, part := range []float64{0, 0.25, 1} {
		lines, l.share = 0, share(part)
		x := &exchange{story: story{status: 200}}
		for range asked {
			l.record(x)
		}
		if want := int(asked * part); lines < want-200 || lines > want+200 || part != 0.25 && lines != want {
			t.Errorf("a part of %v has %d lines of %d", part, lines, asked)
		}
	}
}

func TestJSONTextIsWhatWasSaid(t *testing.T) {
	for _, text := range append(forgeries, "", "plain", "a\x00b\x7f", "\xf0\x9f\x98\x80 \u2028", "\xf0\x9f", "é\xffé", strings.Repeat("\xe2\x80", 5), "日本") {
		got := string(appendJSON(nil, text))
		want := `"`
		for _, r := range text {
			want += reference(r)
		}
		if want += `"`; got != want {
			t.Errorf("%q became %s, want %s", text, got, want)
		}
	}
}

// reference is one character of a JSON text.
func reference(r rune) string {
	switch {
	case r == '"' || r == '\\':
		return `\` + string(r)
	case unicode.IsPrint(r):
		return string(r)
	case r > 0xffff:
		high, low := utf16.EncodeRune(r)
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}
