package upgrade

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"purser/test/harness"
)

func TestAnotherVersionServesAndTheAppsGoOn(t *testing.T) {
	t.Parallel()
	p, _ := harness.ServeNode(t, harness.Processes(2))
	harness.AwaitReady(t, p, 2)
	started := p.Versions(t).Started
	apps, keeper, front := harness.SortedPIDs(p.Status(t, "app").Ready()), p.Keeper(), p.Front()
	upgradeToNext(t, p)
	if v := p.Versions(t); v.Version != harness.NextVersion || !v.Started.Equal(started) {
		t.Errorf("version %s serves since %v, and purser was started at %v", v.Version, v.Started, started)
	}
	mustServe(t, p)
	p.AwaitNoOldFronts(t)
	if now := harness.SortedPIDs(p.Status(t, "app").Ready()); !slices.Equal(now, apps) || p.Keeper() != keeper || p.Front() == front {
		t.Errorf("processes %v serve below keeper %d and front %d; before they were %v, %d and %d", now, p.Keeper(), p.Front(), apps, keeper, front)
	}
	if past := upgradesOf(t, p); len(past) != 1 || past[0].Outcome != "done" || past[0].By == "" || !strings.HasSuffix(past[0].Reason, " to "+harness.NextVersion) {
		t.Errorf("the history tells of %+v", past)
	}
	if kinds := harness.Kinds(p.History(t)); slices.Contains(kinds, "front-crash failed") {
		t.Errorf("the history tells of a crash: %v", kinds)
	}
	p.Signal(syscall.SIGTERM)
	if code, err := p.Wait(harness.Within(t)); err != nil || code != 0 {
		t.Errorf("purser exited with %d (%v)", code, err)
	}
}

// The file that purser was started from is replaced, as by a package, and USR2 has it serve.
func TestTheFileThatItWasStartedFromIsTheOneThatServes(t *testing.T) {
	t.Parallel()
	bin := filepath.Join(t.TempDir(), "purser")
	first, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	install(t, first, bin)
	app := harness.NewApp(t, "node")
	p := harness.Serve(t, harness.Options{Bin: bin, Config: harness.Config(app.Dir, harness.Processes(1))})
	harness.AwaitReady(t, p, 1)
	before := p.Versions(t).Version
	install(t, harness.MustNextBinary(t), bin)
	p.Signal(syscall.SIGUSR2)
	harness.Eventually(t, harness.Patience, "the new file serves", func() bool { return p.Versions(t).Version == harness.NextVersion })
	if past := upgradesOf(t, p); len(past) != 1 || past[0].By != "SIGUSR2" {
		t.Errorf("the history tells of %+v", past)
	}
	install(t, first, bin)
	if said := upgrade(t, p, "--json").Stdout; !strings.Contains(said, `"to":"`+before+`"`) || !strings.Contains(said, `"path":"`+bin+`"`) {
		t.Errorf("the way back is told as %s", said)
	}
	mustServe(t, p)
}

// Nobody waits for an upgrade that a signal asks for, and nothing is under way: what served before has nothing to finish,
// and the next does not wait for it to say so.
func TestAnUpgradeThatNobodyWaitsForServesAtOnce(t *testing.T) {
	t.Parallel()
	p, _ := harness.ServeNode(t)
	harness.AwaitReady(t, p, 1)
	for n := 1; n <= 3; n++ {
		p.Signal(syscall.SIGUSR2)
		harness.Eventually(t, harness.Patience, "the upgrade is done", func() bool { return len(upgradesOf(t, p)) == n })
		p.AwaitNoOldFronts(t)
	}
	if strings.Contains(p.Log.String(), "has not said in time") {
		t.Errorf("who came after one that had nothing to finish has waited for it:\n%s", p.Log.String())
	}
}

