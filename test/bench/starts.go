package main

import (
	"fmt"
	"math"
	"os"
	"text/tabwriter"
)

// printStarts shows what all starts have in common: the means of their ratios, with standard errors.
func printStarts(starts [][]figures) {
	fmt.Printf("over all %d starts, each with the ratio of its medians: mean ± standard error\n", len(starts))
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "mode\tconnections\t\tagainst best peer\tagainst before\t\n")
	for i, f := range starts[0] {
		for j, r := range f.results {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t\n", f.mode.name, f.connections, r.front.name,
				meanRatio(starts, i, j, front.isPeer), meanRatio(starts, i, j, func(f front) bool { return f.name == "before" }))
		}
	}
	_ = w.Flush()
}

// meanRatio compares a result of each start with the cheapest of those that are counted.
func meanRatio(starts [][]figures, mode, of int, counts func(front) bool) string {
	var sum, squares float64
	for _, s := range starts {
		base := cheapest(s[mode].results, counts)
		if base == 0 {
			return "-"
		}
		ratio := median(s[mode].results[of].micros) / base
		sum, squares = sum+ratio, squares+ratio*ratio
	}
	n := float64(len(starts))
	mean := sum / n
	return fmt.Sprintf("%.3fx ± %.3f", mean, math.Sqrt(max(squares/n-mean*mean, 0)/(n-1)))
}
