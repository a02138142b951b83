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
	NotAfter  time.Time `json:"not_after"`         // the zero time = there is none yet
	ACME      bool      `json:"acme"`              // purser gets and renews it
	Failure   *Failing  `json:"failure,omitempty"` // why there is none, or no newer one; nil = all is well
}

// Failing is what keeps purser from a certificate.
type Failing struct {
	Problem string    `json:"problem"`
	At      time.Time `json:"at"`
	Next    time.Time `json:"next_try"`
}

// endsSoon is how long before its end a certificate stands out.
const endsSoon = 14 * 24 * time.Hour

var descCertificate = metric("certificate_not_after_seconds", "When a certificate ends, as Unix time; app is empty for the server's.", "app", "file")

var descFailing = metric("certificate_failure_seconds", "When purser could not obtain or renew a certificate last, as Unix time; 0 = all is well.", "app", "name")

func (r readings) certificates(all []Certificate) {
	for _, c := range all {
		if c.ACME {
			failed := 0.0
			if c.Failure != nil {
				failed = float64(c.Failure.At.Unix())
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
		for _, line := range c.story(d.Now) {
			if c.needsCare(d.Now) {
				line = t.paint(red, "%s", line)
			}
			t.line("  %s", line)
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
		if !c.needsCare(d.Now) {
			continue
		}
		which := c.name()
		if !c.ACME {
			which = fmt.Sprintf("%s (%s)", Printable(c.File), which)
		}
		t.line("%s", t.paint(red, "Certificate %s: %s", which, strings.Join(c.story(d.Now), "; ")))
	}
}

// needsCare reports whether somebody has to look after it: nobody renews it, or that fails. What lives for some days
// only is always near its end.
func (c Certificate) needsCare(now time.Time) bool {
	if c.Failure != nil {
		return true
	}
	return !c.NotAfter.IsZero() && c.NotAfter.Sub(now) < endsSoon && (!c.ACME || c.NotAfter.Before(now) || c.NotAfter.Sub(c.NotBefore) > 2*endsSoon)
}

// story is when it ends, and what keeps purser from it.
func (c Certificate) story(now time.Time) (lines []string) {
	if !c.NotAfter.IsZero() {
		lines = append(lines, c.end(now))
	}
	if f := c.Failure; f != nil {
		what := "cannot renew it"
		if c.NotAfter.IsZero() {
			what = "cannot obtain a certificate"
		}
		lines = append(lines, fmt.Sprintf("At %s: %s: %s; next try at %s", moment(f.At), what, Printable(f.Problem), moment(f.Next)))
	}
	return lines
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
