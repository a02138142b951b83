package main

import (
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
)

func printTable(results []result, connections int) {
	peer := cheapest(results, front.isPeer)
	before := cheapest(results, func(f front) bool { return f.name == "before" })
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d connections\tµs CPU/request\tmin\tmax\trequests/s\tagainst best peer\tagainst before\t\n", connections)
	for _, r := range results {
		m := median(r.micros)
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%.1f\t%s\t%s\t\n", r.front.name, m, slices.Min(r.micros), slices.Max(r.micros),
			median(r.rate), ratio(m, peer), ratio(m, before))
	}
	_ = w.Flush()
}

// cheapest is the lowest median of those that are counted, 0 if there is none.
func cheapest(results []result, counts func(front) bool) float64 {
	lowest := 0.0
	for _, r := range results {
		if m := median(r.micros); counts(r.front) && (lowest == 0 || m < lowest) {
			lowest = m
		}
	}
	return lowest
}

func ratio(value, base float64) string {
	if base == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3fx", value/base)
}
