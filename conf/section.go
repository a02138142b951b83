package conf

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// A section is a table of an app that lies in a file of its own, with what it means. All that is written there holds at
// once: no process is started for it.
type section struct {
	name   string
	keys   []string
	read   func(r *reader, n *node, a *App)
	check  func(a *App, t table)
	write  func(b *strings.Builder, key toml.Key, a *App)
	differ func(older, newer *App) []string // the keys that differ
	keep   func(to, from *App)
}

// sections are those tables, in the order in which they are shown. They are named in init, as what reads them names all
// keys that there are.
var sections []section

func init() {
	sections = []section{
		bufferingSection,
		compressSection,
		limitsSection(),
		redirectsSection,
		headersSection,
		accessSection,
		maintenanceSection(),
		pagesSection(),
		filesSection,
		staticSection,
		accelSection,
		cacheSection,
	}
}

func sectionOf(name string) (section, bool) {
	at := slices.IndexFunc(sections, func(s section) bool { return s.name == name })
	if at < 0 {
		return section{}, false
	}
	return sections[at], true
}

func (a *App) checkSections(t table) {
	for _, s := range sections {
		s.check(a, t.in(s.name))
	}
}

// aTable is a section that is there once: [apps.NAME.name]. What is in it begins as defaultApp says. Placed makes paths
// absolute, which begin at the file's folder; nil = it has none.
func aTable[V any](name string, place func(*App) *V, of schema[V], check func(v *V, t table), placed func(v *V, dir string)) section {
	compared := inside(name, place, of)
	return section{
		name: name,
		keys: of.keys(),
		read: func(r *reader, n *node, a *App) {
			readTable(r, n, place(a), of)
			if placed != nil {
				placed(place(a), n.file.dir)
			}
		},
		check:  func(a *App, t table) { check(place(a), t) },
		write:  func(b *strings.Builder, key toml.Key, a *App) { writeTable(b, key, place(a), of) },
		differ: compared.differ,
		keep:   func(to, from *App) { *place(to) = *place(from) },
	}
}

// aList is a section that may be there any number of times, in an order that counts: [[apps.NAME.name]]. Each begins as
// fresh says.
func aList[V any](name string, place func(*App) *[]V, fresh func() V, of schema[V], check func(v *V, t table), placed func(v *V, dir string)) section {
	return section{
		name: name,
		keys: of.keys(),
		read: func(r *reader, n *node, a *App) {
			list, ok := n.elements()
			if !ok {
				r.refuse(n, fmt.Sprintf("is written as a list of tables, each headed [[%s]], not as %s", n.key, described(n.value)))
				return
			}
			*place(a) = nil
			for _, element := range list {
				v := fresh()
				readTable(r, element, &v, of)
				if placed != nil {
					placed(&v, n.file.dir)
				}
				*place(a) = append(*place(a), v)
			}
		},
		check: func(a *App, t table) {
			for i := range *place(a) {
				check(&(*place(a))[i], t.in(strconv.Itoa(i+1)))
			}
		},
		write: func(b *strings.Builder, key toml.Key, a *App) {
			for i := range *place(a) {
				writeFields(b, "[["+key.String()+"]]", &(*place(a))[i], of)
			}
		},
		differ: func(older, newer *App) []string {
			a, b := *place(older), *place(newer)
			same := len(a) == len(b)
			for i := 0; same && i < len(a); i++ {
				same = !slices.ContainsFunc(of.fields, func(f field[V]) bool { return f.differs(&a[i], &b[i]) })
			}
			if same {
				return nil
			}
			return []string{name}
		},
		keep: func(to, from *App) { *place(to) = slices.Clone(*place(from)) },
	}
}

// aMap is a section whose keys are the user's: [apps.NAME.name] with texts.
func aMap(name string, place func(*App) *map[string]string, check func(name, value string, t table), placed func(value, dir string) string) section {
	return section{
		name: name,
		read: func(r *reader, n *node, a *App) {
			if !r.isTable(n) {
				return
			}
			*place(a) = map[string]string{}
			for key, n := range n.nodes {
				value, err := text(n.value)
				if err != nil {
					r.refuse(n, err.Error())
				}
				if placed != nil && err == nil {
					value = placed(value, n.file.dir)
				}
				(*place(a))[key] = value
			}
		},
		check: func(a *App, t table) {
			for _, key := range slices.Sorted(maps.Keys(*place(a))) {
				check(key, (*place(a))[key], t.in(key))
			}
		},
		write: func(b *strings.Builder, key toml.Key, a *App) { writeEnv(b, key, *place(a)) },
		differ: func(older, newer *App) (keys []string) {
			for _, key := range changedIn(*place(older), *place(newer)) {
				keys = append(keys, toml.Key{name, key}.String())
			}
			return keys
		},
		keep: func(to, from *App) { *place(to) = maps.Clone(*place(from)) },
	}
}
