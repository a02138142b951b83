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

func TestCertificatesThatAnAuthorityIssues(t *testing.T) {
	now, day := time.Now(), 24*time.Hour
	of := func(name string, begins, ends time.Duration) Certificate {
		return Certificate{App: "blog", Names: []string{name}, Issuer: "CN=R1", NotBefore: now.Add(begins), NotAfter: now.Add(ends), ACME: true}
	}
	failing := func(c Certificate) Certificate {
		c.Problem, c.FailedAt, c.NextTry = "cannot reach it", now.Add(-time.Minute), now.Add(time.Minute)
		return c
	}
	d := Document{Now: now, Apps: []App{}, Certificates: []Certificate{
		of("good.org", -day, 89*day), of("short.org", -day, 5*day), of("old.org", -80*day, 10*day), failing(of("failing.org", -61*day, 29*day)),
		failing(Certificate{App: "blog", Names: []string{"new.org"}, ACME: true}), {App: "blog", Names: []string{"waiting.org"}, ACME: true},
	}}
	var full, list strings.Builder
	if WriteText(&full, d, false) != nil || WriteList(&list, d, false) != nil {
		t.Fatal("cannot write")
	}
	for _, want := range []string{"blog: good.org\n  Issued by: CN=R1\n  Ends: ", "blog: new.org\n  Issued by: nobody yet\n  At ", ": cannot obtain a certificate: cannot reach it; next try at ",
		"blog: waiting.org\n  Issued by: nobody yet\n", ": cannot renew it: cannot reach it; next try at "} {
		if !strings.Contains(full.String(), want) {
			t.Errorf("%q is not in\n%s", want, full.String())
		}
	}
	if strings.Contains(full.String(), "; renew it") {
		t.Errorf("somebody is to do what purser does\n%s", full.String())
	}
	for name, there := range map[string]bool{"good.org": false, "short.org": false, "old.org": true, "failing.org": true, "new.org": true, "waiting.org": false} {
		if strings.Contains(list.String(), "Certificate "+name+": ") != there {
			t.Errorf("%s: want it to be in the list: %v\n%s", name, there, list.String())
		}
	}
}
