package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// memory is that of a device that programs share. What does not fit is refused, as a driver does.
type memory struct {
	size    int64
	figures string // a file with its reading, for a device "fake"

	mu   sync.Mutex
	held map[int]map[string]int64 // by process and model
	// Loads and Refused count what was asked for; Most is the most that was used at a time.
	Loads, Refused int
	Most           int64
}

// card NAME GIB FILE: starts a server that stands for the memory of a device, puts its URL into $NAME, and keeps the reading in the file.
// Programs ask it for room, as fakeollama and fakecomfyui do; GET tells what came of that.
func card(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: card NAME GIB FILE")
	}
	gib, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	m := &memory{size: gib << 30, figures: ts.MkAbs(args[2]), held: map[int]map[string]int64{}}
	ts.Check(m.write())
	s := httptest.NewServer(m)
	ts.Defer(s.Close)
	ts.Setenv(args[0], s.URL)
}

// ServeHTTP implements http.Handler.
func (m *memory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.Method == http.MethodGet {
		_ = json.NewEncoder(w).Encode(m)
		return
	}
	pid, err := strconv.Atoi(r.FormValue("pid"))
	size, serr := strconv.ParseInt(r.FormValue("bytes"), 10, 64)
	switch model := r.FormValue("model"); {
	case err != nil || serr != nil:
		w.WriteHeader(http.StatusBadRequest)
		return
	case m.used()+size > m.size:
		m.Refused++
		w.WriteHeader(http.StatusInsufficientStorage)
		return
	case size == 0:
		delete(m.held[pid], model)
	default:
		if m.held[pid] == nil {
			m.held[pid] = map[string]int64{}
		}
		m.held[pid][model] = size
		m.Loads++
		m.Most = max(m.Most, m.used())
	}
	if err := m.write(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (m *memory) used() (sum int64) {
	for _, models := range m.held {
		for _, size := range models {
			sum += size
		}
	}
	return sum
}

// write puts the reading into the file, as a whole.
func (m *memory) write() error {
	used := m.used()
	reading := device.Reading{Used: &used, Processes: []device.Process{}}
	for pid, models := range m.held {
		var sum int64
		for _, size := range models {
			sum += size
		}
		if sum > 0 {
			reading.Processes = append(reading.Processes, device.Process{PID: pid, Name: fmt.Sprint("engine ", pid), Memory: &sum})
		}
	}
	raw, err := json.Marshal(reading)
	if err == nil {
		err = os.WriteFile(m.figures+".new", raw, 0o600)
	}
	if err != nil {
		return err
	}
	return os.Rename(m.figures+".new", filepath.Clean(m.figures))
}
