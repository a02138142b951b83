package deploy

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
	"purser/pool"
	"purser/restart"
	"purser/restart/disk"
)

// newest is what the app's root leads to.
func (s *site) newest() pool.Release {
	s.Helper()
	r, err := restart.ResolveRelease(disk.Own, filepath.Join(s.dir, "blog", "current"))
	s.must(err)
	return pool.Release(r)
}

func TestARollbackIsKnownToTheNextPurser(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "purser.json")
	s := newSite(t)
	s.keepIn(file)
	s.restartTo("2")
	s.restartTo("3")
	_, err := s.Rollback(s.group("blog"), "alice", "slow")
	s.must(err) // and from here on it is known, whatever becomes of purser

	if past := readMemo(file, hclog.NewNullLogger()).of("blog"); past.TakenBack == nil || past.Reason != "rolled back: slow" {
		t.Errorf("the next one reads %+v", past)
	}
	release, past := s.apps["blog"].Origin(s.newest())
	if release.Path != s.path("blog/2") || past.TakenBack == nil || past.TakenBack.Path != s.path("blog/3") || past.Generation != 3 {
		t.Errorf("it begins with %s, and knows %+v", release.Path, past)
	}
	s.deploy("blog", "4")
	if release, past := s.apps["blog"].Origin(s.newest()); release.Path != s.path("blog/4") || past.TakenBack != nil {
		t.Errorf("another release begins with %s, and is held back: %+v", release.Path, past)
	}
	s.deploy("blog", "3")
	s.must(os.RemoveAll(s.path("blog/2")))
	if release, past := s.apps["blog"].Origin(s.newest()); release.Path != s.path("blog/3") || past.TakenBack != nil {
		t.Errorf("without the good one it begins with %s, and knows %+v", release.Path, past)
	}

	s.touched("blog", "tmp/restart.txt touched")
	s.eventually("a restart takes it off the list", func() bool { return s.memo.of("blog").TakenBack == nil })
	text, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(text), "taken_back") {
		t.Errorf("the file has %s, %v", text, err)
	}
}

// keepIn has what is known be kept in a file.
func (s *site) keepIn(file string) {
	s.memo.mu.Lock()
	defer s.memo.mu.Unlock()
	s.memo.path = file
}

func TestWhatDidNotStartIsHeldBackFromTheNextPurserOnlyWhereBadCodeIsResisted(t *testing.T) {
	s := newSite(t)
	s.deploy("blog", "2")
	good, bad := release(s, "1"), s.newest()
	s.memo.note("next", func() pool.Past { return pool.Past{Generation: 2, TakenBack: &bad, Good: &good, Why: pool.ByStart} })
	next := newApp(s.Deployer, conf.App{Name: "next", Restart: conf.Restart{ResistDeploymentErrors: true}}, nil)
	if origin, past := next.Origin(bad); !same(origin, good) || past.Why != pool.ByStart || past.TakenBack == nil {
		t.Errorf("it begins with %s, and knows %+v", origin.Path, past)
	}
	next.conf.Restart.ResistDeploymentErrors = false
	if origin, past := next.Origin(bad); !same(origin, bad) || past != (pool.Past{Generation: 2}) {
		t.Errorf("where bad code is not resisted it begins with %s, and knows %+v", origin.Path, past)
	}
}

// release is a release of the blog, as it is on disk.
func release(s *site, version string) pool.Release {
	s.Helper()
	r, err := restart.ResolveRelease(disk.Own, s.path("blog/"+version))
	s.must(err)
	return pool.Release(r)
}

func TestTheFileIsWrittenOnceAsPurserStops(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "purser.json")
	s := newSite(t)
	s.keepIn(file)
	s.Stop()
	first, err := os.Stat(file)
	s.must(err)
	if past := readMemo(file, hclog.NewNullLogger()).of("blog"); past.Generation != 1 {
		t.Errorf("it has %+v", past)
	}
	s.apps["blog"].Note(s.group("blog"))
	if then, err := os.Stat(file); err != nil || !os.SameFile(first, then) {
		t.Errorf("it is written again though nothing is new: %v", err)
	}
}

func TestADamagedFileIsSetAside(t *testing.T) {
	file := filepath.Join(t.TempDir(), "purser.json")
	if err := os.WriteFile(file, []byte(`{"apps": {"blog": {"generation": 3, "tak`), 0o600); err != nil {
		t.Fatal(err)
	}
	m := readMemo(file, hclog.NewNullLogger())
	if past := m.of("blog"); past != (pool.Past{}) {
		t.Errorf("it says %+v", past)
	}
	if _, err := os.Stat(file + ".damaged"); err != nil {
		t.Error(err)
	}
	m.note("blog", func() pool.Past { return pool.Past{Generation: 4} })
	if past := readMemo(file, hclog.NewNullLogger()).of("blog"); past.Generation != 4 {
		t.Errorf("the next one reads %+v", past)
	}
}

func TestTheAffinityKeyIsThatOfTheNextPurser(t *testing.T) {
	file := filepath.Join(t.TempDir(), "purser.json")
	key := readMemo(file, hclog.NewNullLogger()).affinityKey()
	if len(key) != 32 || !bytes.Equal(key, readMemo(file, hclog.NewNullLogger()).affinityKey()) {
		t.Errorf("the key %x is not kept", key)
	}
	if stat, err := os.Stat(file); err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("the file with the key is %v, %v", stat.Mode(), err)
	}
	if bytes.Equal(key, readMemo("", hclog.NewNullLogger()).affinityKey()) {
		t.Error("two pursers without a file have the same key")
	}
}

func TestAFolderThatCannotBeMadeIsSaidOnce(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	m := readMemo("", hclog.NewNullLogger())
	m.path, m.log = filepath.Join(blocked, "purser.json"), hclog.New(&hclog.LoggerOptions{Output: &said})
	m.note("blog", func() pool.Past { return pool.Past{Generation: 4} })
	m.note("blog", func() pool.Past { return pool.Past{Generation: 5} })
	m.close()
	if n := strings.Count(said.String(), "cannot write the state file"); n != 1 {
		t.Errorf("said %d times: %s", n, said.String())
	}
	if past := m.of("blog"); past.Generation != 5 {
		t.Errorf("in memory it is %+v", past)
	}
}

func TestWhatCouldNotBeWrittenIsWrittenOnceThatIsPossible(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "folder")
	file := filepath.Join(blocked, "purser.json")
	synctest.Test(t, func(t *testing.T) {
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		block := func() { must(errors.Join(os.RemoveAll(blocked), os.WriteFile(blocked, nil, 0o600))) }
		var said strings.Builder
		m := readMemo("", hclog.NewNullLogger())
		m.path, m.log = file, hclog.New(&hclog.LoggerOptions{Output: &said})
		for times, generation := range []int{4, 5} {
			block()
			m.note("blog", func() pool.Past { return pool.Past{Generation: generation} })
			time.Sleep(2 * rewrite)
			must(os.Remove(blocked))
			time.Sleep(rewrite)
			synctest.Wait()
			if past := readMemo(file, hclog.NewNullLogger()).of("blog"); past.Generation != generation {
				t.Errorf("the next one reads %+v", past)
			}
			if n := strings.Count(said.String(), "cannot write the state file"); n != times+1 {
				t.Errorf("said %d times: %s", n, said.String())
			}
		}
		block()
		m.note("blog", func() pool.Past { return pool.Past{Generation: 6} })
		must(os.Remove(blocked))
		m.close()
		if past := readMemo(file, hclog.NewNullLogger()).of("blog"); past.Generation != 6 {
			t.Errorf("after its end the next one reads %+v", past)
		}
	})
}
