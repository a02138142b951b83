package conf

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const maintained = `
[apps.shop.maintenance]
file = "/run/shop/maintenance"
page = "public/maintenance.html"
allow = ["10.0.0.0/8", "::1"]
cookie = "preview=k3vY9w"
retry_after = "5m"

[apps.shop.pages]
intercept = true
"404" = "public/404.html"
"5xx" = "/srv/pages/error.html"
`

func TestMaintenanceAndPagesAreRead(t *testing.T) {
	app := parseShop(t, maintained)
	wantMaintenance := Maintenance{"/run/shop/maintenance", "public/maintenance.html",
		[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}, "preview=k3vY9w", 5 * time.Minute}
	if diff := cmp.Diff(wantMaintenance, app.Maintenance, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Error(diff)
	}
	for status, want := range map[int]string{404: "public/404.html", 403: "", 500: "/srv/pages/error.html", 502: "/srv/pages/error.html"} {
		if got := app.Pages.Of(status); got != want {
			t.Errorf("the page for %d is %q, want %q", status, got, want)
		}
	}
}

func TestTheEffectiveConfigurationHasMaintenanceAndPages(t *testing.T) {
	before := parseShop(t, maintained)
	var text strings.Builder
	if err := (&Config{Server: defaultServer(), Apps: []App{*before}}).WriteTOML(&text); err != nil {
		t.Fatal(err)
	}
	again, err := Parse("/etc/purser/purser.toml", []byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	if d := CompareApps(before, &again.Apps[0]); !d.none() {
		t.Errorf("these keys are others once they are written and read: %v", d)
	}
}

func TestMaintenanceAndPagesHoldAtOnce(t *testing.T) {
	older, newer := parseShop(t, ""), parseShop(t, maintained)
	d := CompareApps(older, newer)
	want := []string{"maintenance.file", "maintenance.page", "maintenance.allow", "maintenance.cookie", "maintenance.retry_after",
		"pages.intercept", "pages.404", "pages.5xx"}
	if diff := cmp.Diff(want, d.AtOnce); diff != "" || len(d.Restart) > 0 {
		t.Errorf("%s, and by a restart: %v", diff, d.Restart)
	}
	newer.KeepAtOnce(older)
	if d := CompareApps(older, newer); !d.none() {
		t.Errorf("these keys are not kept: %v", d)
	}
}

func TestMaintenanceAndPagesThatCannotBeAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"maintenance.file = '../x'":                   "must be a file inside root",
		"maintenance.page = 'public/../../m.html'":    "must be a file inside root",
		"maintenance.page = 'public/maintenance.txt'": "must be a page of HTML",
		"maintenance.allow = ['unix:']":               `must be addresses or CIDRs such as "10.0.0.0/8", not "unix:"`,
		"maintenance.allow = ['10.0.0.0/33']":         "must be addresses or CIDRs",
		"maintenance.cookie = 'preview'":              "must be a name and a value",
		"maintenance.cookie = 'preview='":             "must be a name and a value",
		"maintenance.cookie = 'a=b; c=d'":             "must be a name and a value",
		"maintenance.retry_after = '10ms'":            `must be a duration from "1s"`,
		"maintenance.pag = 'x'":                       `did you mean "page"?`,
		"pages.404 = ''":                              "must name a page",
		"pages.404 = '/'":                             "must be a file inside root",
		"pages.404 = 404":                             "must be a string, not 404",
		"pages.200 = 'ok.html'":                       `must be a status from "400" to "599"`,
		"pages.6xx = 'x.html'":                        `must be a status from "400" to "599"`,
		"pages.intercept = true":                      "needs pages to show",
		"pages.intercept = 'yes'\npages.404='4.html'": "must be true or false",
		"pages.interccept = 'x.html'":                 `"4xx", "5xx" or "intercept"`,
	} {
		_, err := Parse("p.toml", []byte(shop+text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
