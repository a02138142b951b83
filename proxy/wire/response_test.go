package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// parseResponse parses what an app sent as an exchange does: the first head in it.
func parseResponse(sent []byte, toHead bool) (r Response, end int, err error) {
	end, _, err = HeadEnd(sent, 0, false)
	if err == nil && end == 0 {
		err = errUnfinished
	}
	if err == nil {
		err = r.Parse(sent[:end], toHead)
	}
	return r, end, err
}

// A responseCase is a row of the table of what an app may send, by number.
type responseCase struct {
	row  string
	send string
	want string // as shown by answerSummary, or refused
}

// refused is how the table shows an answer that is the app's error.
const refused = "refused"

func runResponses(t *testing.T, toHead bool, cases []responseCase) {
	for _, c := range cases {
		t.Run(c.row, func(t *testing.T) {
			r, _, err := parseResponse([]byte(c.send), toHead)
			got := answerSummary(&r)
			if e, ok := errors.AsType[*Error](err); ok && e.Side == ByApp && e.Status == 0 {
				got = refused
			}
			if got != c.want {
				t.Errorf("%.200q:\n got %s (%v)\nwant %s", c.send, got, err, c.want)
			}
		})
	}
}

// answerSummary shows what matters of an accepted answer: its line, the fields that go on, how its
// body is framed and whether the connection ends.
func answerSummary(r *Response) string {
	parts := []string{fmt.Sprintf("%d %q", r.Status, r.Reason)}
	for _, f := range r.Fields {
		if !f.Drop {
			parts = append(parts, string(f.Name)+"="+string(f.Value))
		}
	}
	for _, fact := range []struct {
		is   bool
		text string
	}{{r.Bodiless, "bodiless"}, {r.Chunked, "chunked"}, {r.Announced, fmt.Sprint("length ", r.Length)}, {r.Close, "close"}} {
		if fact.is {
			parts = append(parts, fact.text)
		}
	}
	return strings.Join(parts, " ")
}

func answer(lines ...string) string {
	return "HTTP/1.1 200 OK\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func badEach(row, send string, values ...string) (all []responseCase) {
	for _, v := range values {
		all = append(all, responseCase{row + " " + visible(v), strings.ReplaceAll(send, "$", v), refused})
	}
	return all
}

func TestStatusLine(t *testing.T) {
	end := "\r\nContent-Length: 0\r\n\r\n"
	runResponses(t, false, append([]responseCase{
		{"96 usual", "HTTP/1.1 200 OK" + end, `200 "OK" length 0`},
		{"96 no reason", "HTTP/1.1 200 " + end, `200 "" length 0`},
		{"96 no space before no reason", "HTTP/1.1 200" + end, `200 "" length 0`},
		{"96 reason of any bytes but controls", "HTTP/1.1 404 Nicht  gefunden\t\xe4 " + end, "404 \"Nicht  gefunden\\t\\xe4 \" length 0"},
		{"96 smallest status", "HTTP/1.1 100\r\n\r\n", `100 "" bodiless`},
		{"96 largest status", "HTTP/1.1 599" + end, `599 "" length 0`},
		{"96 later minor version", "HTTP/1.7 200 OK" + end, `200 "OK" length 0`},
		{"53 HTTP 1.0 closes", "HTTP/1.0 200 OK\r\nConnection: keep-alive" + end, `200 "OK" length 0 close`},
		{"97 bare LF ends the status line", "HTTP/1.1 200 OK\n\n", `200 "OK" close`},
	}, badEach("96 status line", "$"+end, "HTTP/1.1 099 X", "HTTP/1.1 600 X", "HTTP/1.1 999 X", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 200OK", "HTTP/1.1  200 OK",
		"HTTP/1.1 +20 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1\t200 OK", "HTTP/1.1 200\tOK", "HTTP/2.0 200 OK", "HTTP/1.x 200 OK", "http/1.1 200 OK", "HTTP/1.10 200 OK", "HTTP/11 200 OK",
		"ICY 200 OK", "200 OK", "", " ", "HTTP/1.1", "HTTP/1.1 200 a\rb", "HTTP/1.1 200 OK\r", "HTTP/1.1 200 a\x00", "HTTP/1.1 200 \x7f", " HTTP/1.1 200 OK")...))
}

