package conf

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// Variables are written as a table, in one line, or with their table before the name.
func TestVariablesAreWrittenInAnyFormOfATable(t *testing.T) {
	want := map[string]string{"PORT_OF_CACHE": "11211", "odd name": "a = b"}
	for name, text := range map[string]string{
		"a table":             "[apps.blog]\nroot = '/srv/blog'\n[apps.blog.env]\nPORT_OF_CACHE = \"11211\"\n\"odd name\" = 'a = b'\n",
		"a table before root": "[apps.blog.env]\nPORT_OF_CACHE = \"11211\"\n\"odd name\" = 'a = b'\n[apps.blog]\nroot = '/srv/blog'\n",
		"in one line":         "[apps.blog]\nroot = '/srv/blog'\nenv = { PORT_OF_CACHE = \"11211\", \"odd name\" = 'a = b' }\n",
		"one by one":          "[apps.blog]\nroot = '/srv/blog'\nenv.PORT_OF_CACHE = \"11211\"\nenv.\"odd name\" = 'a = b'\n",
	} {
		file := filepath.Join(t.TempDir(), "purser.toml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := Load(file); err != nil || !maps.Equal(c.Apps[0].Env, want) {
			t.Errorf("%s: %v, %+v", name, err, c)
		}
	}
}
