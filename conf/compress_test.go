package conf

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompressIsReadAndWritten(t *testing.T) {
	cfg, err := Parse("p.toml", []byte(inApp(`compress = { encodings = ["ZSTD", "gzip"], types = ["Text/HTML", "*+json"], min_size = "0", gzip_level = 9, br_level = 0, zstd_level = 22 }`)))
	if err != nil {
		t.Fatal(err)
	}
	want := Compress{Encodings: []string{"zstd", "gzip"}, Types: []string{"text/html", "*+json"}, GzipLevel: 9, ZstdLevel: 22}
	if d := cmp.Diff(want, cfg.Apps[0].Compress); d != "" {
		t.Error(d)
	}
	var text bytes.Buffer
	if err := cfg.WriteTOML(&text); err != nil {
		t.Fatal(err)
	}
	again, err := Parse("p.toml", text.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, again.Apps[0].Compress); d != "" {
		t.Errorf("written and read again: %s", d)
	}
}

func TestCompressHoldsAtOnce(t *testing.T) {
	before, err := Parse("p.toml", []byte(inApp("")))
	if err != nil {
		t.Fatal(err)
	}
	after, err := Parse("p.toml", []byte(inApp(`compress.encodings = ["br"]`)))
	if err != nil {
		t.Fatal(err)
	}
	if d := Compare(before, after).Apps; len(d) != 1 || !slices.Equal(d[0].AtOnce, []string{"compress.encodings"}) || len(d[0].Restart) > 0 {
		t.Errorf("got %+v", d)
	}
}

func TestWhatCompressRefuses(t *testing.T) {
	const types = `must be media types such as "text/html", "text/*" or "*+json", not `
	for line, want := range map[string]string{
		`encodings = ["gzip", "deflate"]`: `encodings: must be one of gzip, br, zstd, not "deflate"`,
		`encodings = ["gzip", "gzip"]`:    `encodings: has "gzip" twice`,
		`encodings = "gzip"`:              `encodings: must be a list of strings, not "gzip"`,
		`types = ["*"]`:                   `types: ` + types + `"*"`,
		`types = ["*/*"]`:                 `types: ` + types + `"*/*"`,
		`types = ["text"]`:                `types: ` + types + `"text"`,
		`types = ["text/html; q=1"]`:      `types: ` + types + `"text/html; q=1"`,
		`types = ["text/*ml"]`:            `types: ` + types + `"text/*ml"`,
		`min_size = 1024`:                 `min_size: must be a size in quotes, such as "1024B" or "64MiB", not 1024`,
		`gzip_level = 0`:                  `gzip_level: must be a number from 1 (fast) to 9 (small)`,
		`br_level = 12`:                   `br_level: must be a number from 0 (fast) to 11 (small)`,
		`zstd_level = 23`:                 `zstd_level: must be a number from 1 (fast) to 22 (small)`,
		`level = 1`:                       `level: unknown key; allowed: encodings, types, min_size, gzip_level, br_level, zstd_level`,
	} {
		_, err := Parse("p.toml", []byte("[apps.a]\nroot = '/a'\n[apps.a.compress]\n"+line))
		if got := fmt.Sprint(err); got != "p.toml:4: apps.a.compress."+want {
			t.Errorf("%s\n got %s\nwant p.toml:4: apps.a.compress.%s", line, got, want)
		}
	}
}
