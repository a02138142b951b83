package main

import (
	"fmt"
	"slices"
)

// A result is one front's figures over all rounds at one number of connections.
type result struct {
	front  front
	micros []float64 // CPU per request
	rate   []float64 // requests per second
}

// Figures are the results of a mode at one number of connections.
type figures struct {
	mode        mode
	connections int
	results     []result
}

func measureCPU(fronts []front, o options) (all []figures, err error) {
	fmt.Printf("CPU of the front per request, Go app on a unix socket, access log on; median of %d rounds of %d s, %s\n\n", o.rounds, o.seconds, o.cores)
	for _, m := range o.modes {
		fitting := slices.DeleteFunc(slices.Clone(fronts), func(f front) bool { return !m.fits(f) })
		connections := o.connections
		if connections == nil {
			connections = m.connections
		}
		fmt.Printf("%s: %s\n", m.name, m.what)
		if len(fitting) == 0 {
			fmt.Print("none of the fronts can do that, or a program is missing here (h2load of nghttp2 for HTTP/2)\n\n")
			continue
		}
		if m.gzip {
			if err := printSizes(fitting, m); err != nil {
				return nil, err
			}
		}
		for _, n := range connections {
			results, err := measureMode(fitting, m, o, n)
			if err != nil {
				return nil, fmt.Errorf("%s with %d connections: %w", m.name, n, err)
			}
			printTable(results, n)
			all = append(all, figures{m, n, results})
		}
		fmt.Printf("repeat with: %s\n\n", command(m))
	}
	return all, nil
}

// measureMode lets the fronts take turns after one short turn each that does not count.
func measureMode(fronts []front, m mode, o options, connections int) ([]result, error) {
	results := make([]result, len(fronts))
	for i, f := range fronts {
		results[i].front = f
		if _, err := load(f, m, o.cores, connections, 1); err != nil {
			return nil, fmt.Errorf("%s, warming up: %w", f.name, err)
		}
	}
	for round := range o.rounds {
		for i := range results {
			r := &results[(round+i)%len(results)]
			t, err := load(r.front, m, o.cores, connections, o.seconds)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.front.name, err)
			}
			r.add(t)
		}
	}
	return results, nil
}

func (r *result) add(t tally) {
	r.micros = append(r.micros, float64(t.cpu.Nanoseconds())/1000/float64(t.requests))
	r.rate = append(r.rate, float64(t.requests)/t.took.Seconds())
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
