package proxy

import (
	"errors"
	"time"

	"purser/proxy/upstream"
	"purser/proxy/wire"
)

// An appContent is an exchange as the content of its process's answer.
type appContent exchange

func (c *appContent) Next() ([]byte, error)  { return c.ask.Next() }
func (c *appContent) Wait()                  { c.ask.Wait() }
func (c *appContent) Trailers() []wire.Field { return c.ask.Trailers() }

// Close gives the process back, as soon as the last byte has come from it.
func (c *appContent) Close(err error) {
	if errors.Is(err, upstream.ErrStalled) && !c.site.unlimited() {
		c.loan.group.Recycle(c.loan.proc, "answer_stall passed")
	}
	c.ask.End()
	c.loan.end(outcomeOfAnswer(c.story.status, err))
}

// finish reads the rest of the answer into nothing, and reports whether it ended in time.
func (c *appContent) finish(within time.Duration) bool {
	end := c.clock.In(within)
	c.ask.Within(within) // answer_stall may be off, or longer
	for c.clock.Now() < end {
		data, err := c.ask.Next()
		switch {
		case err != nil:
			return !errors.Is(err, upstream.ErrStalled)
		case len(data) == 0:
			c.ask.Wait()
		}
	}
	return false
}
