package keeper

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// confinedName is what a front is told that may do only what grants name.
const confinedName = "confined"

// An answer is what the keeper says to a question of the front's.
type answer struct {
	message
	held   map[string]*os.File // since the question
	output *os.File
	wrong  error
}

// question asks the keeper something about a number.
func (k *Keeper) question(v verb, number uint32) answer {
	return k.ask(message{verb: v, number: number})
}

// ask asks the keeper something and waits for its answer.
func (k *Keeper) ask(m message) answer {
	l := k.current()
	if !k.front || l == nil {
		return answer{wrong: errors.ErrUnsupported}
	}
	return l.question(m)
}

func (l *link) question(m message) answer {
	l.mu.Lock()
	if l.dead {
		l.mu.Unlock()
		return answer{wrong: errDead}
	}
	l.last++
	id, told := l.last, make(chan answer, 1)
	l.waiting[id] = told
	l.mu.Unlock()
	m.id = id
	if err := m.send(l.conn); err != nil {
		l.mu.Lock()
		delete(l.waiting, id)
		l.mu.Unlock()
		return answer{wrong: err}
	}
	return <-told
}

// answered passes an answer on to who waits for it; the link's lock is held.
func (l *link) answered(m message, files []int) {
	told := l.waiting[m.id]
	delete(l.waiting, m.id)
	if told == nil {
		closeFiles(files)
		return
	}
	a := answer{message: m}
	switch {
	case m.verb == verbFailed:
		a.wrong = syscall.Errno(m.number)
	case m.verb == verbRead && len(files) == 1:
		a.output = os.NewFile(uintptr(files[0]), "output")
		a.held, l.news = l.news, map[string]*os.File{}
	default:
		closeFiles(files)
	}
	told <- a
}

// loseAnswers is for those that wait when the keeper has died; the link's lock is held.
func (l *link) loseAnswers() {
	for id, told := range l.waiting {
		delete(l.waiting, id)
		told <- answer{wrong: errDead}
	}
}

// Confined reports whether this front may do only what grants name, as another user than the keeper's.
func (k *Keeper) Confined() bool { return k.confined }

// A NotRead is what a reader has printed that refuses the configuration.
type NotRead struct{ Text string }

func (e NotRead) Error() string { return e.Text }

// Read has a reader read the configuration, and returns what is held by it now.
func (k *Keeper) Read() (map[string]*os.File, error) { return k.read("") }

// ReadApp has a reader look at one app of the configuration alone.
func (k *Keeper) ReadApp(app string) (map[string]*os.File, error) { return k.read(app) }

func (k *Keeper) read(app string) (map[string]*os.File, error) {
	a := k.ask(message{verb: verbRead, name: app})
	if a.wrong != nil {
		return nil, fmt.Errorf("cannot have the configuration read: %w", a.wrong)
	}
	defer a.output.Close()
	if a.number == 0 {
		return a.held, nil
	}
	text, err := io.ReadAll(io.NewSectionReader(a.output, 0, mostPrinted))
	if err != nil || len(strings.TrimSpace(string(text))) == 0 {
		return nil, fmt.Errorf("cannot have the configuration read: the process that reads it has exited with status %d", a.number)
	}
	return nil, NotRead{strings.TrimSpace(string(text))}
}

// MakeFolder makes a folder for the socket of a child of a grant.
func (k *Keeper) MakeFolder(grant uint32) (number uint32, path string, err error) {
	a := k.question(verbFolder, grant)
	return a.number, a.name, a.wrong
}

// Use says which grants are used: of others than those of the last two readings the keeper need not know.
func (k *Keeper) Use(numbers []uint32) error {
	f := fields{}
	f.number(uint64(len(numbers)))
	for _, number := range numbers {
		f.number(uint64(number))
	}
	text, err := f.text()
	if err != nil {
		return err
	}
	return k.tellText(message{verb: verbUse}, text)
}

// LeaveFolder has one removed that no child was given.
func (k *Keeper) LeaveFolder(number uint32) { _ = k.tell(message{verb: verbLeave, number: number}) }

// OpenSocket has the front reach the socket SocketName in such a folder.
func (k *Keeper) OpenSocket(folder uint32) error { return k.question(verbOpen, folder).wrong }
