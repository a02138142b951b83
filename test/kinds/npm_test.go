package kinds

import (
	"testing"

	"purser/test/harness"
)

// thrown is a release of a Node.js application that cannot start.
const thrown = "throw new Error('this release is broken');\n"

func TestApplicationsFromNpmAreServedAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, a := range []application{
		{name: "express", path: "/", says: "Welcome to Express", breaks: map[string]string{"app.js": thrown}},
		{name: "next", path: "/", says: "Next.js, process", breaks: map[string]string{"next.config.js": thrown}}, // which it reads after it listens
		{name: "nuxt", path: "/", says: "Welcome to Nuxt", breaks: map[string]string{".output/server/index.mjs": thrown}},
		{name: "sveltekit", path: "/", says: "Welcome to SvelteKit", breaks: map[string]string{"build/index.js": thrown}},
		{name: "verdaccio", path: "/-/verdaccio/data/packages", says: "[", breaks: map[string]string{"config.yaml": "storage: ["}},
		{name: "node-red", path: "/", says: "Node-RED", breaks: map[string]string{"data/settings.js": thrown}},
		{name: "json-server", path: "/posts", says: "typicode", breaks: map[string]string{"db.json": "{"}},
		{name: "socketio", path: "/", says: "Hello world", breaks: map[string]string{"index.js": thrown}, more: chat},
	} {
		a.make = npm(a.name)
		t.Run(a.name, func(t *testing.T) { a.test(t) })
	}
}

func npm(name string) func(*testing.T) harness.App {
	return func(t *testing.T) harness.App { return harness.NPMApp(t, name) }
}

// chat says something over socket.io, by a WebSocket, and hears it.
func chat(t *testing.T, p *harness.Purser) {
	c := harness.Dial(t, p)
	c.Send("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if answer := c.Answer("GET"); answer.StatusCode != 101 {
		t.Fatalf("socket.io answered a WebSocket with %d", answer.StatusCode)
	}
	c.MustHear(`0{"sid":`)
	c.Say("40")
	c.MustHear(`40{"sid":`)
	c.Say(`42["chat message","hello"]`)
	c.MustHear(`42["chat message","hello"]`)
	_ = c.Net.Close() // else the process that it is with drains until websocket_close_window
}
