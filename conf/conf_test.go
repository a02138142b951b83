package conf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestForDirIsAValidConfiguration(t *testing.T) {
	cfg, err := ForDir("/srv/my blog/app (2)")
	if err != nil {
		t.Fatal(err)
	}
	want := defaultApp("app--2-")
	want.Root, want.Log = "/srv/my blog/app (2)", "stderr"
	want.EnvPass = []string{"*"}
	if d := diff(&Config{Server: defaultServer(), Apps: []App{want}}, cfg); d != "" {
		t.Error(d)
	}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}

func TestForDirMakesANameOfAnyFolder(t *testing.T) {
	names := map[string]string{
		"/":                              "app",
		"/srv/.hidden":                   "hidden",
		"/srv/---":                       "app",
		"/srv/blog.example.org":          "blog.example.org",
		"/srv/ünïcode":                   "n-code",
		"/" + strings.Repeat("long", 30): strings.Repeat("long", 16),
	}
	for dir, want := range names {
		cfg, err := ForDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.Apps[0].Name; got != want {
			t.Errorf("%s is called %q, want %q", dir, got, want)
		}
		if err := cfg.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestForDirKeepsTheLogicalPath(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "release"), 0o700); err != nil {
		t.Fatal(err)
	}
	current := filepath.Join(dir, "current")
	if err := os.Symlink("release", current); err != nil {
		t.Fatal(err)
	}
	t.Chdir(current) // sets $PWD, as a shell does
	cfg, err := ForDir(".")
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Apps[0].Root; got != current {
		t.Errorf("root is %s, want %s", got, current)
	}
}

func TestValidateSeesWhatFlagsChanged(t *testing.T) {
	cfg, err := ForDir("/srv/blog")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Server.Listen = []Listen{{Network: "unix", Address: "relative"}}
	cfg.Server.SpoolLimit = Share{}
	cfg.Apps[0].Command = Command{Shell: "x", Args: []string{"x"}}
	cfg.Apps[0].Restart.Surge = Amount{Percent: 101}
	cfg.Apps[0].Hooks.ProcessGone = Command{Args: []string{""}}
	want := strings.Join([]string{
		`server.listen: must be "unix:" and an absolute path, not "unix:relative"`,
		`server.spool_limit: must be a share such as "50%" or a size of at least "1MiB", not "0"`,
		`apps.blog.command: is both a string and a list; write one of them`,
		`apps.blog.restart.surge: must be a share from 1% to 100%`,
		`apps.blog.hooks.process_gone: must name a program first`,
	}, "\n")
	if err := cfg.Validate(); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{
		"": 0, "0": 0, "512": 512, "512B": 512, "1KB": 1000, "1kB": 1000, "1KiB": 1024, "64MiB": 64 << 20,
		"3 MB": 3e6, "2GB": 2e9, "2GiB": 2 << 30, "1TB": 1e12, "1TiB": 1 << 40, "8388607TiB": 8388607 << 40,
	} {
		if got, err := ParseSize(s); got != want || err != nil {
			t.Errorf("%q is %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"x", "-1", "1.5GiB", "1K", "1Ki", "1 iB", "MiB", "8388608TiB", "1BB", "+1", "0x10"} {
		if got, err := ParseSize(s); err == nil {
			t.Errorf("%q is %d, want an error", s, got)
		}
	}
}

func TestParseEnv(t *testing.T) {
	if name, value, err := ParseEnv("A=b=c"); name != "A" || value != "b=c" || err != nil {
		t.Errorf("A=b=c is %q, %q, %v", name, value, err)
	}
	for s, want := range map[string]string{
		"A":  `must be NAME=VALUE, not "A"`,
		"=b": `"" is no name of a variable: it must not be empty nor contain "="`,
	} {
		if _, _, err := ParseEnv(s); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", s, err, want)
		}
	}
}

func TestAmountIsAtLeastOneUnlessItIsZero(t *testing.T) {
	for s, want := range map[string]int{"0": 0, "3": 3, "50%": 2, "10%": 1, "100%": 4} {
		a, err := ParseAmount(s)
		if err != nil || a.Of(4) != want {
			t.Errorf("%s of 4 is %d, %v; want %d", s, a.Of(4), err, want)
		}
	}
}

func TestShareIsNeverMoreThanWhatIsFree(t *testing.T) {
	const exbi = 1 << 60
	for _, test := range []struct {
		share      string
		free, want int64
	}{
		{"50%", 201, 100}, {"1%", 99, 0}, {"1%", 100, 1}, {"100%", 199, 199}, {"100%", exbi, exbi}, {"50%", 0, 0},
		{"1MiB", exbi, 1 << 20}, {"10GiB", 3 << 30, 3 << 30},
	} {
		s, err := ParseShare(test.share)
		if err != nil || s.Of(test.free) != test.want {
			t.Errorf("%s of %d is %d, %v; want %d", test.share, test.free, s.Of(test.free), err, test.want)
		}
	}
}

func TestExpectAccepts(t *testing.T) {
	for _, test := range []struct {
		expect   string
		accepted []int
		refused  []int
	}{
		{"2xx", []int{200, 204, 299}, []int{199, 300, 500, 20, 2000}},
		{"204", []int{204}, []int{200, 205}},
		{"2XX, 401,302", []int{200, 401, 302}, []int{301, 400, 403}},
		{"5xx", []int{500, 503}, []int{200, 499}},
	} {
		e, err := ParseExpect(test.expect)
		if err != nil {
			t.Fatal(err)
		}
		for _, status := range test.accepted {
			if !e.Accepts(status) {
				t.Errorf("%q refuses %d", test.expect, status)
			}
		}
		for _, status := range test.refused {
			if e.Accepts(status) {
				t.Errorf("%q accepts %d", test.expect, status)
			}
		}
	}
}

func TestNearest(t *testing.T) {
	allowed := []string{"min_processes", "max_processes", "path", "root"}
	for word, want := range map[string]string{
		"min_proceses": "min_processes", "max-processes": "max_processes", "ROOT": "root", "rot": "root",
		"minprocesses": "min_processes", "colour": "", "x": "", "": "",
	} {
		if got := nearest(word, allowed); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
}
