// Package fault carries a panic from a goroutine to its owner, who waits for it and knows what it is to end.
// Left alone it would end all of purser.
package fault

import (
	"fmt"
	"runtime/debug"
)

// A Fault is a panic that was caught. Its zero value is none.
type Fault struct {
	value any
	stack []byte
}

// Catch is deferred by the goroutine. If it panics, ended is called, so that its owner does not wait for
// what will not come.
func (f *Fault) Catch(ended func()) {
	if value := recover(); value != nil {
		f.value, f.stack = value, debug.Stack()
		ended()
	}
}

// Raise is called by the owner once the goroutine has ended: it panics if that did.
func (f *Fault) Raise() {
	if f.value != nil {
		panic(f)
	}
}

func (f *Fault) Error() string { return fmt.Sprintf("%v, in a goroutine of it:\n%s", f.value, f.stack) }
