package main

import (
	"fmt"
	"runtime"
)

// cores say where the programs run, and with how many workers each front does.
type cores struct {
	pinned  bool
	workers int
}

func coresNamed(name string) (cores, error) {
	switch name {
	case "one":
		return cores{pinned: runtime.NumCPU() > 1, workers: 1}, nil
	case "free":
		return cores{workers: 2}, nil
	}
	return cores{}, fmt.Errorf("-cores %q: want one or free", name)
}

// String says where the programs run.
func (c cores) String() string {
	if c.pinned {
		return "front on core 0, app and load on core 1"
	}
	return fmt.Sprintf("nothing pinned, workers: %d", c.workers)
}

// front is the command line that runs a front where fronts belong.
func (c cores) front(line ...string) []string { return c.pin("0", line) }

// others is the command line that runs the app or the load generator where they belong.
func (c cores) others(line ...string) []string { return c.pin("1", line) }

func (c cores) pin(core string, line []string) []string {
	if !c.pinned {
		return line
	}
	return append([]string{"taskset", "-c", core}, line...)
}
