package status

import (
	"strings"
	"testing"
	"time"
)

func TestCertificatesAreShownWithTheirEnd(t *testing.T) {
	now := time.Now()
	d := Document{Now: now, Apps: []App{}, Certificates: []Certificate{
		{File: "/c/server.pem", Names: []string{"example.org"}, NotAfter: now.Add(30 * 24 * time.Hour)},
		{App: "wiki", File: "/c/wiki.pem", Names: []string{"wiki.example"}, NotAfter: now.Add(30 * 24 * time.Hour), Problem: "there is no key"},
		{App: "blog", File: "/c/blog.pem", Names: []string{"a.example", "b.example"}, NotAfter: now.Add(3*24*time.Hour + time.Minute)},
		{App: "shop", File: "/c/shop.pem", NotAfter: now.Add(-time.Hour)},
	}}
	var full, list strings.Builder
	if WriteText(&full, d, false) != nil || WriteList(&list, d, false) != nil {
		t.Fatal("cannot write")
	}
	for _, want := range []string{"(server): example.org\n  File: /c/server.pem\n  Ends: " + now.Add(30*24*time.Hour).Format("2006-01-02"),
		"blog: a.example, b.example\n", ", in 3d 0h 1m", "; renew it\n", "  Ended: ", "\n  The changed files cannot be used: there is no key\n"} {
		if !strings.Contains(full.String(), want) {
			t.Errorf("%q is not in\n%s", want, full.String())
		}
	}
	for want, there := range map[string]bool{"Certificate /c/blog.pem (a.example, b.example): Ends: ": true, "Certificate /c/shop.pem": true,
		"Certificate /c/wiki.pem (wiki.example): The changed files cannot be used: there is no key\n": true, "server.pem": false} {
		if strings.Contains(list.String(), want) != there {
			t.Errorf("%q: want it to be in the list: %v\n%s", want, there, list.String())
		}
	}
}
