package history

import (
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/pool"
)

const (
	most       = 1000 // entries that are kept
	mostPerApp = 50   // of them, those of one app, or of purser itself: one that crashes again and again drives out no other's
)

// A History is the entries of one purser and of those that ran before it under its name. Open makes it, and Close
// ends it. Its methods may be called by any number of goroutines at once.
type History struct {
	log hclog.Logger

	mu      sync.Mutex // guards what follows, and is held while the file is written
	file    file
	entries []Entry // oldest first; what repeats itself is where it was last
	last    uint64  // Seq of the newest
	run     uint64  // Seq of the start of the purser that runs, or ran last; that entry stays
	again   *time.Timer
	alive   map[process]string // the state of each process
	lookUp  func(id string) (pool.RestartSnapshot, *pool.Group)
}

// Open reads what was kept at path; "" keeps it in memory only.
func Open(path string, log hclog.Logger) *History {
	h := &History{log: log.Named("history"), file: file{path: path}, alive: map[process]string{}}
	damaged, err := h.file.read(h.replay)
	switch {
	case err != nil:
		h.log.Error("cannot read the history, so it begins anew", "file", path, "error", err)
	case damaged > 0:
		h.log.Warn("lines of the history cannot be understood, and are left out", "file", path, "lines", damaged)
	}
	for i := range h.entries {
		if h.entries[i].Outcome == Running {
			h.entries[i].Outcome = Interrupted
		}
	}
	return h
}

// replay puts back what was read.
func (h *History) replay(e Entry) {
	if h.last = max(h.last, e.Seq); e.Kind == PurserStart {
		h.run = e.Seq // until another has begun
	}
	h.put(e)
}

// Began notes that this purser begins to run, and what became of the one before. End says whether it serves.
func (h *History) Began(version string, pid int) (seq uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if h.killed() {
		h.add(Entry{At: now, Kind: PurserKilled, Outcome: Failed,
			Failure: "it ended without a stop, after " + h.entries[len(h.entries)-1].Latest().Local().Format(time.DateTime)})
	}
	h.run = h.add(Entry{At: now, Kind: PurserStart, PID: pid, Reason: "version " + version, Outcome: Running})
	return h.run
}

// WentOn notes that the process that served has ended, and this one goes on where it was.
func (h *History) WentOn() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.add(Entry{At: time.Now(), Kind: FrontCrash, Outcome: Failed, Failure: "the process that serves has ended, and another has taken its place"})
}

// killed reports whether the purser before this one has begun, and not ended.
func (h *History) killed() bool {
	for _, e := range slices.Backward(h.entries) {
		switch e.Kind {
		case PurserStart:
			return e.Outcome != Failed
		case PurserStop, PurserKilled:
			return false
		}
	}
	return false
}

// Begin notes something that is to end, and returns what End has to be told.
func (h *History) Begin(kind Kind, app, by, reason string) (seq uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.add(Entry{At: time.Now(), Kind: kind, App: app, By: by, Reason: reason, Outcome: Running})
}

// End notes how that has ended.
func (h *History) End(seq uint64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.entries, func(e Entry) bool { return e.Seq == seq })
	if i < 0 {
		return // it is long past
	}
	e := h.entries[i]
	e.end(time.Now(), err)
	h.change(e)
}

// Did notes something that has ended, well or not. It began when it says.
func (h *History) Did(kind Kind, app, by, reason string, began time.Time, err error) {
	e := Entry{At: began, Kind: kind, App: app, By: by, Reason: reason}
	e.end(time.Now(), err)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.add(e)
}

func (e *Entry) end(now time.Time, err error) {
	e.Outcome, e.Ended = Done, &now
	if err != nil {
		e.Outcome, e.Failure = Failed, err.Error()
	}
}

