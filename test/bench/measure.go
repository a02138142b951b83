package main

import (
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// A result is one front's figures over all rounds at one number of connections.
type result struct {
	micros []float64 // CPU per request
	rate   []float64 // requests per second
}

func measureCPU(fronts []front, o options) error {
	fmt.Printf("small keep-alive GET to a Go app on a unix socket, access log on; %d rounds of %d s, median\n\n", o.rounds, o.seconds)
	for _, connections := range o.connections {
		results := make([]result, len(fronts))
		for _, f := range fronts {
			if _, err := load(f.addr, connections, 1); err != nil {
				return fmt.Errorf("%s, warming up: %w", f.name, err)
			}
		}
		for range o.rounds {
			for i, f := range fronts {
				if err := results[i].measure(f, connections, o.seconds); err != nil {
					return fmt.Errorf("%s with %d connections: %w", f.name, connections, err)
				}
			}
		}
		printTable(fronts, results, connections)
	}
	return nil
}

func (r *result) measure(f front, connections, seconds int) error {
	before, begin := f.cpu(), time.Now()
	n, err := load(f.addr, connections, seconds)
	if err != nil {
		return err
	}
	used, took := f.cpu()-before, time.Since(begin)
	r.micros = append(r.micros, float64(used.Nanoseconds())/1000/float64(n))
	r.rate = append(r.rate, float64(n)/took.Seconds())
	return nil
}

func printTable(fronts []front, results []result, connections int) {
	best := 0.0 // the better of the peers
	for i, f := range fronts {
		if m := median(results[i].micros); f.name != "purser" && (best == 0 || m < best) {
			best = m
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d connections\tµs CPU/request\tmin\tmax\trequests/s\tagainst best peer\t\n", connections)
	for i, f := range fronts {
		m := results[i].micros
		ratio := "-"
		if best > 0 {
			ratio = fmt.Sprintf("%.2fx", median(m)/best)
		}
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%.0f\t%s\t\n", f.name, median(m), slices.Min(m), slices.Max(m), median(results[i].rate), ratio)
	}
	_ = w.Flush()
	fmt.Println()
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
