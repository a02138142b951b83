package files

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWhatLiesCompressedNextToAFileIsSentToWhoTakesIt(t *testing.T) {
	s, _ := newFiles(t, "a.js", "plain", "a.js.br", "brotli", "a.js.zst", "zstandard", "a.js.gz", "gzip")
	for header, want := range map[string]string{
		"X: y":             "plain",
		"Accept-Encoding:": "plain",
		"Accept-Encoding: gzip, deflate, br, zstd":        "brotli",
		"Accept-Encoding: gzip, deflate":                  "gzip",
		"Accept-Encoding: x-gzip":                         "gzip",
		"Accept-Encoding: GZIP":                           "gzip",
		"Accept-Encoding: gzip, zstd":                     "zstandard",
		"Accept-Encoding: gzip;q=1.0, br;q=0.9":           "gzip",
		"Accept-Encoding: br;q=0, *":                      "zstandard",
		"Accept-Encoding: *;q=0.1":                        "brotli",
		"Accept-Encoding: *;q=0":                          "plain",
		"Accept-Encoding: gzip;q=0":                       "plain",
		"Accept-Encoding: gzip;q=0.000, br; Q=0.001":      "brotli",
		"Accept-Encoding: gzip;q=0.5, identity":           "plain",
		"Accept-Encoding: gzip;q=0.5, identity;q=0.4":     "gzip",
		"Accept-Encoding: identity;q=0":                   "plain", // rather than nothing
		"Accept-Encoding: deflate":                        "plain",
		"Accept-Encoding: gzip;q=x":                       "plain",
		"Accept-Encoding: gzip;q=2":                       "plain",
		"Accept-Encoding: gzip;level=3":                   "plain",
		"Accept-Encoding: deflate\r\nAccept-Encoding: br": "brotli",
	} {
		for range 2 { // looked for, and open
			got := s.fetch("GET", "/a.js", header)
			if got.body != want || got.header.Get("Vary") != "Accept-Encoding" || got.header.Get("Content-Type") != "text/javascript; charset=utf-8" {
				t.Errorf("%q: got %q with %v, want %q", header, got.body, got.header, want)
			}
		}
	}
}

func TestWhatIsCompressedIsARepresentationOfItsOwn(t *testing.T) {
	s, root := newFiles(t, "index.html", "<p>", "index.html.gz", "zip", "alone.css", "x")
	const br, plain = `"65bdbb72-3-gzip"`, `"65bdbb72-3"`
	later := written.Add(time.Hour)
	got := s.fetch("GET", "/", "Accept-Encoding: gzip")
	if got.body != "zip" || got.header.Get("Content-Encoding") != "gzip" || got.header.Get("Content-Type") != "text/html; charset=utf-8" || got.header.Get("Etag") != br {
		t.Errorf("got %q with %v", got.body, got.header)
	}
	if got := s.fetch("GET", "/").header.Get("Etag"); got != plain {
		t.Errorf("as it is it has the tag %s", got)
	}
	not := s.fetch("GET", "/", "Accept-Encoding: gzip", "If-None-Match: "+br)
	if not.status != 304 || not.header.Get("Vary") != "Accept-Encoding" || not.header.Get("Etag") != br || not.header["Content-Encoding"] != nil {
		t.Errorf("got %d with %v", not.status, not.header)
	}
	if got := s.fetch("GET", "/", "Accept-Encoding: gzip", "If-None-Match: "+plain); got.status != 200 {
		t.Errorf("with the tag of the other: %d", got.status)
	}
	if got := s.fetch("GET", "/", "Accept-Encoding: gzip", "Range: bytes=1-"); got.status != 206 || got.body != "ip" || got.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("a range: %d %q", got.status, got.body)
	}
	if got := s.fetch("GET", "/alone.css", "Accept-Encoding: gzip"); got.header["Vary"] != nil {
		t.Errorf("it does not depend on anything: %v", got.header)
	}
	if err := os.Chtimes(filepath.Join(root, "public/index.html"), later, later); err != nil {
		t.Fatal(err)
	}
	if got := s.fetch("GET", "/", "Accept-Encoding: gzip"); got.body != "<p>" {
		t.Errorf("what is older than its file is sent: %q", got.body)
	}
	off := newSite(t, root, func(c *Config) { c.Precompressed = false })
	if err := os.Chtimes(filepath.Join(root, "public/index.html.gz"), later, later); err != nil {
		t.Fatal(err)
	}
	if got := off.fetch("GET", "/", "Accept-Encoding: gzip"); got.body != "<p>" || got.header["Vary"] != nil {
		t.Errorf("without precompressed: %q with %v", got.body, got.header)
	}
	s.later()
	if got := s.fetch("GET", "/", "Accept-Encoding: gzip"); got.body != "zip" {
		t.Errorf("made anew: %q", got.body)
	}
}

func TestOnlyWhatMayBecomeSmallerIsLookedForCompressed(t *testing.T) {
	for name, want := range map[string]bool{"a.js": true, "a.svg": true, "a.wasm": true, "a.unknown": true, "a.ttf": true, "a.json": true,
		"a.png": false, "a.jpg": false, "a.woff2": false, "a.mp4": false, "a.gz": false, "a.mp3": false} {
		if got := compressible(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
