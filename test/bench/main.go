// Bench measures what a front costs: CPU time per request of purser, nginx and HAProxy side by side,
// with the same Go app behind them on a unix socket and the access log on.
//
//	go run ./test/bench                      # small GETs at 64 and at 512 connections
//	go run ./test/bench -mode 16k,1m,up1m    # answers and uploads of these sizes; -mode all for everything
//	go run ./test/bench -cores free          # nothing pinned, two workers each
//	go run ./test/bench -against old/purser  # another binary takes part as "before"
//	go run ./test/bench -only purser         # without the peers
//	go run ./test/bench -starts 10 -rounds 7 # each front is started ten times, and measured seven times each time
//	go run ./test/bench -idle 8000           # memory per idle keep-alive connection
//	go run ./test/bench -pings 1000          # latency of messages on WebSockets over TLS
//
// With -cores one the fronts are pinned to core 0; the app and the load generator share core 1. The
// load comes from wrk where answers and uploads are small and wrk is installed, from h2load for HTTP/2, else
// from a generator of our own. Each checks status and size of the answers: one that is not right ends the run.
//
// The fronts take turns in rounds, each round begins with another one, so that a noisy neighbour
// meets all of them, and the median round counts. What a start makes of a front, as where its memory
// lies, is good for some per cent from one start to the next: to tell one per cent takes several starts.
// All processes have to be in one session: where the kernel groups by session (autogroup, sched(7)), it
// would share out the cores by session and not by process. $PURSER_BIN names a purser to measure instead of this checkout.
package main

import (
	"fmt"
	"os"

	"purser/test/harness"
)

func main() {
	o, err := readOptions()
	switch {
	case err != nil:
	case o.load != "":
		err = generate(o.load, o.modes[0], o.connections[0], o.seconds)
	default:
		err = run(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	defer os.RemoveAll(harness.Scratch())
	if _, err := harness.RaiseFileLimit(); err != nil {
		return err
	}
	var starts [][]figures
	for range o.starts {
		one, err := runOnce(o)
		if err != nil {
			return err
		}
		starts = append(starts, one)
	}
	if o.starts > 1 {
		printStarts(starts)
	}
	return nil
}

// runOnce starts the fronts, measures, and stops them.
func runOnce(o options) ([]figures, error) {
	fronts, err := startFronts(o)
	defer func() {
		for _, f := range fronts {
			f.stop()
		}
	}()
	if err != nil {
		return nil, err
	}
	for _, f := range fronts {
		if err := f.inOurSession(); err != nil {
			return nil, err
		}
	}
	if o.idle > 0 {
		return nil, measureIdle(fronts, o.idle)
	}
	if o.pings > 0 {
		return nil, measurePings(fronts, o)
	}
	return measureCPU(fronts, o)
}
