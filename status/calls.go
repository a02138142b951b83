package status

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"purser/pool"
)

// Document is what status shows now.
func (s *Server) document() Document {
	used, now := measure(), time.Now()
	d := Document{
		Version: s.Version, Name: s.Name, PID: s.PID, Users: s.users(), Started: s.Started, Now: now,
		Listen: s.Listen(), MaxProcesses: s.MaxProcesses(), Reload: s.Operated.LastReload(), Certificates: []Certificate{}, Apps: []App{},
	}
	if s.Certificates != nil {
		d.Certificates = s.Certificates()
	}
	d.OldFronts = append([]OldFront{}, s.Upgrading.OldFronts()...)
	if s.Awaited != nil {
		d.Awaited = s.Awaited()
	}
	d.Spool.Held, d.Spool.Limit = s.Spool()
	d.BufferMemory.Held, d.BufferMemory.Limit = s.InMemory()
	for _, g := range s.Pool.Groups() {
		d.Apps = append(d.Apps, s.app(g, used, now))
	}
	return d
}

func (s *Server) app(g *pool.Group, used usage, now time.Time) App {
	app := newApp(g.Snapshot(), g.App(), s.Restarts.Needs(g.Name()), s.sources(g.Name(), used), used, now)
	app.Cache = s.cacheOf(g.Name())
	return app
}

func (s *Server) getStatus(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.document())
}

func (s *Server) getApps(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string][]App{"apps": s.document().Apps})
}

func (s *Server) getApp(w http.ResponseWriter, r *http.Request) {
	if g := s.group(w, r); g != nil {
		used := measure()
		answer(w, http.StatusOK, s.app(g, used, time.Now()))
	}
}

func (s *Server) postStop(w http.ResponseWriter, r *http.Request) {
	s.Stop(asker(r))
	answer(w, http.StatusAccepted, map[string]string{"state": "stopping"})
}

func (s *Server) getHealth(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"state": "alive"})
}

func (s *Server) getReady(w http.ResponseWriter, _ *http.Request) {
	for _, g := range s.Pool.Groups() {
		if serves(g.Snapshot().Condition) {
			answer(w, http.StatusOK, map[string]string{"state": "ready"})
			return
		}
	}
	refuse(w, http.StatusServiceUnavailable, CodeNotReady, "no app serves")
}

// serves reports whether a request for a group in this condition finds a ready process at once.
func serves(c pool.Condition) bool {
	return c == pool.Up || c == pool.Restarting || c == pool.Resisting || c == pool.RolledBack
}

// group returns the group that the path names, or refuses and returns nil.
func (s *Server) group(w http.ResponseWriter, r *http.Request) *pool.Group {
	name := chi.URLParam(r, "app")
	g := s.Pool.Group(name)
	if g == nil {
		refuse(w, http.StatusNotFound, CodeNoApp, "there is no app %q", name)
	}
	return g
}

// decodeStrictly decodes exactly one JSON value, without keys that v does not have.
func decodeStrictly(body []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("there is more than one JSON value")
	}
	return nil
}

// list is `"a", "b"`.
func list(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = strconv.Quote(word)
	}
	return strings.Join(quoted, ", ")
}
