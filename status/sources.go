package status

import "time"

// A Source is a fork source of an app with preload: it has loaded the app, and the app's processes are forked from it.
type Source struct {
	PID        int       `json:"pid"`
	Generation int       `json:"generation"`         // of the processes that it makes
	Loaded     time.Time `json:"loaded"`             // when it had loaded the app; zero = it does just now
	Forked     int       `json:"forked"`             // processes
	Answered   int64     `json:"answered,omitempty"` // requests, before it became a source (preload_refork); 0 = it has loaded the app itself
	Memory     int64     `json:"memory"`             // resident bytes, most of which its processes share
}

// sources are those of an app, with what they use.
func (s *Server) sources(app string, used usage) []Source {
	if s.Sources == nil {
		return nil
	}
	all := s.Sources(app)
	for i, one := range all {
		all[i].Memory = used[one.PID].memory
	}
	return all
}

// sources tells which processes an app is loaded in, to be forked from.
func (t *text) sources(a App) {
	for _, s := range a.Sources {
		state := "forked " + Counted(s.Forked, "process", "processes")
		if s.Answered > 0 {
			state = "reforked after " + Counted(int(s.Answered), "request", "requests") + ", " + state
		}
		if s.Loaded.IsZero() {
			state = "loading the app"
		}
		t.line("  Fork source : pid %d, generation %d, %s, %s", s.PID, s.Generation, Megabytes(s.Memory), state)
	}
}
