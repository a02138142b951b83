package spawn

import (
	"fmt"
	"net"
	"sync"
)

// ports are those that children have been given, of all apps. The kernel does not know of a port that
// nobody listens on yet, and could name it twice.
var ports = portsInUse{taken: map[int]bool{}}

type portsInUse struct {
	mu    sync.Mutex // guards what follows
	taken map[int]bool
}

// take returns a port that is free now and that no other child has. Another program may take it before
// the child does; then the proof of ownership fails.
func (p *portsInUse) take() (int, error) {
	for range 100 {
		port, err := freePort()
		if err != nil {
			return 0, err
		}
		p.mu.Lock()
		taken := p.taken[port]
		p.taken[port] = true
		p.mu.Unlock()
		if !taken {
			return port, nil
		}
	}
	return 0, fmt.Errorf("cannot find a free port: all of them are other children's")
}

// reserve is for a port that a child has already.
func (p *portsInUse) reserve(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken[port] = true
}

func (p *portsInUse) giveBack(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.taken, port)
}

// freePort returns a loopback port that is free now.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("cannot find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
