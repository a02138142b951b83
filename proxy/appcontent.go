package proxy

import (
	"errors"
	"io"

	"purser/pool"
	"purser/proxy/upstream"
	"purser/proxy/wire"
)

// An appContent is an exchange as the content of its process's answer.
type appContent exchange

func (c *appContent) Next() ([]byte, error)  { return c.ask.Next() }
func (c *appContent) Trailers() []wire.Field { return c.ask.Trailers() }

// Wait waits for more of the answer.
func (c *appContent) Wait() {
	c.loan.waits()
	c.ask.Wait()
}

// Close gives the process back, as soon as the last byte has come from it. If it is not its fault that no
// more is asked for, it has not ended: then finish waits for it.
func (c *appContent) Close(err error) {
	x := (*exchange)(c)
	x.story.outcome = outcomeOfAnswer(x.story.status, err)
	if err != nil && outcomeOf(err) == pool.Unclear {
		return
	}
	if errors.Is(err, upstream.ErrStalled) {
		x.stalled()
	}
	x.ask.End()
	x.loan.end(x.story.outcome)
}

// finish gives back the process of an answer that nobody takes to its end. Where a process takes only so
// many requests at once it works on, and must not be counted free meanwhile.
func (c *appContent) finish() {
	c.loan.waits()
	if !c.site.unlimited() && !c.ask.Finish(c.site.app.DrainTimeout) {
		c.loan.group.Recycle(c.loan.proc, "it goes on with an answer that nobody takes")
	}
	c.ask.End()
	c.loan.end(c.story.outcome)
}

// discard gives the process back whose answer nobody takes. One that has ended it can be asked again at once.
func (c *appContent) discard() {
	for {
		data, err := c.Next()
		if err == io.EOF { //nolint:errorlint // it comes bare
			c.Close(nil)
			return
		}
		if err != nil || len(data) == 0 {
			c.story.outcome = outcomeOfAnswer(c.story.status, err)
			c.finish()
			return
		}
	}
}

// errDismissed is why nobody takes an answer to its end.
var errDismissed = errors.New("the answer is given to nobody, or another in its place")

// dismiss ends an answer that is not sent. Its process is given back, so that it does not wait for who takes what is sent
// in its place.
func (x *exchange) dismiss(r *reply) {
	x.story.status = r.head.Status
	switch content := r.content.(type) {
	case nil:
	case *appContent:
		content.discard()
	default:
		content.Close(errDismissed)
	}
}
