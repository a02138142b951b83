package serve

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/cmd/purser/serve/log"
)

func TestASystemdThatCannotBeToldIsSaidOnce(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", t.TempDir()+"/none")
	var said bytes.Buffer
	p := &purser{Config: Config{Log: &log.Log{Logger: hclog.New(&hclog.LoggerOptions{Output: &said})}}}
	tell := p.watchdogTeller()
	for range 3 {
		tell()
	}
	if n := strings.Count(said.String(), "cannot notify systemd"); n != 1 {
		t.Errorf("it is said %d times: %s", n, &said)
	}
}

func TestAPurserThatIsStuckGivesNoSignOfLife(t *testing.T) {
	over, end := context.WithCancel(t.Context())
	var lock sync.Mutex
	proven, told := make(chan int, 100), make(chan int, 100)
	prove := func() {
		proven <- 1
		lock.Lock()
		defer lock.Unlock()
	}
	lock.Lock()
	var feeding sync.WaitGroup
	feeding.Go(func() { feed(over, time.Millisecond, prove, func() { told <- 1 }) })
	<-proven
	if len(told) > 0 || len(proven) > 0 {
		t.Error("a sign of life was given while a lock was stuck")
	}
	lock.Unlock()
	for range 3 {
		<-told
	}
	end()
	feeding.Wait()
}
