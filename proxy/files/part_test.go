package files

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"slices"
	"strings"
	"testing"

	"purser/proxy/wire"
)

func TestConditionsOnAFile(t *testing.T) {
	s, _ := newFiles(t, "x.txt", "0123456789")
	const tag, date = `"65bdbb72-a"`, "Sat, 03 Feb 2024 04:05:06 GMT"
	for _, test := range []struct {
		lines  string
		status int
		body   string
	}{
		{"If-None-Match: " + tag, 304, ""},
		{"If-None-Match: W/" + tag, 304, ""},
		{`If-None-Match: "x", ` + tag, 304, ""},
		{"If-None-Match: *", 304, ""},
		{`If-None-Match: "x"`, 200, "0123456789"},
		{`If-None-Match: "x"` + "\r\nIf-Modified-Since: " + date, 200, "0123456789"},
		{"If-Modified-Since: " + date, 304, ""},
		{"If-Modified-Since: Sat, 03 Feb 2024 04:05:07 GMT", 200, "0123456789"}, // rolled back meanwhile
		{"If-Modified-Since: yesterday", 200, "0123456789"},
		{"If-Match: " + tag, 200, "0123456789"},
		{"If-Match: *", 200, "0123456789"},
		{`If-Match: "x", ` + tag, 200, "0123456789"},
		{`If-Match: "x"`, 412, ""},
		{"If-Match: W/" + tag, 412, ""},
		{"If-Unmodified-Since: " + date, 200, "0123456789"},
		{"If-Unmodified-Since: Sat, 03 Feb 2024 04:05:07 GMT", 200, "0123456789"},
		{"If-Unmodified-Since: Sat, 03 Feb 2024 04:05:05 GMT", 412, ""},
		{"If-Unmodified-Since: yesterday", 200, "0123456789"},
		{"If-Match: " + tag + "\r\nIf-Unmodified-Since: Sat, 03 Feb 2024 04:05:05 GMT", 200, "0123456789"},
		{`If-Match: "x"` + "\r\nIf-None-Match: " + tag, 412, ""},
		{"If-Match: " + tag + "\r\nIf-None-Match: " + tag, 304, ""},
		{`If-Match: "x"` + "\r\nRange: bytes=2-4", 412, ""},
		{"If-Match: " + tag + "\r\nRange: bytes=2-4", 206, "234"},
		{"Range: bytes=2-4", 206, "234"},
		{"Range: bytes=0-0", 206, "0"},
		{"Range: bytes=7-", 206, "789"},
		{"Range: bytes=7-100", 206, "789"},
		{"Range: bytes=-3", 206, "789"},
		{"Range: bytes=-100", 206, "0123456789"},
		{"Range: bytes=10-", 416, ""},
		{"Range: bytes=-0", 416, ""},
		{"Range: bytes=9223372036854775807-", 416, ""},
		{"Range: bytes=4-2", 200, "0123456789"},
		{"Range: bytes=1-2,2-5", 200, "0123456789"}, // they overlap
		{"Range: bytes=1-2,x", 200, "0123456789"},
		{"Range: bytes=,1-2,", 206, "12"},
		{"Range: bytes=1-2,10-", 206, "12"}, // nothing of the second is there
		{"Range: bytes=10-,20-", 416, ""},
		{"Range: bytes=x", 200, "0123456789"},
		{"Range: bytes=-", 200, "0123456789"},
		{"Range: bytes=7-99999999999999999999", 206, "789"},
		{"Range: bytes=-99999999999999999999", 206, "0123456789"},
		{"Range: bytes=99999999999999999999-", 416, ""},
		{"Range: bytes=7-99999999999999999999x", 200, "0123456789"},
		{"Range: Bytes=7-", 206, "789"},
		{"Range: lines=1-2", 200, "0123456789"},
		{"Range: bytes=2-4\r\nIf-Range: " + tag, 206, "234"},
		{"Range: bytes=2-4\r\nIf-Range: W/" + tag, 200, "0123456789"},
		{"Range: bytes=2-4\r\nIf-Range: \"x\"", 200, "0123456789"},
		{"Range: bytes=2-4\r\nIf-Range: " + date, 206, "234"},
		{"Range: bytes=2-4\r\nIf-Range: Sat, 03 Feb 2024 04:05:07 GMT", 200, "0123456789"},
	} {
		got := s.fetch("GET", "/x.txt", test.lines)
		if got.status != test.status || got.body != test.body {
			t.Errorf("%q: got %d %q, want %d %q", test.lines, got.status, got.body, test.status, test.body)
		}
		want := ""
		switch test.status {
		case 206:
			at := strings.Index("0123456789", test.body)
			want = fmt.Sprintf("bytes %d-%d/10", at, at+len(test.body)-1)
		case 416:
			want = "bytes */10"
		}
		if got := got.header.Get("Content-Range"); got != want {
			t.Errorf("%q: Content-Range %q, want %q", test.lines, got, want)
		}
	}
	if got := s.fetch("HEAD", "/x.txt", "Range: bytes=2-4"); got.status != 200 || got.body != "0123456789" {
		t.Errorf("HEAD with a range: %d, a length of %d", got.status, len(got.body))
	}
}

