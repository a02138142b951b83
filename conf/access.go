package conf

import (
	"fmt"
	"net/netip"
	"slices"
)

// Access is [apps.NAME.access]: who is let in.
type Access struct {
	Allow    []netip.Prefix // addresses of visitors: nobody else is let in; default none = everybody is
	Deny     []netip.Prefix // addresses that are never let in; default none
	Htpasswd string         // absolute path of a file of users with their passwords, by bcrypt; "" = no password is asked for
	Realm    string         // what browsers say the password is for; "" = the app's name
	Satisfy  string         // all | any: with allow and htpasswd both are asked for, or either is enough; default all
	Paths    []string       // the folders of the app that this is for; none = all
}

var accessSchema = schema[Access]{fields: []field[Access]{
	at("allow", func(a *Access) *[]netip.Prefix { return &a.Allow }, addressesForm),
	at("deny", func(a *Access) *[]netip.Prefix { return &a.Deny }, addressesForm),
	at("htpasswd", func(a *Access) *string { return &a.Htpasswd }, textForm),
	at("realm", func(a *Access) *string { return &a.Realm }, textForm),
	at("satisfy", func(a *Access) *string { return &a.Satisfy }, textForm),
	at("paths", func(a *Access) *[]string { return &a.Paths }, accessPathsForm),
}}

var accessSection = aTable("access", func(a *App) *Access { return &a.Access }, accessSchema, (*Access).check,
	func(a *Access, dir string) { a.Htpasswd = placedFile(a.Htpasswd, dir) })

var (
	addressesForm   = listOf(parseAddresses, netip.Prefix.String)
	accessPathsForm = listOf(func(s string) (string, error) { return urlPath(s) }, func(s string) string { return s })
	satisfactions   = []string{"all", "any"}
)

func parseAddresses(s string) (netip.Prefix, error) {
	p, err := parsePrefix(s)
	if err != nil {
		return p, fmt.Errorf(`must be addresses or CIDRs such as "10.0.0.0/8", not %s`, described(s))
	}
	return p, nil
}

// Asks reports whether anybody may be kept out.
func (a *Access) Asks() bool { return len(a.Allow) > 0 || len(a.Deny) > 0 || a.Htpasswd != "" }

func (a *Access) check(t table) {
	t.require(a.Htpasswd == "" || isElsewhere(a.Htpasswd), "htpasswd", "must be the path of a file, not %s", described(a.Htpasswd))
	t.require(printable(a.Realm), "realm", "must not have a line end or another control character")
	t.require(a.Realm == "" || !printable(a.Realm) || a.Htpasswd != "", "realm", "is what a password is for, and none is asked for without htpasswd")
	t.oneOf("satisfy", a.Satisfy, satisfactions)
	t.require(a.Satisfy != "any" || a.Htpasswd != "" && len(a.Allow) > 0, "satisfy", `"any" needs both allow and htpasswd, of which either is enough then`)
	for i, path := range a.Paths {
		t.accept("paths", checkPath(path))
		t.require(!slices.Contains(a.Paths[:i], path), "paths", "has %s twice", described(path))
	}
	t.require(len(a.Paths) == 0 || a.Asks(), "paths", "are kept from nobody: write allow, deny or htpasswd, too")
}
