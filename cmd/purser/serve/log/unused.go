package log

import "slices"

// Keep has the files closed that none of these is written to, once what waits for them is written. A line that comes
// later, from who was given the log before, is still written: its file is opened for that once more.
func (l *Log) Keep(written []string) {
	used := map[string]bool{"stderr": true, "stdout": true}
	for _, where := range written {
		used[named(where)] = true
	}
	l.mu.Lock()
	for _, s := range l.sinks {
		s.unused.Store(!used[s.name])
	}
	l.mu.Unlock()
	leaveWord(l.soon)
}

// claim is the sink of that name, which somebody writes to from now on, or nil.
func (l *Log) claim(name string) *Sink {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.sinks {
		if s.name == name {
			s.unused.Store(false)
			return s
		}
	}
	return nil
}

// has reports whether there is a sink of that name.
func (l *Log) has(name string) bool {
	return slices.ContainsFunc(l.all(), func(s *Sink) bool { return s.name == name })
}

// closeUnused closes a sink that nobody writes to, unless a line has come. The writer calls it.
func (l *Log) closeUnused(s *Sink) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.unused.Load() || len(s.buf) > 0 || s.lost > 0 {
		return
	}
	s.closed = true
	s.target.close()
	l.sinks = slices.DeleteFunc(slices.Clone(l.sinks), func(other *Sink) bool { return other == s })
}

// takeBack has what was given to a closed sink written.
func (l *Log) takeBack(s *Sink) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.countIn(l.waiting)
	l.sinks = append(l.sinks[:len(l.sinks):len(l.sinks)], s)
}
