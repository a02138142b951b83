package show

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"purser/pool"
	"purser/status"
)

// A live is the block at the end of a terminal that shows restarts while they run: a head line for
// each app, and below it a line for each process. It is written over and over, and is gone when
// nothing runs any more.
type live struct {
	out    *os.File
	client *status.Client
	color  bool
	cancel context.CancelFunc
	work   sync.WaitGroup // the goroutine of repaint

	mu    sync.Mutex // guards what follows, and the terminal
	views []*view    // in the order in which they began
	lines int        // that are on screen
}

// repaintInterval is how often the block is drawn: as often as a time in it should move.
const repaintInterval = 200 * time.Millisecond

func newLive(out *os.File, client *status.Client) *live {
	l := &live{out: out, client: client, color: IsColorful(out)}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	l.work.Go(func() { l.repaint(ctx) })
	return l
}

// close removes the block and ends its goroutine.
func (l *live) close() {
	l.cancel()
	l.work.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.views = nil
	l.draw(nil)
}

// show makes an app part of the block, or tells how its restart stands now.
func (l *live) show(app string, r pool.RestartSnapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range l.views {
		if v.app == app {
			v.restart = r
			return
		}
	}
	l.views = append(l.views, &view{app: app, restart: r})
}

// drop takes an app out of the block.
func (l *live) drop(app string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.views = slices.DeleteFunc(l.views, func(v *view) bool { return v.app == app })
	l.draw(nil)
}

// say writes a line above the block, to stay.
func (l *live) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draw([]string{fmt.Sprintf(format, args...)})
}

func (l *live) repaint(ctx context.Context) {
	tick := time.NewTicker(repaintInterval)
	defer tick.Stop()
	for {
		l.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look fetches what the processes do now. An answer that does not come leaves them as they were.
func (l *live) look(ctx context.Context) {
	l.mu.Lock()
	views := slices.Clone(l.views)
	l.mu.Unlock()
	for _, v := range views {
		app, err := l.client.App(ctx, v.app)
		if err != nil {
			continue
		}
		l.mu.Lock()
		v.processes = app.Processes
		if app.Restart != nil && app.Restart.ID == v.restart.ID {
			v.restart = *app.Restart
		}
		l.mu.Unlock()
	}
	if ctx.Err() == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.draw(nil)
	}
}

// draw writes lines that stay in the place of the block, and the block anew below them. Each line is
// cleared after it is written, so that nothing flickers.
func (l *live) draw(stay []string) {
	width, height := size(l.out)
	var b strings.Builder
	if l.lines > 0 {
		fmt.Fprintf(&b, cursorUp, l.lines)
	}
	for _, line := range stay {
		b.WriteString(clearLine + line + "\n")
	}
	block := blockOf(l.views, height-1, time.Now())
	for _, line := range block {
		text := cut(line.text, width-1) // the last column would wrap on some terminals
		if l.color && line.attribute != "" {
			text = line.attribute + text + resetAttributes
		}
		b.WriteString("\r" + text + clearRest + "\n")
	}
	b.WriteString(clearBelow)
	l.lines = len(block)
	l.out.WriteString(b.String())
}