func TestHeadSaysWhatTheFileIs(t *testing.T) {
	s, _ := newFiles(t, "site.css", "body {}", "empty", "")
	const modified, tag = "Last-Modified:Sat, 03 Feb 2024 04:05:06 GMT", `Etag:"65bdbb72-7"`
	for lines, want := range map[string]string{
		"X: y":                        "Accept-Ranges:bytes Content-Type:text/css; charset=utf-8 " + tag + " " + modified,
		"Range: bytes=0-1":            "Accept-Ranges:bytes Content-Range:bytes 0-1/7 Content-Type:text/css; charset=utf-8 " + tag + " " + modified,
		"Range: bytes=7-":             "Content-Range:bytes */7",
		`If-None-Match: "65bdbb72-7"`: tag + " " + modified,
		`If-Match: "x"`:               "",
	} {
		var got []string
		for name, values := range s.fetch("GET", "/site.css", lines).header {
			got = append(got, name+":"+strings.Join(values, ","))
		}
		slices.Sort(got)
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%q: got %s, want %s", lines, got, want)
		}
	}
	if got := s.fetch("GET", "/empty"); got.status != 200 || got.body != "" || got.header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("an empty file: %+v", got)
	}
}

func TestSeveralRangesComeInOneAnswer(t *testing.T) {
	s, _ := newFiles(t, "x.css", "0123456789")
	got := s.fetch("GET", "/x.css", "Range: bytes=0-1, 8-,-1000", "If-Range: \"65bdbb72-a\"")
	if got.status != 200 {
		t.Fatalf("ranges that overlap: %d", got.status)
	}
	got = s.fetch("GET", "/x.css", "Range: bytes=8-, 0-1")
	kind, parameters, err := mime.ParseMediaType(got.header.Get("Content-Type"))
	if got.status != 206 || kind != "multipart/byteranges" || err != nil || got.header["Content-Range"] != nil {
		t.Fatalf("got %d with %v", got.status, got.header)
	}
	parts := multipart.NewReader(strings.NewReader(got.body), parameters["boundary"])
	for _, want := range []struct{ at, body string }{{"bytes 8-9/10", "89"}, {"bytes 0-1/10", "01"}} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(part)
		if at := part.Header.Get("Content-Range"); err != nil || at != want.at || string(body) != want.body || part.Header.Get("Content-Type") != "text/css; charset=utf-8" {
			t.Errorf("got %q at %q, %v", body, at, err)
		}
	}
	if _, err := parts.NextPart(); err != io.EOF {
		t.Errorf("behind the last part: %v", err)
	}
}

func TestManyRangesAreIgnored(t *testing.T) {
	s, _ := newFiles(t, "x.txt", strings.Repeat("0123456789", 100))
	var ranges []string
	for i := range wire.MostRanges + 1 {
		ranges = append(ranges, fmt.Sprintf("%d-%d", 2*i, 2*i))
	}
	if got := s.fetch("GET", "/x.txt", "Range: bytes="+strings.Join(ranges, ",")); got.status != 200 {
		t.Errorf("%d ranges: %d", len(ranges), got.status)
	}
	if got := s.fetch("GET", "/x.txt", "Range: bytes="+strings.Join(ranges[1:], ",")); got.status != 206 {
		t.Errorf("%d ranges: %d", len(ranges)-1, got.status)
	}
}

func TestAStarAmongTagsIsNone(t *testing.T) {
	s, _ := newFiles(t, "x.txt", "0123456789")
	for lines, want := range map[string]int{
		"If-None-Match: \"a,*,b\"": 200,
		"If-None-Match: \"x\", *":  200,
		"If-Match: \"a,*,b\"":      412,
	} {
		if got := s.fetch("GET", "/x.txt", lines); got.status != want {
			t.Errorf("%q: got %d, want %d", lines, got.status, want)
		}
	}
}
