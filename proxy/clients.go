package proxy

import (
	"net/http"
	"strconv"

	"purser/conf"
	"purser/proxy/client"
)

// limitsOf are the limits for clients that a configuration has.
func limitsOf(c conf.Clients) client.Limits {
	return client.Limits{
		Head:        c.HeadTimeout,
		KeepAlive:   c.KeepaliveTimeout,
		Body:        client.Pace{Silence: c.BodyTimeout, Rate: c.BodyMinRate},
		Send:        client.Pace{Silence: c.SendTimeout, Rate: c.SendMinRate},
		Requests:    c.KeepaliveRequests,
		Connections: c.MaxConnections,
		PerAddress:  c.MaxConnectionsPerAddress,
	}
}

// inClear is what is sent to who is turned away, before anything is read.
func (f failure) inClear() []byte {
	body := f.text + "\n"
	return []byte("HTTP/1.1 " + strconv.Itoa(f.status) + " " + http.StatusText(f.status) + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " +
		strconv.Itoa(len(body)) + "\r\nCache-Control: no-store\r\nPurser-Error: " + f.reason + "\r\nRetry-After: 5\r\nConnection: close\r\n\r\n" + body)
}
