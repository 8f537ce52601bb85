package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// line is one thing that happened, as a process wrote it down.
type line struct {
	At      int64  `json:"at"` // in ms
	What    string `json:"what"`
	ID      string `json:"id,omitempty"` // of an attempt, or a run
	Agent   string `json:"agent,omitempty"`
	Session string `json:"session,omitempty"`
	Cause   string `json:"cause,omitempty"`
	Value   string `json:"value,omitempty"`
	Text    string `json:"text,omitempty"`
	Silent  int64  `json:"silent,omitempty"` // for how many ms an agent had said nothing

	file string
}

// What lines tell. The host's journal:
const (
	began     = "began" // the trial
	sent      = "sent"  // an attempt: its intent, before it goes out
	ended     = "ended"
	cancelled = "cancelled" // a run: before anybody is told
)

// What agents, and hosts beside their journals, write:
const (
	entered  = "entered" // an attempt begins
	effect   = "effect"
	stopped  = "stopped"
	released = "released" // its device is free
	draining = "draining"
	up       = "up"
	away     = "away"
	heard    = "heard"
	trouble  = "trouble" // with Redis
	fine     = "fine"
)

// lines is a file that outlives its process.
type lines struct {
	sync bool
	mu   sync.Mutex
	f    *os.File
}

func openLines(dir, name string, sync bool) (*lines, error) {
	f, err := os.OpenFile(filepath.Join(dir, name+".lines"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	return &lines{f: f, sync: sync}, err
}

func (l *lines) add(x line) {
	x.At = time.Now().UnixMilli()
	raw, _ := json.Marshal(x)
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.f.Write(append(raw, '\n'))
	if err == nil && l.sync {
		err = l.f.Sync()
	}
	if err != nil {
		panic(err)
	}
}

func readLines(dir, name string) (out []line) {
	raw, _ := os.ReadFile(filepath.Join(dir, name+".lines"))
	for _, text := range bytes.Split(raw, []byte("\n")) {
		var x line
		if json.Unmarshal(text, &x) == nil {
			x.file = name
			out = append(out, x)
		}
	}
	return out
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}
