package keeper

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
)

// warm is a process that can become a fork source: it serves until TERM, and then it is one if it was told to.
const warm = `
PurserSource.run { $told = "loaded" }
loop do
  stopped = false
  Signal.trap("TERM") { stopped = true }
  number = ENV["PURSER_PROCESS"]
  $stdout.syswrite("forked#{number} #{Process.pid}\nfrom#{number} #{$by || 0}\n")
  sleep 0.01 until stopped
  exit 5 unless PurserSource.next?
  $by = Process.pid
  %s
  PurserSource.run_next
end`

// warmed runs a source in Ruby, and a process that was forked from it.
func (h *house) warmed(last, variable string) (p Program, source, process *Process) {
	h.t.Helper()
	p = h.loads(interpreters["ruby"], "")
	loader, err := filepath.Abs("../loader")
	check(h.t, err)
	p.Args = []string{"ruby", "-r", loader + "/ruby_source.rb", "-e", fmt.Sprintf(warm, last)}
	p.Env = append(p.Env, variable)
	p.Source = true
	source, err = h.keeper.Fork(p)
	check(h.t, err)
	<-source.Loaded()
	p.Source, p.From = false, source
	return p, source, h.oneMore(p, source, "1")
}

func (h *house) oneMore(p Program, source *Process, number string) *Process {
	h.t.Helper()
	p.From, p.Name = source, "process "+number
	p.Env = append(append([]string{}, p.Env...), "PURSER_PROCESS="+number)
	process, err := h.keeper.Fork(p)
	check(h.t, err)
	h.pid("from" + number) // it serves
	return process
}

func TestAProcessThatHasServedBecomesAForkSource(t *testing.T) {
	h := newHouse(t)
	p, source, first := h.warmed("", "PURSER_REFORK=1")
	first.Refork()
	<-first.Loaded()
	source.Kill()
	<-source.Gone()
	second := h.oneMore(p, first, "2")
	if from := h.pid("from2"); from != first.PID() {
		t.Errorf("process 2 comes from %d, and not from %d that has served", from, first.PID())
	}
	m, err := readMember(second.PID())
	check(t, err)
	if m.parent != h.keeper.PID() || m.group != m.pid {
		t.Errorf("it has the parent %d and the group %d: it is to be a child of the keeper %d, and to lead a group", m.parent, m.group, h.keeper.PID())
	}
	h.oneMore(p, first, "1") // its name is free again
	second.Refork()
	<-second.Loaded() // so can what was forked from it
	first.Kill()
	h.ends(first, "killed by signal KILL")
}

func TestAProcessThatMayNotBecomeASourceEnds(t *testing.T) {
	h := newHouse(t)
	_, _, process := h.warmed("", "PURSER_OTHER=1")
	process.Refork()
	h.ends(process, "exited with status 5")
}

func TestAProcessMakesNothingBeforeItHasBecomeASource(t *testing.T) {
	h := newHouse(t)
	p, _, process := h.warmed("sleep", "PURSER_REFORK=1")
	p.From = process
	for _, when := range []string{"before it is told to be one", "while it becomes one"} {
		if child, err := h.keeper.Fork(p); err != syscall.ESRCH {
			t.Errorf("%s it makes %v: %v", when, child, err)
		}
		process.Refork()
	}
	process.Kill()
	<-process.Gone()
}

func TestAProcessThatDiesWhileItBecomesASourceIsGone(t *testing.T) {
	h := newHouse(t)
	p, source, process := h.warmed("Process.kill(:KILL, Process.pid)", "PURSER_REFORK=1")
	process.Refork()
	h.ends(process, "killed by signal KILL")
	h.oneMore(p, source, "3") // the old source goes on
}

// Nobody else may make a process a source: it would end with its front, and another front would miss it.
func TestAProcessThatSaysItIsASourceUnaskedIsNone(t *testing.T) {
	h := newHouse(t)
	p, source, _ := h.warmed("", "PURSER_REFORK=1")
	p.Args[len(p.Args)-1] = `
PurserSource.define_singleton_method(:await_word) { |own| say(own, PurserSource::LOADED); $own = own }
` + fmt.Sprintf(warm, "")
	source.Kill()
	<-source.Gone()
	p.Name, p.From, p.Source = "", nil, true
	source, err := h.keeper.Fork(p)
	check(t, err)
	<-source.Loaded()
	p.Source = false
	liar := h.oneMore(p, source, "4")
	p.From = liar
	if child, err := h.keeper.Fork(p); err != syscall.ESRCH {
		t.Errorf("it makes %v: %v", child, err)
	}
}
