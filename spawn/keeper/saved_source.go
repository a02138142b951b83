package keeper

import (
	"net"
	"syscall"
	"time"
)

// This file is how fork sources go over to the keeper of another binary: with their sockets, on which they hear and say no
// more than before. What they were asked for just then is asked for again by who wants it.

// A savedSource is a source.
type savedSource struct {
	Socket  int
	Program text
	Grant   uint32
	Loaded  bool
}

func (s *source) save() *savedSource {
	if s == nil {
		return nil
	}
	program, err := s.program.text()
	if err != nil {
		panic("BUG: " + err.Error()) // it was read from such a text
	}
	return &savedSource{s.peer.socket(), text(program), s.grant, s.loaded}
}

func (s *savedSource) check() error {
	switch {
	case s == nil:
		return nil
	case s.Socket < 0:
		return syscall.EBADF
	}
	_, err := parseProgram(string(s.Program))
	return err
}

// sources are those of a state, in the order of its children.
func (s state) sources() (all []*savedSource) {
	for _, c := range s.Children {
		if c.Source != nil {
			all = append(all, c.Source)
		}
	}
	return all
}

// restoreChildren has the children of a state, with the connections of those that are sources.
func (k *keeping) restoreChildren(s state, conns []*net.UnixConn, now time.Time) {
	for _, saved := range s.Children {
		c := saved.child(now)
		if saved.By >= 0 {
			c.by = k.fronts[saved.By].peer
		}
		if from := saved.Source; from != nil {
			program, _ := parseProgram(string(from.Program)) // which check has tried
			c.source = &source{peer: newPeer(conns[0], k.requests), program: program, grant: from.Grant, loaded: from.Loaded}
			conns = conns[1:]
		}
		k.children[c.id] = c
		if !c.exited {
			k.leaders[c.pid] = c
		}
	}
	for _, saved := range s.Children {
		k.children[saved.ID].from = k.children[saved.From] // nil for 0, as no child has that id
	}
}
