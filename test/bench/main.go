// Bench measures what a front costs: CPU time per request of purser, nginx and HAProxy side by side,
// with the same small Go app behind them on a unix socket, connections kept alive on both sides and
// the access log on.
//
//	go run ./test/bench                      # µs of CPU per request at 64 and at 512 connections
//	go run ./test/bench -only purser         # without the peers
//	go run ./test/bench -idle 8000           # memory per idle keep-alive connection
//
// The fronts are pinned to core 0; the app and the load generator (wrk, or a plain one of its own)
// share core 1. The fronts take turns in rounds, so that a noisy neighbour meets all of them, and
// the median round counts. $PURSER_BIN names a purser to measure instead of this checkout.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"

	"purser/test/harness"
)

type options struct {
	only        []string
	connections []int
	seconds     int
	rounds      int
	idle        int
}

func main() {
	loadAddr := flag.String("load", "", "be the load generator against this address (used by bench itself)")
	o := options{}
	only := flag.String("only", "purser,nginx,haproxy", "the fronts to measure")
	connections := flag.String("connections", "64,512", "how many connections to measure with")
	flag.IntVar(&o.seconds, "seconds", 5, "length of one measurement")
	flag.IntVar(&o.rounds, "rounds", 7, "measurements of each front; the median counts")
	flag.IntVar(&o.idle, "idle", 0, "measure the memory of this many idle connections instead")
	flag.Parse()
	o.only = strings.Split(*only, ",")
	for n := range strings.SplitSeq(*connections, ",") {
		count, err := strconv.Atoi(n)
		if err != nil || count < 1 {
			fatal(fmt.Errorf("-connections %q: want numbers above 0 with commas between", *connections))
		}
		o.connections = append(o.connections, count)
	}
	if *loadAddr != "" {
		fmt.Println(generate(*loadAddr, o.connections[0], o.seconds))
		return
	}
	if err := run(o); err != nil {
		fatal(err)
	}
}

func run(o options) error {
	defer os.RemoveAll(harness.Scratch())
	if _, err := harness.RaiseFileLimit(); err != nil {
		return err
	}
	fronts, err := startFronts(o.only)
	defer func() {
		for _, f := range fronts {
			f.stop()
		}
	}()
	if err != nil {
		return err
	}
	if o.idle > 0 {
		return measureIdle(fronts, o.idle)
	}
	return measureCPU(fronts, o)
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}
