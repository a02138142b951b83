package conf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

type keysOfTable struct {
	key  []string // of the table; NAME stands for the app
	keys []string
}

// allTables are all tables with the keys of each.
func allTables() []keysOfTable {
	all := []keysOfTable{
		{[]string{"server"}, serverSchema.keys()},
		{[]string{"apps", "NAME"}, appSchema.keys()},
		{[]string{"apps", "NAME", "process_limits"}, processLimitsSchema.keys()},
		{[]string{"apps", "NAME", "restart"}, restartSchema.keys()},
		{[]string{"apps", "NAME", "health"}, healthSchema.keys()},
		{[]string{"apps", "NAME", "hooks"}, hooksSchema.keys()},
		{[]string{"server", "tls"}, pairsSchema.keys()},
		{[]string{"server", "acme"}, acmeSchema.keys()},
		{[]string{"apps", "NAME", "tls"}, tlsSchema.keys()},
	}
	for _, s := range sections {
		all = append(all, keysOfTable{[]string{"apps", "NAME", s.name}, s.keys})
	}
	return all
}

// misplaced says what is wrong with a key that is none of those allowed where it stands: which table it
// belongs to if it is a key of another, else as unknown does.
func misplaced(key toml.Key, allowed []string) string {
	name := key[len(key)-1]
	var right []string
	for _, t := range allTables() {
		if slices.Contains(t.keys, name) {
			right = append(right, "["+toml.Key(ofApp(t.key, key)).String()+"]")
		}
	}
	if len(right) == 0 {
		return unknown(name, allowed)
	}
	return fmt.Sprintf("unknown key here; it belongs to %s", strings.Join(right, " or "))
}

// ofApp is the key of a table for the app that another key is of, if it is of one.
func ofApp(table []string, key toml.Key) []string {
	if len(table) > 1 && len(key) > 2 && key[0] == "apps" {
		table = slices.Clone(table)
		table[1] = key[1]
	}
	return table
}
