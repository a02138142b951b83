package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// decode decodes a chunked body that comes in pieces, each as large as cut says. taken is how much of
// it was used up.
func decode(in []byte, cut func() int) (content []byte, taken int, trailers []Field, err error) {
	return decodeOf(ByClient, in, cut)
}

func decodeOf(side Side, in []byte, cut func() int) (content []byte, taken int, trailers []Field, err error) {
	var d Chunked
	d.Reset(side)
	for arrived := 0; !d.Done(); {
		if arrived == len(in) {
			return content, taken, nil, errUnfinished
		}
		arrived = min(arrived+cut(), len(in))
		for taken < arrived && !d.Done() {
			data, n, err := d.Next(in[taken:arrived])
			content = append(content, data...)
			taken += n
			if err != nil {
				return content, taken, nil, err
			}
		}
	}
	return content, taken, d.Trailers, nil
}

// A chunkedCase is a row of the table of bad and unusual chunks, by number.
type chunkedCase struct {
	row    string
	send   string
	status int    // of the refusal; 0 = accepted; -1 = more is awaited
	want   string // content | trailers
}

func runChunked(t *testing.T, cases []chunkedCase) {
	for _, c := range cases {
		t.Run(c.row, func(t *testing.T) {
			for _, size := range []int{1, 7, len(c.send)} {
				checkChunked(t, c, size)
			}
		})
	}
}

func checkChunked(t *testing.T, c chunkedCase, size int) {
	t.Helper()
	const next = "GET /next"
	in := c.send
	if c.status == 0 {
		in += next
	}
	content, taken, trailers, err := decode([]byte(in), func() int { return size })
	status := -1
	if !errors.Is(err, errUnfinished) {
		status = statusOf(t, err)
	}
	switch got := string(content) + "|" + lines(trailers); {
	case status != c.status:
		t.Errorf("%.200q in pieces of %d: status %d (%v), want %d", c.send, size, status, err, c.status)
	case status == 0 && (got != c.want || in[taken:] != next):
		t.Errorf("%.200q in pieces of %d: %q, then %q; want %q", c.send, size, got, in[taken:], c.want)
	}
}

func lines(fields []Field) string {
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, "%s=%s ", f.Name, f.Value)
	}
	return strings.TrimSpace(b.String())
}

func chunkedEach(row string, status int, send string, values ...string) (all []chunkedCase) {
	for _, v := range values {
		all = append(all, chunkedCase{row + " " + visible(v), strings.ReplaceAll(send, "$", v), status, ""})
	}
	return all
}

func TestChunkSizes(t *testing.T) {
	runChunked(t, append(append([]chunkedCase{
		{"43 no content", "0\r\n\r\n", 0, "|"},
		{"43 one chunk", "5\r\nhello\r\n0\r\n\r\n", 0, "hello|"},
		{"43 content like framing", "7\r\n0\r\n\r\n0\r\r\n3\r\n\r\n0\r\n0\r\n\r\n", 0, "0\r\n\r\n0\r\r\n0|"},
		{"43 digits in either case", "a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n", 0, "01234567890123456789|"},
		{"43 16 digits", "0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", 0, "hello|"},
		{"43 17 digits", "00000000000000005\r\nhello\r\n0\r\n\r\n", 400, ""},
		{"43 2^52", "10000000000000\r\nhello", -1, ""},
		{"43 above 2^52", "10000000000001\r\n", 400, ""},
		{"43 largest of 16 digits", "ffffffffffffffff\r\n", 400, ""},
		{"43 2^64", "10000000000000000\r\n", 400, ""},
		{"46 cut in a size", "5", -1, ""},
		{"46 cut in content", "5\r\nhell", -1, ""},
		{"46 cut before the last chunk", "5\r\nhello\r\n", -1, ""},
		{"46 cut in the last chunk", "5\r\nhello\r\n0\r\n", -1, ""},
		{"46 cut in the trailers", "0\r\nA: b\r\n", -1, ""},
	}, chunkedEach("43 size", 400, "$\r\nhello\r\n0\r\n\r\n", "", "0x5", "+5", "-1", "-0", " 5", "5 ", "\t5", "5\t", "5 \t ", "5 5", "5 x", "5 a=b;c", " ;a", "5 \n;a", "5 \r;a", "5 \x00;a", "5 \x0b;a", "5_0", "5h", "g", "5,5", "\"5\"", "\x005", "5\x00", "5.0", "\xb25")...),
		chunkedEach("45 line end after a size", 400, "5$hello\r\n0\r\n\r\n", "\n", "\r", "\rX", "\r\r\n", "XX", "\n\r", "\x00\n", "\x0b\r\n")...))
	runChunked(t, append(append(
		chunkedEach("45 line end after content", 400, "5\r\nhello$0\r\n\r\n", "\n", "\r", "\rX", "\r\r\n", "XX", "\n\r", "", "X\r\n", " \r\n"),
		chunkedEach("45 line end after the last size", 400, "0$\r\n", "\n", "\rX", "\r\r\n", "XX")...),
		chunkedEach("45 line end after the trailers", 400, "0\r\n$", "\n", "\rX\r\n\r\n", "\r\r\n\r\n", "X\n\n")...))
}

