package deploy

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/pool"
	"purser/restart"
)

// rewrite is how long after a failure the file is written again.
const rewrite = 10 * time.Second

// A memo is what is known over purser's own restart, in a small file that is written whole. Where it cannot be
// written it is kept in memory, which is said once, and written as soon as that is possible again.
type memo struct {
	path string // "" = in memory only
	log  hclog.Logger

	mu    sync.Mutex // guards what follows, and is held while the file is written
	known known
	again *time.Timer // writes the file that could not be written; nil = it says what is known
}

// known is what the file says.
type known struct {
	AffinityKey []byte               `json:"affinity_key,omitempty"` // signs the pins of visitors
	Apps        map[string]pool.Past `json:"apps"`
	Stopped     map[string]bool      `json:"stopped,omitempty"`    // apps that an operator has stopped
	Scaled      map[string]Scale     `json:"scaled,omitempty"`     // apps that an operator has given another size
	Paused      map[string]bool      `json:"paused,omitempty"`     // apps that an operator has paused
	Maintained  map[string]bool      `json:"maintained,omitempty"` // apps that an operator has put in maintenance
}

// readMemo reads what the purser before this one has left. A file that is damaged is set aside.
func readMemo(path string, log hclog.Logger) *memo {
	m := &memo{path: path, log: log}
	defer func() {
		if m.known.Apps == nil {
			m.known.Apps = map[string]pool.Past{}
		}
	}()
	if path == "" {
		return m
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m
	}
	if err == nil {
		err = json.Unmarshal(text, &m.known)
	}
	if err != nil {
		m.known = known{}
		aside := path + ".damaged"
		log.Error("cannot read the state file, so it is not known what was rolled back, stopped or scaled; the file is renamed",
			"file", aside, "error", errors.Join(err, os.Rename(path, aside)))
	}
	return m
}

func (m *memo) of(app string) pool.Past {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known.Apps[app]
}

// note keeps what is new of an app. It asks for that itself, so that of two notes at once the newer stays.
func (m *memo) note(app string, ask func() pool.Past) {
	m.noteAll(map[string]func() pool.Past{app: ask})
}

func (m *memo) noteAll(asks map[string]func() pool.Past) {
	m.change(func(k *known) (changed bool) {
		for app, ask := range asks {
			if past := ask(); !reflect.DeepEqual(k.Apps[app], past) {
				k.Apps[app], changed = past, true
			}
		}
		return changed
	})
}

// affinityKey is the same for all pursers that this file is for.
func (m *memo) affinityKey() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known.AffinityKey) != sha256.Size {
		m.known.AffinityKey = make([]byte, sha256.Size)
		_, _ = rand.Read(m.known.AffinityKey) // never fails, says its documentation
		m.keep()
	}
	return m.known.AffinityKey
}

// keep writes the file, now and until it is written. It is called with mu held.
func (m *memo) keep() {
	if m.path == "" {
		return
	}
	switch err := m.write(); {
	case err == nil && m.again != nil:
		m.again.Stop()
		m.again = nil
		m.log.Info("the state file is written again", "file", m.path)
	case err == nil:
	case m.again != nil:
		m.again.Reset(rewrite)
	default:
		m.again = time.AfterFunc(rewrite, m.retry)
		m.log.Warn("cannot write the state file, so purser would forget what was rolled back, stopped and scaled if it were restarted now; it tries again; "+
			"make room, or give the folder to the user that purser runs as", "folder", filepath.Dir(m.path), "error", err)
	}
}

// retry writes what could not be written before.
func (m *memo) retry() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.again != nil {
		m.keep()
	}
}

// close tries for the last time.
func (m *memo) close() {
	m.retry()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.again != nil {
		m.again.Stop()
		m.again = nil
	}
}

func (m *memo) write() error {
	text, err := json.Marshal(m.known)
	if err != nil {
		return fmt.Errorf("BUG: %w", err)
	}
	return restart.WriteState(m.path, text)
}
