package spool

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"purser/proxy/sock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const kib = 1 << 10

// A store is a spool of so many bytes, with the time of a synctest bubble.
type store struct {
	*Spool
	t *testing.T
}

func inStore(t *testing.T, most int64, story func(*store)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sweeper := sock.NewSweeper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go sweeper.Run(ctx)
		s := &store{New(func(int64) int64 { return most }, sweeper.Clock), t}
		story(s)
		if held, _ := s.Use(); held != 0 || len(s.claims) != 0 {
			t.Errorf("%d bytes are held by %d in the end", held, len(s.claims))
		}
	})
}

// upload is a body of which the first 64 KiB, which are in memory, and n bytes more have come.
func (s *store) upload(n int) (*Body, error) {
	b := &Body{}
	b.Init(s.Spool)
	return b, b.Append(make([]byte, Memory+n)) // in one piece it goes to the file
}

func (s *store) mustUpload(n int) *Body {
	s.t.Helper()
	b, err := s.upload(n - Memory)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *store) mustHold(want int64) {
	s.t.Helper()
	if held, _ := s.Use(); held != want {
		s.t.Errorf("%d bytes are held, want %d", held, want)
	}
}

func TestAllFilesTogetherHaveACap(t *testing.T) {
	inStore(t, 1000*kib, func(s *store) {
		first, second := s.mustUpload(500*kib), s.mustUpload(400*kib)
		s.mustHold(900 * kib)
		if _, most := s.Use(); most != 1000*kib {
			t.Errorf("%d bytes may be held", most)
		}
		third, err := s.upload(100 * kib)
		if !errors.Is(err, ErrFull) {
			t.Errorf("more than the cap: %v, want %v", err, ErrFull)
		}
		third.Reset()
		first.Reset()
		fourth := s.mustUpload(600 * kib)
		s.mustHold(1000 * kib)
		second.Reset()
		fourth.Reset()
	})
}

func TestFirstTwoThatComeAtOnceHaveTheirCap(t *testing.T) {
	s := New(func(int64) int64 { return 1000 * kib }, sock.NewSweeper().Clock)
	if s.most != 1000*kib || s.largest == 0 {
		t.Errorf("before anybody has come the cap is %d and %d", s.most, s.largest)
	}
}

func TestSlowestGivesWay(t *testing.T) {
	inStore(t, 1000*kib, func(s *store) {
		slow, quick := s.mustUpload(300*kib), s.mustUpload(300*kib)
		for range 20 { // more than a minute
			time.Sleep(4 * time.Second)
			if err := errors.Join(slow.Append([]byte("x")), quick.Append(make([]byte, kib))); err != nil {
				t.Fatal(err)
			}
		}
		young := s.mustUpload(350 * kib)
		if err := young.Append(make([]byte, 100*kib)); err != nil {
			t.Errorf("the new one got %v though there is a slow one", err)
		}
		if err := slow.Append([]byte("x")); !errors.Is(err, ErrFull) {
			t.Errorf("the slow one got %v, want %v", err, ErrFull)
		}
		if err := quick.Append([]byte("x")); err != nil {
			t.Errorf("the quick one got %v", err)
		}
		for _, b := range []*Body{slow, quick, young} {
			b.Reset()
		}
	})
}

func TestSlowestThatAsksForRoomGivesWayItself(t *testing.T) {
	inStore(t, 700*kib, func(s *store) {
		slow, quick := s.mustUpload(300*kib), s.mustUpload(300*kib)
		for range 20 {
			time.Sleep(4 * time.Second)
			if err := errors.Join(slow.Append([]byte("x")), quick.Append(make([]byte, kib))); err != nil {
				t.Fatal(err)
			}
		}
		if err := slow.Append(make([]byte, 100*kib)); !errors.Is(err, ErrFull) {
			t.Errorf("the slow one got %v, want %v", err, ErrFull)
		}
		if err := quick.Append(make([]byte, 100*kib)); err != nil {
			t.Errorf("the quick one got %v", err)
		}
		slow.Reset()
		quick.Reset()
	})
}

func TestWholeBodyNeverGivesWay(t *testing.T) {
	inStore(t, 700*kib, func(s *store) {
		whole := s.mustUpload(600 * kib)
		whole.Complete()
		time.Sleep(5 * time.Minute) // it waits for a process
		b, err := s.upload(200 * kib)
		if !errors.Is(err, ErrFull) {
			t.Errorf("got %v, want %v", err, ErrFull)
		}
		b.Reset()
		content, err := io.ReadAll(whole.Reader())
		if err != nil || len(content) != 600*kib {
			t.Errorf("%d bytes of it are left, %v", len(content), err)
		}
		whole.Reset()
	})
}

// A slowClient is a client that takes an answer when the test lets it.
type slowClient struct {
	take chan int // so many pieces
	got  bytes.Buffer
	gone chan struct{}
}

func newSlowClient() *slowClient { return &slowClient{take: make(chan int), gone: make(chan struct{})} }

func (r *slowClient) deliver(p []byte) error {
	select {
	case <-r.take:
		r.got.Write(p)
		return nil
	case <-r.gone:
		return errors.New("gone")
	}
}

func (s *store) answerTo(r *slowClient) *Outbox {
	return NewOutbox(s.Spool, []byte("head"), r.deliver, func(error) {})
}

