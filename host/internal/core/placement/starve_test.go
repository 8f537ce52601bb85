package placement_test

import (
	"container/heap"
	"fmt"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// stream is a book of one user, so that who came first goes first, with tasks that keep coming.
type stream struct {
	book    *placement.Book
	now     time.Duration
	endings endings
	made    int
	came    map[string]int // tasks that wait: as which one they came
	tasks   map[string]placement.Task
	passed  map[string]int           // by those that came later, on a device that they could have used
	bound   map[string]time.Duration // when that was as often as may be
}

func newStream(p placement.Policy, memory ...int64) *stream {
	s := &stream{book: placement.New(p), came: map[string]int{}, tasks: map[string]placement.Task{}, passed: map[string]int{}, bound: map[string]time.Duration{}}
	s.book.SetAgent(placement.Agent{ID: "box", Name: "box"})
	var devices []device.Device
	for k, m := range memory {
		devices = append(devices, device.Device{UUID: fmt.Sprintf("GPU-%d", k), Kind: device.Fake, Memory: m * gib})
	}
	s.book.Observe("box", devices, -1, -1)
	return s
}

func (s *stream) add(plugin, name string, memory int64, count, priority int) string {
	s.made++
	t := placement.Task{ID: fmt.Sprintf("%s%d", name, s.made), Owner: "ada", Priority: priority, Plugin: plugin, Model: name, Type: plugin + ".do", Lasts: 10 * time.Second,
		Request: device.Request{Count: count, Memory: memory * gib}}
	s.came[t.ID], s.tasks[t.ID] = s.made, t
	s.book.Add(t, epoch.Add(s.now))
	return t.ID
}

// step lets the next task end and places what can be. It gives what was placed.
func (s *stream) step() []placement.Assignment {
	if len(s.endings) > 0 {
		e := heap.Pop(&s.endings).(ending)
		s.now = e.at
		s.book.Ended(e.id, true, epoch.Add(s.now))
	}
	out := s.book.Decide(epoch.Add(s.now), nil)
	for _, a := range out {
		heap.Push(&s.endings, ending{s.now + a.Task.Lasts, a.Task.ID})
		delete(s.came, a.Task.ID)
	}
	return out
}

// count notes whom an assignment has passed: the first that waits of each kind, which came before.
func (s *stream) count(t *testing.T, a placement.Assignment) {
	t.Helper()
	first := map[string]string{}
	for id, n := range s.came {
		q := s.tasks[id]
		if k := fmt.Sprint(q.Plugin, q.Model, q.Request.Memory, q.Request.Count); first[k] == "" || n < s.came[first[k]] {
			first[k] = id
		}
	}
	var number int
	fmt.Sscanf(a.Task.ID[len(a.Task.Model):], "%d", &number)
	for _, id := range first {
		if s.came[id] > number {
			continue
		}
		// From here on something is kept for it, and every task takes ten seconds. Others that something was kept for, one of each
		// kind, do not pass it when they get that; it is not seen from outside which they were.
		if s.passed[id]++; s.passed[id] == placement.MaxBypassed+12 {
			s.bound[id] = s.now
		}
		if at, ok := s.bound[id]; ok && s.now-at > 30*time.Second {
			t.Fatalf("%s was passed over %d times, and still waits %s after the bound", id, s.passed[id], s.now-at)
		}
	}
}

// TestPassedOver counts by itself how often tasks are passed over: of those alike the first, by those that came later. From
// the bound on it does not wait longer than tasks take.
func TestPassedOver(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		s := newStream(placement.Policy{Ageing: 1000 * time.Hour}, 24, 24, 24, 24)
		ops := operations(seed, 800)
		worst := 0
		for _, op := range ops {
			for len(s.came) < 60 {
				m := (int(op) + s.made) % 12
				s.add([]string{"a", "b", "c"}[m%3], string(rune('k'+m)), int64(2+m*2), 1, 0)
			}
			out := s.step()
			for _, a := range out {
				worst = max(worst, a.Bypassed)
				s.count(t, a)
			}
		}
		if worst == 0 || worst > placement.MaxBypassed {
			t.Errorf("seed %d: the most that a task was passed over is %d", seed, worst)
		}
	}
}

// TestNoStarvation keeps devices busy with an endless load that fits them better than one task does.
func TestNoStarvation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                    string
		memory                  int64
		count, priority, policy int
	}{
		{"a model that is not loaded", 20, 1, 0, 0},
		{"all of a device", 24, 1, 0, 0},
		{"every device", 20, 3, 0, 0},
		{"a lower priority, which rises", 20, 1, -5, 0},
		{"every device and a lower priority", 20, 3, -5, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStream(placement.Policy{}, 24, 24, 24)
			load := func() {
				for len(s.came) < 40 {
					s.add("warm", "w", 5, 1, 0)
				}
			}
			load()
			s.step()
			victim := s.add("other", "v", c.memory, c.count, c.priority)
			for n := 0; ; n++ {
				if _, waits := s.came[victim]; !waits {
					break
				}
				if n > 3000 {
					t.Fatalf("it still waits after %s and %d tasks", s.now, n)
				}
				load()
				s.step()
			}
		})
	}
}