// install puts a binary in the place of another, as install(1) and packages do.
func install(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to+".new", text, 0o700)
	}
	if err == nil {
		err = os.Rename(to+".new", to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A request that is under way, those that wait for their turn, and a further one on a connection that is kept are all
// answered, by the process that the new front lends.
func TestRequestsOfTheOldFrontAreAnswered(t *testing.T) {
	t.Parallel()
	p, app := harness.ServeNode(t, "concurrency = 1")
	harness.AwaitReady(t, p, 1)
	kept := harness.Dial(t, p)
	kept.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	kept.Answer("GET")
	first := harness.Dial(t, p)
	first.Send("GET /until?file=go HTTP/1.1\r\nHost: a\r\n\r\n")
	harness.Eventually(t, harness.Patience, "it is under way", func() bool { return p.Status(t, "app").Ready()[0].Requests == 1 })
	var waiting []*harness.Conn
	for range 5 {
		c := harness.Dial(t, p)
		c.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		waiting = append(waiting, c)
	}
	harness.Eventually(t, harness.Patience, "five wait", func() bool { return p.Status(t, "app").Queue == 5 })
	upgradeToNext(t, p)
	if old := oldFront(t, p); old.Requests != 6 {
		t.Errorf("the old front has %+v", old)
	}
	if s := p.Status(t, "app"); s.Ready()[0].Requests != 1 || s.Queue != 5 {
		t.Errorf("the new front knows of:\n%s", harness.Describe(s))
	}
	kept.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	fresh := harness.Dial(t, p)
	fresh.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	harness.Eventually(t, harness.Patience, "seven wait", func() bool { return p.Status(t, "app").Queue == 7 })
	app.Write("go", "")
	harness.MustBeAnswered(t, append(waiting, first, fresh)...)
	if a, whole, err := kept.TryAnswer("GET"); err != nil || a.StatusCode != 200 || !whole.Close {
		t.Errorf("the last of a connection is answered with %d %v (%v)", a.StatusCode, a.Header, err)
	}
	p.AwaitNoOldFronts(t)
	if s := p.Status(t, "app"); s.Ready()[0].Requests != 0 || s.Queue != 0 {
		t.Errorf("something is left:\n%s", harness.Describe(s))
	}
}

// A process that the new front starts is lent to the old one, too.
func TestTheOldFrontGetsProcessesThatItHasNeverSeen(t *testing.T) {
	t.Parallel()
	p, app := harness.ServeNode(t, "concurrency = 1")
	harness.AwaitReady(t, p, 1)
	first := busy(t, p, "go")
	waiting := harness.Dial(t, p)
	waiting.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	harness.Eventually(t, harness.Patience, "it waits", func() bool { return p.Status(t, "app").Queue == 1 })
	upgradeToNext(t, p)
	oldFront(t, p)
	app.Write("VERSION", "2")
	restart := harness.StartCommand(t, p, "restart", "app")
	if a := waiting.Answer("GET"); a.StatusCode != 200 || !strings.HasPrefix(a.Body, "v=2 ") {
		t.Errorf("who waited is answered with %d %s", a.StatusCode, a.Body)
	}
	app.Write("go", "")
	harness.MustBeAnswered(t, first)
	restart.MustExit(t, 0)
	p.AwaitNoOldFronts(t)
}

// A WebSocket is closed within its window, and its client connects to the new front.
func TestWebSocketsMoveOver(t *testing.T) {
	t.Parallel()
	p, _ := harness.ServeNode(t, `websocket_close_window = "2s"`, `env = { ENDS_SOCKETS = "1" }`)
	harness.AwaitReady(t, p, 1)
	socket := harness.OpenWebSocket(t, p)
	socket.MustEcho("before")
	upgradeToNext(t, p)
	if old := oldFront(t, p); old.Connections != 1 || old.Requests != 0 {
		t.Errorf("the old front has %+v", old)
	}
	again := harness.OpenWebSocket(t, p)
	again.MustEcho("after")
	frame := make([]byte, 4)
	if _, err := socket.In.Read(frame); err != nil || frame[0] != 0x88 || frame[2] != 0x03 || frame[3] != 0xf4 {
		t.Errorf("the client gets % x (%v), not a Close frame with 1012", frame, err)
	}
	socket.Net.Close()
	p.AwaitNoOldFronts(t)
	again.MustEcho("at last")
}
