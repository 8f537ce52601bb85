package pluginexec

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// slot is the place of one warm process: a plugin, its checksum and a set of devices. Executor.mu guards it.
type slot struct {
	family   string // plugin and devices, whatever the checksum
	process  *process
	starting *starting
	// failures counts processes that ended before they finished a task, since the last that did not.
	failures  int
	notBefore time.Time
}

// starting is a start under way; its fields are set once done is closed.
type starting struct {
	done    chan struct{}
	process *process
	err     error
	// outdated: it may have been configured as it should not be any more. Executor.mu guards it until done is closed.
	outdated bool
}

// Pause before a plugin that keeps dying at its start is started again: doubled from the first to the last.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
	// maxStarts is how often one task waits for a process that dies before it could take the task.
	maxStarts = 3
)

// acquire gives the warm process with t entered into it, starting one when there is none.
func (e *Executor) acquire(ctx context.Context, b Binary, t *sdk.Task) (*process, error) {
	devices := slices.Sorted(slices.Values(t.Devices))
	family := b.Name + "\x00" + strings.Join(devices, ",")
	key := family + "\x00" + b.SHA256 + "\x00" + b.Path
	for range maxStarts {
		e.mu.Lock()
		if e.closed {
			e.mu.Unlock()
			return nil, drained(b.Name)
		}
		s := e.slots[key]
		if s == nil {
			s = &slot{family: family}
			e.slots[key] = s
		}
		if s.process != nil && s.process.add(t) {
			p := s.process
			e.mu.Unlock()
			return p, nil
		}
		if s.starting == nil {
			s.starting = &starting{done: make(chan struct{})}
			e.owned.Go(func() { e.fill(s, b, devices) })
		}
		st := s.starting
		e.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ended(ctx, "")
		case <-st.done:
		}
		switch {
		case st.outdated:
			continue
		case st.err != nil:
			return nil, st.err
		case st.process.add(t):
			return st.process, nil
		}
	}
	return nil, unstable(b)
}

// fill starts a process for the slot, after the pause that earlier failures earned.
func (e *Executor) fill(s *slot, b Binary, devices []string) {
	st := s.starting
	defer close(st.done)
	e.mu.Lock()
	pause := time.Until(s.notBefore)
	e.mu.Unlock()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		st.process, st.err = e.start(context.Background(), b, devices)
	case <-e.closing:
		st.err = drained(b.Name)
	}
	if st.err == nil {
		if err := e.configure(st.process); err != nil {
			st.process.stop()
			st.process, st.err = nil, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s.starting = nil
	switch {
	case st.outdated && !e.closed: // who waits for it starts another
		if st.process != nil {
			e.owned.Go(st.process.stop)
		}
	case st.err != nil:
		s.failed()
	case e.closed:
		st.err = drained(b.Name)
		e.owned.Go(st.process.stop)
	default:
		s.process = st.process
		e.retireOthers(s)
		e.owned.Go(func() { e.reap(s, st.process) })
	}
}

func (e *Executor) configure(p *process) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*e.config.StartTimeout) // a secret may be printed by a command
	defer cancel()
	var config sdk.Values
	if e.config.Configure != nil {
		var err error
		if config, err = e.config.Configure(ctx, p.binary.Name); err != nil {
			return refusal(err)
		}
	}
	err := p.wire.Configure(ctx, config)
	if err == nil {
		return nil
	}
	if wrong := sdk.AsError(err); wrong.Permanent {
		wrong.Cause = sdk.CauseRefused
		return wrong
	}
	return p.startError(err)
}

// Renew has a plugin configured anew: its next task gets a process that asked for its configuration later than now.
// Tasks under way end in the process that they have.
func (e *Executor) Renew(plugin string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key, s := range e.slots {
		if !strings.HasPrefix(s.family, plugin+"\x00") {
			continue
		}
		if s.starting != nil {
			s.starting.outdated = true
			continue
		}
		delete(e.slots, key)
		if s.process != nil {
			s.process.retire()
		}
	}
}

// reap waits for the end of a process, ends it once it is retired and idle, and notes how it ended.
func (e *Executor) reap(s *slot, p *process) {
	select {
	case <-p.run.done:
		p.clean()
	case <-p.idle:
		p.stop()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if s.process == p {
		s.process = nil
	}
	switch {
	case p.proven.Load():
		s.failures, s.notBefore = 0, time.Time{}
	case p.verdict.Load() == nil:
		s.failed()
	}
}

func (s *slot) failed() {
	pause := min(firstPause<<min(s.failures, 10), lastPause)
	s.failures++
	s.notBefore = time.Now().Add(pause)
}

// retireOthers lets processes of an older binary of the same plugin end once their tasks have. mu is held.
func (e *Executor) retireOthers(current *slot) {
	for key, s := range e.slots {
		if s != current && s.family == current.family && s.starting == nil {
			delete(e.slots, key)
			if s.process != nil {
				s.process.retire()
			}
		}
	}
}
