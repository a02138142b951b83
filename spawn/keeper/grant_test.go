package keeper

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// blog is a grant with all slots that there are.
func blog() Grant {
	return Grant{
		User: &User{UID: 1000, GID: 1001, Groups: []uint32{5}}, Limits: held(), Group: blogGroup, Path: SlotRelease + "/bin/server", Dir: SlotRelease, Root: "/srv/blog",
		Args: []string{"server", "--socket=" + SlotFolder + "/" + SocketName, "--port", SlotPort, Literal("\x01r"), SlotWord + "-" + SlotWord},
		Env:  []string{"PURSER_PROCESS=" + SlotProcess, "PURSER_INDEX=" + SlotIndex, "PURSER_GENERATION=" + SlotGeneration}, Variables: []string{"PURSER_REASON"},
	}
}

const mark = MarkVariable + "=ABCDEFGHIJ.7"

func filled() Filling {
	return Filling{Release: "/srv/blog", Folder: 3, Port: 4000, Process: 2, Index: 1, Generation: 9, Words: []string{"a", "b"}, Env: []string{"PURSER_REASON=it was slow", mark}}
}

func TestAGrantIsFilled(t *testing.T) {
	p, err := blog().Fill(filled(), "/run/purser/p/s3")
	if err != nil {
		t.Fatal(err)
	}
	want := Program{
		Path: "/srv/blog/bin/server", Dir: "/srv/blog", User: &User{UID: 1000, GID: 1001, Groups: []uint32{5}}, Limits: held(), Group: blogGroup,
		Args: []string{"server", "--socket=/run/purser/p/s3/app.sock", "--port", "4000", "\x01r", "a-b"},
		Env:  []string{"PURSER_PROCESS=2", "PURSER_INDEX=1", "PURSER_GENERATION=9", "PURSER_REASON=it was slow", mark},
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("it is\n%+v, want\n%+v", p, want)
	}
}

func TestWhatDoesNotFitASlotIsRefused(t *testing.T) {
	for name, change := range map[string]func(g *Grant, f *Filling){
		"a port below 1024":         func(_ *Grant, f *Filling) { f.Port = 80 },
		"no port":                   func(_ *Grant, f *Filling) { f.Port = 0 },
		"a port that is none":       func(_ *Grant, f *Filling) { f.Port = 65536 },
		"a release that is no path": func(_ *Grant, f *Filling) { f.Release = "blog" },
		"a release with dots":       func(_ *Grant, f *Filling) { f.Release = "/srv/blog/../../etc" },
		"a release of no app":       func(g *Grant, _ *Filling) { g.Root = "" },
		"a negative number":         func(_ *Grant, f *Filling) { f.Process = -1 },
		"a negative index":          func(_ *Grant, f *Filling) { f.Index = -1 },
		"a negative generation":     func(_ *Grant, f *Filling) { f.Generation = -1 },
		"a word too many":           func(_ *Grant, f *Filling) { f.Words = append(f.Words, "c") },
		"a word too few":            func(_ *Grant, f *Filling) { f.Words = f.Words[:1] },
		"a word with a blank":       func(_ *Grant, f *Filling) { f.Words[0] = "a b" },
		"an empty word":             func(_ *Grant, f *Filling) { f.Words[0] = "" },
		"another variable":          func(_ *Grant, f *Filling) { f.Env[0] = "LD_PRELOAD=/tmp/x.so" },
		"a variable that is none":   func(_ *Grant, f *Filling) { f.Env[0] = "PURSER_REASONS" },
		"a variable with an escape": func(_ *Grant, f *Filling) { f.Env[0] = "PURSER_REASON=\x1b[2J" },
		"a mark that is none":       func(_ *Grant, f *Filling) { f.Env[1] = MarkVariable + "=x\nLD_PRELOAD=y" },
		"what a shell would take apart": func(g *Grant, f *Filling) {
			g.Shell, g.Args, f.Release = true, []string{"sh", "-c", "cd " + SlotRelease}, "/srv/blog;id"
		},
		"a slot that is none": func(g *Grant, _ *Filling) { g.Args[0] = "\x01?" },
	} {
		g, f := blog(), filled()
		change(&g, &f)
		if p, err := g.Fill(f, "/run/s3"); err == nil {
			t.Errorf("%s was taken: %+v", name, p)
		}
	}
	if _, err := blog().Fill(filled(), ""); err == nil {
		t.Error("a folder that is none was taken")
	}
}

