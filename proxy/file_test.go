package proxy

import (
	"io"
	"mime"
	"mime/multipart"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/conf"
	"purser/proxy/files"
	"purser/proxy/wire"
)

func TestSeveralRangesOfALargeFileGoOutInOneAnswer(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 1<<16)
	f, _ := newFiles(t, nil, "big.iso", content, "small.txt", "0123456789")
	c := f.dial()
	for path, want := range map[string][2]string{"/big.iso": {content[:100000], content[500000:500010]}, "/small.txt": {"01", "56789"}} {
		line := "Range: bytes=0-99999,500000-500009"
		if path == "/small.txt" {
			line = "Range: bytes=0-1,5-"
		}
		res, body := c.fetch("GET", path, line)
		_, parameters, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
		if err != nil || res.StatusCode != 206 {
			t.Fatalf("%s: %d %v", path, res.StatusCode, res.Header)
		}
		parts := multipart.NewReader(strings.NewReader(body), parameters["boundary"])
		for _, want := range want {
			part, err := parts.NextPart()
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := io.ReadAll(part); string(got) != want {
				t.Errorf("%s: a part has %d bytes, not those %d", path, len(got), len(want))
			}
		}
	}
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect(200, "app")
}

func TestFolderOfFilesIsRedirectedAndTheConnectionGoesOn(t *testing.T) {
	f, _ := newFiles(t, nil, "docs/index.html", "docs")
	c := f.dial()
	for range 2 {
		res, _ := c.fetch("GET", "/docs?a=b")
		if res.StatusCode != 301 || res.Header.Get("Location") != "/docs/?a=b" || res.Header.Get("Content-Length") != "0" {
			t.Errorf("got %d with %v", res.StatusCode, res.Header)
		}
		if _, body := c.fetch("GET", "/docs/?a=b"); body != "docs" {
			t.Errorf("got %q", body)
		}
	}
}

// TestContentOfAFileCanBeTakenPieceByPiece, by who does something with it before it is sent.
func TestContentOfAFileCanBeTakenPieceByPiece(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 3000) + "end"
	for what, test := range map[string]struct{ content, lines, want string }{
		"a small file": {"0123456789", "", "0123456789"},
		"a large file": {large, "", large},
		"a range":      {large, "Range: bytes=16000-40000\r\n", large[16000:40001]},
		"nothing":      {"", "", ""},
	} {
		folder := t.TempDir()
		put(t, folder, "x.txt", test.content)
		if got := contentOf(t, filepath.Join(folder, "x.txt"), test.lines); got != test.want {
			t.Errorf("%s: %d bytes came, not those %d", what, len(got), len(test.want))
		}
	}
	folder := t.TempDir()
	put(t, folder, "x.txt", large)
	got := contentOf(t, filepath.Join(folder, "x.txt"), "Range: bytes=0-1,20000-40000\r\n")
	if !strings.Contains(got, "\r\n\r\n01\r\n--") || !strings.Contains(got, "\r\n\r\n"+large[20000:40001]+"\r\n--") || !strings.HasSuffix(got, "--\r\n") {
		t.Errorf("several ranges: %d bytes came", len(got))
	}
}

func contentOf(t *testing.T, path, lines string) (all string) {
	t.Helper()
	store := files.Store{Path: filepath.Dir(path)}
	file, err := store.Open(filepath.Base(path))
	if file == nil || err != nil {
		t.Fatal(err)
	}
	var req wire.Request
	if err := req.Parse([]byte("GET /x HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n")); err != nil {
		t.Fatal(err)
	}
	r := (&exchange{req: &req}).fileReply(file, nil)
	defer r.content.Close(nil)
	for {
		data, err := r.content.Next()
		if all += string(data); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if int64(len(all)) != r.length {
		t.Errorf("%d bytes came, and %d were said", len(all), r.length)
	}
	return all
}

func TestFilesThatAreAskedForAgainAllocateNothing(t *testing.T) {
	if raceEnabled {
		return
	}
	f, _ := newFiles(t, nil, "a.css", "body {}")
	c := dialBench(t, f.addr)
	buf := make([]byte, 4096)
	for lines, end := range map[string]string{"GET /a.css HTTP/1.1\r\n": "body {}", "GET /a.css HTTP/1.1\r\nIf-None-Match: \"65bdbb72-7\"\r\n": "\r\n\r\n"} {
		request := []byte(lines + "Host: a\r\n\r\n")
		if n := testing.AllocsPerRun(5000, func() { roundTripTo(t, c, request, buf, []byte(end)) }); n > 0.01 {
			t.Errorf("%q: %v allocations per request, want none", lines, n)
		}
	}
}

func TestHowLongFilesMayBeKeptChangesAtAReload(t *testing.T) {
	f, _ := newFiles(t, nil, "a.css", "body {}", "b.css", "plain", "b.css.br", "br")
	c := f.dial()
	res, _ := c.fetch("GET", "/a.css")
	if got := res.Header["Cache-Control"]; got != nil {
		t.Errorf("at first: %q", got)
	}
	next := f.config
	next.Apps = slices.Clone(next.Apps)
	next.Apps[0].Files = conf.Files{MaxAge: time.Hour}
	f.server.Change(next)
	if res, _ = c.fetch("GET", "/a.css"); res.Header.Get("Cache-Control") != "public, max-age=3600" {
		t.Errorf("then: %v", res.Header)
	}
	if _, body := c.fetch("GET", "/b.css", "Accept-Encoding: br"); body != "plain" {
		t.Errorf("without precompressed: %q", body)
	}
}
