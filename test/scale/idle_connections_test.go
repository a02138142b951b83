package scale

import (
	"testing"

	"purser/test/harness"
)

func TestIdleConnectionsCostLittleMemory(t *testing.T) {
	const wanted, limit = 8000, 8 << 10
	p, _ := harness.ServeNode(t)
	allowed, err := harness.RaiseFileLimit()
	if err != nil {
		t.Fatal(err)
	}
	n := min(wanted, int(allowed)-500)
	open := func() *harness.Conn {
		c := harness.Dial(t, p)
		c.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if a := c.Answer("GET"); a.StatusCode != 200 {
			t.Fatalf("answered %d", a.StatusCode)
		}
		return c
	}
	open()
	base := harness.RSS(p.Front())
	idle := make([]*harness.Conn, n)
	for i := range idle {
		idle[i] = open()
	}
	then := harness.RSS(p.Front())
	each := (then - base) / int64(n)
	t.Logf("%d idle connections: %d KiB, then %d KiB, %d bytes each", n, base>>10, then>>10, each)
	if each > limit {
		t.Errorf("an idle connection costs %d bytes, more than %d", each, limit)
	}
	idle[0].Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if a := idle[0].Answer("GET"); a.StatusCode != 200 {
		t.Errorf("the first idle connection then got %d", a.StatusCode)
	}
}
