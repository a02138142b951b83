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

func TestWhatOnlyTheMachineRefusesIsSaidWhereItStands(t *testing.T) {
	dir := files(t, map[string]string{
		"purser.toml": "[server]\ninclude = [\"a.toml\"]\n", "a.toml": "[apps.a]\nroot = \"a\"\nuser = \"unknown\"\n",
	})
	cfg, err := Load(filepath.Join(dir, "purser.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key  []string
		want string
	}{
		{[]string{"apps", "a", "user"}, dir + "/a.toml:3: apps.a.user: is unknown"},
		{[]string{"apps", "a", "group"}, dir + "/a.toml:1: apps.a.group: is unknown"},
		{[]string{"server", "default_user"}, dir + "/purser.toml:1: server.default_user: is unknown"},
	} {
		if got := cfg.Refuse(c.key, "is unknown").Error(); got != c.want {
			t.Errorf("it says %q, want %q", got, c.want)
		}
	}
	if got := (&Config{}).Refuse([]string{"apps", "a", "user"}, "is unknown").Error(); got != "apps.a.user: is unknown" {
		t.Errorf("of no file it says %q", got)
	}
}
