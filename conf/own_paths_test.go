package conf

import (
	"strings"
	"testing"
)

func TestPathsThatNoRequestOfAnAppHasAreRefused(t *testing.T) {
	const app = "[apps.a]\nroot = '/a'\ncommand = 'true'\npath = '/blog'\n"
	const access, redirect = "[apps.a.access]\ndeny = ['10.0.0.1']\npaths = ['%']", "[[apps.a.redirects]]\nfrom = '%'\nto = '/blog/x'"
	const buffering = "[[apps.a.buffering]]\npath = '%'"
	for _, c := range []struct {
		table, path string
		refused     bool
	}{
		{access, "/admin", true}, {access, "/blogs", true}, {access, "/blog/admin", false}, {access, "/blog", false}, {access, "/", false}, {access, "/bl", false},
		{redirect, "/old", true}, {redirect, "/old/*", true}, {redirect, "/blogs/*", true}, {redirect, "/blog/old", false}, {redirect, "/blog/o*", false}, {redirect, "/*/old", false},
		{buffering, "/up", true}, {buffering, "/blog/up", false}, {buffering, "/", false},
	} {
		_, err := Parse("p.toml", []byte(app+strings.ReplaceAll(c.table, "%", c.path)))
		if refused := err != nil && strings.Contains(err.Error(), "must be below the app's path, which is \"/blog\""); refused != c.refused || err != nil && !refused {
			t.Errorf("%s, refused: %v\n%v", strings.ReplaceAll(c.table, "%", c.path), c.refused, err)
		}
	}
}
