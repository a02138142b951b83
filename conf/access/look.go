package access

import (
	"path/filepath"
	"sync"
	"time"
)

// A file system that is away (a file server without an answer, a FUSE program that has stopped) holds up who looks at it
// for as long as that lasts, and nobody can end that from here. So who looks at the folder of an app does it beside, and
// waits only so long.

const (
	atOnce   = 8           // looks at the same time
	mostTurn = time.Second // after which a look lets another begin beside it
)

// mostLook is how long a folder has to answer: longer than a disk takes that has to wake up first.
var mostLook = 5 * time.Second

// A look is one at a folder that may be away.
type look struct {
	folder        string
	back, givenUp bool // guarded by mu of away
}

// away counts the looks, by folder, that were given up and have not come back.
var away = struct {
	mu    sync.Mutex // guards what follows
	looks map[string]int
}{looks: map[string]int{}}

// Look is what a look at a folder finds, if it comes back in time. One that does not goes on, with nobody to wait for it,
// and until it has come back nobody else begins one at that folder.
func Look[T any](folder string, find func() T) (found T, answered bool) {
	if IsAway(folder) {
		return found, false
	}
	l, back := &look{folder: folder}, make(chan T, 1)
	go func() {
		found := find()
		l.comeBack()
		back <- found
	}()
	limit := time.NewTimer(mostLook)
	defer limit.Stop()
	select {
	case found = <-back:
	case <-limit.C:
		if l.giveUp() {
			return found, false
		}
		found = <-back
	}
	return found, true
}

// RealPath is the path of a folder without links, or as it is where that does not answer or is not there.
func RealPath(folder string) string {
	real, answered := Look(folder, func() string {
		real, _ := filepath.EvalSymlinks(folder)
		return real
	})
	if !answered || real == "" {
		return folder
	}
	return real
}

// IsAway reports whether somebody looks at a folder who was given up.
func IsAway(folder string) bool {
	away.mu.Lock()
	defer away.mu.Unlock()
	return away.looks[folder] > 0
}

func (l *look) comeBack() {
	away.mu.Lock()
	defer away.mu.Unlock()
	l.back = true
	if !l.givenUp {
		return
	}
	if away.looks[l.folder]--; away.looks[l.folder] == 0 {
		delete(away.looks, l.folder)
	}
}

// giveUp reports whether it has not come back just now.
func (l *look) giveUp() bool {
	away.mu.Lock()
	defer away.mu.Unlock()
	if !l.back {
		l.givenUp = true
		away.looks[l.folder]++
	}
	return l.givenUp
}

// Beside does something for each of so many, some at the same time: whoever takes long is one more.
func Beside(many int, do func(i int)) {
	turns := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range many {
		turns <- struct{}{}
		all.Go(func() {
			giveBack := sync.OnceFunc(func() { <-turns })
			long := time.AfterFunc(mostTurn, giveBack)
			defer giveBack()
			defer long.Stop()
			do(i)
		})
	}
	all.Wait()
}
