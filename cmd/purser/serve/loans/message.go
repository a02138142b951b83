package loans

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"purser/pool"
)

// A Message is one of its fields. What the pools say to one another is carried as it is.
type Message struct {
	Hello      *Hello           `json:"hello,omitempty"` // of an old front, the first that it says
	Left       *Left            `json:"left,omitempty"`  // of an old front
	ToOwner    *pool.ToOwner    `json:"to_owner,omitempty"`
	ToBorrower *pool.ToBorrower `json:"to_borrower,omitempty"`

	// Place comes with a ToBorrower that introduces a process.
	Place *Place `json:"place,omitempty"`
}

// Hello is who an old front is.
type Hello struct {
	PID     int       `json:"pid"`
	Version string    `json:"version"`
	Since   time.Time `json:"since"` // it is an old one
}

// Left is what an old front has to finish.
type Left struct {
	Requests    int `json:"requests"`
	Connections int `json:"connections"` // long-lived ones
}

// A Place is where a process takes requests.
type Place struct {
	PID     int    `json:"pid"`
	Network string `json:"network"`
	Address string `json:"address"`
	Owner   int    `json:"owner"` // number of the user who has to listen there; -1 = anybody
}

// mostSize is how many bytes a message may have; a socket takes twice as many at once.
const mostSize = 96 << 10

// packet is the message as it is sent. What a process has printed that does not start goes if there is too much of it.
func (m Message) packet() ([]byte, error) {
	p, err := json.Marshal(m)
	if err != nil || len(p) <= mostSize {
		return p, err
	}
	if to := m.ToBorrower; to != nil && to.Refusal != nil && to.Refusal.Failure != nil && len(to.Refusal.Failure.Output) > 0 {
		said, refusal, failure := *to, *to.Refusal, *to.Refusal.Failure
		failure.Output = nil
		refusal.Failure, said.Refusal, m.ToBorrower = &failure, &refusal, &said
		return m.packet()
	}
	return nil, fmt.Errorf("a message would have %d bytes", len(p))
}

// parse is the other direction. A field that is not known is one of a later version, and is left out.
func parse(p []byte) (m Message, err error) {
	if len(p) > mostSize {
		return m, fmt.Errorf("a message of more than %d bytes is none", mostSize)
	}
	if err := json.Unmarshal(p, &m); err != nil {
		return Message{}, fmt.Errorf("a message cannot be read: %w", err)
	}
	if m.Place != nil && (m.ToBorrower == nil || m.Place.PID <= 0 || m.Place.Network != "unix" && m.Place.Network != "tcp") {
		return Message{}, errors.New("a message names a place that is none")
	}
	return m, nil
}
