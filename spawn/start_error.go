package spawn

import "fmt"

// A StartError is why a child did not become ready.
type StartError struct {
	App    string
	Reason string   // one clause, like "exited with status 1 before it was ready"
	Output []string // the last lines that the child wrote, oldest first; at most 50

	outOfMemory bool
}

// Error returns one sentence.
func (e *StartError) Error() string { return fmt.Sprintf("cannot start app %q: %s", e.App, e.Reason) }

// OutOfMemory reports whether the kernel has killed the child, as memory ran out.
func (e *StartError) OutOfMemory() bool { return e.outOfMemory }

// LastLines returns the child's last lines.
func (e *StartError) LastLines() []string { return e.Output }
