package conf

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Pages is [apps.NAME.pages]: what visitors are shown in place of purser's own pages.
type Pages struct {
	Files     map[string]string // by status, "404", or the first digit of it, "5xx": a file of HTML, relative to Root, or absolute; default none
	Intercept bool              // also in place of the app's own pages of these statuses; default false
}

// Of is the page for a status: its own, else that of its first digit; "" = there is none.
func (p *Pages) Of(status int) string {
	if page, is := p.Files[fmt.Sprint(status)]; is {
		return page
	}
	return p.Files[fmt.Sprintf("%dxx", status/100)]
}

// PageFiles are the files that visitors of an app may be shown in place of an answer.
func (a *App) PageFiles() []string {
	pages := slices.Sorted(maps.Values(a.Pages.Files))
	for _, page := range []string{a.Maintenance.Page, a.Maintenance.File} {
		if page != "" {
			pages = append(pages, page)
		}
	}
	return pages
}

var interceptField = at("intercept", func(p *Pages) *bool { return &p.Intercept }, truthForm)

// pagesSection is a table of its own kind: its keys are statuses, but for one.
func pagesSection() section {
	const name = "pages"
	return section{
		name:  name,
		keys:  []string{interceptField.key},
		read:  func(r *reader, n *node, a *App) { r.pages(n, &a.Pages) },
		check: func(a *App, t table) { a.Pages.check(t) },
		write: func(b *strings.Builder, key toml.Key, a *App) {
			writeTable(b, key, &a.Pages, schema[Pages]{fields: []field[Pages]{interceptField}})
			for _, status := range slices.Sorted(maps.Keys(a.Pages.Files)) {
				fmt.Fprintf(b, "%s = %s\n", quoted(status), quoted(a.Pages.Files[status]))
			}
		},
		differ: func(older, newer *App) (keys []string) {
			if interceptField.differs(&older.Pages, &newer.Pages) {
				keys = append(keys, name+"."+interceptField.key)
			}
			for _, status := range changedIn(older.Pages.Files, newer.Pages.Files) {
				keys = append(keys, name+"."+status)
			}
			return keys
		},
		keep: func(to, from *App) { to.Pages = Pages{maps.Clone(from.Pages.Files), from.Pages.Intercept} },
	}
}

func (r *reader) pages(n *node, into *Pages) {
	if !r.isTable(n) {
		return
	}
	for key, n := range n.nodes {
		var err error
		if key == interceptField.key {
			err = interceptField.read(into, n.value)
		} else {
			if into.Files == nil {
				into.Files = map[string]string{}
			}
			into.Files[key], err = text(n.value)
		}
		if err != nil {
			r.refuse(n, err.Error())
		}
	}
}

func (p *Pages) check(t table) {
	for _, status := range slices.Sorted(maps.Keys(p.Files)) {
		t.require(isErrorStatus(status), status, `must be a status from "400" to "599", "4xx", "5xx" or "intercept"`)
		t.require(p.Files[status] != "", status, "must name a page; leave it out for purser's own")
		checkPage(t, status, p.Files[status])
	}
	t.require(!p.Intercept || len(p.Files) > 0, interceptField.key, `needs pages to show, such as "404" = "public/404.html"`)
}

func isErrorStatus(s string) bool {
	if len(s) != 3 || s[0] != '4' && s[0] != '5' {
		return false
	}
	return s[1:] == "xx" || '0' <= s[1] && s[1] <= '9' && '0' <= s[2] && s[2] <= '9'
}
