package keeper

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func TestTheKeeperLogsAsItsFrontDoes(t *testing.T) {
	k := newKeeping()
	text, err := memory([]byte("yes"))
	check(t, err)
	defer text.Close()
	read, write, err := os.Pipe()
	check(t, err)
	defer read.Close()
	stderr := os.Stderr
	os.Stderr = write
	k.log.print("in text: %d", 1)
	check(t, k.note(logInJSON, copies([]int{int(text.Fd())})))
	k.log.print("in JSON: %q", "2")
	check(t, k.note(logInJSON, nil))
	k.log.print("in text: %d", 3)
	k.log.close()
	os.Stderr = stderr
	write.Close()
	said, err := io.ReadAll(read)
	check(t, err)
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	if len(lines) != 3 || lines[0] != "purser: in text: 1" || lines[2] != "purser: in text: 3" {
		t.Fatalf("it said %q", lines)
	}
	var line struct {
		Level   string    `json:"@level"`
		Module  string    `json:"@module"`
		Message string    `json:"@message"`
		At      time.Time `json:"@timestamp"`
	}
	if err := json.Unmarshal([]byte(lines[1]), &line); err != nil || line.Level != "warn" || line.Module != "purser.keeper" || line.Message != `in JSON: "2"` || line.At.IsZero() {
		t.Errorf("it said %s: %+v, %v", lines[1], line, err)
	}
}