func allOfThem() Grants {
	return Grants{Front: &User{UID: 7, GID: 8, Groups: []uint32{9}}, Env: []string{"HOME=/"}, Binary: "/usr/bin/purser", Runtime: "/run/purser/p", Left: []Remnant{{"door/unix//x", "/x"}}, First: 3,
		All: []Grant{blog(), {Path: "/bin/true", Dir: "/", Args: []string{"true"}, Shell: true}}}
}

func TestATableIsReadAsItWasWritten(t *testing.T) {
	text, err := allOfThem().text()
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseGrants(string(text))
	if err != nil || !reflect.DeepEqual(got, allOfThem()) {
		t.Errorf("it is read as\n%+v (%v), want\n%+v", got, err, allOfThem())
	}
	for _, wrong := range []string{"", "grants 2" + string(text[len(grantsVersion):]), string(text[:len(text)-2]), string(text) + "\x00more"} {
		if _, err := parseGrants(wrong); err == nil {
			t.Errorf("%.60q was read", wrong)
		}
	}
	broken := allOfThem()
	broken.All[0].Args[0] = "a\x00b"
	if _, err := broken.text(); err == nil {
		t.Error("a text with NUL was written")
	}
}

func FuzzGrants(f *testing.F) {
	text, _ := allOfThem().text()
	f.Add(string(text))
	f.Add("grants 1\x00\x004294967295")
	f.Fuzz(func(t *testing.T, text string) {
		g, err := parseGrants(text)
		if err != nil {
			return
		}
		again, err := g.text()
		if err != nil {
			t.Fatal(err)
		}
		if h, err := parseGrants(string(again)); err != nil || !reflect.DeepEqual(h, g) {
			t.Errorf("%q was read as %+v, and then as %+v (%v)", text, g, h, err)
		}
	})
}

func FuzzFillings(f *testing.F) {
	text, _ := filled().text()
	f.Add(string(text))
	f.Fuzz(func(t *testing.T, text string) {
		filling, err := parseFilling(text)
		if err != nil {
			return
		}
		p, err := blog().Fill(filling, "/run/s3")
		if err != nil {
			return
		}
		if p.Args[1] != "--socket=/run/s3/app.sock" || len(p.Args) != 6 || !strings.HasPrefix(p.Dir, "/") {
			t.Errorf("%q made %+v", text, p)
		}
		for _, variable := range p.Env[3:] {
			if name, _, _ := strings.Cut(variable, "="); !slices.Contains([]string{"PURSER_REASON", MarkVariable}, name) {
				t.Errorf("%q brought %q", text, variable)
			}
		}
	})
}

func TestReleasesOfARootAreWhatItLeadsTo(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"releases/6", "releases/7", "releases/8", "releases/8/deeper", "elsewhere/6"} {
		check(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
	}
	root := filepath.Join(dir, "current")
	at := func(name string) string { return filepath.Join(dir, name) }
	check(t, os.Symlink("releases/7", root))
	check(t, os.Symlink("/etc", at("releases/evil")))
	g := granted{}
	check(t, g.adopt(Grants{First: 1, All: []Grant{{Path: "/bin/true", Args: []string{"true"}, Root: root}}}))
	for _, path := range []string{at("releases/7"), at("releases/8"), at("releases/6")} {
		if err := g.isRelease(root, path); err != nil {
			t.Error(err)
		}
	}
	for _, path := range []string{"/etc", "/", dir, at("releases/8/deeper"), at("releases/evil"), at("releases/none"), at("releases"), root} {
		if g.isRelease(root, path) == nil {
			t.Errorf("%s was taken for a release", path)
		}
	}
	check(t, os.Remove(root))
	check(t, os.Symlink("elsewhere/6", root))
	for _, path := range []string{at("elsewhere/6"), at("releases/7")} {
		if err := g.isRelease(root, path); err != nil {
			t.Errorf("of now, or of before: %v", err)
		}
	}
	if err := os.Chown(at("releases/8"), 12345, 12345); err == nil {
		g.releases = map[release]bool{}
		check(t, os.Remove(root))
		check(t, os.Symlink("releases/7", root))
		if g.isRelease(root, at("releases/8")) == nil {
			t.Error("the folder of another user was taken for a release")
		}
	}
}

