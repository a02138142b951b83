package restart

import "testing"

func TestAWatcherGoesOnFromWhatWasSeenBeforeIt(t *testing.T) {
	s := newSite(t)
	s.put(currentFile)
	s.watched()
	var seen []byte
	asked := false
	s.Saw = func(_ string, text []byte, asks bool) { seen, asked = text, asks }
	s.touch(currentFile)
	s.sees("touched")
	if !asked {
		t.Error("it is not said that the touch asks for a restart")
	}
	app := s.app()
	s.Remove(app.Name)
	s.Add(app, seen)
	s.sees("")
	s.Remove(app.Name)
	s.touch(currentFile) // while nobody watches
	s.Add(app, seen)
	s.sees("touched")
	s.Remove(app.Name)
	s.Add(app, []byte("nonsense"))
	s.sees("")
}
