package scale

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

func TestIncompleteHeadsDoNotKeepOthersOutWhenDescriptorsAreShort(t *testing.T) {
	app := harness.NewApp(t, "node")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1)), Before: []string{"prlimit", "--nofile=256"}})
	var heads []net.Conn
	for range 400 {
		c, err := net.Dial("tcp", p.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		harness.SendAll(t, c, "GET / HTTP/1.1\r\nHost: exam")
		heads = append(heads, c)
	}
	slowest := time.Duration(0)
	for i := range 121 {
		begin := time.Now()
		ask := "GET /? HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
		if i%3 == 0 { // which needs a connection of its own to the app
			ask = "POST /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100000)
		}
		if answer := harness.Ask(t, p, ask); answer.StatusCode != 200 {
			t.Fatalf("request %d got %d %s", i, answer.StatusCode, answer.Header.Get("Purser-Error"))
		}
		slowest = max(slowest, time.Since(begin))
	}
	if slowest > 3*time.Second {
		t.Errorf("one of the others waited for %v", slowest)
	}
	if !wasEnded(heads[0]) || wasEnded(heads[len(heads)-1]) {
		t.Error("the oldest head is there, or the youngest is gone")
	}
	if said := p.Log.Lines("no file descriptor is free"); len(said) > 3 {
		t.Errorf("the log says %d times that descriptors are short", len(said))
	}
}

// wasEnded reports whether purser has closed a connection, looking for a moment only.
func wasEnded(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	return err == io.EOF
}
