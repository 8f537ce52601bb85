package pluginexec

import (
	"context"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/pin"
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

// familyOf names the processes of a plugin on a set of devices, whatever their checksum.
func familyOf(plugin string, devices []string) string {
	return plugin + "\x00" + strings.Join(pin.Set(devices), ",")
}

// acquire gives the warm process with t entered into it, starting one when there is none.
func (e *Executor) acquire(ctx context.Context, b Binary, t *sdk.Task) (*process, error) {
	fresh := exec.Fresh(ctx)
	for deaths := 0; deaths < maxStarts; {
		e.mu.Lock()
		if e.closed {
			e.mu.Unlock()
			return nil, drained(b.Name)
		}
		s := e.slot(b, t.Devices)
		if p := s.process; p != nil {
			if p.add(t, fresh) {
				e.mu.Unlock()
				return p, nil
			}
			if fresh {
				p.retire()
			}
		}
		st := e.begin(s, b, t.Devices)
		e.mu.Unlock()
		err := st.wait(ctx, b, t)
		switch {
		case ctx.Err() == nil && st.outdated:
			continue
		case err != nil:
			return nil, err
		case st.process.add(t, fresh):
			return st.process, nil
		case st.process.died():
			deaths++
		}
	}
	return nil, unstable(b)
}

// slot gives the place of a plugin's process on a set of devices. mu is held.
func (e *Executor) slot(b Binary, devices []string) *slot {
	family := familyOf(b.Name, devices)
	key := family + "\x00" + b.SHA256 + "\x00" + b.Path
	s := e.slots[key]
	if s == nil {
		s = &slot{family: family}
		e.slots[key] = s
	}
	return s
}

// begin gives the start that is under way in a slot, or a new one. mu is held.
func (e *Executor) begin(s *slot, b Binary, devices []string) *starting {
	if s.starting == nil {
		s.starting = &starting{done: make(chan struct{})}
		e.owned.Go(func() { e.fill(s, b, devices) })
	}
	return s.starting
}

// sayWaiting is how often a task that waits for its process says so, lest it be taken for hung.
const sayWaiting = 5 * time.Second

func (st *starting) wait(ctx context.Context, b Binary, t *sdk.Task) error {
	tick := time.NewTicker(sayWaiting)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ended(ctx, "")
		case <-st.done:
			return st.err
		case <-tick.C:
			t.Progress(-1, "waiting for a process of plugin "+b.Name)
		}
	}
}

// fill starts a process for the slot, after the pause that earlier failures earned and the end of those before it.
func (e *Executor) fill(s *slot, b Binary, devices []string) {
	st := s.starting
	defer close(st.done)
	if e.pause(s) && e.alone(s.family, devices) {
		st.process, st.err = e.start(e.closing, b, devices, s.family)
		if st.err == nil {
			if err := e.configure(st.process); err != nil {
				st.process.stop()
				st.process, st.err = nil, err
			}
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s.starting = nil
	switch {
	case e.closed:
		if st.process != nil {
			e.owned.Go(st.process.stop)
		}
		st.process, st.err = nil, drained(b.Name)
	case st.outdated: // who waits for it starts another
		if st.process != nil {
			e.owned.Go(st.process.stop)
		}
	case st.err != nil:
		s.failed()
	default:
		s.process = st.process
		s.process.ready()
		e.retireOthers(s)
		e.owned.Go(func() { e.reap(s, st.process) })
	}
}

// pause waits until a plugin that died at its start may be tried again; false when the host shuts down.
func (e *Executor) pause(s *slot) bool {
	e.mu.Lock()
	pause := time.Until(s.notBefore)
	e.mu.Unlock()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.closing.Done():
		return false
	}
}

// alone waits until earlier processes of the plugin on these devices are gone, and their memory with them; false when the
// host shuts down. One that another task is about to enter stays.
func (e *Executor) alone(family string, devices []string) bool {
	if len(devices) == 0 {
		return true
	}
	for _, p := range e.family(family) {
		if !p.pastUse() {
			continue
		}
		p.retire()
		select {
		case <-p.run.Done():
		case <-e.closing.Done():
			return false
		}
	}
	return true
}

// family lists the living processes of one family.
func (e *Executor) family(name string) []*process {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []*process
	for p := range e.live {
		if p.family == name {
			out = append(out, p)
		}
	}
	return out
}

func (e *Executor) configure(p *process) error {
	ctx, cancel := context.WithTimeout(e.closing, 2*e.config.StartTimeout) // a secret may be printed by a command
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
	case <-p.run.Done():
	case <-p.idle:
	}
	if p.run.Ended() {
		p.clean()
	} else {
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
