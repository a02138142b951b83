package restarts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// threeSites serves three sites by one purser: app, which has no host of its own, two and three.
func threeSites(t *testing.T) (*harness.Purser, map[string]site.Site) {
	t.Helper()
	sites := map[string]site.Site{}
	text := harness.ServerTable()
	for _, name := range []string{"app", "two", "three"} {
		sites[name] = site.New(t, site.Release{Version: 1})
		keys := []string{fmt.Sprintf("command = [%q]", site.Program(t)), harness.Processes(2)}
		if name != "app" {
			keys = append(keys, fmt.Sprintf("hosts = [%q]", name+".test"))
		}
		text += harness.AppTable(name, sites[name].Current(), keys...)
	}
	p := harness.Serve(t, harness.Options{Config: text})
	for name := range sites {
		harness.Eventually(t, harness.Patience, name+" is up", func() bool { return len(p.Status(t, name).Ready()) == 2 })
	}
	return p, sites
}

// awaitNeeds waits until status shows so many reasons why an app needs a restart.
func awaitNeeds(t *testing.T, p *harness.Purser, app string, n int) (needs []harness.Need) {
	t.Helper()
	harness.Eventually(t, harness.Patience, fmt.Sprintf("status shows %d reasons to restart %s", n, app), func() bool {
		needs = p.Detail(t, app).NeedsRestart
		return len(needs) == n
	})
	return needs
}

func metrics(t *testing.T, p *harness.Purser) string {
	t.Helper()
	return p.AdminRequest(t, "GET", "/metrics", nil).Body
}

func TestTenMarksAreOneRestartOfEachMarkedAppAndNoneOfOthers(t *testing.T) {
	t.Parallel()
	p, sites := threeSites(t)
	if result := p.Run(harness.Within(t), "restart", "--marked"); result.Code != 0 || !strings.Contains(result.Stdout, "Nothing needs a restart") {
		t.Fatalf("without a mark restart --marked exited with %d: %s%s", result.Code, result.Stdout, result.Stderr)
	}
	for i := range 5 {
		for _, name := range []string{"app", sites["two"].Current()} { // by its name, and by its folder
			if result := p.Run(harness.Within(t), "mark", name, "--reason", fmt.Sprintf("package %d was upgraded", i)); result.Code != 0 {
				t.Fatalf("purser mark %s exited with %d: %s", name, result.Code, result.Stderr)
			}
		}
	}
	for _, name := range []string{"app", "two"} {
		for _, need := range awaitNeeds(t, p, name, 5) {
			if need.Kind != "mark" || !strings.HasPrefix(need.Reason, "package ") || len(need.PIDs) != 2 {
				t.Errorf("%s needs a restart for %+v", name, need)
			}
		}
	}
	harness.MustSay(t, p.Run(harness.Within(t), "status", "app").Stdout, "Needs restart: marked", "package 4 was upgraded")
	harness.MustSay(t, metrics(t, p), `purser_needs_restart{app="app"} 1`, `purser_needs_restart{app="two"} 1`, `purser_needs_restart{app="three"} 0`)

	result := p.Run(harness.Within(t), "restart", "--marked", "--json")
	if result.Code != 0 || strings.Count(result.Stdout, `"event":"ended"`) != 2 || strings.Count(result.Stdout, `"state":"done"`) != 2 {
		t.Errorf("restart --marked exited with %d: %s%s", result.Code, result.Stdout, result.Stderr)
	}
	for name, want := range map[string]int{"app": 1, "two": 1, "three": 0} {
		awaitNeeds(t, p, name, 0)
		if all := p.Courses(t, name); len(all) != want {
			t.Errorf("%s had %d restarts, not %d: %+v", name, len(all), want, all)
		}
		left, err := filepath.Glob(sites[name].Current() + "/tmp/needs-restart.d/*")
		if err != nil || len(left) > 0 {
			t.Errorf("of the marks of %s there are left %v (%v)", name, left, err)
		}
	}
	harness.MustSay(t, metrics(t, p), `purser_needs_restart{app="app"} 0`, `purser_needs_restart{app="two"} 0`)
}

