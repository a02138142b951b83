package conf

import (
	"slices"
	"testing"
)

func TestBufferingOfPaths(t *testing.T) {
	cfg, err := Parse("p.toml", []byte("[apps.a]\nroot = '/a'\n[[apps.a.buffering]]\npath = '/up/'\nrequest = false\n[[apps.a.buffering]]\npath = '/down'\nresponse = false\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Buffering{{Path: "/up", Request: false, Response: true}, {Path: "/down", Request: true, Response: false}}
	if got := cfg.Apps[0].Buffering; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for text, problem := range map[string]string{
		"request = false": `p.toml:3: apps.a.buffering.1.path: must begin with "/", not ""`,
		"path = '/up/*'":  `p.toml:4: apps.a.buffering.1.path: must not have "*" in it, as "/up/*" does: what is below a path is meant, too`,
		"path = 'up'":     `p.toml:4: apps.a.buffering.1.path: must begin with "/", not "up"`,
		"path = '/a'\n[[apps.a.buffering]]\npath = '/a/'\nrequest = false": `p.toml:6: apps.a.buffering.2.path: is there twice: write all that holds for "/a" in one table`,
	} {
		_, err := Parse("p.toml", []byte("[apps.a]\nroot = '/a'\n[[apps.a.buffering]]\n"+text+"\n"))
		if err == nil || err.Error() != problem {
			t.Errorf("%s: got %v, want %s", text, err, problem)
		}
	}
}
