package status

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// A Certificate is one that clients are shown.
type Certificate struct {
	App       string    `json:"app"`  // whose it is; "" = the server's, for names of which no app has one
	File      string    `json:"file"` // "" of one that an authority has issued for purser
	Names     []string  `json:"names"`
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`          // the zero time = there is none yet
	Problem   string    `json:"problem,omitempty"`  // why its files as they are now cannot be used, or why there is no newer one, and it is shown all the same
	ACME      bool      `json:"acme"`               // purser gets and renews it, and the problem is that of the last try
	FailedAt  time.Time `json:"failed_at,omitzero"` // when that was
	NextTry   time.Time `json:"next_try,omitzero"`
}

// endsSoon is how long before its end a certificate stands out.
const endsSoon = 14 * 24 * time.Hour

var descCertificate = metric("certificate_not_after_seconds", "When a certificate ends, as Unix time; app is empty for the server's.", "app", "file")

var descFailing = metric("certificate_failure_seconds", "When purser could not obtain or renew a certificate last, as Unix time; 0 = all is well.", "app", "name")

func (r readings) certificates(all []Certificate) {
	for _, c := range all {
		if c.ACME {
			failed := 0.0
			if c.Problem != "" {
				failed = float64(c.FailedAt.Unix())
			}
			r.gauge(descFailing, failed, c.App, c.name())
		}
		if !c.NotAfter.IsZero() {
			r.gauge(descCertificate, float64(c.NotAfter.Unix()), c.App, cmp.Or(c.File, c.name()))
		}
	}
}

// name is that of a certificate which purser gets.
func (c Certificate) name() string { return strings.Join(c.Names, ", ") }

func (t *text) certificates(d Document) {
	if len(d.Certificates) == 0 {
		return
	}
	t.heading("Certificates")
	for _, c := range d.Certificates {
		t.line("%s: %s", t.paint(bold, "%s", cmp.Or(c.App, "(server)")), c.name())
		t.line("  %s", c.origin())
		switch end := c.end(d.Now); {
		case c.NotAfter.IsZero():
		case c.endsSoon(d.Now):
			t.line("  %s", t.paint(red, "%s", end))
		default:
			t.line("  %s", end)
		}
		if c.Problem != "" {
			t.line("  %s", t.paint(red, "%s", c.trouble()))
		}
	}
	t.line("")
}

// origin is where it comes from.
func (c Certificate) origin() string {
	switch {
	case !c.ACME:
		return "File: " + Printable(c.File)
	case c.NotAfter.IsZero():
		return "Issued by: nobody yet"
	}
	return "Issued by: " + Printable(c.Issuer)
}

// endingCertificates tells, below a list of apps, of those that somebody has to look after.
func (t *text) endingCertificates(d Document) {
	for _, c := range d.Certificates {
		which := c.name()
		if !c.ACME {
			which = fmt.Sprintf("%s (%s)", Printable(c.File), which)
		}
		if c.endsSoon(d.Now) {
			t.line("%s", t.paint(red, "Certificate %s: %s", which, c.end(d.Now)))
		}
		if c.Problem != "" {
			t.line("%s", t.paint(red, "Certificate %s: %s", which, c.trouble()))
		}
	}
}

// endsSoon reports whether somebody has to see to it. What lives for some days only is always near its end, and
// renewed in time.
func (c Certificate) endsSoon(now time.Time) bool {
	if c.NotAfter.IsZero() || c.NotAfter.Sub(now) >= endsSoon {
		return false
	}
	return !c.ACME || c.NotAfter.Before(now) || c.NotAfter.Sub(c.NotBefore) > 2*endsSoon
}

// trouble is what is wrong with its files, or keeps purser from a newer one.
func (c Certificate) trouble() string {
	what := "cannot renew it"
	switch {
	case !c.ACME:
		return "The changed files cannot be used: " + Printable(c.Problem)
	case c.NotAfter.IsZero():
		what = "cannot obtain a certificate"
	}
	return fmt.Sprintf("At %s: %s: %s; next try at %s", moment(c.FailedAt), what, Printable(c.Problem), moment(c.NextTry))
}

func moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 -0700") }

// end is when it ends, and what is to be done.
func (c Certificate) end(now time.Time) string {
	left, do := c.NotAfter.Sub(now), ""
	if !c.ACME {
		do = "; renew it"
	}
	switch {
	case left < 0:
		return "Ended: " + moment(c.NotAfter) + do
	case left < endsSoon:
		return "Ends: " + moment(c.NotAfter) + ", in " + passengerSpan(left) + do
	}
	return "Ends: " + moment(c.NotAfter)
}
