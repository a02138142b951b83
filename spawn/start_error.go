package spawn

import "fmt"

// A StartError is why a child did not become ready.
type StartError struct {
	App    string
	Reason string   // one clause, like "exited with status 1 before it was ready"
	Output []string // the last lines that the child wrote, oldest first; at most 50
}

// Error returns one sentence.
func (e *StartError) Error() string { return fmt.Sprintf("cannot start app %q: %s", e.App, e.Reason) }

// LastLines returns the child's last lines.
func (e *StartError) LastLines() []string { return e.Output }
