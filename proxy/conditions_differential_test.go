package proxy

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Conditions and ranges are answered as by another implementation of RFC 9110 sections 13 and 14: that of the standard
// library. What both may answer otherwise is left out: ranges that overlap; lists without sense; and an If-Modified-Since
// that is later than the file, which is a change for us, as for nginx: a rollback puts back a file that is older.
func TestConditionsAreAnsweredAsByAnother(t *testing.T) {
	const content = "0123456789abcdefghijklmnopqrstuvwxyz"
	f, _ := newFiles(t, nil, "x.txt", content)
	c := f.dial()
	first, _ := c.fetch("GET", "/x.txt")
	tag, modified := first.Header.Get("ETag"), first.Header.Get("Last-Modified")
	dates := []string{modified, written.Add(-time.Hour).Format(http.TimeFormat), written.Add(time.Hour).Format(http.TimeFormat), "yesterday"}
	tags := []string{tag, `"other"`, "W/" + tag, "*", `"other", ` + tag, `"other", W/` + tag}
	choices := []struct {
		name   string
		values []string
	}{
		{"If-Match", tags},
		{"If-None-Match", tags},
		{"If-Modified-Since", dates[:2]},
		{"If-Unmodified-Since", dates[:3]},
		{"If-Range", []string{tag, "W/" + tag, `"other"`, modified, dates[1]}},
		{"Range", []string{"bytes=0-9", "bytes=10-", "bytes=-5", "bytes=-500", "bytes=35-100", "bytes=36-", "bytes=0-0", "bytes=0-0,-1", "bytes=0-1,10-11,20-", "bytes=36-,0-1", "other=0-1"}},
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		method := []string{"GET", "GET", "HEAD"}[random.IntN(3)]
		var lines []string
		for _, choice := range choices {
			if random.IntN(3) == 0 {
				lines = append(lines, choice.name+": "+choice.values[random.IntN(len(choice.values))])
			}
		}
		want, others := answerOfAnother(t, method, lines, tag, content)
		got, body := c.fetch(method, "/x.txt", lines...)
		same := got.StatusCode == want.StatusCode && got.Header.Get("Content-Range") == want.Header.Get("Content-Range")
		several := strings.HasPrefix(want.Header.Get("Content-Type"), "multipart/")
		if several {
			same = same && strings.HasPrefix(got.Header.Get("Content-Type"), "multipart/byteranges")
		} else if want.StatusCode < 400 {
			same = same && body == others
		}
		if !same && !ownChoice(method, want, got) {
			t.Errorf("%s %q: got %d %q %q, another answers %d %q %q", method, lines, got.StatusCode, got.Header.Get("Content-Range"), body,
				want.StatusCode, want.Header.Get("Content-Range"), others)
		}
	}
}

// ownChoice reports where RFC 9110 leaves it to the server. Section 14.2: Range is defined for GET alone, so that it is
// ignored in a HEAD. Section 14.1.1: what the unit of a range is nobody knows is ignored, as is a range where it is not.
func ownChoice(method string, want, got *http.Response) bool {
	partial := want.StatusCode == http.StatusPartialContent || want.StatusCode == http.StatusRequestedRangeNotSatisfiable
	if method == "HEAD" {
		return partial && got.StatusCode == http.StatusOK
	}
	unknownUnit := strings.HasPrefix(want.Request.Header.Get("Range"), "other=")
	return unknownUnit && want.StatusCode == http.StatusRequestedRangeNotSatisfiable && got.StatusCode == http.StatusOK
}

func answerOfAnother(t *testing.T, method string, lines []string, tag, content string) (*http.Response, string) {
	t.Helper()
	req := httptest.NewRequest(method, "/x.txt", nil)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	w.Header().Set("ETag", tag)
	http.ServeContent(w, req, "x.txt", written, strings.NewReader(content))
	res := w.Result()
	res.Request = req
	return res, fmt.Sprint(w.Body)
}
