package spool

import (
	"context"
	"errors"
	"io"
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
		s := &store{New(func(int64) int64 { return most }, muchMemory, sweeper.Clock), t}
		story(s)
		if held, _ := s.Use(); held != 0 || len(s.claims) != 0 {
			t.Errorf("%d bytes are held by %d in the end", held, len(s.claims))
		}
		if held, _ := s.InMemory(); held != 0 {
			t.Errorf("%d bytes are in memory in the end", held)
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
	s := New(func(int64) int64 { return 1000 * kib }, muchMemory, sock.NewSweeper().Clock)
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
