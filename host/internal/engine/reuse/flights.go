package reuse

import (
	"sync"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
)

// Flights are the attempts under way whose results will be kept: whoever wants the same waits for one.
type Flights[L any] struct {
	mu      sync.Mutex
	waiting map[string][]Flown[L] // by key; present: somebody is at it
}

// Flown is an instance that waits for the same result, and its message when that has come or will not come.
type Flown[L any] struct {
	Of   L // its run
	Run  run.ID
	Inst *progress.Instance
}

// Enter says whether the caller may begin: else it waits until Land tells it.
func (f *Flights[L]) Enter(key string, w Flown[L]) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	list, busy := f.waiting[key]
	if busy {
		f.waiting[key] = append(list, w)
		return false
	}
	if f.waiting == nil {
		f.waiting = map[string][]Flown[L]{}
	}
	f.waiting[key] = nil
	return true
}

// Land ends a flight and gives who waited for it.
func (f *Flights[L]) Land(key string) []Flown[L] {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.waiting[key]
	delete(f.waiting, key)
	return list
}

// WaitsFor says whether an instance, which may be of a copy of the run's state, waits for another's result.
func (f *Flights[L]) WaitsFor(id run.ID, i *progress.Instance) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, list := range f.waiting {
		for _, w := range list {
			if w.Run == id && w.Inst.Step() == i.Step() && w.Inst.Node.Frame.Path.String() == i.Node.Frame.Path.String() {
				return true
			}
		}
	}
	return false
}
