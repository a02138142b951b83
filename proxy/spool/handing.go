package spool

import "purser/proxy/fair"

// run hands on to the client until the end.
func (o *Outbox) run() {
	defer close(o.done)
	defer o.fault.Catch(func() { o.Abort(errFault) })
	for {
		n, ended := o.waiting()
		switch {
		case n > 0:
			if err := o.handOn(n); err != nil {
				o.Abort(err)
				return
			}
		case ended:
			return
		default:
			<-o.more
		}
	}
}

// waiting is how much waits for the client, up to a piece.
func (o *Outbox) waiting() (n int, ended bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, true
	}
	all := int64(len(o.mem)-o.at) + o.wrote - o.read
	return int(min(all, piece)), o.ended
}

// handOn hands on n bytes. While the client takes nothing no memory is held but what they lie in.
func (o *Outbox) handOn(n int) error {
	start := o.spool.clock.Now()
	for moved, most := 0, piece; moved < n; {
		offered := min(most, n-moved)
		took, err := o.offer(offered)
		if err != nil {
			return err
		}
		if took > 0 {
			moved += took
			o.file.moved(took)
			signal(o.room)
		}
		if took == offered && most == piece {
			continue
		}
		if err := o.failure(); err != nil {
			return err
		}
		if moved == n {
			return nil
		}
		if most, err = o.client.Await(start, int64(moved)); err != nil {
			return err
		}
		most = min(most, piece)
	}
	return nil
}

// offer offers the client up to n bytes, oldest first: what is in memory came before what is in the file.
func (o *Outbox) offer(n int) (took int, err error) {
	o.mu.Lock()
	p := o.mem[o.at:] // who adds only adds behind it, or copies it
	o.mu.Unlock()
	if len(p) == 0 {
		return o.offerFile(n)
	}
	took, err = o.client.Take(p[:min(n, len(p))])
	o.mu.Lock()
	defer o.mu.Unlock()
	o.at += took
	o.tidy()
	if took > 0 {
		o.full = false // try again
	}
	return took, err
}

// tidy makes room in memory where what was handed on lies. It is called with mu held.
func (o *Outbox) tidy() {
	switch {
	case o.at == len(o.mem):
		o.releaseMemory()
	case o.at >= cap(o.mem)/2:
		o.mem = o.mem[:copy(o.mem, o.mem[o.at:])]
		o.at = 0
	}
}

func (o *Outbox) releaseMemory() {
	o.spool.memory.giveBack(cap(o.mem))
	o.mem, o.at = nil, 0
}

func (o *Outbox) dropMemory() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.releaseMemory()
}

// offerFile is offer for what is in the file. What the client does not take is read again.
func (o *Outbox) offerFile(n int) (took int, err error) {
	o.mu.Lock()
	at, left := o.read, o.wrote-o.read
	o.mu.Unlock()
	disk.Acquire(fair.Flow{}) // before there is memory in hand
	b := pieceMemory.Get().(*[piece]byte)
	defer pieceMemory.Put(b)
	n, err = o.file.readAt(b[:min(int64(n), left)], at)
	disk.Release()
	if n == 0 {
		return 0, err
	}
	took, err = o.client.Take(b[:n])
	o.mu.Lock()
	defer o.mu.Unlock()
	o.read += int64(took)
	if took > 0 {
		o.full = false
	}
	return took, err
}
