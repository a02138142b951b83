package proxy

import (
	"sync"

	"purser/proxy/wire"
)

// An answer is the memory for a process's answer. It is borrowed when there is something in it, so
// that thousands of requests may wait for their processes and the same few buffers, warm in the
// cache, serve all of them.
type answer struct {
	res  wire.Response
	up   []byte // the app's bytes: up[at:have] are not used up yet
	at   int
	have int
	out  []byte // on its way to either side
	log  []byte
}

var answers = sync.Pool{New: func() any {
	return &answer{up: make([]byte, bodyBuffer), out: make([]byte, 0, 2*bodyBuffer), log: make([]byte, 0, 512)}
}}

func (x *exchange) borrowAnswer() *answer {
	if x.answer == nil {
		x.answer = answers.Get().(*answer)
		x.answer.at, x.answer.have, x.answer.out = 0, 0, x.answer.out[:0]
	}
	return x.answer
}

func (x *exchange) dropAnswer() {
	if a := x.answer; a != nil {
		if len(a.up) > bodyBuffer {
			a.up = make([]byte, bodyBuffer)
		}
		if cap(a.out) > 4*bodyBuffer {
			a.out = make([]byte, 0, 2*bodyBuffer)
		}
		x.answer = nil
		answers.Put(a)
	}
}

// appSide is an exchange as the lender of memory for the app's bytes.
type appSide exchange

func (s *appSide) space() []byte {
	a := (*exchange)(s).borrowAnswer()
	switch {
	case a.at == a.have:
		a.at, a.have = 0, 0
	case a.have < len(a.up):
	case a.at > 0:
		a.have = copy(a.up, a.up[a.at:a.have])
		a.at = 0
	default:
		grown := make([]byte, 2*len(a.up))
		copy(grown, a.up)
		a.up = grown
	}
	return a.up[a.have:]
}

// unused gives the memory back unless it holds bytes that are not used up.
func (s *appSide) unused() {
	if s.answer.at == s.answer.have {
		(*exchange)(s).dropAnswer()
	}
}
