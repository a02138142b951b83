package status

import (
	"cmp"
	"strings"
	"time"
)

// A Certificate is one that clients are shown.
type Certificate struct {
	App       string    `json:"app"` // whose it is; "" = the server's, for names of which no app has one
	File      string    `json:"file"`
	Names     []string  `json:"names"`
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
}

// endsSoon is how long before its end a certificate stands out.
const endsSoon = 14 * 24 * time.Hour

var descCertificate = metric("certificate_not_after_seconds", "When a certificate ends, as Unix time; app is empty for the server's.", "app", "file")

func (r readings) certificates(all []Certificate) {
	for _, c := range all {
		r.gauge(descCertificate, float64(c.NotAfter.Unix()), c.App, c.File)
	}
}

func (t *text) certificates(d Document) {
	if len(d.Certificates) == 0 {
		return
	}
	t.heading("Certificates")
	for _, c := range d.Certificates {
		t.line("%s: %s", t.paint(bold, "%s", cmp.Or(c.App, "(server)")), strings.Join(c.Names, ", "))
		t.line("  File: %s", c.File)
		left := c.NotAfter.Sub(d.Now)
		switch ends := c.NotAfter.Format("2006-01-02 15:04:05 -0700"); {
		case left < 0:
			t.line("  %s", t.paint(red, "Ended: %s; renew it", ends))
		case left < endsSoon:
			t.line("  %s", t.paint(red, "Ends: %s, in %s; renew it", ends, passengerSpan(left)))
		default:
			t.line("  Ends: %s", ends)
		}
	}
	t.line("")
}
