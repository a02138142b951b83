package serve

import (
	"net"
	"os"
	"slices"
	"strings"
	"sync"

	"purser/spawn"
	"purser/spawn/keeper"
)

// holdings are what the keeper holds, for the front that follows if this one crashes: the sockets, and the lock of
// the claim. The zero of its pointer holds nothing.
type holdings struct {
	keeper *keeper.Keeper

	mu   sync.Mutex // guards what follows
	left map[string]*os.File
	ours bool // this front serves, or is the first: what it closes is not for another
}

// names are those of what the front before has left and nobody has taken, in order.
func (h *holdings) names(prefix string) (names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name := range h.left {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// take takes what the front before has left, nil if there is nothing by that name.
func (h *holdings) take(name string) *os.File {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	file := h.left[name]
	delete(h.left, name)
	return file
}

// listener takes a listener that the front before has left.
func (h *holdings) listener(name string) (l net.Listener, inherited bool, err error) {
	file := h.take(name)
	if file == nil {
		return nil, false, nil
	}
	defer file.Close()
	l, err = net.FileListener(file)
	return l, true, err
}

func (h *holdings) hold(name string, file *os.File) error {
	if h == nil {
		return nil
	}
	return h.keeper.Hold(name, file)
}

func (h *holdings) holdListener(name string, l net.Listener) error {
	if h == nil {
		return nil
	}
	file, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		return err
	}
	defer file.Close()
	return h.hold(name, file)
}

// dropRest lets go of sockets that the front before has left and this one does not want.
func (h *holdings) dropRest() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, file := range h.left {
		if name != heldConfig && name != heldCertificates && !hasPrefix(name, spawn.SlatePrefix, readPrefix, logPrefix) {
			file.Close()
			h.keeper.Drop(name)
			delete(h.left, name)
		}
	}
}

func hasPrefix(name string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// give adds what is held for this front by now.
func (h *holdings) give(held map[string]*os.File) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, file := range held {
		if before := h.left[name]; before != nil {
			before.Close()
		}
		h.left[name] = file
	}
}

// own says that this front serves. One that fails before leaves everything as it found it.
func (h *holdings) own() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ours = true
}

// disown says that another front serves: what this one closes is that one's.
func (h *holdings) disown() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ours = false
}

func (h *holdings) owned() bool {
	if h == nil {
		return true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ours
}

// A share is a socket that several listeners may have. With the last of them, it is not held any more.
type share struct {
	last func()

	mu      sync.Mutex // guards holders
	holders int
}

// share is the first listener's. When the last one leaves, what is left of the socket goes by remove, unless the next
// front is to have it.
func (h *holdings) share(name string, remove func()) *share {
	return &share{holders: 1, last: func() {
		if !h.owned() {
			return
		}
		if remove != nil {
			remove()
		}
		if h != nil {
			h.keeper.Drop(name)
		}
	}}
}

func (s *share) join() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holders++
}

func (s *share) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holders--; s.holders == 0 {
		s.last()
	}
}
