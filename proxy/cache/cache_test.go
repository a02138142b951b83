package cache

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// keep stores a page of so many bytes.
func keep(t testing.TB, c *Cache, key string, size int, generation int, asked int64) {
	e := entry(t, 200, "Cache-Control: max-age=60", "")
	e.Body, e.Generation, e.asked = make([]byte, size), generation, asked
	c.Store([]byte(key), e)
}

func has(c *Cache, key string) bool {
	e, _ := c.Find([]byte(key), nil)
	return e != nil
}

// TestTheCacheIsBounded: whatever is stored, from however many at once.
func TestTheCacheIsBounded(t *testing.T) {
	const most = 4 << 20
	c := New(most, 1<<20, Defaults{})
	c.Serves(1)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for i := range 500 {
				keep(t, c, fmt.Sprint(n, "/", i), 64<<10, 1, 1)
			}
		})
	}
	all.Wait()
	if held, limit := c.Size(); held > most || held < most/2 || limit != most {
		t.Errorf("%d bytes are held of %d", held, limit)
	}
}

// TestAPageIsBounded: a Vary by what everybody has his own of does not push out all else.
func TestAPageIsBounded(t *testing.T) {
	c := New(64<<20, 1<<20, Defaults{})
	c.Serves(1)
	for i := range 10 * mostVariants {
		c.Store([]byte("/"), entry(t, 200, "Cache-Control: max-age=60|Vary: X", fmt.Sprint("X: ", i)))
	}
	if n := len(c.page([]byte("/")).variants); n != mostVariants {
		t.Errorf("%d variants are stored", n)
	}
	if e, _ := c.Find([]byte("/"), fields(t, fmt.Sprint("X: ", 10*mostVariants-1))); e == nil {
		t.Error("the newest is gone")
	}
}

func TestAnotherGenerationDropsAll(t *testing.T) {
	c := New(1<<20, 1<<20, Defaults{})
	c.Serves(1)
	keep(t, c, "/a", 10, 1, 1)
	keep(t, c, "/new", 10, 2, 1)
	if !has(c, "/a") || has(c, "/new") {
		t.Error("what is stored is not what the first generation has answered")
	}
	c.Serves(2)
	keep(t, c, "/old", 10, 1, 1)
	keep(t, c, "/b", 10, 2, 1)
	if has(c, "/a") || has(c, "/old") || !has(c, "/b") {
		t.Error("what is stored is not what the second generation has answered")
	}
	c.Serves(1) // a rollback
	if has(c, "/a") || has(c, "/b") {
		t.Error("something is left")
	}
}

// TestWhatWasAskedForBeforeAChangeIsNotStoredAfter: it may say what was so before.
func TestWhatWasAskedForBeforeAChangeIsNotStoredAfter(t *testing.T) {
	c := New(1<<20, 1<<20, Defaults{})
	c.Serves(1)
	c.Drop([]byte("/a"), 10)
	keep(t, c, "/a", 10, 1, 9)
	keep(t, c, "/b", 10, 1, 9)
	if has(c, "/a") || !has(c, "/b") {
		t.Error("the drop of one key is not for that one alone")
	}
	keep(t, c, "/a", 10, 1, 11)
	if !has(c, "/a") {
		t.Error("a later answer is not stored")
	}
	for i := range 2 * mostDrops {
		c.Drop(fmt.Append(nil, i), 20)
	}
	keep(t, c, "/a", 10, 1, 9)
	if n := len(c.drops.at); n > mostDrops || has(c, "/c") {
		t.Errorf("%d drops are known", n)
	}
	c.Purge(func([]byte) bool { return true }, 30)
	keep(t, c, "/b", 10, 1, 29)
	if has(c, "/b") {
		t.Error("what was on its way at a purge is stored")
	}
}

func TestPurgeForgetsWhatItIsTold(t *testing.T) {
	c := New(1<<20, 1<<20, Defaults{})
	c.Serves(1)
	for _, key := range []string{"/a/1", "/a/2", "/b"} {
		keep(t, c, key, 10, 1, 1)
	}
	if n := c.Purge(func(key []byte) bool { return strings.HasPrefix(string(key), "/a/") }, 5); n != 2 || has(c, "/a/1") || !has(c, "/b") {
		t.Errorf("%d pages were purged", n)
	}
}

// TestFindAllocatesNothing: it is on the way of every request.
// Who is given what is stale does not wait for the one that asks again: that tells nothing of whether answers can be shared,
// and an answer that cannot does not end the asking.
func TestWhoLeadsAndWaitsForNobodyIsNotCountedAmongThoseWhoWait(t *testing.T) {
	c, key := New(1<<20, 1<<16, Defaults{}), []byte("/a")
	f := c.Lead(key, nil)
	if f == nil || c.Lead(key, nil) != nil || c.Waiting() != 0 {
		t.Fatal("there is not one flight that nobody waits for")
	}
	f.End(Unsharable, 1)
	f, leads := c.Join(key, nil, 2)
	if f == nil || !leads {
		t.Fatal("requests are kept apart, of which none has waited in vain")
	}
	c.Join(key, nil, 2)
	f.End(Unsharable, 3)
	if f, _ := c.Join(key, nil, 4); f != nil {
		t.Error("who asks after one has waited in vain is held up, too")
	}
	if c.Lead(key, nil) == nil {
		t.Error("what is stale is not asked for again while others are kept apart")
	}
}

func TestFindAllocatesNothing(t *testing.T) {
	c := New(1<<20, 1<<20, Defaults{})
	c.Serves(1)
	c.Store([]byte("/"), entry(t, 200, "Cache-Control: max-age=60|Vary: Accept-Encoding", "Accept-Encoding: gzip"))
	request, w := fields(t, "Accept-Encoding: gzip|Cache-Control: max-age=100"), WishesOf(nil)
	if n := testing.AllocsPerRun(1000, func() {
		if e, _ := c.Find([]byte("/"), request); e == nil || e.Judge(&w, Defaults{}, 2) != Use {
			t.Fatal("it is not found")
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
