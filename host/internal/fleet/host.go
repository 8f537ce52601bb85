package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/secrets/seal"
	"github.com/myspinbot/spinbot/sdk"
)

// HostConfig is what a Host works with.
type HostConfig struct {
	Client    redis.UniversalClient
	Namespace string
	Info      HostInfo
	Pace      Pace
	// Open says whether the journal has an attempt under way.
	Open func(ctx context.Context, id string) (bool, error)
	// Changed is told of each agent that has become another, one after the other.
	Changed func(Member)
	// Connection is told when Redis stops answering, and when it does again.
	Connection func(error)
	Now        func() time.Time // nil: time.Now
	Log        *slog.Logger
}

// Member is an agent as it was heard last.
type Member struct {
	protocol.Hello
	Status  protocol.Status
	Away    string // why it gets no tasks, as what it is; empty: it gets some
	Offline bool   // it is not there
	Heard   time.Time
}

// Host is a host's end of the fleet. It is safe for concurrent use.
type Host struct {
	cfg  HostConfig
	pace Pace
	keys Keys
	out  *writer

	mu      sync.Mutex
	end     *protocol.Host
	waits   map[string]*wait
	members map[string]*Member
	stale   map[string]bool // agents whose hello has to be read
	changes []string
	changed chan struct{}
	up      time.Duration // for how long it could hear
	last    time.Time     // it heard then; zero: it does not hear
	deaf    time.Time     // since when it does not hear
	trouble error
}

// wait is somebody who waits for an attempt.
type wait struct {
	done   chan protocol.Result
	report func(sdk.Report)
}

// NewHost makes a host's end. Run has it work.
func NewHost(c HostConfig) *Host {
	if c.Now == nil {
		c.Now = time.Now
	}
	h := &Host{cfg: c, pace: c.Pace.filled(5), keys: KeysOf(c.Namespace), waits: map[string]*wait{}, members: map[string]*Member{},
		stale: map[string]bool{}, changed: make(chan struct{}, 1)}
	h.end = protocol.NewHost(protocol.HostConfig{ID: c.Info.ID, Beat: h.pace.Beat, Lost: h.pace.Lost})
	h.out = newWriter(c.Client, h.pace.backoff(), func(err error) { h.heard(false, err) })
	return h
}

// Begin announces the host and reads which agents there are.
func (h *Host) Begin(ctx context.Context) error {
	if err := h.announce(ctx); err != nil {
		return fmt.Errorf("announce this host: %w", err)
	}
	known, err := h.cfg.Client.HGetAll(ctx, h.keys.Agents()).Result()
	if err != nil {
		return fmt.Errorf("read which agents there are: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, raw := range known {
		m := &Member{Away: "offline: it has not been heard since this host began", Offline: true}
		if json.Unmarshal([]byte(raw), &m.Hello) != nil || m.Agent != id {
			continue
		}
		h.members[id] = m
		h.end.Know(id, "", 0)
		h.tell(id)
	}
	return nil
}

// Reached says how agents reach this host's artifacts, when that was not known at first.
func (h *Host) Reached(url string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cfg.Info.URL = url
}

func (h *Host) announce(ctx context.Context) error {
	h.mu.Lock()
	raw, err := json.Marshal(h.cfg.Info)
	h.mu.Unlock()
	if err != nil {
		return err
	}
	return h.cfg.Client.HSet(ctx, h.keys.Hosts(), h.cfg.Info.ID, raw).Err()
}

// Run works until ctx ends. What has to be written is written first.
func (h *Host) Run(ctx context.Context) {
	var all sync.WaitGroup
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	all.Go(func() { h.out.run(writing) })
	all.Go(func() { h.tellAll(ctx) })
	all.Go(func() { h.tick(ctx) })
	beats, in, live := h.keys.Beats(), h.keys.In(h.cfg.Info.ID), h.keys.Live(h.cfg.Info.ID)
	r := &reader{client: h.cfg.Client, namespace: h.cfg.Namespace, block: h.pace.Block, answer: h.pace.Beat, pause: h.pace.backoff(), streams: []string{live, in, beats},
		fromNow: map[string]bool{live: true, beats: true}, heard: h.heard, batch: h.batch, began: func(ctx context.Context, again bool) error {
			if again {
				return h.announce(ctx) // another Redis, or one that has lost its data
			}
			return nil
		}}
	r.run(ctx)
	until := time.Now().Add(time.Second)
	for h.out.waiting() > 0 && time.Now().Before(until) && h.Trouble() == nil {
		time.Sleep(time.Millisecond)
	}
	stop()
	within(h.pace.soon(), &all)
}

// Trouble says why Redis cannot be heard; nil: it can.
func (h *Host) Trouble() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.trouble
}

// Unsent says how many messages Redis has not confirmed.
func (h *Host) Unsent() int { return h.out.waiting() }

