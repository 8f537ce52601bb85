// Package leader has the hosts of a fleet that share their runs place tasks together: it carries what core/lead says over Redis,
// from host to host. Each host has one stream, which it reads: what owners ask of it while it leads, and what a leader answers.
// Nothing is sent twice because it was lost: core/lead notices and asks again. A leader talks to its own host without Redis.
package leader

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/lead"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/fleet/stream"
)

// Entries of the streams have two fields: what they are, and that as JSON.
const (
	kindField = "k"
	dataField = "d"

	kindAsk    = "placing_ask"
	kindAnswer = "placing_answer"
)

// kept is about how many entries stay in a stream that nobody reads.
const kept = 10_000

// Key is the stream of what other hosts say to a host. Agents have no rights to it.
func Key(namespace, host string) string { return dial.Keys(namespace) + "host:" + host + ":placing" }

// Config is what a Link works with.
type Config struct {
	Client    redis.UniversalClient
	Namespace string
	Host      string
	Policy    placement.Policy
	// Came is called when Take has something, with nothing locked.
	Came func()
	// Running says what agents work on, as they said last.
	Running func() lead.Running
	Tick    time.Duration // how often what was lost is made up for, and is said what waits; 0: each second
	Now     func() time.Time
	Log     *slog.Logger
}

// Link is a host's end. It is safe for concurrent use.
type Link struct {
	cfg  Config
	wake chan struct{}

	mu     sync.Mutex
	owner  *lead.Owner
	leader *lead.Leader
	spent  []string // entries that were read
}

// New makes a host's end. Run has it work.
func New(c Config) *Link {
	c.Tick = cmp.Or(c.Tick, time.Second)
	if c.Now == nil {
		c.Now = func() time.Time { return time.Now().Round(0) } // the wall's: it goes on while the machine sleeps
	}
	return &Link{cfg: c, wake: make(chan struct{}, 1), owner: lead.NewOwner(c.Host, c.Now().UnixNano()), leader: lead.NewLeader(c.Host, c.Policy)}
}

// Run works until ctx ends.
func (l *Link) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		r := &stream.Reader{Client: l.cfg.Client, Namespace: l.cfg.Namespace, Block: l.cfg.Tick, Answer: 5 * l.cfg.Tick, Pause: stream.Backoff{First: l.cfg.Tick / 10, Last: l.cfg.Tick},
			Streams: []string{Key(l.cfg.Namespace, l.cfg.Host)}, Heard: func(bool, error) {}, Batch: l.batch, Began: func(context.Context, bool) error { return nil }}
		r.Run(ctx)
	})
	tick, later := time.NewTicker(l.cfg.Tick), time.NewTimer(time.Hour)
	defer tick.Stop()
	defer later.Stop()
	for {
		due := false
		select {
		case <-ctx.Done():
			l.leave(ctx)
			return
		case <-l.wake:
		case <-later.C:
		case <-tick.C:
			due = true
		}
		running := lead.Running(nil)
		if due {
			running = l.cfg.Running()
		}
		mail, came, next := l.turn(due, running)
		if came {
			l.cfg.Came()
		}
		if !next.IsZero() {
			later.Reset(next.Sub(l.cfg.Now()))
		}
		l.post(ctx, mail)
	}
}

// leave tells the leader that this process ends.
func (l *Link) leave(ctx context.Context) {
	l.mu.Lock()
	ask, something := l.owner.Leave()
	to, _ := l.owner.Leader()
	l.mu.Unlock()
	if something && to != l.cfg.Host {
		l.post(context.WithoutCancel(ctx), []letter{{to, kindAsk, ask}})
	}
}

// letter is a message to another host.
type letter struct {
	to, kind string
	what     any
}

// turn has both ends say what they have to say, and tells this host's to each other. next is when there may be more to do though
// nothing happens.
func (l *Link) turn(tick bool, running lead.Running) (mail []letter, came bool, next time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.cfg.Now()
	if tick {
		l.leader.Runs(running, now)
	}
	for more := true; more; tick = false {
		more = false
		if ask, something := l.owner.Ask(); something || tick {
			switch to, _ := l.owner.Leader(); to {
			case l.cfg.Host:
				l.leader.Hear(ask, now)
				more = something
			case "":
			default:
				mail = append(mail, letter{to, kindAsk, ask})
			}
		}
		for _, x := range l.leader.Act(tick, now) {
			if x.Host == l.cfg.Host {
				l.owner.Hear(x.Answer)
				more = true
			} else {
				mail = append(mail, letter{x.Host, kindAnswer, x.Answer})
			}
		}
	}
	return mail, l.owner.Came(), l.leader.Wake(now)
}

