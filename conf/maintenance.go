package conf

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"
)

// Maintenance is [apps.NAME.maintenance]: how visitors are answered while the app is in maintenance.
type Maintenance struct {
	File       string         // while it is there, the app is in maintenance; relative to Root, or absolute; default tmp/maintenance.txt; "" = none
	Page       string         // that visitors are shown: a file of HTML, relative to Root, or absolute; "" = purser's own
	Allow      []netip.Prefix // clients that are served as ever; default none
	Cookie     string         // NAME=VALUE: so is who brings this cookie; default "" = nobody
	RetryAfter time.Duration  // when clients are told to come again; default 60s
}

var maintenanceSchema = schema[Maintenance]{
	fields: []field[Maintenance]{
		at("file", func(m *Maintenance) *string { return &m.File }, textForm),
		at("page", func(m *Maintenance) *string { return &m.Page }, textForm),
		at("allow", func(m *Maintenance) *[]netip.Prefix { return &m.Allow }, listOf(parseClients, netip.Prefix.String)),
		at("cookie", func(m *Maintenance) *string { return &m.Cookie }, textForm),
		at("retry_after", func(m *Maintenance) *time.Duration { return &m.RetryAfter }, durationForm),
	},
}

func maintenanceSection() section {
	return aTable("maintenance", func(a *App) *Maintenance { return &a.Maintenance }, maintenanceSchema, (*Maintenance).check, nil)
}

func (m *Maintenance) check(t table) {
	t.require(m.File == "" || isInside(m.File) || isElsewhere(m.File), "file", "must be a file inside root, relative to it, or an absolute path, not %s", described(m.File))
	checkPage(t, "page", m.Page)
	t.require(m.Cookie == "" || isCookie(m.Cookie), "cookie", `must be a name and a value such as "preview=k3vY9w", without spaces and without " , ; \, not %s`, described(m.Cookie))
	t.require(time.Second <= m.RetryAfter && m.RetryAfter <= maxDuration, "retry_after", `must be a duration from "1s" to "8760h"`)
}

// checkPage looks at where a page lies that visitors may be shown.
func checkPage(t table, key, path string) {
	t.require(path == "" || isInside(path) || isElsewhere(path), key, "must be a file inside root, relative to it, or an absolute path, not %s", described(path))
	ext := strings.ToLower(filepath.Ext(path))
	t.require(path == "" || ext == ".html" || ext == ".htm", key, `must be a page of HTML, whose name ends in ".html" or ".htm", not %s`, described(path))
}

// isCookie reports whether a text is a cookie as clients send it (RFC 6265 section 4.1.1).
func isCookie(s string) bool {
	name, value, _ := strings.Cut(s, "=")
	return name != "" && value != "" && !strings.ContainsAny(name, `()<>@:/[]?{}`) && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`",;\`, r)
	})
}

// parseClients reads an address or a CIDR.
func parseClients(s string) (netip.Prefix, error) {
	prefix, err := parsePrefix(s)
	if err != nil {
		return prefix, fmt.Errorf(`must be addresses or CIDRs such as "10.0.0.0/8", not %s`, described(s))
	}
	return prefix, nil
}
