package serve

import (
	"strings"
	"testing"

	"purser/conf"
)

func sizes(name string, least, most int) conf.App {
	app := conf.DefaultApp(name)
	app.MinProcesses, app.MaxProcesses = least, most
	return app
}

func TestWhatTheReaderHasFoundOfAnAppsSizeHolds(t *testing.T) {
	g := &given{apps: map[string]finding{"blog": {App: sizes("blog", 3, 8)}}}
	found, err := g.look(sizes("blog", 1, 6))
	if err != nil || found.MinProcesses != 3 || found.MaxProcesses != 8 {
		t.Errorf("the app has %d to %d processes (%v), want 3 to 8", found.MinProcesses, found.MaxProcesses, err)
	}
}

func TestWhatAnOperatorHasSaidOfASizeGoesOverWhatIsFound(t *testing.T) {
	written, found := sizes("blog", 1, 6), sizes("blog", 3, 8)
	if now := withSize(found, written, written); now.MinProcesses != 3 || now.MaxProcesses != 8 {
		t.Errorf("with no word of an operator it has %d to %d", now.MinProcesses, now.MaxProcesses)
	}
	if now := withSize(found, written, sizes("blog", 5, 5)); now.MinProcesses != 5 || now.MaxProcesses != 5 {
		t.Errorf("scaled to 5 it has %d to %d", now.MinProcesses, now.MaxProcesses)
	}
}

func TestWhatAFolderSaysOfASizeTakesNoRoomOfOthers(t *testing.T) {
	written := []conf.App{sizes("blog", 1, 6), sizes("shop", 2, 6)}
	for _, c := range []struct{ cap, found, want int }{{0, 100, 100}, {6, 4, 4}, {6, 5, 1}, {6, 0, 0}} {
		found := withinCap(conf.Server{MaxProcesses: c.cap}, written, []conf.App{sizes("blog", c.found, 100), written[1]})
		if found[0].MinProcesses != c.want || found[1].MinProcesses != 2 {
			t.Errorf("of a cap of %d, %d are kept for what has asked for %d, and %d for the other", c.cap, found[0].MinProcesses, c.found, found[1].MinProcesses)
		}
		if told := strings.Contains(strings.Join(found[0].Found.Notes, ""), "min_instances is not used: "); told != (c.want != c.found) {
			t.Errorf("of a cap of %d, the notes are %q", c.cap, found[0].Found.Notes)
		}
	}
	full := []conf.App{sizes("blog", 4, 6), sizes("shop", 0, 6)}
	if found := withinCap(conf.Server{MaxProcesses: 4}, []conf.App{written[0], full[1]}, full); found[0].MinProcesses != 1 {
		t.Errorf("nothing is left for an app that keeps none: %d are kept for the other", found[0].MinProcesses)
	}
}

func TestNoScaleTakesAllRoomFromAnAppThatRests(t *testing.T) {
	p := &purser{running: &conf.Config{Server: conf.Server{MaxProcesses: 4}}}
	for _, app := range []conf.App{sizes("blog", 2, 2), sizes("shop", 0, 2)} {
		p.apps = append(p.apps, newApp(&p.shared, app))
	}
	for to, want := range map[int]string{
		3: "",
		4: "the apps would hold 4 processes together, [server] max_processes is as many, and nothing would be left for app shop, whose min_processes is 0",
		5: "the apps would hold 5 processes together, and [server] max_processes is 4",
	} {
		if err := p.fits(sizes("blog", to, to)); want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("scaled to %d: %v, want %q", to, err, want)
		}
	}
}
