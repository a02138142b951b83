package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// demoBoot is how long the sample app takes to start, so that one can watch it: as long as a small
// real one.
const demoBoot = time.Second

func newDemoApp() *cobra.Command {
	return &cobra.Command{
		Use:    "demo-app SOCKET",
		Short:  "The sample app of purser demo, which starts it",
		Hidden: true,
		Args:   takes(1, 1, "a socket"),
		RunE:   func(c *cobra.Command, args []string) error { return demoApp(args[0]) },
	}
}

// demoApp serves on a unix socket until SIGTERM what its working folder told it when it started.
func demoApp(socket string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if _, err := os.Stat("broken"); err == nil {
		return withCode(exitFailed, "this release is broken: there is a file called broken in its folder")
	}
	version, err := os.ReadFile("version.txt")
	if err != nil {
		return withCode(exitFailed, "cannot read the version: %w", err)
	}
	time.Sleep(demoBoot)
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return withCode(exitFailed, "cannot listen: %w", err)
	}
	server := &http.Server{Handler: demoPage(strings.TrimSpace(string(version))), ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = errors.Join(server.Shutdown(context.Background()), <-ended)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// demoPage tells which process of which generation answers.
func demoPage(version string) http.Handler {
	var served atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "%s (generation %s, pid %d, request %d of this process)\n",
			version, os.Getenv("PURSER_GENERATION"), os.Getpid(), served.Add(1))
	})
}
