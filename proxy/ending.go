package proxy

import (
	"errors"

	"purser/pool"
	"purser/proxy/client"
	"purser/proxy/spool"
	"purser/proxy/upstream"
	"purser/proxy/wire"
)

// An ending is who ended an exchange, and how far it had come then. The zero value is one that was answered to its end.
type ending struct {
	by party
	in phase
}

// A party is one of those who may end an exchange.
type party uint8

const (
	byNobody party = iota // it was answered to its end
	byPurser              // a rule, a limit, or a time that was over
	byApp                 // its process, or that none came up
	byClient              // it has left
)

func (p party) String() string { return [...]string{"", "purser", "app", "client"}[p] }

// A phase is how far an exchange has come.
type phase uint8

const (
	inOrder   phase = iota // all of the answer went out
	inHead                 // its head has not come, or no app is asked for what it wants
	inBody                 // its body is taken in
	inQueue                // it waits for a process
	inConnect              // it has one, which is to accept a connection
	inAnswer               // the process has it, and the head of an answer has not come
	inSending              // its answer has begun
)

func (p phase) String() string {
	return [...]string{"done", "head", "body", "queue", "connect", "answer", "send"}[p]
}

// endings are those of the failures that are told apart.
var endings = map[error]ending{
	client.ErrHeadCut:       {byClient, inHead},
	client.ErrBodyCut:       {byClient, inBody},
	client.ErrBodySlow:      {byPurser, inBody},
	client.ErrBodyTooLarge:  {byPurser, inBody},
	spool.ErrTooLarge:       {byPurser, inBody},
	spool.ErrFull:           {byPurser, inBody},
	client.ErrGone:          {byClient, inQueue},
	client.ErrStopping:      {byPurser, inQueue},
	pool.ErrQueueFull:       {byPurser, inQueue},
	pool.ErrQueueTimeout:    {byPurser, inQueue},
	pool.ErrPaused:          {byPurser, inQueue},
	pool.ErrClosed:          {byPurser, inQueue},
	upstream.ErrNoLink:      {byPurser, inConnect},
	upstream.ErrBacklog:     {byPurser, inConnect},
	upstream.ErrRefused:     {byApp, inConnect},
	upstream.ErrUnsent:      {byApp, inConnect},
	upstream.ErrNoAnswer:    {byApp, inAnswer},
	upstream.ErrShortHead:   {byApp, inAnswer},
	upstream.ErrGone:        {byClient, inAnswer},
	upstream.ErrShortAnswer: {byApp, inSending},
	errNotMeasured:          {byPurser, inSending},
	errNotKept:              {byPurser, inSending},
}

// endingBy returns the ending that an error is. What has no entry is a rule of ours, or an answer that breaks one.
func (x *exchange) endingBy(err error) ending {
	if _, failed := errors.AsType[*pool.StartError](err); failed {
		return ending{byApp, inQueue}
	}
	if _, full := errors.AsType[*spool.Error](err); full {
		return ending{byPurser, inBody}
	}
	if w, malformed := errors.AsType[*wire.Error](err); malformed && w.Side == wire.ByClient && x.site != nil {
		return ending{byPurser, inBody} // its head was proper
	}
	if errors.Is(err, pool.ErrStopped) && x.site != nil && !x.site.stopped {
		return ending{byPurser, inQueue} // it waited already
	}
	for known, e := range endings {
		if errors.Is(err, known) {
			return e
		}
	}
	if x.story.asks > 0 {
		return ending{byPurser, inAnswer}
	}
	return ending{byPurser, inHead}
}

// endingBehind is endingBy what ended an answer that had begun.
func (x *exchange) endingBehind(err error) ending {
	e := ending{x.endingBy(err).by, inSending}
	if gone(err) && x.ctx.Err() != nil {
		e.by = byPurser // it is not the client that left
	}
	return e
}

// ended says who ended the exchange, which is who answered it if that came to its end.
func (s *story) ended() ending {
	switch {
	case s.ending.by != byNobody:
		return s.ending
	case s.appStatus != 0:
		return ending{byApp, inOrder}
	}
	return ending{byPurser, inOrder}
}
