package conf

import (
	"strings"
	"testing"
)

// TestWhatChangesNothingIsSaid: who has written it believes that it holds.
func TestWhatChangesNothingIsSaid(t *testing.T) {
	for lines, want := range map[string]string{
		"":                              "",
		"compress.gzip_level = 5":       "[compress] has no encodings",
		"compress.encodings = ['gzip']": "",
		"compress = { encodings = ['gzip'], gzip_level = 5 }":     "",
		"cache.stale_if_error = '1h'":                             "[cache] has no size",
		"cache = { size = '1MiB', stale_if_error = '1h' }":        "",
		"environment = 'development'\ncache = { size = '64MiB' }": "[cache] keeps nothing",
		"public = ''\nfiles.max_age = '1h'":                       "[files] is about no file",
		"public = ''":                                             "",
	} {
		c, err := Parse("p.toml", []byte(inApp(lines)))
		if err != nil {
			t.Errorf("%s: %v", lines, err)
			continue
		}
		got := strings.Join(c.Apps[0].Unused(), "; ")
		if !strings.HasPrefix(got, want) || want == "" && got != "" || strings.Contains(got, "; [") {
			t.Errorf("%s\n got %q\nwant %q", lines, got, want)
		}
	}
}
