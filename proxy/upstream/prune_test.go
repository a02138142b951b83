package upstream

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"purser/proxy/sock"
)

// A road is a way in the time of a synctest bubble.
type road struct {
	*Way
	t       *testing.T
	sweeper *sock.Sweeper
}

func onRoad(t *testing.T, story func(*road)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &road{Way: New("unix", "/nowhere"), t: t, sweeper: sock.NewSweeper()}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go r.sweeper.Run(ctx)
		defer r.CloseIdle()
		story(r)
	})
}

// link is a connection to the app, and the app's end of it.
func (r *road) link() (*sock.Socket, *os.File) {
	r.t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	app := os.NewFile(uintptr(fds[1]), "app")
	s, err := sock.New(os.NewFile(uintptr(fds[0]), "ours"), r.sweeper)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { s.Close(); _ = app.Close() })
	return s, app
}

func (r *road) idleLinks() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.idle)
}

func TestIdleConnectionsEndInQuietTimes(t *testing.T) {
	onRoad(t, func(r *road) {
		const burst = 50
		var apps []*os.File
		for range burst {
			s, app := r.link()
			r.put(s, false)
			apps = append(apps, app)
		}
		if n := r.idleLinks(); n != burst {
			t.Fatalf("%d are kept, want %d", n, burst)
		}
		time.Sleep(time.Minute) // nobody comes
		synctest.Wait()
		if n := r.idleLinks(); n != 0 {
			t.Fatalf("after a minute %d are kept", n)
		}
		for _, app := range apps {
			if _, err := app.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Fatalf("the app sees %v, want the end", err)
			}
		}
		s, _ := r.link() // and the next burst likewise
		r.put(s, false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := r.idleLinks(); n != 0 {
			t.Errorf("after another minute %d are kept", n)
		}
	})
}

func TestConnectionsThatAreUsedAreKept(t *testing.T) {
	onRoad(t, func(r *road) {
		for range 3 {
			s, _ := r.link()
			r.put(s, false)
		}
		for range 12 {
			time.Sleep(10 * time.Second)
			s := r.take()
			if s == nil {
				t.Fatal("none is left")
			}
			r.put(s, false)
		}
		if n := r.idleLinks(); n != 1 {
			t.Errorf("%d are kept, want the one that is used", n)
		}
	})
}

func TestFaultOfASenderEndsTheWaitForAnAnswer(t *testing.T) {
	onRoad(t, func(r *road) {
		link, app := r.link()
		s := startSender(link, []byte("head"), &Request{}, false) // it has no body to read
		<-s.done
		if s.join(link) {
			t.Error("all was sent")
		}
		if sent, err := io.ReadAll(app); string(sent) != "head" || err != nil {
			t.Errorf("the app got %q, %v, want what was sent and the end", sent, err)
		}
		defer func() {
			if recover() == nil {
				t.Error("its owner sees nothing")
			}
		}()
		s.fault.Raise()
	})
}
