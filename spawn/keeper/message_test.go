package keeper

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func FuzzMessages(f *testing.F) {
	f.Add(message{verbStop, 1, 15, ""}.packet(), 0, byte(0), byte(quiet))
	f.Add(message{verbHold, 0, 0, "door"}.packet(), 1, byte(0), byte(quiet))
	f.Add(message{verbNote, 0, 0, "group/app"}.packet(), 1, byte(0), byte(quiet))
	f.Add(message{verbFork, 9, 0, "app#1"}.packet(), 7, byte(2), byte(quiet))
	f.Add(message{verbFront, 0, 0, ""}.packet(), 4, byte(0), byte(quiet))
	f.Add(message{verbUpgrade, 0, 1, ""}.packet(), 1, byte(0), byte(quiet))
	f.Add(message{verbPrepared, 0, 0, ""}.packet(), 0, byte(1), byte(preparing))
	f.Add(message{verbYielded, 0, 0, ""}.packet(), 0, byte(0), byte(yielding))
	f.Add(message{verbGoesOn, 0, 0, ""}.packet(), 0, byte(0), byte(withdrawing))
	f.Add(message{verbReady, 0, 0, "1.0"}.packet(), 0, byte(0), byte(taking))
	f.Add([]byte{version}, 0, byte(0), byte(quiet))
	k := fuzzedKeeping(f)
	f.Fuzz(func(t *testing.T, packet []byte, files int, from, at byte) {
		m, err := parse(packet)
		if err == nil && string(m.packet()) != string(packet) {
			t.Errorf("%q was read as %+v", packet, m)
		}
		fds := nulls(t, min(max(files, 0), mostFiles))
		if err == nil {
			err = m.refuses(fds)
		}
		if err != nil {
			closeFiles(fds)
			return
		}
		for _, all := range []map[string]int{k.held, k.notes} {
			for name := range all {
				if len(all) > 50 { // it may keep as much as it likes, but this process may not open as much
					drop(all, name)
				}
			}
		}
		closeFiles([]int{k.next})
		k.next, k.upgrade.phase, k.front.stage = -1, phase(at)%(taking+1), serving
		for i, r := range []role{owner, candidate, old} {
			k.fronts[i].role, k.fronts[i].due = r, time.Time{}
		}
		k.take(request{message: m, files: fds, from: k.fronts[int(from)%len(k.fronts)].peer})
		k.look()
	})
}

// FuzzConfined is FuzzMessages for a front that may do only what grants name.
func FuzzConfined(f *testing.F) {
	f.Add(message{verbFork, 9, 1, "app#1"}.packet(), 4)
	f.Add(message{verbFolder, 9, 1, ""}.packet(), 0)
	f.Add(message{verbOpen, 9, 1, ""}.packet(), 0)
	f.Add(message{verbLeave, 9, 1, ""}.packet(), 0)
	f.Add(message{verbUse, 9, 0, ""}.packet(), 1)
	f.Add(message{verbHolds, 9, 1, "12"}.packet(), 0)
	f.Add(message{verbRead, 9, 0, ""}.packet(), 0)
	f.Add(message{verbFollow, 9, 1, ""}.packet(), 0)
	f.Add(message{verbNotify, 0, 0, ""}.packet(), 1)
	f.Add(message{verbGrants, 0, 0, ""}.packet(), 1)
	k := fuzzedKeeping(f)
	if err := k.granted.adopt(confinedGrants(f.TempDir(), 1)); err != nil {
		f.Fatal(err)
	}
	k.granted.runtime = f.TempDir()
	f.Fuzz(func(t *testing.T, packet []byte, files int) {
		m, err := parse(packet)
		fds := nulls(t, min(max(files, 0), mostFiles))
		if err == nil {
			err = m.refuses(fds)
		}
		if err != nil {
			closeFiles(fds)
			return
		}
		k.take(request{message: m, files: fds, from: k.the(owner).peer})
		k.look()
		if len(k.children) > 0 {
			t.Errorf("%q has started something", packet)
		}
	})
}

// fuzzedKeeping is a keeper whose fronts say anything. Its descriptors lead nowhere, so that nothing is run.
func fuzzedKeeping(t testing.TB) *keeping {
	k := newKeeping()
	k.requests = make(chan request, 10)
	k.above = deafPeer(t, k)
	for _, r := range []role{owner, candidate, old} {
		k.fronts = append(k.fronts, &frontProcess{role: r, peer: deafPeer(t, k)})
	}
	t.Cleanup(k.log.close)
	k.front.runs()
	return k
}

func deafPeer(t testing.TB, k *keeping) *peer {
	ours, theirs, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	generic, err := net.FileConn(theirs)
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			_, files, err := receive(generic.(*net.UnixConn))
			closeFiles(files)
			if err != nil {
				if _, malformed := err.(errMalformed); !malformed {
					return
				}
			}
		}
	}()
	p := newPeer(ours, k.requests)
	t.Cleanup(func() {
		p.close()
		generic.Close()
	})
	return p
}

