package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// say tells people.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}

// book is what was asked for and what became of it.
type book struct {
	mu         sync.Mutex
	open       map[string]*order // accepted runs that have not been seen to end in this round
	round      map[string]*order // all that were accepted in this round
	effects    map[string]bool   // names whose effect has to be there; false: may be
	Runs       int
	Ended      map[string]int
	Kinds      map[string]int
	Harmed     map[string]int
	Faults     map[string]int
	Violations []string
}

func newBook() *book {
	return &book{open: map[string]*order{}, round: map[string]*order{}, effects: map[string]bool{}, Ended: map[string]int{}, Kinds: map[string]int{}, Harmed: map[string]int{}, Faults: map[string]int{}}
}

// accept notes a run that the host has confirmed. It says whether there was none of its id.
func (b *book) accept(id string, o *order) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if other, ok := b.round[id]; ok {
		b.note("run %s was made for %s, and again for %s", id, other.name, o.name)
		return false
	}
	b.open[id], b.round[id] = o, o
	b.Runs++
	b.Kinds[o.kind]++
	if o.effect {
		b.effects[o.name] = false
	}
	return true
}

func (b *book) end(id, state string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o := b.open[id]; o != nil && o.effect && state == "succeeded" {
		b.effects[o.name] = true
	}
	delete(b.open, id)
	b.Ended[state]++
}

func (b *book) harmed(kind, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Harmed[kind]++
	say("harmed: %s: %s", kind, why)
}

func (b *book) faulted(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Faults[name]++
}

func (b *book) violated(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note(format, args...)
}

// note notes a violation; the caller holds mu.
func (b *book) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	b.Violations = append(b.Violations, text)
	say("VIOLATION  %s", text)
}

func (b *book) runs() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Runs
}

// took gives the runs of this round, and begins the next.
func (b *book) took() map[string]*order {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.round
	b.round, b.open = map[string]*order{}, map[string]*order{}
	return out
}

// checkEffects holds the file of effects to what was asked for: what ended well is in it once, nothing twice.
func (b *book) checkEffects(file string) {
	raw, err := os.ReadFile(file)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil && !os.IsNotExist(err) {
		b.note("%v", err)
		return
	}
	count := map[string]int{}
	for line := range strings.Lines(string(raw)) {
		count[strings.TrimSpace(line)]++
	}
	for name, sure := range b.effects {
		switch n := count[name]; {
		case n > 1:
			b.note("%s took effect %d times", name, n)
		case n == 0 && sure:
			b.note("%s ended well, and took no effect", name)
		}
	}
	b.effects = map[string]bool{}
	_ = os.Remove(file) // the next round has its own
}