// heard keeps the clock that runs only while the host can hear.
func (h *Host) heard(ok bool, why error) {
	h.mu.Lock()
	now, was := h.cfg.Now(), h.trouble
	switch {
	case !ok:
		if was == nil {
			h.deaf = now
		}
		h.last, h.trouble = time.Time{}, why
	case h.last.IsZero():
		h.last, h.trouble = now, nil
		if now.Sub(h.deaf) > h.pace.Beat { // else a connection that keeps breaking would hide who is lost
			h.end.Heard(h.up)
		}
	default:
		h.up += max(0, min(now.Sub(h.last), 2*h.pace.Block)) // while it was frozen it could not
		h.last, h.trouble = now, nil
		h.end.Tick(h.up)
		h.act()
	}
	h.mu.Unlock()
	if h.cfg.Connection != nil && !same(was, why) {
		h.cfg.Connection(why)
	}
}

// tick announces the host from time to time: somebody may have removed what it said.
func (h *Host) tick(ctx context.Context) {
	t := time.NewTicker(12 * h.pace.Beat)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := h.announce(ctx); err != nil && ctx.Err() == nil {
				h.cfg.Log.Debug("this host is not announced", "error", err)
			}
		}
	}
}

// batch takes in what was read.
func (h *Host) batch(streams []redis.XStream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range streams {
		for _, m := range s.Messages {
			h.take(m)
		}
	}
	h.act()
}

// take takes in one entry. mu is held.
func (h *Host) take(m redis.XMessage) {
	var err error
	switch kind := kindOf(m); kind {
	case kindResult:
		var r protocol.Result
		if r, err = decode[protocol.Result](m); err == nil {
			h.end.Hear(m.ID, r)
			return
		}
		h.trim(m.ID)
	case kindSaved:
		var s said
		if s, err = decode[said](m); err == nil {
			h.report(s)
		}
		h.trim(m.ID)
	case kindLive:
		var all []said
		if all, err = decode[[]said](m); err == nil {
			for _, s := range all {
				h.report(s)
			}
		}
	case kindBeat:
		var b protocol.Beat
		if b, err = decode[protocol.Beat](m); err == nil {
			h.beat(b)
		}
	default:
		err = errors.New("of a kind that is not known")
	}
	if err != nil {
		h.cfg.Log.Warn("a message of the fleet cannot be read", "entry", m.ID, "kind", kindOf(m), "error", err)
	}
}

func (h *Host) report(s said) {
	if w := h.waits[s.ID]; w != nil {
		w.report(s.Report)
	}
}

func (h *Host) beat(b protocol.Beat) {
	m := h.members[b.Agent]
	if m == nil {
		m = &Member{}
		h.members[b.Agent] = m
	}
	m.Heard = h.cfg.Now()
	if b.Session != m.Session || b.Status != nil && b.Status.Revision != m.Revision {
		h.stale[b.Agent] = true
	}
	h.end.Beat(b, h.up)
}

func (h *Host) trim(ids ...string) {
	in := h.keys.In(h.cfg.Info.ID)
	h.out.put(func(ctx context.Context, p redis.Pipeliner) { p.XDel(ctx, in, ids...) })
}

// act does what the protocol says. mu is held.
func (h *Host) act() {
	acts := h.end.Acts()
	for _, t := range acts.Tasks {
		add := entry(h.keys.Tasks(t.Agent), kindTask, t.Msg)
		h.out.put(func(ctx context.Context, p redis.Pipeliner) { p.XAdd(ctx, add) })
	}
	for _, c := range acts.Control {
		add := entry(h.keys.Control(c.Agent), kindControl, c.Msg)
		h.out.put(func(ctx context.Context, p redis.Pipeliner) { p.XAdd(ctx, add) })
	}
	if len(acts.Trim) > 0 {
		h.trim(acts.Trim...)
	}
	for _, r := range acts.Ended {
		if w := h.waits[r.ID]; w != nil {
			select {
			case w.done <- r:
			default: // it has one already
			}
		}
	}
	for _, u := range acts.Ask {
		go h.answer(u)
	}
	for _, c := range acts.Changed {
		m := h.members[c.Agent]
		if m == nil {
			continue
		}
		m.Away, m.Offline = c.Away, c.Offline
		if c.Status != nil {
			m.Status = *c.Status
		}
		h.tell(c.Agent)
	}
}

func (h *Host) answer(u protocol.Unknown) {
	ctx, cancel := context.WithTimeout(context.Background(), h.pace.Lost)
	defer cancel()
	open, err := h.cfg.Open(ctx, u.ID)
	if err != nil {
		h.cfg.Log.Warn("nobody knows whether an attempt that an agent holds is wanted", "attempt", u.ID, "agent", u.Agent, "error", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end.Answer(u, open || err != nil)
	h.act()
}

// tell has whoever follows told of an agent. mu is held.
func (h *Host) tell(agent string) {
	if !slices.Contains(h.changes, agent) {
		h.changes = append(h.changes, agent)
	}
	poke(h.changed)
}

func (h *Host) tellAll(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.changed:
		}
		h.mu.Lock()
		changes := h.changes
		h.changes = nil
		h.mu.Unlock()
		for _, agent := range changes {
			if m, ok := h.renewed(ctx, agent); ok && ctx.Err() == nil {
				h.cfg.Changed(m)
			}
		}
	}
}

