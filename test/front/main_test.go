// Package front holds the tests of what clients send and get: HTTP as it is spoken, the queue, files, uploads,
// streams, WebSockets and the access log.
package front

import (
	"fmt"
	"os"
	"testing"

	"purser/test/harness"
)

func TestMain(m *testing.M) {
	if os.Getenv(relayTo) != "" {
		if err := relay(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(harness.Main(m))
}
