package conf

import (
	"maps"
	"reflect"
	"slices"
)

// A Difference is what is not the same in two configurations. Keys are named as in their files, such as
// "restart.surge" or "env.DATABASE_URL"; values, which may be secrets, are left out.
type Difference struct {
	AtOnce  []string  `json:"at_once"` // keys of [server] that hold from now on
	Pending []string  `json:"pending"` // keys of [server] that only another purser goes by
	Apps    []AppDiff `json:"apps"`    // by name; apps that are the same are left out
}

// An AppDiff is what is not the same about one app.
type AppDiff struct {
	Name    string   `json:"app"`
	New     bool     `json:"new,omitempty"`     // it is there only in the newer configuration
	Gone    bool     `json:"gone,omitempty"`    // it is there only in the older one
	AtOnce  []string `json:"at_once,omitempty"` // keys that hold from now on, or for what starts next
	Restart []string `json:"restart,omitempty"` // keys that its processes are started with
}

// None reports whether everything is the same.
func (d Difference) None() bool { return len(d.AtOnce)+len(d.Pending)+len(d.Apps) == 0 }

// Compare returns what becomes of an older configuration with a newer one. Its apps are compared as they are
// given: spawn.Detect may have filled in what is found out of their folders.
func Compare(older, newer *Config) Difference {
	d := CompareServers(&older.Server, &newer.Server)
	d.AtOnce, d.Pending, d.Apps = append([]string{}, d.AtOnce...), append([]string{}, d.Pending...), []AppDiff{}
	before := map[string]*App{}
	for i := range older.Apps {
		before[older.Apps[i].Name] = &older.Apps[i]
	}
	for i := range newer.Apps {
		app := &newer.Apps[i]
		was := before[app.Name]
		delete(before, app.Name)
		if was == nil {
			d.Apps = append(d.Apps, AppDiff{Name: app.Name, New: true})
		} else if reflect.DeepEqual(was, app) {
			continue // a thousand apps that are the same take no time
		} else if change := CompareApps(was, app); !change.none() {
			d.Apps = append(d.Apps, change)
		}
	}
	for name := range before {
		d.Apps = append(d.Apps, AppDiff{Name: name, Gone: true})
	}
	slices.SortFunc(d.Apps, func(a, b AppDiff) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return d
}

// CompareServers compares the [server] tables alone.
func CompareServers(older, newer *Server) (d Difference) {
	for _, t := range serverTables {
		for _, key := range t.differ(older, newer) {
			if serverEffects[key] == atOnce {
				d.AtOnce = append(d.AtOnce, key)
			} else {
				d.Pending = append(d.Pending, key)
			}
		}
	}
	if older.ACME.On != newer.ACME.On {
		d.AtOnce = append(d.AtOnce, "acme")
	}
	return d
}

// CompareApps compares two configurations of one app.
func CompareApps(older, newer *App) AppDiff {
	d := AppDiff{Name: newer.Name}
	var keys []string
	for _, t := range appTables {
		keys = append(keys, t.differ(older, newer)...)
	}
	for _, key := range keys {
		if appEffects.of(key, newer) == atOnce {
			d.AtOnce = append(d.AtOnce, key)
		} else {
			d.Restart = append(d.Restart, key)
		}
	}
	for _, s := range sections {
		d.AtOnce = append(d.AtOnce, s.differ(older, newer)...)
	}
	d.compareWorkers(older, newer)
	d.compareAccounts(older.RunsAs, newer.RunsAs)
	for _, name := range changedIn(older.Env, newer.Env) {
		d.Restart = append(d.Restart, "env."+name)
	}
	return d
}

func (d AppDiff) none() bool { return len(d.AtOnce)+len(d.Restart) == 0 }

// Keep has the keys that only another purser goes by be as they are in what runs.
func (s *Server) Keep(running *Server) {
	for _, t := range serverTables {
		t.keep(s, running, serverEffects, byPurser)
	}
}

// KeepAtOnce has the keys that hold without a restart be as they are in what runs, those of workers included.
func (a *App) KeepAtOnce(running *App) {
	for _, t := range appTables {
		t.keep(a, running, appEffects, atOnce)
	}
	for _, s := range sections {
		s.keep(a, running)
	}
	for _, w := range slices.Clone(a.Workers) {
		if now, there := running.Worker(w.Name); there {
			now.Command, now.StopSignal = w.Command, w.StopSignal
			a.SetWorker(now)
		}
	}
}

// A part is one of the tables that T is written in.
type part[T any] struct {
	name   string
	keys   []string
	differ func(older, newer *T) []string             // the keys that differ
	keep   func(to, from *T, e effects, which effect) // copies those of that effect
}

var serverTables = []part[Server]{
	inside("", func(s *Server) *Server { return s }, serverSchema),
	inside("tls", func(s *Server) *Pairs { return &s.TLS }, pairsSchema),
	inside("acme", func(s *Server) *ACME { return &s.ACME }, acmeSchema),
}

var appTables = []part[App]{
	inside("", func(a *App) *App { return a }, appSchema),
	inside("process_limits", func(a *App) *ProcessLimits { return &a.Limits.Process }, processLimitsSchema),
	inside("restart", func(a *App) *Restart { return &a.Restart }, restartSchema),
	inside("health", func(a *App) *Health { return &a.Health }, healthSchema),
	inside("hooks", func(a *App) *Hooks { return &a.Hooks }, hooksSchema),
	inside("tls", func(a *App) *TLS { return &a.TLS }, tlsSchema),
}

func inside[T, V any](name string, place func(*T) *V, s schema[V]) part[T] {
	prefix := ""
	if name != "" {
		prefix = name + "."
	}
	p := part[T]{name: name}
	for _, f := range s.fields {
		p.keys = append(p.keys, prefix+f.key)
	}
	p.differ = func(older, newer *T) (keys []string) {
		a, b := place(older), place(newer)
		for i, f := range s.fields {
			if f.differs(a, b) {
				keys = append(keys, p.keys[i])
			}
		}
		return keys
	}
	p.keep = func(to, from *T, e effects, which effect) {
		for i, f := range s.fields {
			if e[p.keys[i]] == which {
				f.copy(place(to), place(from))
			}
		}
	}
	return p
}

// changedIn are the names whose values are not the same.
func changedIn(older, newer map[string]string) (names []string) {
	all := maps.Clone(newer)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, older)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a, had := older[name]
		if b, has := newer[name]; a != b || had != has {
			names = append(names, name)
		}
	}
	return names
}
