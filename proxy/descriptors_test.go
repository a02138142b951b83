package proxy

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"purser/proxy/client"
	"purser/proxy/sock"
)

func TestDescriptorsAreKeptForAppsAndOperators(t *testing.T) {
	for limit, want := range map[uint64]descriptorLimits{
		64:      {48, 56, 60},
		256:     {192, 224, 240},
		1024:    {768, 896, 960},
		4096:    {3584, 3840, 3968},
		1 << 20: {1<<20 - 512, 1<<20 - 256, 1<<20 - 128},
		1 << 63: {1<<30 - 512, 1<<30 - 256, 1<<30 - 128}, // unlimited
	} {
		if got := descriptorLimitsOf(limit); got != want {
			t.Errorf("of %d: got %v, want %v", limit, got, want)
		}
	}
}

// How many descriptors are in use shows in the number of a new one, and is not forgotten when those with low
// numbers become free.
func TestShortageIsSeenThroughGapsInTheNumbers(t *testing.T) {
	d := &descriptors{descriptorLimits: descriptorLimitsOf(256), sweeper: sock.NewSweeper()}
	for range 100 {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		_ = unix.Close(pair[1])
		s, err := sock.New(os.NewFile(uintptr(pair[0]), "a socket"), d.sweeper)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
	}
	for _, step := range []struct {
		fd   uintptr
		want client.Room
	}{
		{150, client.MuchRoom}, {191, client.MuchRoom}, {192, client.LittleRoom}, // 93 others
		{20, client.LittleRoom}, {223, client.LittleRoom}, {224, client.NoRoom}, {20, client.NoRoom},
	} {
		if got := d.room(step.fd); got != step.want {
			t.Errorf("at %d there is room %d, want %d", step.fd, got, step.want)
		}
	}
	if d.kept(20) || !d.kept(240) {
		t.Error("the last are not those that are kept from links")
	}
	d.since.Add(-int64(recount))
	if got := d.room(150); got != client.MuchRoom {
		t.Errorf("once the others have gone there is room %d", got)
	}
}
