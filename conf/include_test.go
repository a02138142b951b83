package conf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// files writes files into a fresh folder, which is "DIR" in their texts and in what is wanted.
func files(t *testing.T, texts map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range texts {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const including = "[server]\ninclude = [\"apps/*.toml\"]\n[apps.main]\nroot = \"main\"\n"

func TestIncludedFilesAddApps(t *testing.T) {
	dir := files(t, map[string]string{
		"purser.toml": including, "apps/b.toml": "[apps.blog]\nroot = \"../blog\"\nhosts = [\"b\"]\n[apps.blog.tls]\nclient_ca = \"ca.pem\"\n", "apps/empty.toml": "", "apps/off.toml.no": "[x",
	})
	_, err := Load(filepath.Join(dir, "purser.toml"))
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "apps/b.toml")+":5: apps.blog.tls.client_ca: is never used") {
		t.Fatalf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "apps/b.toml"), []byte("[apps.blog]\nroot = \"../blog\"\nhosts = [\"b\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(filepath.Join(dir, "purser.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Apps) != 2 || cfg.Apps[0].Root != filepath.Join(dir, "blog") || cfg.Apps[1].Root != filepath.Join(dir, "main") {
		t.Errorf("the apps are %+v", cfg.Apps)
	}
	if want := []string{filepath.Join(dir, "purser.toml"), filepath.Join(dir, "apps/b.toml"), filepath.Join(dir, "apps/empty.toml")}; !slices.Equal(cfg.Files(), want) {
		t.Errorf("it was read from %q, want %q", cfg.Files(), want)
	}
	var effective strings.Builder
	if err := cfg.WriteTOML(&effective); err != nil || !strings.Contains(effective.String(), "include = []") {
		t.Errorf("what was included is to be included once more: %v\n%s", err, effective.String())
	}
}

func TestProblemsOfIncludedFilesAreSaidWhereTheyStand(t *testing.T) {
	for _, c := range []struct{ main, other, want string }{
		{including, "[apps.main]\nroot = \"x\"\n", "DIR/apps/x.toml:1: apps.main: is also in DIR/purser.toml:3; an app is written in one place"},
		{including, "\n[server]\nlisten = [\":80\"]\n", "DIR/apps/x.toml:2: server: a file that is included may only have apps; write this into DIR/purser.toml"},
		{including, "[apps.x\n", "DIR/apps/x.toml:1: not valid TOML: expected '.' or ']' to end table name, but got '\\n' instead"},
		{including, "[apps.x]\nroot = \"x\"\nhosts = [\"x\"]\nkind = \"perl\"\n", `DIR/apps/x.toml:4: apps.x.kind: must be one of auto, command, ruby, python, node, not "perl"`},
		{including, "[apps.x]\nroot = \"x\"\n", "DIR/apps/x.toml:1: apps.x.path: the default app at path / is also app main"},
		{including, "apps = 5", "DIR/apps/x.toml:1: apps: must be a table, not 5"},
		{"server.include = [\"none.toml\"]\napps.a.root = \"a\"\n", "", "DIR/purser.toml:1: server.include: there is no file DIR/none.toml"},
		{"server.include = [\"apps/[\"]\napps.a.root = \"a\"\n", "", `DIR/purser.toml:1: server.include: must be paths or globs such as "apps/*.toml", not "apps/["`},
		{"server.include = [\"apps\"]\napps.a.root = \"a\"\n", "", "DIR/purser.toml:1: server.include: cannot read what is included: read DIR/apps: is a directory"},
	} {
		dir := files(t, map[string]string{"purser.toml": c.main, "apps/x.toml": c.other})
		_, err := Load(filepath.Join(dir, "purser.toml"))
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), dir, "DIR"), c.want) {
			t.Errorf("got %v\nwant %s", err, c.want)
		}
	}
}

