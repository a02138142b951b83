package harness

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
)

// A WorkerStatus is one kind of worker as the admin API tells it.
type WorkerStatus struct {
	Name       string `json:"name"`
	Count      int    `json:"count"`
	Running    int    `json:"running"`
	Generation int    `json:"generation"`
	Processes  []struct {
		PID        int    `json:"pid"`
		State      string `json:"state"`
		Generation int    `json:"generation"`
	} `json:"processes"`
	Failure *Failure `json:"failure"`
}

// Workers are those of an app, by their names.
func (p *Purser) Workers(t testing.TB, app string) map[string]WorkerStatus {
	t.Helper()
	var s struct {
		Workers []WorkerStatus `json:"workers"`
	}
	p.AdminJSON(t, "/v1/apps/"+app, &s)
	all := map[string]WorkerStatus{}
	for _, w := range s.Workers {
		all[w.Name] = w
	}
	return all
}

// AwaitWorkers waits until all workers of an app have shown that they work, and are of a generation.
func AwaitWorkers(t testing.TB, p *Purser, app string, generation int) {
	t.Helper()
	Eventually(t, Patience, fmt.Sprintf("all workers of %s are of generation %d and ready", app, generation), func() bool {
		all := p.Workers(t, app)
		for _, w := range all {
			if w.Running != w.Count || w.Generation != generation || len(w.Processes) != w.Count {
				return false
			}
		}
		return len(all) > 0
	})
}

// WorkerPIDs are the pids of all workers of an app.
func (p *Purser) WorkerPIDs(t testing.TB, app string) (pids []int) {
	t.Helper()
	for _, w := range p.Workers(t, app) {
		for _, process := range w.Processes {
			pids = append(pids, process.PID)
		}
	}
	return pids
}

// A Deed is a line of the journal that the workers of the app "workers" write.
type Deed struct {
	Worker, PID, Generation, Version, What string
}

// Journal reads it.
func Journal(t testing.TB, path string) (deeds []Deed) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		w := strings.Fields(lines.Text())
		deeds = append(deeds, Deed{w[0], w[1], w[2], w[3], w[4]})
	}
	return deeds
}
