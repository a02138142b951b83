package proxy

import (
	"os"
	"sync"
)

// spoolMost is how much of an answer a slow client may have waiting in a file. Beyond it the
// process is made to wait.
const spoolMost = 1 << 30

// A pipe holds the part of an answer that the process has given and the client has not taken: in
// memory first, then in an unlinked file. The exchange writes; a goroutine of the pipe's own, which
// finish waits for, writes to the client.
type pipe struct {
	conn *conn
	done chan struct{} // closed when the goroutine has ended
	more chan struct{} // holds one: something was added, or the end is known
	room chan struct{} // holds one: something was taken

	mu    sync.Mutex // guards what follows; file and client are written outside it
	mem   []byte
	file  *os.File
	wrote int64 // bytes ever written to file
	read  int64 // and read from it
	full  bool  // the file cannot take more: the process waits for the client instead
	ended bool
	err   error // of the client, or the exchange's reason to cut
}

func startPipe(c *conn, first []byte) *pipe {
	p := &pipe{
		conn: c,
		done: make(chan struct{}),
		more: make(chan struct{}, 1),
		room: make(chan struct{}, 1),
		mem:  append([]byte(nil), first...),
	}
	go p.run()
	return p
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// write adds b, waiting only if neither memory nor disk has room. It reports false when the client
// is gone.
func (p *pipe) write(b []byte) bool {
	for len(b) > 0 {
		switch n, ok := p.add(b); {
		case !ok:
			return false
		case n > 0:
			b = b[n:]
			signal(p.more)
		default:
			select {
			case <-p.room:
			case <-p.done:
				return false
			}
		}
	}
	return true
}

// add takes what it can of b.
func (p *pipe) add(b []byte) (n int, ok bool) {
	p.mu.Lock()
	spilled := p.read < p.wrote
	switch {
	case p.err != nil:
		p.mu.Unlock()
		return 0, false
	case !spilled && len(p.mem) < spoolMemory:
		n = min(len(b), spoolMemory-len(p.mem))
		p.mem = append(p.mem, b[:n]...)
		p.mu.Unlock()
		return n, true
	case p.full || p.wrote-p.read >= spoolMost:
		p.mu.Unlock()
		return 0, true
	}
	at := p.wrote
	if !spilled {
		at, p.wrote, p.read = 0, 0, 0 // the file is empty: begin it anew
	}
	p.mu.Unlock()
	return p.spill(b, at), true
}

// spill writes b to the file at an offset that nobody reads yet. Only the writer calls it.
func (p *pipe) spill(b []byte, at int64) int {
	var err error
	if p.file == nil {
		var f *os.File
		if f, err = newSpoolFile(); err == nil {
			p.mu.Lock()
			p.file = f
			p.mu.Unlock()
		}
	}
	n := 0
	if err == nil {
		n, err = p.file.WriteAt(b, at)
	}
	p.mu.Lock()
	p.wrote = at + int64(n)
	p.full = err != nil
	p.mu.Unlock()
	if err != nil {
		p.conn.srv.log.Warn("cannot spool an answer for a slow client, so its process waits for it; free space in the temporary folder", "folder", os.TempDir(), "error", err)
	}
	return n
}

// run writes to the client until the end.
func (p *pipe) run() {
	defer close(p.done)
	buf := make([]byte, 0, bodyBuffer)
	for {
		b, ended := p.take(buf)
		if len(b) > 0 {
			if err := p.conn.writeSlowly(b); err != nil {
				p.fail(err)
				return
			}
			signal(p.room)
			continue
		}
		if ended {
			return
		}
		<-p.more
	}
}

// take returns what is next for the client, oldest first: what is in memory came before what is in
// the file.
func (p *pipe) take(buf []byte) (b []byte, ended bool) {
	p.mu.Lock()
	if len(p.mem) > 0 {
		b = append(buf[:0], p.mem...)
		p.mem = p.mem[:0]
		p.mu.Unlock()
		return b, false
	}
	if p.err != nil {
		p.mu.Unlock()
		return nil, true
	}
	at, n := p.read, min(p.wrote-p.read, int64(cap(buf)))
	ended = p.ended
	p.mu.Unlock()
	if n == 0 {
		return nil, ended
	}
	m, err := p.file.ReadAt(buf[:n], at)
	p.mu.Lock()
	p.read += int64(m)
	p.full = false
	if m == 0 {
		p.err = err
	}
	p.mu.Unlock()
	return buf[:m], false
}

func (p *pipe) fail(err error) {
	p.mu.Lock()
	p.err = err
	p.mu.Unlock()
}

// abort makes the pipe end with what it has: the answer is not whole.
func (p *pipe) abort(err error) {
	p.mu.Lock()
	if p.err == nil {
		p.ended = true
	}
	p.mu.Unlock()
	signal(p.more)
}

// finish adds the last of the answer and waits until the client has taken all. It reports whether it
// has.
func (p *pipe) finish(last []byte) bool {
	ok := p.write(last)
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	signal(p.more)
	<-p.done
	if p.file != nil {
		_ = p.file.Close()
	}
	return ok && p.err == nil
}
