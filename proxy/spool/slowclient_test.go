package spool

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

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
	return begin(s.Spool, "head", deliverer(r.deliver), func(error) {})
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
		if err := o.Finish(); err != nil {
			t.Errorf("the answer was ended: %v", err)
		}
	})
}

func TestClientThatTakesNothingIsSlowSoonerThanAfterAWindow(t *testing.T) {
	inStore(t, 600*kib, func(s *store) {
		r := newSlowClient()
		o := s.answerTo(r)
		r.take <- 1
		if err := o.Write(make([]byte, 300*kib)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * still)
		b := s.mustUpload(400 * kib)
		b.Reset()
		close(r.take)
		if err := o.Finish(); !errors.Is(err, ErrFull) {
			t.Errorf("the answer that nobody takes ended with %v, want %v", err, ErrFull)
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
		_ = o.Finish()
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
		if err := end(o, "end"); !errors.Is(err, ErrFull) {
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
		if err := o.Finish(); err != nil {
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
		_ = o.Finish()
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
		if err := o.Finish(); err != nil || !bytes.Equal(r.got.Bytes(), sent.Bytes()) {
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
		if err := o.Finish(); err != nil {
			t.Error(err)
		}
	})
}

func TestFaultOfADeliveryIsItsOwners(t *testing.T) {
	inStore(t, 1<<40, func(s *store) {
		o := begin(s.Spool, "head", deliverer(func([]byte) error { panic("cannot write") }), nil)
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
		_ = o.Finish()
	})
}
