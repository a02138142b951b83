package main

import (
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"purser/test/harness"
)

// measureIdle opens n connections to each front, sends one request on each, and compares the
// front's resident memory once all are idle with what it was when it had answered one request.
func measureIdle(fronts []front, n int) error {
	limit, err := harness.RaiseFileLimit()
	if err != nil {
		return err
	}
	if uint64(n)+100 > limit {
		return fmt.Errorf("-idle %d needs more open files than the limit of %d allows: raise it with ulimit -n", n, limit)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d idle connections\tbase MiB\tthen MiB\tKiB each\t\n", n)
	for _, f := range fronts {
		base, then, err := f.idle(n)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.2f\t\n", f.name, float64(base)/mib, float64(then)/mib, float64(then-base)/1024/float64(n))
	}
	return w.Flush()
}

func (f front) idle(n int) (base, then int64, err error) {
	first, err := f.open()
	if err != nil {
		return 0, 0, err
	}
	defer first.Close()
	base = f.memory()
	for range n {
		conn, err := f.open()
		if err != nil {
			return 0, 0, err
		}
		defer conn.Close()
	}
	return base, f.settledMemory(), nil
}

// open makes a connection and has one request answered on it.
func (f front) open() (*httpClient, error) {
	const buffer = 512 // there are many of them
	c, err := openHTTP(f.addr, modes[0], buffer)
	if err != nil {
		return nil, err
	}
	if err := c.exchange(); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// settledMemory is the median over two seconds: what a front frees or takes meanwhile is no error
// of the measurement.
func (f front) settledMemory() int64 {
	var seen []int64
	for range 20 {
		<-time.After(100 * time.Millisecond)
		seen = append(seen, f.memory())
	}
	slices.Sort(seen)
	return seen[len(seen)/2]
}
