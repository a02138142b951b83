package deploy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"purser/pool"
)

// This file is how a Deployer leaves what it does to that of another process, which goes on with the same apps.

// Rest waits until no restart is being prepared and no hook runs. From then on none is begun until goOn is called, which
// has to be unless Yield is. If it takes longer than ctx, nothing has changed, and the error says what goes on.
func (d *Deployer) Rest(ctx context.Context) (goOn func(), err error) {
	apps := d.all()
	wrong := make([]error, len(apps))
	var waiting sync.WaitGroup
	for i, a := range apps {
		waiting.Go(func() { wrong[i] = a.rest(ctx) })
	}
	waiting.Wait()
	goOn = func() {
		for i, a := range apps {
			if wrong[i] == nil {
				<-a.turn
			}
		}
	}
	if err := errors.Join(wrong...); err != nil {
		goOn()
		return nil, err
	}
	return goOn, nil
}

// rest takes the turn of those who prepare a restart.
func (a *App) rest(ctx context.Context) error {
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("a restart of %s is being prepared", a.name)
	}
	if a.hooks.await(ctx) {
		return nil
	}
	<-a.turn
	return fmt.Errorf("a hook of %s runs", a.name)
}

// lastWord is how long the hooks may take that follow what has happened last.
const lastWord = 2 * time.Second

// Yield has nothing begun, taken back or written down any more: another process does so. It follows Rest. What has
// happened so far has been followed when it returns. Neither Stop nor Close is to be called any more.
func (d *Deployer) Yield() {
	d.yielded.Store(true)
	d.stop()
	d.events.catchUp()
	d.events.close()
	var hooks sync.WaitGroup
	for _, a := range d.all() {
		hooks.Go(func() { a.hooks.close(lastWord) })
	}
	hooks.Wait()
	d.memo.leave()
}

// over is why nothing is begun any more.
func (d *Deployer) over(otherwise error) error {
	if d.yielded.Load() {
		return pool.ErrYielded
	}
	return otherwise
}

// leave has the file be that of another process.
func (m *memo) leave() {
	m.close()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.path = ""
}
