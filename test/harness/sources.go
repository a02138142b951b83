package harness

import "testing"

// A Source is a fork source of an app, as GET /v1/apps/{app} tells.
type Source struct {
	PID        int `json:"pid"`
	Generation int `json:"generation"`
	Forked     int `json:"forked"`
	Answered   int `json:"answered"`
}

// Sources asks for the fork sources of an app.
func (p *Purser) Sources(t testing.TB, app string) []Source {
	t.Helper()
	var says struct {
		Sources []Source `json:"fork_sources"`
	}
	p.AdminJSON(t, "/v1/apps/"+app, &says)
	return says.Sources
}
