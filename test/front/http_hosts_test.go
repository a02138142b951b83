package front

import (
	"strings"
	"testing"

	"purser/test/harness"
)

// Row 113: hosts are names and may be written in any case; paths are the app's, and no two are the same. Row 112: an escaped
// separator is none, for whoever looks for the app no more than for the app itself.
func TestHostsAreTheSameInAnyCaseAndPathsAreNot(t *testing.T) {
	site, blog := harness.NewApp(t, "node"), harness.NewApp(t, "node")
	blog.Write("VERSION", "blog")
	site.Write("VERSION", "site")
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable() +
		harness.AppTable("site", site.Dir, `hosts = ["Shop.Example"]`, harness.Processes(1)) +
		harness.AppTable("blog", blog.Dir, `hosts = ["shop.example"]`, `path = "/Blog"`, harness.Processes(1))})
	for _, c := range []struct{ host, path, app string }{
		{"shop.example", "/", "site"}, {"SHOP.example", "/", "site"}, {"shop.EXAMPLE.:80", "/", "site"},
		{"Shop.example", "/Blog", "blog"}, {"shop.example", "/Blog/a", "blog"}, {"shop.example", "/Blog?a", "blog"},
		{"shop.example", "/blog", "site"}, {"shop.example", "/BLOG/a", "site"}, {"shop.example", "/Blogs", "site"},
		{"shop.example", "/%42log", "blog"}, {"shop.example", "/%62log", "site"}, {"shop.example", "/a/../Blog", "blog"}, {"shop.example", "//Blog//a", "blog"},
		{"shop.example", "/Blog/../a", "site"}, {"shop.example", "/Blog/%2e%2e/a", "site"}, {"shop.example", "/./Blog", "blog"},
		{"shop.example", "/Blog%2Fa", "site"}, {"shop.example", "/Blog%5Ca", "site"}, {"shop.example", "/a%2f..%2fBlog", "site"}, {"shop.example", `/a\..\Blog`, "site"},
	} {
		a := harness.Ask(t, p, "GET "+c.path+" HTTP/1.1\r\nHost: "+c.host+"\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(a.Body, "v="+c.app+" ") {
			t.Errorf("%s%s was answered with %d %q, not by the %s", c.host, c.path, a.StatusCode, a.Body, c.app)
		}
	}
	for host, reason := range map[string]string{"other.example": "no_app", "shop.example.org": "no_app"} {
		mustRefuse(t, harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n"), 404, reason)
	}
}
