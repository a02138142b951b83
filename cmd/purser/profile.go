//go:build profile

package main

import (
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"

	"purser/spawn/keeper"
)

// With -tags profile, which test/profile builds with, a CPU profile of the front is written to $PURSER_PROFILE until
// it gets a SIGWINCH.
func init() {
	if !keeper.IsFront() {
		return
	}
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