func TestClientThatIsOnlyJustSlowIsNotTakenForTheSlowest(t *testing.T) {
	inStore(t, 600*kib, func(s *store) {
		time.Sleep(time.Hour) // purser has run for a while
		r := newSlowClient()
		o := s.answerTo(r)
		r.take <- 1
		if err := o.Write(make([]byte, 300*kib)); err != nil {
			t.Fatal(err)
		}
		b, err := s.upload(400 * kib)
		if !errors.Is(err, ErrFull) {
			t.Errorf("got %v, want %v", err, ErrFull)
		}
		b.Reset()
		close(r.take)
		if err := o.Finish(nil); err != nil {
			t.Errorf("the answer was ended: %v", err)
		}
	})
}

func TestAnswerThatGaveWayEndsAtOnce(t *testing.T) {
	inStore(t, 600*kib, func(s *store) {
		r := newSlowClient()
		o := s.answerTo(r)
		if err := o.Write(make([]byte, 400*kib)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		b := s.mustUpload(300 * kib)
		if err := o.Write(make([]byte, kib)); !errors.Is(err, ErrFull) { // though its client takes nothing
			t.Errorf("got %v, want %v", err, ErrFull)
		}
		close(r.gone)
		_ = o.Finish(nil)
		b.Reset()
	})
}

func TestAnswerThatGaveWayIsNotTakenForWhole(t *testing.T) {
	inStore(t, 600*kib, func(s *store) {
		r := newSlowClient()
		o := s.answerTo(r)
		if err := o.Write(make([]byte, 400*kib)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		b := s.mustUpload(300 * kib)
		close(r.take)
		if err := o.Finish([]byte("end")); !errors.Is(err, ErrFull) {
			t.Errorf("got %v, want %v", err, ErrFull)
		}
		b.Reset()
	})
}

func TestFullSpoolIsTriedAgain(t *testing.T) {
	inStore(t, 600*kib, func(s *store) {
		b := s.mustUpload(600 * kib)
		r := newSlowClient()
		o := s.answerTo(r)
		wrote := make(chan error)
		go func() { wrote <- o.Write(make([]byte, 200*kib)) }()
		synctest.Wait() // it has to wait for its client
		b.Reset()
		r.take <- 1
		r.take <- 1
		if err := <-wrote; err != nil { // for the rest there is room
			t.Error(err)
		}
		close(r.take)
		if err := o.Finish(nil); err != nil {
			t.Error(err)
		}
	})
}

func TestStreamThatNobodyReadsEnds(t *testing.T) {
	inStore(t, 1<<40, func(s *store) {
		r := newSlowClient()
		o := s.answerTo(r)
		o.Limit(StreamMost)
		var err error
		n := 0
		for ; err == nil && n < 100<<20; n += 10 * kib {
			err = o.Write(make([]byte, 10*kib))
		}
		if !errors.Is(err, ErrUnread) || n > StreamMost+2*Memory {
			t.Errorf("after %d bytes: %v, want %v", n, err, ErrUnread)
		}
		close(r.gone)
		_ = o.Finish(nil)
	})
}

func TestLongAnswerHoldsWhatWaitsAndNoMore(t *testing.T) {
	inStore(t, 1<<40, func(s *store) {
		r := newSlowClient()
		o := s.answerTo(r)
		var sent bytes.Buffer
		sent.WriteString("head")
		most := int64(0)
		for i := range 80 { // 40 MiB at a client that is always a little behind
			piece := bytes.Repeat([]byte{byte(i)}, 512*kib)
			sent.Write(piece)
			if err := o.Write(piece); err != nil {
				t.Fatal(err)
			}
			for s.waiting(o) > 512*kib {
				r.take <- 1
				synctest.Wait()
			}
			held, _ := s.Use()
			most = max(most, held)
		}
		if most > 4<<20 {
			t.Errorf("up to %d MiB were held for it", most>>20)
		}
		close(r.take)
		if err := o.Finish(nil); err != nil || !bytes.Equal(r.got.Bytes(), sent.Bytes()) {
			t.Errorf("%v, and %d bytes of %d arrived", err, r.got.Len(), sent.Len())
		}
	})
}

// waiting is how much of an answer waits in its file.
func (s *store) waiting(o *Outbox) int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.wrote - o.read
}

func TestClientThatCatchesUpHoldsNothing(t *testing.T) {
	inStore(t, 1<<40, func(s *store) {
		r := newSlowClient()
		o := s.answerTo(r)
		for range 3 {
			if err := o.Write(make([]byte, 900*kib)); err != nil {
				t.Fatal(err)
			}
			for s.waiting(o) > 0 {
				r.take <- 1
				synctest.Wait()
			}
			if err := o.Write(make([]byte, 200*kib)); err != nil { // fills the memory, and begins the file anew
				t.Fatal(err)
			}
			if held, _ := s.Use(); held > 200*kib {
				t.Errorf("%d KiB are held", held/kib)
			}
		}
		close(r.take)
		if err := o.Finish(nil); err != nil {
			t.Error(err)
		}
	})
}

func TestFaultOfADeliveryIsItsOwners(t *testing.T) {
	inStore(t, 1<<40, func(s *store) {
		o := NewOutbox(s.Spool, []byte("head"), func([]byte) error { panic("cannot write") }, nil)
		err := error(nil)
		for range 100 {
			if err = o.Write(make([]byte, 100*kib)); err != nil {
				break
			}
			synctest.Wait()
		}
		if err == nil {
			t.Error("an endless answer goes on")
		}
		defer func() {
			if fault, ok := recover().(error); !ok || !strings.Contains(fault.Error(), "cannot write") {
				t.Errorf("its owner sees %v", fault)
			}
		}()
		_ = o.Finish(nil)
	})
}