func TestMarkDroppedByAScriptOutlivesPurser(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(1)
	script := exec.Command("sh", "-ec", "mkdir -p tmp/needs-restart.d\necho 'libvips 8.16' >tmp/needs-restart.d/libvips")
	script.Dir = s.Current()
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("the script failed: %v: %s", err, out)
	}
	if need := awaitNeeds(t, p, "app", 1)[0]; need.Reason != "libvips 8.16" || need.Kind != "mark" {
		t.Errorf("the mark is shown as %+v", need)
	}
	if code, err := p.Stop(harness.Patience); err != nil || code != 0 {
		t.Fatalf("purser exited with %d (%v)", code, err)
	}

	p = s.Serve(1)
	if need := awaitNeeds(t, p, "app", 1)[0]; need.Reason != "libvips 8.16" {
		t.Errorf("after purser was started anew the mark is shown as %+v", need)
	}
	harness.MustSay(t, p.Run(harness.Within(t), "status").Stdout, "libvips 8.16")
	if result := p.Run(harness.Within(t), "restart", "--marked"); result.Code != 0 {
		t.Fatalf("restart --marked exited with %d: %s", result.Code, result.Stderr)
	}
	awaitNeeds(t, p, "app", 0)
	if _, err := os.Stat(s.Current() + "/tmp/needs-restart.d/libvips"); !os.IsNotExist(err) {
		t.Errorf("the mark is still there (%v)", err)
	}
	if all := p.Courses(t, "app"); len(all) != 1 || !strings.Contains(all[0].Reason, "libvips") {
		t.Errorf("these restarts came of it: %+v", all)
	}
}

func TestMarkIsKeptByARestartThatFails(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(1)
	folder := site.CurrentOf(t, s)
	if result := p.Run(harness.Within(t), "mark", "app", "--reason", "openssl"); result.Code != 0 {
		t.Fatalf("purser mark exited with %d: %s", result.Code, result.Stderr)
	}
	awaitNeeds(t, p, "app", 1)
	s.Deploy(site.Release{Version: 2, Exit: "no"})
	if result := p.Run(harness.Within(t), "restart", "--marked"); result.Code != 1 {
		t.Errorf("restart --marked to code that does not start exited with %d: %s", result.Code, result.Stderr)
	}
	if left, err := filepath.Glob(folder + "/tmp/needs-restart.d/*"); err != nil || len(left) != 1 {
		t.Errorf("after a restart that failed there are the marks %v (%v)", left, err)
	}
	s.Deploy(site.Release{Version: 3})
	if result := p.Run(harness.Within(t), "restart", "--marked"); result.Code != 0 {
		t.Errorf("restart --marked exited with %d: %s", result.Code, result.Stderr)
	}
	awaitNeeds(t, p, "app", 0)
}

func TestCodeOnDiskThatIsNewerIsShownWithFileAndAge(t *testing.T) {
	for _, change := range []struct {
		name   string
		change func(*testing.T, site.Site)
		file   string // "" = the root
		reason string
	}{
		{"Gemfile.lock changed", func(t *testing.T, s site.Site) { harness.WriteFile(t, s.Current(), "Gemfile.lock", "rack (3)") }, "Gemfile.lock", "Gemfile.lock changed"},
		{"package-lock.json added", func(t *testing.T, s site.Site) { harness.WriteFile(t, s.Current(), "package-lock.json", "{}") }, "package-lock.json", "package-lock.json added"},
		{"a watched file", func(t *testing.T, s site.Site) { harness.WriteFile(t, s.Current(), "lib/deep/in/it.rb", "2") }, "lib/deep/in/it.rb", "lib/deep/in/it.rb changed"},
		{"REVISION", func(t *testing.T, s site.Site) { harness.WriteFile(t, s.Current(), "REVISION", "9f2c1e7") }, "REVISION", "REVISION added"},
		{"the symlink", func(_ *testing.T, s site.Site) { s.Deploy(site.Release{Version: 2}) }, "", "leads to"},
	} {
		t.Run(change.name, func(t *testing.T) {
			t.Parallel()
			s := site.New(t, site.Release{Version: 1})
			harness.WriteFile(t, s.Current(), "Gemfile.lock", "rack (2)")
			harness.WriteFile(t, s.Current(), "lib/deep/in/it.rb", "1")
			p := s.Serve(2, harness.RestartTable(`watch = ["lib/**/*.rb"]`))
			pids := harness.SortedPIDs(p.Status(t, "app").Ready())
			begin := time.Now()
			change.change(t, s)
			need := awaitNeeds(t, p, "app", 1)[0]
			if change.file == "" {
				change.file = s.Current()
			}
			if need.Kind != "changed" || need.File != change.file || !strings.Contains(need.Reason, change.reason) {
				t.Errorf("it is shown as %+v", need)
			}
			if need.Since.Before(begin.Add(-time.Second)) || need.Since.After(time.Now().Add(time.Second)) {
				t.Errorf("it was changed at %v, not between %v and now", need.Since, begin)
			}
			if len(need.PIDs) != 2 || !containsAll(pids, need.PIDs) {
				t.Errorf("of %v the processes %v run older code", pids, need.PIDs)
			}
			harness.MustSay(t, p.Run(harness.Within(t), "status").Stdout, "Needs restart: ", change.reason, "(2 of 2 processes run older code)")
			if text := metrics(t, p); !strings.Contains(text, `purser_needs_restart{app="app"} 1`) || strings.Contains(text, `purser_code_stale_seconds{app="app"} 0`+"\n") {
				t.Errorf("the metrics do not show it: %s", text)
			}
			if g := p.Status(t, "app").Generation; g != 1 {
				t.Errorf("with restart.auto = off it has led to generation %d", g)
			}
			if result := p.Run(harness.Within(t), "restart", "--marked"); result.Code != 0 {
				t.Fatalf("restart --marked exited with %d: %s", result.Code, result.Stderr)
			}
			awaitNeeds(t, p, "app", 0)
			harness.MustSay(t, metrics(t, p), `purser_needs_restart{app="app"} 0`, `purser_code_stale_seconds{app="app"} 0`)
		})
	}
}

