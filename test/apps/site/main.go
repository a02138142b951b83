// Site is an app with many releases: it does what the release.json in its folder says, and each
// answer tells of which release and generation it is. It boots by sleeping, so that dozens of them
// cost no more than their memory.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// A release is what release.json says. Spans are in milliseconds.
type release struct {
	Version   int    `json:"version"`
	Boot      int    `json:"boot"`      // it sleeps so long before it listens
	Exit      string `json:"exit"`      // then it says this and exits, instead
	Hang      bool   `json:"hang"`      // then it never listens
	Life      int    `json:"life"`      // so long after that it exits; 0 = never
	Health    int    `json:"health"`    // status of /health; default 200
	BadEvery  int    `json:"bad_every"` // each so-manieth answer is a 500; 0 = none
	Ends      string `json:"ends"`      // at each request it ends its "process" or the "connection", instead of answering
	Linger    bool   `json:"linger"`    // on TERM it goes on until its requests and its WebSockets have ended
	Cache     string `json:"cache"`     // Cache-Control of each answer
	Exclusive string `json:"exclusive"` // folder in which it notes if it meets another version alive

	dir      string
	answered atomic.Int64
}

func main() {
	log.SetFlags(0)
	dir, err := os.Readlink("/proc/self/cwd") // the real one; os.Getwd believes $PWD
	if err != nil {
		log.Fatalf("cannot tell where this is: %v", err)
	}
	r := &release{Health: http.StatusOK, dir: dir}
	text, err := os.ReadFile("release.json")
	if err != nil {
		log.Fatalf("cannot read the release: %v", err)
	}
	if err := json.Unmarshal(text, r); err != nil {
		log.Fatalf("cannot understand release.json: %v", err)
	}
	if r.Exclusive != "" {
		r.meetOthers()
	}
	r.boot()
	r.serve()
}

// boot is all that comes before the app listens, which it may never do.
func (r *release) boot() {
	<-time.After(time.Duration(r.Boot) * time.Millisecond)
	if r.Exit != "" {
		log.Fatal(r.Exit)
	}
	if r.Hang {
		log.Print("waiting for a lock that nobody gives back")
		time.Sleep(time.Hour) // Go itself ends a program that can never go on
	}
	if r.Life > 0 {
		time.AfterFunc(time.Duration(r.Life)*time.Millisecond, func() { log.Fatal("out of luck") })
	}
}

func (r *release) serve() {
	listener, err := net.Listen("unix", os.Getenv("PURSER_SOCKET"))
	if err != nil {
		log.Fatalf("cannot listen: %v", err)
	}
	routes := http.NewServeMux()
	routes.HandleFunc("/", r.answer)
	routes.HandleFunc("/slow", r.answerLate)
	routes.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(r.Health) })
	routes.HandleFunc("/ws", r.echo)
	server := &http.Server{Handler: routes}
	over := make(chan struct{})
	if r.Linger {
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		go func() {
			<-term
			_ = server.Shutdown(context.Background()) // but not the WebSockets, which are no longer its own
			close(over)
		}()
	}
	err = server.Serve(listener)
	if r.Linger {
		<-over
	}
	sockets.Wait()
	log.Print("ended: ", err)
}

// answer tells who it is, or fails if it is this answer's turn to.
func (r *release) answer(w http.ResponseWriter, _ *http.Request) {
	switch r.Ends {
	case "process":
		log.Fatal("died of a request")
	case "connection":
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "text/plain")
	if r.Cache != "" {
		w.Header().Set("Cache-Control", r.Cache)
	}
	n := r.answered.Add(1)
	if r.BadEvery > 0 && n%int64(r.BadEvery) == 0 {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, "bad code ")
	}
	fmt.Fprintf(w, "v=%d gen=%s pid=%d release=%s cwd=%s\n", r.Version, os.Getenv("PURSER_GENERATION"), os.Getpid(),
		os.Getenv("PURSER_RELEASE"), r.dir)
}

// answerLate answers after as many milliseconds as ms says.
func (r *release) answerLate(w http.ResponseWriter, req *http.Request) {
	ms, err := strconv.Atoi(req.FormValue("ms"))
	if err != nil {
		http.Error(w, "ms has to be a number", http.StatusBadRequest)
		return
	}
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		r.answer(w, req)
	case <-req.Context().Done():
	}
}

// meetOthers holds a lock on a file of this version for as long as the process lives, and looks whether
// any process holds one on the file of another: the kernel says so, whatever purser believes.
func (r *release) meetOthers() {
	own := filepath.Join(r.Exclusive, "version-"+strconv.Itoa(r.Version))
	fd, err := syscall.Open(own, syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600) // never closed: that would end the lock
	if err != nil {
		log.Fatalf("cannot open the lock: %v", err)
	}
	if err := syscall.FcntlFlock(uintptr(fd), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_RDLCK}); err != nil {
		log.Fatalf("cannot lock: %v", err)
	}
	others, _ := filepath.Glob(filepath.Join(r.Exclusive, "version-*"))
	for _, other := range others {
		if other != own {
			r.meet(other)
		}
	}
}

func (r *release) meet(other string) {
	file, err := os.OpenFile(other, os.O_RDWR, 0)
	if err != nil {
		log.Fatalf("cannot look at %s: %v", other, err)
	}
	defer file.Close()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK} // what would be in its way?
	if err := syscall.FcntlFlock(file.Fd(), syscall.F_GETLK, &lock); err != nil {
		log.Fatalf("cannot look at the lock on %s: %v", other, err)
	}
	if lock.Type == syscall.F_UNLCK {
		return
	}
	met := fmt.Sprintf("version %d, process %d, met %s, process %d", r.Version, os.Getpid(), filepath.Base(other), lock.Pid)
	if err := os.WriteFile(filepath.Join(r.Exclusive, "met-"+strconv.Itoa(os.Getpid())), []byte(met), 0o600); err != nil {
		log.Fatalf("cannot tell that it %s: %v", met, err)
	}
}
