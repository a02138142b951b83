// Package harness runs the purser binary for the black-box tests and the benchmarks: it builds it
// once, starts it on free ports with a name of its own, speaks to its admin socket, throws load at
// it and looks at its processes in /proc. What the tests of several folders do and expect is here too:
// the keys of a configuration, raw connections, what is waited for and what must be.
//
// It knows purser only as its users do: flags, files, HTTP, signals. Nothing waits by sleeping;
// Eventually looks again until what it waits for is there or its deadline has passed.
package harness
