package files

import "testing"

func TestNamesThatChangeWithTheContentAreKnown(t *testing.T) {
	const hex64 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, want := range map[string]bool{
		"assets/application-" + hex64 + ".js":        true, // Sprockets
		"assets/application-" + hex64 + ".js.map":    true,
		"assets/admin/logo-" + hex64[:32] + ".png":   true,
		"packs/js/app-" + hex64[:20] + ".js":         true, // Webpacker
		"app-" + hex64[:40] + ".css":                 true,
		"assets/application-4f5c3a1b.js":             true, // Propshaft
		"build/assets/application-4f5c3a1b.css":      true,
		"assets/index-BfKxQ3_w.js":                   true, // Vite
		"assets/index-C-xK9_3w.js":                   true,
		"assets/vendor.min-DgHtYq7L.js":              true,
		"vite/assets/Button-aB3dEfGh.css":            true,
		"static/js/main.4f5c3a1b.js":                 true, // webpack
		"static/js/main.4f5c3a1b.chunk.js":           true,
		"js/app.0a1b2c3d4e5f6071.js":                 true,
		"static/media/logo.0a1b2c3d4e5f60718293.svg": true,
		"css/base.27e20196a850.css":                  true, // Django
		"_next/static/chunks/pages/_app-1234.js":     true, // Next.js
		"_next/static/kGq2/_buildManifest.js":        true,

		"_next/static/development/_buildManifest.js": false,
		"_next/data/x.json":                          false,
		"index.html":                                 false,
		"assets/application.js":                      false,
		"reports/report-20240131.pdf":                false, // a date
		"assets/report-20240131.pdf":                 false,
		"dump.20240131.sql":                          false,
		"dump.202401311530.sql":                      false, // and a time
		"photo-4f5c3a1b.png":                         false, // not where builds put what they make
		"assets-old/photo-4f5c3a1b.png":              false,
		"assets/site-settings.css":                   false, // words of eight letters
		"assets/icon-FullSize.png":                   false,
		"assets/icon-ORIGINAL.png":                   false,
		"assets/IMG-DSC01234.jpg":                    false,
		"assets/photo-Chapter1.png":                  false,
		"assets/photo-Size_Big.png":                  false,
		"assets/photo-Foo-Bars.png":                  false,
		"assets/photo-12345678.png":                  false,
		"assets/photo-bigPhoto.png":                  false,
		"assets/a-defacade.png":                      false,
		"assets/jquery-3.7.1.min.js":                 false,
		"jquery.1.12.4.js":                           false,
		"a-550e8400-e29b-41d4-a716-446655440000.png": false,
		"assets/index-BfKxQ3_w":                      false, // nothing is behind it
		"assets/index-BfKxQ3_wZ.js":                  false,
		"assets/-BfKxQ3_w.js":                        false, // nothing is before it
		"assets/application-4F5C3A1B.js":             false,
		"assets/application-" + hex64 + "0.js":       false,
		"main.4f5c3a1b":                              false,
		".4f5c3a1b.js":                               false,
		"":                                           false,
		"assets/":                                    false,
	} {
		if got := fingerprinted(name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func TestFilesMayBeKeptAsLongAsTheirNamesSay(t *testing.T) {
	s, root := newFiles(t, "assets/app-4f5c3a1b.js", "x", "robots.txt", "y")
	const forAYear = "public, max-age=31536000, immutable"
	for _, status := range []string{"X: y", "Range: bytes=0-0", `If-None-Match: "65bdbb72-1"`} {
		if got := s.fetch("GET", "/assets/app-4f5c3a1b.js", status).header.Get("Cache-Control"); got != forAYear {
			t.Errorf("with %s: %q", status, got)
		}
	}
	if got := s.fetch("GET", "/robots.txt").header["Cache-Control"]; got != nil {
		t.Errorf("robots.txt: %q", got)
	}
	aged := newSite(t, root, func(c *Config) { c.MaxAge, c.Fingerprinted = 90e9, false })
	for _, path := range []string{"/robots.txt", "/assets/app-4f5c3a1b.js"} {
		if got := aged.fetch("GET", path).header.Get("Cache-Control"); got != "public, max-age=90" {
			t.Errorf("%s: %q", path, got)
		}
	}
}
