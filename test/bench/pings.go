package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"purser/test/harness"
)

// A pinged is what came of the messages to one front.
type pinged struct {
	name     string
	addr     string
	inHTTP2  bool
	p50, p99 []float64 // of each round, in microseconds
}

// measurePings opens n WebSockets over TLS to each front in turn, sends one message a second on each, spread over
// the second, and measures how long it takes until it is back.
func measurePings(fronts []front, o options) error {
	var all []*pinged
	for _, f := range fronts {
		if f.tls != "" {
			all = append(all, &pinged{name: f.name, addr: f.tls})
		}
		if f.tls != "" && !f.isPeer() {
			all = append(all, &pinged{name: f.name + ", HTTP/2", addr: f.tls, inHTTP2: true})
		}
	}
	for round := range o.rounds {
		for i := range all {
			if err := all[(round+i)%len(all)].measure(o.pings, time.Duration(o.seconds)*time.Second); err != nil {
				return err
			}
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d WebSockets over TLS, a message a second on each\tp50 µs\tp99 µs\tp99 against nginx\t\n", o.pings)
	nginx := 0.0
	if i := slices.IndexFunc(all, func(p *pinged) bool { return p.name == "nginx" }); i >= 0 {
		nginx = median(all[i].p99)
	}
	for _, p := range all {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%s\t\n", p.name, median(p.p50), median(p.p99), ratio(median(p.p99), nginx))
	}
	return w.Flush()
}

// measure is one round.
func (p *pinged) measure(n int, length time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), length+time.Minute)
	defer cancel()
	sockets, end, err := p.open(ctx, n)
	defer end()
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	begin, took := time.Now(), make([][]time.Duration, n)
	var clients errgroup.Group
	for i, s := range sockets {
		clients.Go(func() (err error) {
			took[i], err = pingEachSecond(s, begin.Add(time.Second*time.Duration(i)/time.Duration(n)), begin.Add(length))
			return err
		})
	}
	if err := clients.Wait(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	sorted := slices.Sorted(slices.Values(slices.Concat(took...)))
	micros := func(q float64) float64 { return float64(sorted[int(q*float64(len(sorted)-1))].Nanoseconds()) / 1000 }
	p.p50, p.p99 = append(p.p50, micros(0.5)), append(p.p99, micros(0.99))
	return nil
}

func pingEachSecond(s *harness.Socket, due, end time.Time) (took []time.Duration, err error) {
	message := harness.Frame{Opcode: harness.BinaryFrame, Payload: bytes.Repeat([]byte("m"), 100)}
	for ; due.Before(end); due = due.Add(time.Second) {
		<-time.After(time.Until(due))
		begin := time.Now()
		if err := s.Echo(message); err != nil {
			return took, err
		}
		took = append(took, time.Since(begin))
	}
	return took, nil
}

// open opens the WebSockets, of HTTP/2 50 on each connection. The connections end with end.
func (p *pinged) open(ctx context.Context, n int) (sockets []*harness.Socket, end func(), err error) {
	var closers []func() error
	end = func() {
		for _, c := range closers {
			_ = c()
		}
	}
	config := &tls.Config{ServerName: "bench.example", InsecureSkipVerify: true} // nobody has signed the certificate
	for len(sockets) < n && !p.inHTTP2 {
		conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", p.addr)
		if err != nil {
			return nil, end, err
		}
		closers = append(closers, conn.Close)
		s, err := harness.OpenSocket(conn, "bench.example", "/ws")
		if err != nil {
			return nil, end, err
		}
		sockets = append(sockets, s)
	}
	for len(sockets) < n {
		h, err := harness.DialHTTP2(ctx, p.addr, config)
		if err != nil {
			return nil, end, err
		}
		closers = append(closers, h.Close)
		for range min(50, n-len(sockets)) {
			s, err := h.OpenSocket(ctx, "/ws")
			if err != nil {
				return nil, end, err
			}
			sockets = append(sockets, s)
		}
	}
	return sockets, end, nil
}