func TestAnswerFraming(t *testing.T) {
	runResponses(t, false, append([]responseCase{
		{"94 both lengths: the coding wins", answer("Content-Length: 5", "Transfer-Encoding: chunked"), `200 "OK" chunked close`},
		{"94 both lengths, the other way round", answer("Transfer-Encoding: Chunked", "Content-Length: 5"), `200 "OK" chunked close`},
		{"94 chunked alone", answer("Transfer-Encoding: chunked"), `200 "OK" chunked`},
		{"95 length", answer("Content-Length: 5"), `200 "OK" length 5`},
		{"95 length twice the same", answer("Content-Length: 5", "content-length: 5"), `200 "OK" length 5`},
		{"95 lengths that differ", answer("Content-Length: 5", "Content-Length: 6"), refused},
		{"95 lengths that differ in form", answer("Content-Length: 5", "Content-Length: 05"), refused},
		{"95 invalid length beside a coding", answer("Content-Length: x", "Transfer-Encoding: chunked"), refused},
		{"95 two codings on two lines", answer("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), refused},
		{"102 neither length", answer("X: a"), `200 "OK" X=a close`},
		{"103 204 keeps no length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", `204 "No Content" bodiless length 5`},
		{"103 204 with chunks", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", `204 "No Content" bodiless`},
		{"103 304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", `304 "Not Modified" bodiless length 5`},
		{"103 304 without a length is kept", "HTTP/1.1 304 Not Modified\r\n\r\n", `304 "Not Modified" bodiless`},
		{"104 103", "HTTP/1.1 103 Early Hints\r\nLink: a\r\nConnection: X\r\nX: b\r\n\r\n", `103 "Early Hints" Link=a bodiless`},
		{"106 hop-by-hop and nominated fields", answer("Connection: X-Foo, close", "X-Foo: a", "Keep-Alive: b", "Upgrade: c", "Proxy-Authenticate: d", "Trailer: e", "Set-Cookie: f", "Content-Length: 1"),
			`200 "OK" Set-Cookie=f length 1 close`},
		{"106 what cannot be nominated", answer("Connection: Set-Cookie, Content-Type", "Set-Cookie: a", "Content-Type: b", "Content-Length: 1"), `200 "OK" Set-Cookie=a Content-Type=b length 1`},
		{"106 what else cannot be nominated", answer("Connection: Date, Vary, Content-Encoding, Sec-WebSocket-Accept", "Date: a", "Vary: b", "Content-Encoding: c", "Sec-WebSocket-Accept: d", "Content-Length: 1"),
			`200 "OK" Date=a Vary=b Content-Encoding=c Sec-WebSocket-Accept=d length 1`},
		{"106 426 says which protocol", "HTTP/1.1 426 Upgrade Required\r\nUpgrade: HTTP/2.0, TLS/1.2\r\nConnection: Upgrade\r\nContent-Length: 1\r\n\r\n",
			`426 "Upgrade Required" Upgrade=HTTP/2.0, TLS/1.2 length 1`},
		{"106 too many options", answer("Connection: " + strings.Repeat("a,", maxFields) + "b"), refused},
		{"108 fields for the server in front", answer("X-Accel-Redirect: a", "X-Sendfile: b", "X-Accel-Buffering: no", "Content-Length: 1"), `200 "OK" length 1`},
		{"109 cookies are never merged", answer("Set-Cookie: a", "Set-Cookie: b", "Content-Length: 1"), `200 "OK" Set-Cookie=a Set-Cookie=b length 1`},
	}, append(
		badEach("95 length", answer("Content-Length: $"), "", "+5", "-1", "0x5", "5, 5", "5,", "5 5", "9223372036854775808", "a"),
		badEach("95 coding", answer("Transfer-Encoding: $"), "", "gzip", "identity", "gzip, chunked", "chunked, chunked", "chunked;q=1", ",chunked", "chunked,", "\"chunked\"")...)...))
	runResponses(t, true, []responseCase{
		{"103 HEAD keeps the length", answer("Content-Length: 5"), `200 "OK" bodiless length 5`},
		{"103 HEAD with chunks", answer("Transfer-Encoding: chunked"), `200 "OK" bodiless`},
		{"103 HEAD without a length is kept", answer("X: a"), `200 "OK" X=a bodiless`},
		{"103 HEAD with both lengths", answer("Content-Length: 5", "Transfer-Encoding: chunked"), `200 "OK" bodiless close`},
	})
}

func TestAnswerFields(t *testing.T) {
	length := "Content-Length: 1"
	many := func(n int) string { return answer(strings.TrimSuffix(strings.Repeat("A: b\r\n", n), "\r\n")) }
	runResponses(t, false, append([]responseCase{
		{"97 bare LF lines", "HTTP/1.1 200 OK\nA: b\nContent-Length: 1\n\n", `200 "OK" A=b length 1`},
		{"97 bare LF among CRLF", "HTTP/1.1 200 OK\r\nA: b\nContent-Length: 1\r\nC:\nD: e\r\n\n", `200 "OK" A=b C= D=e length 1`},
		{"97 space before the colon", answer("A : b", "B\t :c", "Content-Length : 1"), `200 "OK" A=b B=c length 1`},
		{"97 folded", answer("A: b", " c", "\t\td  ", length), `200 "OK" A=b c d length 1`},
		{"97 folded with bare LF", "HTTP/1.1 200 OK\nA: b\n c\nContent-Length: 1\n\n", `200 "OK" A=b c length 1`},
		{"97 folded after nothing", answer("A:", " b", length), `200 "OK" A=b length 1`},
		{"97 folded after white space", answer("A: \t ", " b", " c", length), `200 "OK" A=b c length 1`},
		{"97 folded around nothing", answer("A: b", " ", " c", length), `200 "OK" A=b c length 1`},
		{"97 folded nothing at the end", answer(length, "A: b", " \t"), `200 "OK" A=b length 1`},
		{"97 folded length", answer("Content-Length:", " 1"), `200 "OK" length 1`},
		{"97 folded coding", answer("Transfer-Encoding:", "\tchunked"), `200 "OK" chunked`},
		{"97 length in two lines", answer("Content-Length: 1", " 2"), refused},
		{"97 first line folded", answer(" A: b"), refused},
		{"97 names with _ are the app's", answer("X_Y: a", length), `200 "OK" X_Y=a length 1`},
		{"97 a line above 16 KiB", answer("A: "+strings.Repeat("v", 2*maxLine), length), `200 "OK" A=` + strings.Repeat("v", 2*maxLine) + " length 1"},
		{"97 512 lines", many(512), `200 "OK"` + strings.Repeat(" A=b", 512) + " close"},
		{"97 513 lines", many(513), refused},
		{"97 empty name", answer(": a"), refused},
		{"97 no colon", answer("A"), refused},
	}, append(append(
		badEach("97 in a value", answer("A: b$c"), "\x00", "\x01", "\x0b", "\x1f", "\x7f", "\r", "\rX: y", "\r\rc"),
		badEach("97 in a name", answer("A$B: c"), "\x00", "\x7f", "\r", " ", "\t", "(", "\x80", "/", "\"")...),
		badEach("97 in a folded line", answer("A: b", " c$d"), "\x00", "\r", "\x7f")...)...))
}

func TestAnswerFacts(t *testing.T) {
	r, _, err := parseResponse([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: key\r\nDate: now\r\n\r\n"), false)
	if err != nil || string(r.Upgrade) != "websocket" || string(r.Accept) != "key" || !r.HasDate || !r.Bodiless {
		t.Errorf("%+v, %v", r, err)
	}
	for kind, want := range map[string]bool{
		"text/event-stream": true, "Text/Event-Stream; charset=utf-8": true, "text/event-stream ;a": true,
		"text/event-streams": false, "text/event": false, "": false, "text/html; text/event-stream": false,
	} {
		r, _, err := parseResponse([]byte(answer("Content-Type: "+kind)), false)
		if err != nil || r.EventStream != want {
			t.Errorf("%q is an event stream: %v, %v; want %v", kind, r.EventStream, err, want)
		}
	}
}