// Entries returns what is remembered of an app ("" = of all, and of purser), newest first: not more than n (0 = all),
// and nothing from before since.
func (h *History) Entries(app string, n int, since time.Time) []Entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := []Entry{}
	for _, e := range slices.Backward(h.entries) {
		if n > 0 && len(found) == n {
			break
		}
		if (app == "" || e.App == app) && !e.until().Before(since) {
			found = append(found, e)
		}
	}
	return found
}

// until is when there was last something of e, its end included.
func (e Entry) until() time.Time {
	if e.Ended != nil {
		return *e.Ended
	}
	return e.At
}

// Leave is Close for one whose file is that of another process from now on.
func (h *History) Leave() {
	h.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.file = file{}
}

// Close writes what could not be written before, if it can now.
func (h *History) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.again == nil {
		return
	}
	h.again.Stop()
	h.again = nil
	if err := h.file.rewrite(h.entries); err != nil {
		h.log.Error("what has happened lately is not in the history, as it could not be written", "file", h.file.path, "error", err)
	}
}

// add keeps another entry, or counts it if it repeats itself.
func (h *History) add(e Entry) (seq uint64) {
	e.By, e.Reason, e.Failure = clip(e.By), clip(e.Reason), clip(e.Failure)
	if old, is := h.repeated(e); is {
		at := e.At
		old.Count, old.Ended, old.PID, old.ErrorID = max(1, old.Count)+1, &at, e.PID, e.ErrorID
		h.change(old)
		return old.Seq
	}
	h.last++
	e.Seq = h.last
	h.change(e)
	return e.Seq
}

// repeated returns the entry that e repeats. What has been asked for since makes it another trouble.
func (h *History) repeated(e Entry) (old Entry, is bool) {
	for _, old := range slices.Backward(h.entries) {
		switch {
		case old.App != e.App:
		case e.repeats(old):
			return old, true
		case !old.troubles():
			return old, false
		}
	}
	return old, false
}

// change keeps an entry as it is now.
func (h *History) change(e Entry) {
	h.put(e)
	h.keep(e)
}

// put puts an entry where it belongs, and forgets the oldest if there are too many.
func (h *History) put(e Entry) {
	i := slices.IndexFunc(h.entries, func(old Entry) bool { return old.Seq == e.Seq })
	switch {
	case i < 0:
		h.entries = append(h.entries, e)
	case e.Count > 1:
		h.entries = append(slices.Delete(h.entries, i, i+1), e)
	default:
		h.entries[i] = e
	}
	ofApp := 0
	for _, old := range h.entries {
		if old.App == e.App {
			ofApp++
		}
	}
	if ofApp > mostPerApp {
		h.forget(func(old Entry) bool { return old.App == e.App })
	}
	if len(h.entries) > most {
		h.forget(func(Entry) bool { return true })
	}
}

// forget removes the oldest of some entries, but not the start of the purser that runs.
func (h *History) forget(which func(Entry) bool) {
	i := slices.IndexFunc(h.entries, func(e Entry) bool { return e.Seq != h.run && which(e) })
	h.entries = slices.Delete(h.entries, i, i+1)
}

// retry is how long after a failure the file is written again.
const retry = 10 * time.Second

// keep writes an entry down. Where that cannot be, the history stays in memory, which is said once, and is written
// as soon as it can be. It is called with mu held.
func (h *History) keep(e Entry) {
	if h.again != nil {
		return
	}
	if err := h.file.append(e, h.entries); err != nil {
		h.again = time.AfterFunc(retry, h.tryAgain)
		h.log.Warn("cannot write the history, so purser would forget what has happened lately if it were restarted now; it tries again; "+
			"make room, or give the folder to the user that purser runs as", "file", h.file.path, "error", err)
	}
}

func (h *History) tryAgain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.again == nil {
		return // it is closed
	}
	if err := h.file.rewrite(h.entries); err != nil {
		h.again.Reset(retry)
		return
	}
	h.again = nil
	h.log.Info("the history is written again", "file", h.file.path)
}
