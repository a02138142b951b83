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
		{App: "blog", File: "/c/blog.pem", Names: []string{"a.example", "b.example"}, NotAfter: now.Add(3*24*time.Hour + time.Minute)},
		{App: "shop", File: "/c/shop.pem", NotAfter: now.Add(-time.Hour)},
	}}
	var full, list strings.Builder
	if WriteText(&full, d, false) != nil || WriteList(&list, d, false) != nil {
		t.Fatal("cannot write")
	}
	for _, want := range []string{"(server): example.org\n  File: /c/server.pem\n  Ends: " + now.Add(30*24*time.Hour).Format("2006-01-02"),
		"blog: a.example, b.example\n", ", in 3d 0h 1m", "; renew it\n", "  Ended: "} {
		if !strings.Contains(full.String(), want) {
			t.Errorf("%q is not in\n%s", want, full.String())
		}
	}
	for want, there := range map[string]bool{"Certificate /c/blog.pem (a.example, b.example): Ends: ": true, "Certificate /c/shop.pem": true, "server.pem": false} {
		if strings.Contains(list.String(), want) != there {
			t.Errorf("%q: want it to be in the list: %v\n%s", want, there, list.String())
		}
	}
}

func TestCertificatesThatAnAuthorityIssues(t *testing.T) {
	now, day := time.Now(), 24*time.Hour
	failure := &Failing{Problem: "cannot reach it", At: now.Add(-time.Minute), Next: now.Add(time.Minute)}
	of := func(name string, begins, ends time.Duration, failure *Failing) Certificate {
		return Certificate{App: "blog", Names: []string{name}, Issuer: "CN=R1", NotBefore: now.Add(begins), NotAfter: now.Add(ends), ACME: true, Failure: failure}
	}
	d := Document{Now: now, Apps: []App{}, Certificates: []Certificate{
		of("good.org", -day, 89*day, nil), of("short.org", -day, 5*day, nil), of("old.org", -80*day, 10*day, nil), of("failing.org", -61*day, 29*day, failure),
		{App: "blog", Names: []string{"new.org"}, ACME: true, Failure: failure}, {App: "blog", Names: []string{"waiting.org"}, ACME: true},
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
