package main

import (
	"bufio"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// A client sends one request, or message, after the other.
type client interface {
	exchange() error
	Close() error
}

// generate is the load generator: each connection sends its next request once the last one is
// answered. It says when all are open and waits for a line; then it works for so long, says how many
// requests were answered in how many nanoseconds, and keeps the connections open until its input ends.
func generate(addr string, m mode, connections, seconds int) error {
	clients := make([]client, connections)
	for i := range clients {
		c, err := openClient(addr, m)
		if err != nil {
			return err
		}
		defer c.Close()
		clients[i] = c
	}
	fmt.Println("ready")
	in := bufio.NewReader(os.Stdin)
	if _, err := in.ReadString('\n'); err != nil {
		return fmt.Errorf("nobody says that it may begin: %w", err)
	}
	begin, length := time.Now(), time.Duration(seconds)*time.Second
	const patience = time.Minute
	late := time.AfterFunc(length+patience, func() { panic("requests were not answered within a minute") })
	defer late.Stop()
	answered, err := keepBusy(clients, begin.Add(length))
	if err != nil {
		return err
	}
	fmt.Println(answered, time.Since(begin).Nanoseconds())
	_, _ = in.ReadString('\n')
	return nil
}

func openClient(addr string, m mode) (client, error) {
	if m.websocket {
		return openWebSocket(addr, m.path)
	}
	return openHTTP(addr, m, 64*kib)
}

// keepBusy lets each client exchange until the deadline, and the last exchange end after it: all that
// the front has done is counted.
func keepBusy(clients []client, deadline time.Time) (int64, error) {
	var answered atomic.Int64
	var all errgroup.Group
	for _, c := range clients {
		all.Go(func() error {
			for time.Now().Before(deadline) {
				if err := c.exchange(); err != nil {
					return err
				}
				answered.Add(1)
			}
			return nil
		})
	}
	err := all.Wait()
	return answered.Load(), err
}
