package fleet

import (
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
	"github.com/myspinbot/spinbot/host/internal/fleet/stream"
)

// HostConfig is what a Host works with.
type HostConfig struct {
	Client    redis.UniversalClient
	Namespace string
	Info      HostInfo
	Pace      Pace
	// Open says whether the journal has an attempt under way that an agent holds.
	Open func(ctx context.Context, u protocol.Unknown) (bool, error)
	// Changed is told of each agent that has become another, one after the other.
	Changed func(Member)
	// Connection is told when Redis stops answering, and when it does again.
	Connection func(error)
	Now        func() time.Time // nil: time.Now
	Log        *slog.Logger
}

// Host is a host's end of the fleet. It is safe for concurrent use.
type Host struct {
	cfg  HostConfig
	pace Pace
	keys Keys
	out  *stream.Writer

	mu      sync.Mutex
	end     *protocol.Host
	waits   map[string]*wait
	members map[string]*Member
	asked   map[string]*question
	stale   map[string]bool // agents whose hello has to be read
	changes []string
	later   []protocol.Result // ends that are told after the changes
	changed chan struct{}
	up      time.Duration // for how long it could hear, at last
	due     time.Duration // an agent may be lost then
	last    time.Time     // it heard then; zero: it does not hear
	deaf    time.Time     // since when it does not hear
	trouble error
}

// NewHost makes a host's end. Run has it work.
func NewHost(c HostConfig) *Host {
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Info.V = protocol.Version
	h := &Host{cfg: c, pace: c.Pace.filled(5), keys: KeysOf(c.Namespace), waits: map[string]*wait{}, members: map[string]*Member{}, asked: map[string]*question{},
		stale: map[string]bool{}, changed: make(chan struct{}, 1)}
	h.end = protocol.NewHost(protocol.HostConfig{ID: c.Info.ID, Beat: h.pace.Beat, Lost: h.pace.Lost})
	h.out = stream.NewWriter(c.Client, h.pace.backoff(), func(err error) { h.heard(false, err) })
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
		h.end.Know(id, m.Session, "", 0)
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
	all.Go(func() { h.out.Run(writing) })
	all.Go(func() { h.tellAll(ctx) })
	all.Go(func() { h.tick(ctx) })
	beats, in, live := h.keys.Beats(), h.keys.In(h.cfg.Info.ID), h.keys.Live(h.cfg.Info.ID)
	r := &stream.Reader{Client: h.cfg.Client, Namespace: h.cfg.Namespace, Block: h.pace.Block, Due: h.soonest, Answer: h.pace.Beat, Pause: h.pace.backoff(), Streams: []string{live, in, beats},
		FromNow: map[string]bool{live: true, beats: true}, Heard: h.heard, Batch: h.batch, Began: func(ctx context.Context, again bool) error {
			if again {
				return h.announce(ctx) // another Redis, or one that has lost its data
			}
			return nil
		}}
	r.Run(ctx)
	until := time.Now().Add(time.Second)
	for h.out.Waiting() > 0 && time.Now().Before(until) && h.Trouble() == nil {
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
func (h *Host) Unsent() int { return h.out.Waiting() }

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
		h.up, h.last, h.trouble = h.clock(now), now, nil
		h.due = h.end.Tick(h.up)
		h.act()
	}
	h.mu.Unlock()
	if h.cfg.Connection != nil && !same(was, why) {
		h.cfg.Connection(why)
	}
}

// clock says for how long the host could hear. While it was frozen it could not. mu is held.
func (h *Host) clock(now time.Time) time.Duration {
	if h.last.IsZero() {
		return h.up
	}
	return h.up + max(0, min(now.Sub(h.last), 2*h.pace.Block))
}

// soonest gives how long it is until an agent may be lost.
func (h *Host) soonest() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.due - h.clock(h.cfg.Now())
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
	case kindAnswer:
		var x protocol.Answer
		if x, err = decode[protocol.Answer](m); err == nil {
			h.answered(x)
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
	m.Heard, m.Held = h.cfg.Now(), b.Held
	if b.Session != m.Session || b.Status != nil && b.Status.Revision != m.Revision {
		h.stale[b.Agent] = true
	}
	h.end.Beat(b, h.clock(m.Heard))
}

func (h *Host) trim(ids ...string) { h.out.Del(h.keys.In(h.cfg.Info.ID), ids...) }

// drop has an agent forget attempts.
func (h *Host) drop(agent string, ids []string) {
	control := h.keys.Control(agent)
	h.out.Gather(control, func(ids []string) stream.Write {
		add := entry(control, kindControl, protocol.Control{Drop: ids})
		return func(ctx context.Context, p redis.Pipeliner) { p.XAdd(ctx, add) }
	}, ids...)
}

// act does what the protocol says. mu is held.
func (h *Host) act() {
	acts := h.end.Acts()
	for _, t := range acts.Tasks {
		add := entry(h.keys.Tasks(t.Agent), kindTask, t.Msg)
		h.out.Put(func(ctx context.Context, p redis.Pipeliner) { p.XAdd(ctx, add) })
	}
	for _, c := range acts.Control {
		if c.Msg.Drop != nil { // and nothing else: see protocol.Control
			h.drop(c.Agent, c.Msg.Drop)
			continue
		}
		add := entry(h.keys.Control(c.Agent), kindControl, c.Msg)
		h.out.Put(func(ctx context.Context, p redis.Pipeliner) { p.XAdd(ctx, add) })
	}
	if len(acts.Trim) > 0 {
		h.trim(acts.Trim...)
	}
	if slices.ContainsFunc(acts.Changed, func(c protocol.Change) bool { return c.Offline }) {
		h.later = append(h.later, acts.Ended...) // whoever places tasks hears first that the agent has gone
		poke(h.changed)
	} else {
		h.give(acts.Ended)
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

// give tells those who wait how attempts ended. mu is held.
func (h *Host) give(ended []protocol.Result) {
	for _, r := range ended {
		if w := h.waits[r.ID]; w != nil {
			select {
			case w.done <- r:
			default: // it has one already
			}
		}
	}
}

func (h *Host) answer(u protocol.Unknown) {
	ctx, cancel := context.WithTimeout(context.Background(), h.pace.Lost)
	defer cancel()
	open, err := h.cfg.Open(ctx, u)
	if err != nil {
		h.cfg.Log.Warn("nobody knows whether an attempt that an agent holds is wanted", "attempt", u.ID, "agent", u.Agent, "error", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end.Answer(u, open || err != nil)
	h.act()
}
