package conf

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const limited = `
[apps.a]
root = "/a"
command = "true"
[[apps.a.limits]]
path = "/login"
rate = "5/m"
burst = 3
by = "address+path"
[[apps.a.limits]]
path = "/api/*"
rate = "1000/h"
[[apps.a.limits]]
path = "/upload/"
max_body = "10GiB"
[[apps.a.limits]]
max_body = "0"
rate = "20/s"
`

func TestLimitsOfPathsAreReadAndShownInTheirOrder(t *testing.T) {
	cfg, err := Parse("p.toml", []byte(limited))
	if err != nil {
		t.Fatal(err)
	}
	want := []PathLimit{
		{Path: "/login", Rate: Rate{5, time.Minute}, Burst: 3, By: "address+path"},
		{Path: "/api/*", Rate: Rate{1000, time.Hour}, By: "address"},
		{Path: "/upload", By: "address", MaxBody: Number{true, 10 << 30}},
		{Path: "/", Rate: Rate{20, time.Second}, By: "address", MaxBody: Number{true, 0}},
	}
	if d := cmp.Diff(want, cfg.Apps[0].PathLimits); d != "" {
		t.Error(d)
	}
	mustBeReadAsWritten(t, cfg)
}

func TestLimitsOfPathsHoldAtOnce(t *testing.T) {
	older, _ := Parse("p.toml", []byte(limited))
	newer, err := Parse("p.toml", []byte(strings.Replace(limited, "5/m", "6/m", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if d := Compare(older, newer); len(d.Apps) != 1 || !slices.Equal(d.Apps[0].AtOnce, []string{"limits"}) || d.Apps[0].Restart != nil {
		t.Errorf("got %+v", d)
	}
}

func TestLimitsOfPathsThatAreRefused(t *testing.T) {
	for _, c := range []struct{ written, want string }{
		{`path = "/x"`, `p.toml:5: apps.a.limits.1.rate: must be a rate such as "10/s", or max_body must be given`},
		{`rate = "10"`, `apps.a.limits.1.rate: must be a rate such as "10/s", "100/m" or "1000/h", with a number from 1 to 1000000, not "10"`},
		{`rate = "0/s"`, `not "0/s"`},
		{`rate = "10/d"`, `not "10/d"`},
		{`rate = "2000000/s"`, `not "2000000/s"`},
		{`rate = 10`, `must be a rate in quotes, such as "10/s", not 10`},
		{"rate = \"1/s\"\nburst = -1", `burst: must be a number from 0 to`},
		{"rate = \"1/s\"\nburst = 2000000", `burst: must be a number from 0 to 1000000`},
		{"max_body = \"1KiB\"\nburst = 2", `burst: needs rate`},
		{"rate = \"1/s\"\nby = \"user\"", `by: must be one of address, address+path, not "user"`},
		{"rate = \"1/s\"\npath = \"login\"", `path: must begin with "/", not "login"`},
		{"rate = \"1/s\"\npath = \"/a//b\"", `must not contain "//"`},
		{"rate = \"1/s\"\npath = \"/%6cogin\"", `must be printable ASCII without space, "%", "?", "#" and "\", not "/%6cogin"`},
		{"rate = \"1/s\"\npath = \"/a/../b*\"", `must not contain "//", "." or ".."`},
		{"rate = \"1/s\"\npath = \"/a/*/b\"", `path: may have "*" at its end, and nowhere else, not as in "/a/*/b"`},
		{"rate = \"1/s\"\npath = \"/a**\"", `path: may have "*" at its end, and nowhere else, not as in "/a**"`},
		{"max_body = \"1KiB\"\npath = \"/a\"\n[[apps.a.limits]]\nrate = \"1/s\"\npath = \"/a\"\n[[apps.a.limits]]\nmax_body = \"2KiB\"\npath = \"/a/\"", `p.toml:12: apps.a.limits.3.max_body: is said twice of the path "/a"`},
		{`max_body = 5`, `must be a size in quotes, such as "5B" or "64MiB", not 5`},
		{`max_boddy = "5B"`, `unknown key; did you mean "max_body"?`},
	} {
		_, err := Parse("p.toml", []byte("[apps.a]\nroot = \"/a\"\ncommand = \"true\"\n\n[[apps.a.limits]]\n"+c.written))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n got %v\nwant %s", c.written, err, c.want)
		}
	}
	_, err := Parse("p.toml", []byte("[apps.a]\nroot = \"/a\"\ncommand = \"true\"\npath = \"/shop\"\n[[apps.a.limits]]\npath = \"/login\"\nrate = \"1/s\""))
	if err == nil || !strings.Contains(err.Error(), `must be "/" or below the app's path, which is "/shop", not "/login"`) {
		t.Errorf("got %v", err)
	}
	_, err = Parse("p.toml", []byte("[apps.a]\nroot = \"/a\"\ncommand = \"true\"\nlimits = 5"))
	if err == nil || !strings.Contains(err.Error(), "is written as a list of tables, each headed [[apps.a.limits]], not as 5") {
		t.Errorf("got %v", err)
	}
}
