package conf

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestConfigurationIsReadAgainFromWhatItWasReadFrom(t *testing.T) {
	dir := files(t, map[string]string{
		"purser.toml": "[server]\ninclude = [\"apps/*.toml\", \"apps/a.toml\"]\n", "apps/a.toml": "[apps.a]\nroot = \"a\"\nhosts = [\"a\"]\n", "apps/b.toml": "[apps.b]\nroot = \"b\"\n",
	})
	t.Chdir(dir)
	first, err := Load("purser.toml")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"purser.toml": "[server", "apps/b.toml": "", "apps/c.toml": "[apps.c]\nroot = \"c\"\nhosts = [\"c\"]\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "apps/a.toml")); err != nil {
		t.Fatal(err)
	}
	again, err := Reread("purser.toml", first.Sources)
	if err != nil || !reflect.DeepEqual(first, again) {
		t.Errorf("it was %+v, and is %+v (%v)", first, again, err)
	}
	if _, err := Reread("purser.toml", first.Sources[1:]); err == nil || !strings.Contains(err.Error(), "purser.toml") {
		t.Errorf("without its first file it is %v", err)
	}
}
