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
	Problem   string    `json:"problem,omitempty"` // why its files as they are now cannot be used, and it is shown all the same
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
		t.line("  File: %s", Printable(c.File))
		if c.endsSoon(d.Now) {
			t.line("  %s", t.paint(red, "%s", c.end(d.Now)))
		} else {
			t.line("  %s", c.end(d.Now))
		}
		if c.Problem != "" {
			t.line("  %s", t.paint(red, "%s", c.unusable()))
		}
	}
	t.line("")
}

// endingCertificates tells, below a list of apps, of those that somebody has to look after.
func (t *text) endingCertificates(d Document) {
	for _, c := range d.Certificates {
		if c.endsSoon(d.Now) {
			t.line("%s", t.paint(red, "Certificate %s (%s): %s", Printable(c.File), strings.Join(c.Names, ", "), c.end(d.Now)))
		}
		if c.Problem != "" {
			t.line("%s", t.paint(red, "Certificate %s (%s): %s", Printable(c.File), strings.Join(c.Names, ", "), c.unusable()))
		}
	}
}

// unusable is why its files are not used.
func (c Certificate) unusable() string {
	return "The changed files cannot be used: " + Printable(c.Problem)
}

func (c Certificate) endsSoon(now time.Time) bool { return c.NotAfter.Sub(now) < endsSoon }

// end is when it ends, and what is to be done.
func (c Certificate) end(now time.Time) string {
	left, at := c.NotAfter.Sub(now), c.NotAfter.Local().Format("2006-01-02 15:04:05 -0700")
	switch {
	case left < 0:
		return "Ended: " + at + "; renew it"
	case left < endsSoon:
		return "Ends: " + at + ", in " + passengerSpan(left) + "; renew it"
	}
	return "Ends: " + at
}
