package serve

import (
	"context"
	"sync"
	"testing"
	"time"
)

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
