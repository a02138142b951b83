package pool

import "time"

// A Failure is why the last spawn of a generation failed.
type Failure struct {
	At         time.Time `json:"at"` // of the first, if several failed in a row
	Generation int       `json:"generation"`
	Reason     string    `json:"reason"`
	Output     []string  `json:"output,omitempty"` // the child's last lines
	ErrorID    string    `json:"error_id"`         // what a visitor is shown, and the log explains
}