func containsAll(all, some []int) bool {
	known := map[int]bool{}
	for _, n := range all {
		known[n] = true
	}
	for _, n := range some {
		if !known[n] {
			return false
		}
	}
	return true
}

// With auto = "changed" ten packages that are installed in a row are one restart, and one that fails is not
// tried again for the same change.
func TestTenChangesInARowAreOneRestartByItselfAndAFailedOneIsNotRepeated(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "node")
	for i := range 10 {
		app.Write(fmt.Sprintf("package-%d.txt", i), "1")
	}
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(2),
		harness.RestartTable(`watch = ["package-*.txt", "VERSION"]`, `auto = "changed"`, `settle = "1s"`))})
	harness.AwaitReady(t, p, 2)
	app.Write("VERSION", "2")
	pace := time.NewTicker(300 * time.Millisecond) // slower than purser looks, faster than settle
	defer pace.Stop()
	for i := range 10 {
		app.Write(fmt.Sprintf("package-%d.txt", i), "2")
		<-pace.C
	}
	harness.AwaitRestart(t, p, "app", 2)
	mustStayAt(t, p, 2)
	if body := harness.Get(t, p, "/").Body; harness.WordIn(body, "v") != "2" {
		t.Errorf("after it came %q", body)
	}
	if c := p.Courses(t, "app"); len(c) != 1 || !strings.Contains(c[0].Reason, "changed") {
		t.Errorf("ten changes were these restarts: %+v", c)
	}

	app.Write("VERSION", "broken")
	harness.Eventually(t, harness.Patience, "the restart has failed", func() bool {
		r := p.Detail(t, "app").Restart
		return r.Generation == 3 && r.State == "failed"
	})
	mustStayAt(t, p, 3)
	if body := harness.Get(t, p, "/").Body; harness.WordIn(body, "v") != "2" {
		t.Errorf("while the new code is broken came %q", body)
	}

	// What is repaired is seen as a change, or by the next try of what has failed: whichever comes first.
	app.Write("VERSION", "4")
	harness.Eventually(t, harness.Patience, "the repaired code serves", func() bool { return harness.WordIn(harness.Get(t, p, "/").Body, "v") == "4" })
	harness.Eventually(t, harness.Patience, "all of it is new", func() bool {
		s := p.Status(t, "app")
		return s.Condition == "up" && len(s.Ready()) == 2 && len(s.Processes) == 2 && s.Ready()[0].Generation == s.Generation
	})
	awaitNeeds(t, p, "app", 0)
}

// mustStayAt gives purser twice the time after which it would begin another restart.
func mustStayAt(t *testing.T, p *harness.Purser, generation int) {
	t.Helper()
	<-time.After(6 * time.Second) // to see that nothing happens takes time
	if now := p.Status(t, "app").Generation; now != generation {
		t.Errorf("nothing has changed, and yet the generation is %d, not %d", now, generation)
	}
}