func nulls(t testing.TB, n int) (fds []int) {
	for range n {
		fd, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	return fds
}

func FuzzPrograms(f *testing.F) {
	f.Add("/bin/sh\x00/\x00\x001\x00sh\x00A=b")
	f.Add("/bin/sh\x00/\x0033:33:4,5\x001\x00sh\x00A=b")
	f.Add("\x00\x00\x00-1\x00")
	f.Add("\x00\x00::\x0099999999\x00")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseProgram(text)
		if err != nil {
			return
		}
		again, err := p.text()
		if err != nil {
			t.Fatal(err)
		}
		if q, err := parseProgram(string(again)); err != nil || q.Path != p.Path || len(q.Args) != len(p.Args) || len(q.Env) != len(p.Env) || !reflect.DeepEqual(q.User, p.User) {
			t.Errorf("%q was read as %+v, and then as %+v (%v)", text, p, q, err)
		}
	})
}

func TestWhatIsMalformedIsRefused(t *testing.T) {
	long := message{verb: verbHold, name: strings.Repeat("x", nameSize)}.packet()
	if _, err := parse(long); err != nil {
		t.Errorf("the longest name: %v", err)
	}
	for name, packet := range map[string][]byte{"empty": {}, "short": long[:headSize-1], "too long": append(long, 'x'), "of another version": append([]byte{version + 1}, long[1:]...)} {
		if _, err := parse(packet); err == nil {
			t.Errorf("one that is %s was read", name)
		}
	}
	for name, m := range map[string]message{"of no verb": {verb: '?'}, "of the keeper's verb": {verb: verbGone}, "without a name": {verb: verbDrop}, "without its descriptor": {verb: verbHold, name: "a"}} {
		if m.refuses(nil) == nil {
			t.Errorf("one %s was taken", name)
		}
	}
}

func TestANoteHasALimit(t *testing.T) {
	k := newKeeping()
	defer k.log.close()
	big, err := os.Create(filepath.Join(t.TempDir(), "big"))
	check(t, err)
	check(t, big.Truncate(textSize+1))
	fds := copies([]int{int(big.Fd())})
	big.Close()
	if k.note("a", fds) == nil || len(k.notes) != 0 {
		t.Error("a note that is too long was kept")
	}
	if k.note("a", nulls(t, 1)) == nil {
		t.Error("a note that is no file was kept")
	}
	front := &Keeper{front: true}
	if front.Note("a", make([]byte, textSize+1)) == nil || front.Note("", []byte("x")) == nil || front.Hold("", big) == nil {
		t.Error("what the keeper would refuse was said to it")
	}
}

func TestOnlyTheMainProcessStartsFrontsAndPassesSignals(t *testing.T) {
	k := fuzzedKeeping(t)
	for _, m := range []message{{verb: verbFront}, {verb: verbPass, number: uint32(unix.SIGTERM)}} {
		if k.obey(request{message: m, files: nulls(t, map[verb]int{verbFront: forkFiles}[m.verb]), from: k.fronts[0].peer}) == nil {
			t.Errorf("%q was obeyed", byte(m.verb))
		}
	}
	if k.program != nil || k.front.last {
		t.Error("something has happened")
	}
}

// Who has asked for a child waits for an answer, whatever is wrong.
func TestARefusedForkIsAnswered(t *testing.T) {
	ours, theirs, err := socketPair()
	check(t, err)
	generic, err := net.FileConn(theirs)
	check(t, err)
	defer generic.Close()
	check(t, theirs.Close())
	k := newKeeping()
	k.requests = make(chan request, 10)
	defer k.log.close()
	p := newPeer(ours, k.requests)
	k.above = p
	defer p.close()
	asks := generic.(*net.UnixConn)
	for name, files := range map[string][]int{"without descriptors": nil, "with some that are no program": nulls(t, forkFiles)} {
		check(t, message{verb: verbFork, id: 7}.send(asks, files...))
		closeFiles(files)
		k.take(<-k.requests)
		if m, _, err := receive(asks); err != nil || m.verb != verbFailed || m.id != 7 {
			t.Errorf("%s: the answer is %+v, %v", name, m, err)
		}
	}
}

func TestWhoReadsNothingIsNotWaitedFor(t *testing.T) {
	ours, theirs, err := socketPair()
	check(t, err)
	defer theirs.Close()
	k := newKeeping()
	k.requests = make(chan request, 10)
	defer k.log.close()
	p := newPeer(ours, k.requests)
	defer p.close()
	for range 2 * mostQueued {
		p.say(message{verb: verbGone})
	}
	if r := <-k.requests; !r.ended {
		t.Errorf("it goes on with %+v", r)
	}
}

// Who is killed, or exits, has often not read all: the kernel says so once (unix(7), ECONNRESET), before what it had said.
func TestTheLastWordsOfWhoHasNotReadAllAreHeard(t *testing.T) {
	ours, file, err := socketPair()
	check(t, err)
	defer ours.Close()
	theirs, err := connectionOf(copies([]int{int(file.Fd())}))
	check(t, err)
	check(t, file.Close())
	check(t, message{verb: verbPass}.send(ours))
	check(t, message{verb: verbOver, number: 7}.send(theirs))
	check(t, theirs.Close())
	m, _, err := receive(ours)
	if err != nil || m.verb != verbOver || m.number != 7 {
		t.Errorf("what is heard is %v (%v), want its last words", m, err)
	}
	if m, _, err := receive(ours); !errors.Is(err, io.EOF) {
		t.Errorf("after that %v is heard (%v), want its end", m, err)
	}
}
