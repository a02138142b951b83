package conf

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A key without an effect would be changed and nobody would go by it, or say so.
func TestEveryKeyHasAnEffect(t *testing.T) {
	for _, c := range []struct {
		name    string
		effects effects
		keys    []string
		tables  []string // that are compared otherwise
	}{
		{"server", serverEffects, keysOf(serverTables, serverSchema.tables), nil},
		{"apps.NAME", appEffects, keysOf(appTables, appSchema.tables), []string{"env", "workers"}},
	} {
		for _, key := range c.keys {
			if table, is := strings.CutSuffix(key, ".*"); is {
				if !slices.Contains(c.tables, table) {
					t.Errorf("the table [%s.%s] is not compared: add it to the tables in diff.go", c.name, table)
				}
			} else if c.effects[key] == unknownEffect {
				t.Errorf("[%s] %s has no effect: say in effect.go what it takes for it to be gone by", c.name, key)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(c.effects)) {
			if !slices.Contains(c.keys, key) && !slices.Contains(c.tables, key) {
				t.Errorf("[%s] %s has an effect, and there is no such key", c.name, key)
			}
		}
	}
}

// keysOf are the keys of all tables that are compared, and "NAME.*" for those that are not.
func keysOf[T any](parts []part[T], tables []string) (keys []string) {
	compared := map[string]bool{}
	for _, p := range parts {
		compared[p.name] = true
		keys = append(keys, p.keys...)
	}
	for _, table := range tables {
		if !compared[table] {
			keys = append(keys, table+".*")
		}
	}
	return keys
}

// Every key that full has is another than in a file that says as little as may be.
func TestEveryKeyThatDiffersIsNamed(t *testing.T) {
	plain, err := Parse("/etc/purser/purser.toml", []byte("[apps.blog]\nroot = '/srv/blog'\n"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := fullConfig()
	cfg.Apps[0].StartupFile, cfg.Apps[0].Interpreter, cfg.Apps[0].StartTimeout = "x", "y", 1
	cfg.Apps[0].TLS = TLS{Pairs: Pairs{[]string{"/a"}, []string{"/b"}}, ClientCA: "/c", HSTS: 1, HSTSSubdomains: true, HSTSPreload: true}
	cfg.Server.HTTPSPort, cfg.Server.TLS = 443, cfg.Apps[0].TLS.Pairs
	cfg.Server.ACME = ACME{Email: "a@b", Directory: []string{"staging"}, Storage: "/s", CA: "/ca", DNSExec: []string{"/d"}, EABKid: []string{"k"}, EABHmac: []string{"hunter2"}}
	d := Compare(plain, cfg)
	if want, got := keysOf(serverTables, nil), slices.Concat(d.AtOnce, d.Pending); !cmp.Equal(sorted(want), sorted(got)) {
		t.Errorf("[server]: %s", cmp.Diff(sorted(want), sorted(got)))
	}
	want := append(keysOf(appTables, nil), "env.A", "env.odd name")
	if got := slices.Concat(d.Apps[0].AtOnce, d.Apps[0].Restart); !cmp.Equal(sorted(want), sorted(got)) {
		t.Errorf("[apps.blog]: %s", cmp.Diff(sorted(want), sorted(got)))
	}
	if shop := d.Apps[1]; !cmp.Equal(shop, AppDiff{Name: "shop.v2", New: true}) {
		t.Errorf("an app that is new: %+v", shop)
	}
	if gone := Compare(cfg, plain).Apps[1]; !cmp.Equal(gone, AppDiff{Name: "shop.v2", Gone: true}) {
		t.Errorf("an app that is gone: %+v", gone)
	}
	if same := Compare(cfg, fullConfig()); same.None() || !Compare(cfg, cfg).None() {
		t.Errorf("what is the same: %+v", same)
	}
	kept := cfg.Server
	kept.Keep(&plain.Server)
	if d := CompareServers(&plain.Server, &kept); len(d.Pending) > 0 || len(d.AtOnce) == 0 {
		t.Errorf("after what only another purser goes by was kept, it is %+v", d)
	}
}

func sorted(keys []string) []string { return slices.Sorted(slices.Values(keys)) }

func TestSecretsAreNoPartOfADifference(t *testing.T) {
	older, newer := defaultApp("a"), defaultApp("a")
	older.Env, newer.Env = map[string]string{"KEY": "hunter2", "GONE": "hunter2", "SAME": "x"}, map[string]string{"KEY": "hunter3", "SAME": "x", "NEW": "hunter4"}
	if got, want := CompareApps(&older, &newer).Restart, []string{"env.GONE", "env.KEY", "env.NEW"}; !slices.Equal(got, want) {
		t.Errorf("it is %q, want %q", got, want)
	}
}

// What is not shown can be another all the same.
func TestHiddenValuesAreCompared(t *testing.T) {
	older, newer := defaultServer(), defaultServer()
	older.ACME.EABHmac, newer.ACME.EABHmac = []string{"hunter2"}, []string{"hunter3"}
	newer.ACME.On = true
	if got, want := CompareServers(&older, &newer).AtOnce, []string{"acme.eab_hmac", "acme"}; !slices.Equal(got, want) {
		t.Errorf("it is %q, want %q", got, want)
	}
}

func TestConcurrencyIsPartOfHowAProcessIsStartedWhereItHasThreads(t *testing.T) {
	for kind, restarts := range map[string]bool{"ruby": true, "python": true, "node": false, "command": false} {
		older, newer := defaultApp("a"), defaultApp("a")
		older.Kind, newer.Kind, newer.Concurrency = kind, kind, 5
		if got := len(CompareApps(&older, &newer).Restart) > 0; got != restarts {
			t.Errorf("%s: a restart is %v, want %v", kind, got, restarts)
		}
	}
}

// Whose files an app has is not written in a file.
func TestAppThatIsAnothersNowIsStartedAnew(t *testing.T) {
	alice := &Account{User: "alice", Group: "alice", UID: 1001, GID: 1001, Groups: []uint32{7}, By: ByOwner}
	bob, staff, more, named := *alice, *alice, *alice, *alice
	bob.User, bob.UID, bob.GID = "bob", 1002, 1002
	staff.Group, staff.GID = "staff", 50
	more.Groups = []uint32{7, 8}
	named.By = ByUser
	for _, c := range []struct {
		now  *Account
		want []string
	}{{&bob, []string{"user"}}, {&staff, []string{"group"}}, {&more, []string{"user"}}, {nil, []string{"user"}}, {&named, nil}, {alice, nil}} {
		was, is := App{Name: "blog", RunsAs: alice}, App{Name: "blog", RunsAs: c.now}
		if d := CompareApps(&was, &is); !cmp.Equal(d.Restart, c.want) || len(d.AtOnce) > 0 {
			t.Errorf("as %+v it differs in %q and %q, want %q", c.now, d.Restart, d.AtOnce, c.want)
		}
	}
	was, is := App{Name: "blog", RunsAs: alice}, App{Name: "blog", User: "bob", RunsAs: &bob}
	if d := CompareApps(&was, &is); !cmp.Equal(d.Restart, []string{"user"}) {
		t.Errorf("a key that is written is named %q", d.Restart)
	}
}