func TestChunkExtensions(t *testing.T) {
	line := func(n int) string { return "5;" + strings.Repeat("e", n-2) + "\r\nhello\r\n" }
	many := strings.Repeat("1;"+strings.Repeat("e", 127)+"\r\nx\r\n", 16<<10/128)
	runChunked(t, append([]chunkedCase{
		{"44 name", "5;a\r\nhello\r\n0;b\r\n\r\n", 0, "hello|"},
		{"44 name and value", "5;a=b;c=\"d\"; e = f\r\nhello\r\n0\r\n\r\n", 0, "hello|"},
		{"44 quoted separators", "5;a=\"; \\\" ;\\\\\"\r\nhello\r\n0\r\n\r\n", 0, "hello|"},
		{"44 obs-text and tab", "5;\xe4\t\r\nhello\r\n0\r\n\r\n", 0, "hello|"},
		{"44 bad white space before it", "5 ;a=b\r\nhello\r\n0\t \t; c ;d\r\n\r\n", 0, "hello|"},
		{"44 bad white space in a line of 256 bytes", "5" + strings.Repeat(" ", 254) + ";\r\nhello\r\n0\r\n\r\n", 0, "hello|"},
		{"44 bad white space in a line of 257 bytes", "5" + strings.Repeat(" ", 255) + ";\r\nhello\r\n0\r\n\r\n", 400, ""},
		{"44 bad white space without an end", "5" + strings.Repeat(" ", 256), 400, ""},
		{"44 line of 256 bytes", line(256) + "0\r\n\r\n", 0, "hello|"},
		{"44 line of 257 bytes", line(257) + "0\r\n\r\n", 400, ""},
		{"44 16 KiB in one body", many, -1, ""},
		{"44 more than 16 KiB in one body", many + "1;e\r\nx\r\n", 400, ""},
	}, chunkedEach("44 extension", 400, "5;$\r\nhello\r\n0\r\n\r\n", "\"", "a=\"b", "a=\"\\\"", "a=\"b\\", "\"a\"\"", "a\nb", "a\n", "a\rb", "a\r", "\"a\r\nb\"", "\"\\\r\n\"", "\x00", "\x0b", "\x7f")...))
}

func TestTrailers(t *testing.T) {
	big := strings.Repeat("X: "+strings.Repeat("v", 1000)+"\r\n", 17)
	runChunked(t, append([]chunkedCase{
		{"34 trailers", "1\r\nx\r\n0\r\nA: b\r\nC:\t d \r\n\r\n", 0, "x|A=b C=d"},
		{"34 what may not be a trailer", "0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: a\r\nTrailer: b\r\nAuthorization: c\r\nCookie: d\r\nSet-Cookie: e\r\n" +
			"Cache-Control: f\r\nX-Forwarded-For: g\r\nX_Y: h\r\nConnection: i\r\nX-Ok: j\r\n\r\n", 0, "|X-Ok=j"},
		{"34 what only we may say of the client", "0\r\nForwarded: a\r\nX-Real-IP: b\r\nX-Request-ID: c\r\nX-Request-Start: d\r\nX-Sendfile-Type: e\r\nX-Accel-Mapping: f\r\n" +
			"X-Forwarded-Proto: g\r\nX-Forwarded-Ssl: h\r\nx-forwarded-prefix: i\r\nX-FORWARDED-Scheme: j\r\nX-Forwarded-A-Very-Long-Name: k\r\nX-Forwarded-: l\r\nX-Forwarded: m\r\n\r\n", 0, "|X-Forwarded=m"},
		{"34 100 of them", "0\r\n" + strings.Repeat("A: b\r\n", 100) + "\r\n", 0, "|" + strings.TrimSpace(strings.Repeat("A=b ", 100))},
		{"34 101 of them", "0\r\n" + strings.Repeat("A: b\r\n", 101) + "\r\n", 400, ""},
		{"34 more than 16 KiB", "0\r\n" + big + "\r\n", 400, ""},
	}, chunkedEach("34 trailer", 400, "0\r\n$\r\n\r\n", "A", ": a", "A : a", " A: a", "A: a\r\n b", "A: a\x00", "A: a\rb", "A: a\r", "A: a\nB: b", "A(: b", "\x00")...))
}

// TestChunkErrorIsItsSenders: the same malformed body is the app's error in an answer, and a client's in a
// request.
func TestChunkErrorIsItsSenders(t *testing.T) {
	for _, body := range []string{"x\r\n", "5;\x00", "1\r\nxy", "0\r\nA\r\n\r\n", "0\r\n\n", "0\r\n" + strings.Repeat("a", maxTrailer+1)} {
		for side, status := range map[Side]int{ByClient: 400, ByApp: 0} {
			_, _, _, err := decodeOf(side, []byte(body), func() int { return 1 })
			if e, ok := errors.AsType[*Error](err); !ok || e.Side != side || e.Status != status || e.Text == "" {
				t.Errorf("%.20q sent by %d: %#v", body, side, err)
			}
		}
	}
}

// TestChunkedIsReused: nothing of a body shows in the next one decoded by the same decoder.
func TestChunkedIsReused(t *testing.T) {
	var d Chunked
	for _, body := range []string{"0\r\nA: b\r\n\r\n", "3;e=\"f", "0\r\n\r\n"} {
		d.Reset(ByClient)
		if len(d.Trailers) > 0 || d.Done() {
			t.Fatalf("before %q: %+v", body, d)
		}
		if _, n, err := d.Next([]byte(body)); err != nil || n != len(body) {
			t.Errorf("%q: %d bytes, %v", body, n, err)
		}
	}
	if !d.Done() || len(d.Trailers) > 0 {
		t.Errorf("%+v", d)
	}
	if _, n, err := d.Next([]byte("GET /")); n != 0 || err != nil {
		t.Errorf("took %d bytes of what follows, %v", n, err)
	}
}