// renewed gives an agent, with its hello as it is now.
func (h *Host) renewed(ctx context.Context, agent string) (Member, bool) {
	h.mu.Lock()
	stale := h.stale[agent]
	delete(h.stale, agent)
	h.mu.Unlock()
	if stale {
		var hello protocol.Hello
		raw, err := h.cfg.Client.HGet(ctx, h.keys.Agents(), agent).Bytes()
		if err == nil {
			err = json.Unmarshal(raw, &hello)
		}
		h.mu.Lock()
		if m := h.members[agent]; m != nil && err == nil {
			m.Hello = hello
		} else {
			h.stale[agent] = true // at its next beat
		}
		h.mu.Unlock()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.members[agent]
	if m == nil || m.Agent == "" { // nobody knows yet what it is
		return Member{}, false
	}
	return *m, true
}

// Members lists the agents that are known, by name.
func (h *Host) Members() []Member {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []Member
	for _, m := range h.members {
		if m.Agent != "" {
			out = append(out, *m)
		}
	}
	slices.SortFunc(out, func(a, b Member) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Agent, b.Agent)) })
	return out
}

// Tasks lists the attempts that an agent is to carry out.
func (h *Host) Tasks(agent string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.end.Tasks(agent)
}

// Execute has an agent carry out an attempt; without a body it waits for one that was sent before. whole says whether what
// belongs to a result has arrived. When ctx ends the attempt is stopped, unless it is let go.
func (h *Host) Execute(ctx context.Context, agent, id string, body []byte, report func(sdk.Report), whole func(protocol.Result) bool) (protocol.Result, error) {
	w := &wait{done: make(chan protocol.Result, 1), report: report}
	h.mu.Lock()
	h.waits[id] = w
	if body == nil {
		h.end.Attach(agent, id)
	} else {
		h.end.Dispatch(agent, protocol.Task{ID: id, Body: body})
	}
	h.act()
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		if h.waits[id] == w { // else somebody else waits for it by now
			delete(h.waits, id)
		}
		h.mu.Unlock()
	}()
	return h.await(ctx, w, id, whole)
}

// asksAgain is how often an agent is asked for what is missing of a result.
const asksAgain = 3

func (h *Host) await(ctx context.Context, w *wait, id string, whole func(protocol.Result) bool) (protocol.Result, error) {
	over := ctx.Done()
	var late <-chan time.Time
	for again := 0; ; {
		select {
		case r := <-w.done:
			switch {
			case r.Error != nil || whole(r):
				return r, nil
			case again == asksAgain:
				return r, sdk.Fail("its artifacts did not arrive though its agent was asked for them again", "look at the log of agent "+r.Agent)
			}
			again++
			h.mu.Lock()
			h.end.Reopen(id)
			h.act()
			h.mu.Unlock()
		case <-over:
			why := context.Cause(ctx)
			if errors.Is(why, exec.ErrLetGo) {
				return protocol.Result{}, why
			}
			h.stop(id, why)
			timer := time.NewTimer(h.pace.Grace)
			defer timer.Stop()
			over, late = nil, timer.C
		case <-late:
			h.mu.Lock()
			h.end.Abandon(id)
			h.mu.Unlock()
			return protocol.Result{}, fmt.Errorf("%w; its agent did not confirm within %s that it has stopped, and does so when it hears of it", context.Cause(ctx), h.pace.Grace)
		}
	}
}

func (h *Host) stop(id string, why error) {
	e := &sdk.Error{Cause: sdk.CauseCancelled, Message: why.Error()}
	if errors.Is(why, context.DeadlineExceeded) {
		e.Cause = sdk.CauseHung
	}
	_ = errors.As(why, &e)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end.Stop(id, e)
	h.act()
}

// Committed says that the end of an attempt is durable.
func (h *Host) Committed(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end.Committed(id)
	h.act()
}

// Seal seals something for an agent.
func (h *Host) Seal(agent string, purpose, plain []byte) ([]byte, error) {
	h.mu.Lock()
	key := ""
	if m := h.members[agent]; m != nil {
		key = m.Key
	}
	h.mu.Unlock()
	if key == "" {
		return nil, fmt.Errorf("nobody knows the key of agent %s, for which it has to be sealed", agent)
	}
	return seal.Seal(key, purpose, plain)
}

// Order tells an agent what a person wants of it.
func (h *Host) Order(agent string, o protocol.Order) {
	add := entry(h.keys.Control(agent), kindControl, protocol.Control{Order: &o})
	h.out.put(func(ctx context.Context, p redis.Pipeliner) { p.XAdd(ctx, add) })
}

// Remove forgets an agent that will not come back, with all that waits for it.
func (h *Host) Remove(agent string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end.Remove(agent)
	h.act()
	delete(h.members, agent)
	h.out.put(func(ctx context.Context, p redis.Pipeliner) {
		p.HDel(ctx, h.keys.Agents(), agent)
		p.Del(ctx, h.keys.Tasks(agent), h.keys.Control(agent), h.keys.Session(agent))
	})
}
