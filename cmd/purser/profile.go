//go:build profile

package main

import (
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// With -tags profile, which test/profile builds with, a CPU profile is written to $PURSER_PROFILE until a
// SIGWINCH.
func init() {
	file, err := os.Create(os.Getenv("PURSER_PROFILE"))
	if err != nil || pprof.StartCPUProfile(file) != nil {
		return
	}
	enough := make(chan os.Signal, 1)
	signal.Notify(enough, syscall.SIGWINCH)
	go func() {
		<-enough
		pprof.StopCPUProfile()
		_ = file.Close()
	}()
}