func TestAFolderThatIsTheRootHasNoOtherReleases(t *testing.T) {
	dir := t.TempDir()
	check(t, os.MkdirAll(filepath.Join(dir, "other"), 0o755))
	check(t, os.MkdirAll(filepath.Join(dir, "blog"), 0o755))
	g := granted{}
	root := filepath.Join(dir, "blog")
	check(t, g.adopt(Grants{First: 1, All: []Grant{{Path: "/bin/true", Args: []string{"true"}, Root: root}}}))
	if err := g.isRelease(root, root); err != nil {
		t.Error(err)
	}
	if g.isRelease(root, filepath.Join(dir, "other")) == nil {
		t.Error("the folder of another app was taken")
	}
}

// someGranted is what a keeper knows that has taken a reading and runs children.
func someGranted(t testing.TB) *granted {
	t.Helper()
	g := &granted{}
	if err := g.adopt(allOfThem()); err != nil {
		t.Fatal(err)
	}
	g.remnants["door"] = remnant{"/run/x.sock", 1 << 40, 7}
	g.releases[release{"/srv/blog/current", "/srv/blog/releases/7"}] = true
	g.folders[2], g.lastFolder = folder{"/run/purser/p/s2", 1000, 9, nil}, 5
	return g
}

func TestWhatIsGrantedIsReadAsItWasWritten(t *testing.T) {
	for name, g := range map[string]*granted{"nothing": {}, "some": someGranted(t)} {
		text, err := g.text()
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseGranted(string(text))
		if err != nil || !reflect.DeepEqual(got, *g) {
			t.Errorf("%s is read as\n%+v (%v), want\n%+v", name, got, err, *g)
		}
		if _, err := parseGranted(string(text[:len(text)-2])); err == nil {
			t.Errorf("half of %s was read", name)
		}
	}
}

func FuzzGranted(f *testing.F) {
	text, _ := someGranted(f).text()
	f.Add(string(text))
	f.Fuzz(func(t *testing.T, text string) {
		g, err := parseGranted(text)
		if err != nil {
			return
		}
		again, err := g.text()
		if err != nil {
			t.Fatal(err)
		}
		if h, err := parseGranted(string(again)); err != nil || !reflect.DeepEqual(h, g) {
			t.Errorf("%q was read as %+v, and then as %+v (%v)", text, g, h, err)
		}
	})
}

func TestAConfinedFrontUpgradesToWhatRootHasChosenOnly(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the files of this test are root's")
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"purser", "chosen", "other", "open"} {
		check(t, os.WriteFile(at(name), []byte(name), 0o755))
	}
	check(t, os.WriteFile(at("theirs"), nil, 0o755))
	check(t, os.Chown(at("theirs"), frontUID, frontUID))
	check(t, os.Chmod(at("open"), 0o775))
	check(t, os.Symlink(at("chosen"), at(ChosenBinary)))
	g := granted{confined: true, binary: at("purser"), runtime: dir}
	is := func(name string) error {
		f, err := os.Open(at(name))
		check(t, err)
		defer f.Close()
		return g.isBinary(int(f.Fd()))
	}
	for _, name := range []string{"purser", "chosen"} {
		if err := is(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"other", "open", "theirs", "."} {
		if is(name) == nil {
			t.Errorf("%s was taken", name)
		}
	}
	g.binary = at("open")
	if is("open") == nil {
		t.Error("what others may write was taken")
	}
	g.confined = false
	if err := is("other"); err != nil {
		t.Errorf("of one who may do anything: %v", err)
	}
}
