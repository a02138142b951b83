package certs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Who goes on where another store was has its certificates, and takes the files as they are once they can be used.
func TestWhatWasUsedStaysWhereFilesCannotBeUsed(t *testing.T) {
	a := newAuthority(t)
	pair := a.issue("blog", year, "old.example")
	source := Source{App: "blog", Pairs: []Pair{pair}, ClientCA: filepath.Join(t.TempDir(), "ca.pem")}
	chain, err := os.ReadFile(pair.Cert)
	if err != nil || os.WriteFile(source.ClientCA, chain, 0o600) != nil {
		t.Fatal("cannot write")
	}
	used := load(t, source).Used()
	if os.Remove(pair.Key) != nil || os.Remove(source.ClientCA) != nil {
		t.Fatal("cannot remove")
	}
	if _, _, err := Resume([]Source{source}, nil, time.Now()); err == nil {
		t.Error("there is a store with nothing in it")
	}
	s, warnings, err := Resume([]Source{source}, used, time.Now())
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].Text, "what was used before stays") {
		t.Fatalf("got %v and %v", warnings, err)
	}
	if _, server, client := shake(t, s, "old.example"); server == nil && client == nil {
		t.Error("a client without a certificate is let in")
	}
	if now := s.List(); now[0].Names[0] != "old.example" || now[0].Problem == "" || len(s.Used()) != len(used) {
		t.Errorf("it shows %+v", now)
	}
	a.issue("blog", year, "new.example")
	if os.WriteFile(source.ClientCA, chain, 0o600) != nil {
		t.Fatal("cannot write")
	}
	told := 0
	for range 4 {
		s.look(News{Read: func(string, []string) {}, Unusable: func(string, []string, error) {}, Warning: func(Warning) {}, Used: func() { told++ }})
	}
	if now := s.List(); now[0].Names[0] != "new.example" || now[0].Problem != "" || told == 0 {
		t.Errorf("it shows %+v, and told %d times that it uses other files", now, told)
	}
}