func TestFileThatIncludesItselfIsReadOnce(t *testing.T) {
	dir := files(t, map[string]string{"purser.toml": "server.include = [\"*.toml\", \"x.toml\"]\n[apps.main]\nroot = \"main\"\n", "x.toml": "[apps.x]\nroot = \"x\"\npath = \"/x\"\n"})
	cfg, err := Load(filepath.Join(dir, "purser.toml"))
	if err != nil || len(cfg.Apps) != 2 {
		t.Errorf("got %+v, %v", cfg, err)
	}
}

// What includes files that are still to come has no app yet, and can be served.
func TestAppsMayBeAwaitedInFiles(t *testing.T) {
	for _, text := range []string{
		"server.include = [\"apps/*.toml\"]\n",
		"server.include = [\"apps/*.toml\"]\n[apps]\n",
		"server.include = [\"apps/*.toml\"]\nserver.listen = [\"https://:443\"]\n",
		"server.include = [\"apps/*.toml\"]\nserver.listen = [\"https://:443\"]\n[server.acme]\n",
	} {
		dir := files(t, map[string]string{"purser.toml": text, "apps/x.toml.example": ""})
		cfg, err := Load(filepath.Join(dir, "purser.toml"))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if want := []string{filepath.Join(dir, "apps/*.toml")}; !slices.Equal(cfg.AwaitedAt(), want) {
			t.Errorf("apps are awaited at %q, want %q", cfg.AwaitedAt(), want)
		}
		var effective strings.Builder
		if err := cfg.WriteTOML(&effective); err != nil {
			t.Fatal(err)
		}
		if _, err := Parse("effective.toml", []byte(effective.String())); err != nil {
			t.Errorf("what is in force cannot be read: %v", err)
		}
	}
	dir := files(t, map[string]string{"purser.toml": including})
	if cfg, err := Load(filepath.Join(dir, "purser.toml")); err != nil || len(cfg.AwaitedAt()) > 0 {
		t.Errorf("beside an app, %q is awaited (%v)", cfg.AwaitedAt(), err)
	}
}

// A folder that is misspelt, or gone, does not take all apps away.
func TestAppsAreNotAwaitedWithoutAFolder(t *testing.T) {
	dir := files(t, map[string]string{"purser.toml": "server.include = [\"app/*.toml\"]\n", "apps/x.toml": "", "file": ""})
	for text, want := range map[string]string{
		"server.include = [\"app/*.toml\"]\n":         ":1: server.include: there is no folder DIR/app, and no app is configured; create it",
		"server.include = [\"app/*/*.toml\"]\n[apps]": ":1: server.include: there is no folder DIR/app, and no app is configured; create it",
		"server.include = [\"file/*.toml\"]\n":        "DIR/file/*.toml",
	} {
		path := filepath.Join(dir, "purser.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), dir, "DIR"), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestFolderThatCannotBeReadIsNotAnEmptyOne(t *testing.T) {
	for name, c := range map[string]struct{ include, want string }{
		"is a link to none":   {"gone/*.toml", "cannot look for DIR/gone/*.toml: open DIR/gone: no such file or directory"},
		"leads to itself":     {"loop/*.toml", "cannot look for DIR/loop/*.toml: open DIR/loop: too many levels of symbolic links"},
		"is a file":           {"apps/x.toml/*", "cannot look for DIR/apps/x.toml/*: open DIR/apps/x.toml: not a directory"},
		"is one of several":   {"*/*.toml", "cannot look for DIR/*/*.toml: open DIR/loop: too many levels of symbolic links"},
		"is below one of any": {"gone/*/*.toml", "cannot look for DIR/gone/*/*.toml: open DIR/gone: no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := files(t, map[string]string{"purser.toml": strings.ReplaceAll(including, "apps/*.toml", c.include), "apps/x.toml": ""})
			for link, to := range map[string]string{"loop": "loop", "gone": "nowhere"} {
				if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Load(filepath.Join(dir, "purser.toml"))
			if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), dir, "DIR"), "DIR/purser.toml:2: server.include: "+c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}
