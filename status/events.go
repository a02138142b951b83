package status

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"purser/pool"
)

const (
	keepAlive    = 15 * time.Second // a comment after so long without an event, so that nobody takes the stream for dead
	writeTimeout = 10 * time.Second // for one piece of a stream; then its reader is given up
	eventsAtOnce = 256              // that are one piece
)

// getEvents answers the events of all apps as server-sent events (the event stream of the HTML
// standard, section 9.2), each once and in their order, until the caller goes or the server ends.
// It begins after the event with the number Last-Event-ID or after=N, with what is remembered of
// those; without either, with what happens from now on. A reader that is too slow, or comes too
// late, is told how many it has lost.
func (s *Server) getEvents(w http.ResponseWriter, r *http.Request) {
	after, err := s.startOf(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, CodeBadRequest, "%v", err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // for an nginx on the way, which would hold it back
	w.WriteHeader(http.StatusOK)
	stream := eventStream{w: w, control: http.NewResponseController(w)}
	stream.comment("purser " + s.Name)
	if newest := s.newest(); after > newest {
		// The caller knows events of a purser that was before this one. How many it has missed
		// nobody knows; all of this one are new to it.
		stream.lost(0)
		after = 0
	}
	s.stream(r, &stream, after)
}

// startOf returns the number of the event after which a caller wants to begin.
func (s *Server) startOf(r *http.Request) (uint64, error) {
	from := r.Header.Get("Last-Event-ID") // a browser that reconnects sends it beside the old after=N
	if from == "" {
		from = r.URL.Query().Get("after")
	}
	if from == "" {
		return s.newest(), nil
	}
	after, err := strconv.ParseUint(from, 10, 64)
	if err != nil {
		return 0, errors.New("after and Last-Event-ID must be the number of an event; 0 is before the first")
	}
	return after, nil
}

// newest is the number of the last event that has happened.
func (s *Server) newest() uint64 {
	events, _, _ := s.Pool.Events(0)
	if len(events) == 0 {
		return 0
	}
	return events[len(events)-1].Seq
}

// stream sends what happens after an event. Between two looks it holds nothing of the pool, which
// forgets what a slow reader has not fetched.
func (s *Server) stream(r *http.Request, out *eventStream, after uint64) {
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for ending := false; out.err == nil; {
		events, lost, more := s.Pool.Events(after)
		if lost > 0 {
			out.lost(lost)
		}
		for len(events) > 0 && out.err == nil {
			piece := events[:min(eventsAtOnce, len(events))]
			events = events[len(piece):]
			out.send(piece)
			after = piece[len(piece)-1].Seq
		}
		if ending {
			return
		}
		select {
		case <-more:
		case <-alive.C:
			out.comment("alive")
		case <-r.Context().Done():
			return
		case <-s.ending.Done():
			ending = true // it is told of the last that happened
		}
	}
}

// An eventStream is one answer that does not end. After an error it does nothing any more.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

func (e *eventStream) send(events []pool.Event) {
	e.piece(func() error {
		for _, event := range events {
			data, err := json.Marshal(event)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(e.w, "id: %d\nevent: %s\ndata: %s\n\n", event.Seq, event.Kind, data); err != nil {
				return err
			}
		}
		return nil
	})
}

// lost tells of events that are no longer remembered; 0 is an unknown number.
func (e *eventStream) lost(n uint64) {
	e.piece(func() error {
		_, err := fmt.Fprintf(e.w, "event: lost\ndata: {\"lost\":%d}\n\n", min(n, math.MaxInt64))
		return err
	})
}

func (e *eventStream) comment(text string) {
	e.piece(func() error {
		_, err := fmt.Fprintf(e.w, ": %s\n\n", text)
		return err
	})
}

// piece writes something and sends it at once. Its deadline takes the place of the server's
// WriteTimeout, which is for answers that end.
func (e *eventStream) piece(write func() error) {
	if e.err == nil {
		e.err = errors.Join(e.control.SetWriteDeadline(time.Now().Add(writeTimeout)), write(), e.control.Flush())
	}
}
