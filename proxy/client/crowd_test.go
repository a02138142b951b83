package client

import (
	"net/netip"
	"testing"
	"time"
)

const (
	full  = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
	greed = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"
)

// crowded are connections of which there may be so many, of all and of each address.
func crowded(t *testing.T, most, perAddress int, answer answerer) (*door, *refusals) {
	t.Helper()
	d, r := newDoor(t, 0, answer), &refusals{}
	d.Refused, d.NoRoomAnswer, d.GreedAnswer = r.add, []byte(full), []byte(greed)
	limits := usual
	limits.Connections, limits.PerAddress = most, perAddress
	d.SetLimits(limits)
	return d, r
}

// refused connects, and reads why there is no place.
func (d *door) refused(status int) {
	d.t.Helper()
	c := d.stranger()
	c.expect(status)
	c.expectEnd()
}

func TestIdleConnectionMakesWayForANewOne(t *testing.T) {
	d, _ := crowded(t, 2, 0, hello)
	older, newer := d.call(get), d.call(get)
	for _, c := range []*caller{older, newer} {
		c.expect(200)
		d.is(c, idle, 0)
	}
	older.conn.since.Store(newer.conn.since.Load() - 1)
	d.call(get).expect(200)
	older.expectEnd()
	newer.Write([]byte(get))
	newer.expect(200)
}

func TestSlowHeadMakesWayBeforeIdleConnections(t *testing.T) {
	d, _ := crowded(t, 2, 0, hello)
	kept, slow := d.call(get), d.call(unfinished)
	kept.expect(200)
	d.is(kept, idle, 0)
	d.is(slow, reading, 2*slowHead)
	d.call(get).expect(200)
	slow.expectEnd()
	kept.Write([]byte(get))
	kept.expect(200)
}

func TestNewConnectionWaitsForThoseThatTurnOutToBeSlow(t *testing.T) {
	d, _ := crowded(t, 2, 0, hello)
	first, second := d.call(unfinished), d.call(unfinished)
	d.is(first, reading, 0)
	d.is(second, reading, 0)
	c := d.stranger()
	_, _ = c.Write([]byte(get))
	first.conn.since.Add(-int64(2 * slowHead))
	c.expect(200)
	first.expectEnd()
	_, _ = second.Write([]byte(rest))
	second.expect(200)
}

func TestWhereAllWorkNobodyMakesWay(t *testing.T) {
	release := make(chan struct{})
	d, refusals := crowded(t, 2, 0, func(c Call, _ error) {
		<-release
		give(c, 200, "hello")
	})
	busy := []*caller{d.call(get), d.call(get)}
	for _, c := range busy {
		d.is(c, serving, time.Hour)
	}
	d.refused(503)
	if n := refusals.count(); n != 1 {
		t.Errorf("%d refusals are told", n)
	}
	close(release)
	for _, c := range busy {
		c.expect(200)
	}
	d.call(get).expect(200)
}

func TestOneAddressHasSoManyConnectionsAndNoMore(t *testing.T) {
	d, refusals := crowded(t, 0, 2, hello)
	first, second := d.call(get), d.call(get)
	first.expect(200)
	second.expect(200)
	d.refused(429)
	if n := refusals.count(); n != 1 {
		t.Errorf("%d refusals are told", n)
	}
	_ = first.Close()
	d.await("it is gone", func() bool { return d.Count() == 1 })
	d.call(get).expect(200)
}

func TestConnectionsThatWereThereBeforeTheLimitCount(t *testing.T) {
	d, _ := crowded(t, 0, 0, hello)
	d.call(get).expect(200)
	before := d.call(get)
	before.expect(200)
	limits := usual
	limits.PerAddress = 2
	d.SetLimits(limits)
	d.SetLimits(limits) // counts nobody twice
	d.refused(429)
	_ = before.Close()
	d.await("it is gone", func() bool { return d.Count() == 1 })
	d.call(get).expect(200)
	d.SetLimits(usual)
	d.call(get).expect(200)
}

func TestTrustedProxyHasAnyNumberOfConnections(t *testing.T) {
	d, _ := crowded(t, 0, 1, hello)
	d.Trust([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, false, nil, false)
	for range 3 {
		d.call(get).expect(200)
	}
}

// A balancer that says who the client is has many of them: each counts for itself.
func TestClientsThatABalancerNamesCountEachForItself(t *testing.T) {
	h, refusals := proxied(t, whoIs)
	h.conns.GreedAnswer = []byte(greed)
	limits := usual
	limits.PerAddress = 1
	h.conns.SetLimits(limits)
	const other = "PROXY TCP4 192.0.2.8 198.51.100.1 40000 443\r\n"
	h.dial().send("%s", fromShop+getting("/")).expect(200, "192.0.2.7 443 trusted=false secure=false")
	h.dial().send("%s", other+getting("/")).expect(200, "192.0.2.8 443 trusted=false secure=false")
	c := h.dial().send(fromShop)
	c.expect(429, "")
	c.expectEnd()
	if n := refusals.count(); n != 1 {
		t.Errorf("%d refusals are told", n)
	}
}

func TestNetworkOfIPv6IsOneClient(t *testing.T) {
	same := func(a, b string) bool { return Block(netip.MustParseAddr(a)) == Block(netip.MustParseAddr(b)) }
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true}, {"192.0.2.1", "192.0.2.2", false}, {"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8::1", "2001:db8::ffff:0:0:1", true}, {"2001:db8::1", "2001:db8:0:1::1", false}, {"::1", "::ffff:0.0.0.1", false},
	} {
		if same(c.a, c.b) != c.same {
			t.Errorf("%s and %s are one: %v", c.a, c.b, !c.same)
		}
	}
}
