package conf

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWhatIsToldWithStaticFiles(t *testing.T) {
	read := func(files string) App {
		t.Helper()
		cfg, err := Parse("/etc/purser.toml", []byte("[apps.blog]\nroot = '/srv/blog'\n[apps.blog.files]\n"+files))
		if err != nil {
			t.Fatal(err)
		}
		return cfg.Apps[0]
	}
	older, newer := read(""), read("max_age = '10m'\nfingerprinted = false\nprecompressed = false\n")
	if want := (Files{Fingerprinted: true, Precompressed: true}); older.Files != want {
		t.Errorf("by default it is %+v", older.Files)
	}
	if want := (Files{MaxAge: 10 * time.Minute}); newer.Files != want {
		t.Errorf("it is %+v", newer.Files)
	}
	d := CompareApps(&older, &newer)
	if want := []string{"files.max_age", "files.fingerprinted", "files.precompressed"}; !slices.Equal(d.AtOnce, want) || len(d.Restart) > 0 {
		t.Errorf("the difference is %+v", d)
	}
	for _, age := range []string{"-1s", "10ms", "9000h"} {
		_, err := Parse("/etc/purser.toml", []byte("[apps.blog]\nroot = '/srv/blog'\nfiles.max_age = '"+age+"'\n"))
		if err == nil || !strings.Contains(err.Error(), "max_age") {
			t.Errorf("max_age = %s: %v", age, err)
		}
	}
}