// post sends messages, and deletes what was read. What does not arrive is made up for.
func (l *Link) post(ctx context.Context, mail []letter) {
	l.mu.Lock()
	spent := l.spent
	l.spent = nil
	l.mu.Unlock()
	if len(mail)+len(spent) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*l.cfg.Tick)
	defer cancel()
	_, err := l.cfg.Client.Pipelined(ctx, func(w redis.Pipeliner) error {
		for _, m := range mail {
			raw, err := json.Marshal(m.what)
			if err != nil {
				return err
			}
			w.XAdd(ctx, &redis.XAddArgs{Stream: Key(l.cfg.Namespace, m.to), MaxLen: kept, Approx: true, Values: []any{kindField, m.kind, dataField, raw}})
		}
		if len(spent) > 0 {
			w.XDel(ctx, Key(l.cfg.Namespace, l.cfg.Host), spent...)
		}
		return nil
	})
	if err != nil {
		l.mu.Lock()
		l.spent = append(l.spent, spent...)
		l.mu.Unlock()
		l.cfg.Log.Debug("what hosts say to each other about placing was not sent", "error", err)
	}
}

// batch takes in what was read.
func (l *Link) batch(streams []redis.XStream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range streams {
		for _, m := range s.Messages {
			if err := l.take(m); err != nil {
				l.cfg.Log.Warn("a message of another host cannot be read", "entry", m.ID, "error", err)
			}
			l.spent = append(l.spent, m.ID)
		}
	}
	if len(l.spent) > 0 {
		l.poke()
	}
}

func (l *Link) take(m redis.XMessage) error {
	text, _ := m.Values[dataField].(string)
	switch m.Values[kindField] {
	case kindAsk:
		var a lead.Ask
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			return err
		}
		l.leader.Hear(a, l.cfg.Now())
	case kindAnswer:
		var a lead.Answer
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			return err
		}
		l.owner.Hear(a)
	default:
		return errors.New("it is of a kind that is not known")
	}
	return nil
}

func (l *Link) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// change changes something, and has others told.
func (l *Link) change(what func(now time.Time)) {
	l.mu.Lock()
	what(l.cfg.Now())
	l.mu.Unlock()
	l.poke()
}

// Lead takes in what the store says of who leads.
func (l *Link) Lead(leader string, t lead.Term) {
	l.change(func(now time.Time) {
		l.leader.Lead(t, now)
		l.owner.Follow(leader, t.Epoch)
	})
}

// Agent takes in what an agent says of itself.
func (l *Link) Agent(a lead.Agent) { l.change(func(now time.Time) { l.leader.Agent(a, now) }) }

// Forget removes an agent that a person has taken out.
func (l *Link) Forget(id string) { l.change(func(time.Time) { l.leader.Forget(id) }) }

// Away says which agents people have taken out of use at this host, and why.
func (l *Link) Away(agents map[string]string) {
	l.change(func(time.Time) { l.owner.Away(agents) })
}

// Want enters an attempt that waits: see lead.Owner.
func (l *Link) Want(t placement.Task) { l.change(func(time.Time) { l.owner.Want(t) }) }

// Hold enters an attempt that has been given something already.
func (l *Link) Hold(t placement.Task, g placement.Given) {
	l.change(func(time.Time) { l.owner.Hold(t, g) })
}

// Done takes an attempt out.
func (l *Link) Done(d lead.Done) { l.change(func(time.Time) { l.owner.Done(d) }) }

// Take gives what attempts have got since it was asked last, and those that have to give back what they have.
func (l *Link) Take() (given []placement.Assignment, yield []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owner.Take()
}

// Why says why an attempt waits, of whichever host it is; nothing when nobody knows of it.
func (l *Link) Why(id string) lead.Waits {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owner.Why(id)
}

// Waiting lists the attempts of all hosts that wait, in the order in which they go as far as that is known.
func (l *Link) Waiting() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owner.Waiting()
}

// Shortages gives the model files that are lacking for attempts that wait, when this host leads.
func (l *Link) Shortages() []placement.Shortage {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leader.Shortages()
}
