package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// options are the command line.
type options struct {
	only        []string
	against     string
	cores       cores
	modes       []mode
	connections []int // none = what each mode has
	seconds     int
	rounds      int
	starts      int
	idle        int
	pings       int
	load        string
}

func readOptions() (options, error) {
	o := options{}
	flag.StringVar(&o.load, "load", "", "be the load generator against this address (used by bench itself)")
	only := flag.String("only", "purser,nginx,haproxy", "the fronts to measure")
	flag.StringVar(&o.against, "against", "", "a purser binary that is measured, too, as \"before\"")
	cores := flag.String("cores", "one", "one: the fronts on core 0, app and load on core 1; free: nothing pinned, two workers each")
	names := flag.String("mode", "get", "what to measure: all, or some of "+modeNames())
	connections := flag.String("connections", "", "how many connections to measure with (default: what suits the mode)")
	flag.IntVar(&o.seconds, "seconds", 5, "length of one measurement")
	flag.IntVar(&o.rounds, "rounds", 0, "measurements of each front; the median counts (default 7, with -against 9)")
	flag.IntVar(&o.starts, "starts", 1, "how often each front is started, and measured so many rounds each time")
	flag.IntVar(&o.idle, "idle", 0, "measure the memory of this many idle connections instead")
	flag.IntVar(&o.pings, "pings", 0, "measure how long a message takes there and back on this many WebSockets over TLS instead")
	flag.Parse()
	o.only = strings.Split(*only, ",")
	if o.rounds == 0 {
		o.rounds = 7
		if o.against != "" {
			o.rounds = 9
		}
	}
	return o, o.understand(*cores, *names, *connections)
}

// understand reads what is more than a number or a text.
func (o *options) understand(cores, names, connections string) (err error) {
	if o.seconds < 1 || o.rounds < 1 || o.starts < 1 {
		return fmt.Errorf("-seconds, -rounds and -starts: want numbers above 0")
	}
	if o.against != "" && !slices.Contains(o.only, "purser") {
		return fmt.Errorf("-against: there is nothing to compare with it, as -only has no purser")
	}
	if o.cores, err = coresNamed(cores); err != nil {
		return err
	}
	if o.modes, err = modesNamed(names); err != nil {
		return err
	}
	o.connections, err = counts(connections)
	return err
}

func counts(text string) ([]int, error) {
	if text == "" {
		return nil, nil
	}
	var all []int
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-connections %q: want numbers above 0 with commas between", text)
		}
		all = append(all, n)
	}
	return all, nil
}

// command is the command line that measures m again.
func command(m mode) string {
	line := "go run ./test/bench -mode " + m.name
	flag.Visit(func(f *flag.Flag) {
		if f.Name != "mode" {
			line += fmt.Sprintf(" -%s %s", f.Name, f.Value)
		}
	})
	if bin := os.Getenv("PURSER_BIN"); bin != "" {
		line = "PURSER_BIN=" + bin + " " + line
	}
	return line
}
