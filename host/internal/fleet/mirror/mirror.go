// Package mirror tells what becomes of runs over Pub/Sub of the fleet's Redis, to whoever knows them as jobs: their status
// on the channel status:<id>, their progress on progress:<id>, and what they gave on data:<id>, as JSON. It looks who
// subscribes, and publishes for nobody else: a run that nobody asks for costs nothing.
package mirror

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/api/hub"
	"github.com/myspinbot/spinbot/sdk/client"
)

// The channels, with a run's id behind them.
const (
	statusOf   = "status:"
	progressOf = "progress:"
	dataOf     = "data:"

	asked = "*:run_*" // a channel that somebody may have subscribed to
	most  = 10_000    // runs that are followed at once
)

// Config is what a mirror is made of.
type Config struct {
	Client redis.UniversalClient
	Hub    *hub.Hub
	// Active gives the runs that are under way here: who subscribes to a pattern of channels hears of them all.
	Active func() []string
	// Every is how often is looked who subscribes; 0: each second.
	Every time.Duration
	Log   *slog.Logger
}

// Status is published when a run's status changes.
type Status struct {
	JobID  string `json:"jobId"`
	Status string `json:"status"`
}

// Progress is published when a run has come further.
type Progress struct {
	JobID    string `json:"jobId"`
	Progress int    `json:"progress"` // in percent
}

// Data is published when a run has ended with outputs.
type Data struct {
	JobID string          `json:"jobId"`
	Data  json.RawMessage `json:"data"`
}

// mirror is what is followed now.
type mirror struct {
	Config
	line *hub.Line
	more chan struct{}
	cut  chan struct{}
	told map[string]client.Message // by run, what was published last
	all  bool                      // somebody wants to hear of every run
}

// Run publishes until ctx ends, or the user of Redis turns out not to be allowed to.
func Run(ctx context.Context, cfg Config) {
	if cfg.Every == 0 {
		cfg.Every = time.Second
	}
	m := &mirror{Config: cfg, more: make(chan struct{}, 1), cut: make(chan struct{}, 1)}
	m.begin()
	defer func() { m.line.Close() }()
	tick := time.NewTicker(cfg.Every)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err = m.look(ctx)
		case <-m.more:
			if err = m.publish(ctx); err != nil { // nobody knows what of it came
				m.again()
			}
		case <-m.cut:
			m.again()
		}
		if err != nil && strings.HasPrefix(err.Error(), "NOPERM") {
			cfg.Log.Warn("what becomes of runs is not published in Redis: its user may not, and docs/fleet.md has the line that lets it", "error", err)
			return
		} // another error: Redis is away, of which the fleet tells
	}
}

// begin follows nothing yet.
func (m *mirror) begin() {
	poke := func(c chan struct{}) func() {
		return func() {
			select {
			case c <- struct{}{}:
			default: // it will look anyway
			}
		}
	}
	m.line, m.told, m.all = m.Hub.Line(poke(m.more), poke(m.cut)), map[string]client.Message{}, false
}

// again follows nothing: whoever is still asked for is told anew.
func (m *mirror) again() {
	m.line.Close()
	m.begin()
}

// look follows what somebody has subscribed to, and nothing else.
func (m *mirror) look(ctx context.Context) error {
	wanted, all, err := m.subscribed(ctx)
	if err != nil {
		return err
	}
	list := hub.Target{Kind: hub.Runs}
	if all != m.all {
		if m.all = all; !all {
			m.line.Unsubscribe(list)
		} else if err := m.line.Subscribe(ctx, list, hub.From{}); err != nil {
			m.all = false
		}
	}
	if all {
		for _, run := range m.Active() {
			wanted[run] = true
		}
	}
	for run := range m.told {
		if !wanted[run] {
			m.line.Unsubscribe(hub.Target{Kind: hub.Job, ID: run})
			delete(m.told, run)
		}
	}
	for run := range wanted {
		m.follow(ctx, run)
	}
	return nil
}

// subscribed gives the runs that somebody has subscribed to, and whether somebody wants to hear of all.
func (m *mirror) subscribed(ctx context.Context) (map[string]bool, bool, error) {
	wanted, all := map[string]bool{}, false
	var mu sync.Mutex
	ask := func(ctx context.Context, c *redis.Client) error {
		var channels *redis.StringSliceCmd
		var patterns *redis.IntCmd
		_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			channels, patterns = p.PubSubChannels(ctx, asked), p.PubSubNumPat(ctx)
			return nil
		})
		mu.Lock()
		defer mu.Unlock()
		all = all || patterns.Val() > 0
		for _, channel := range channels.Val() {
			kind, run, _ := strings.Cut(channel, ":")
			if kind += ":"; kind == statusOf || kind == progressOf || kind == dataOf {
				wanted[run] = true
			}
		}
		return err
	}
	var err error
	switch c := m.Client.(type) {
	case *redis.ClusterClient: // each knows its own subscribers
		err = c.ForEachShard(ctx, ask)
	case *redis.Client:
		err = ask(ctx, c)
	}
	return wanted, all, err
}

// follow has a run told from now on. One that is not there is asked for again, in case it comes.
func (m *mirror) follow(ctx context.Context, run string) {
	if _, known := m.told[run]; known || len(m.told) >= most {
		return
	}
	if m.line.Subscribe(ctx, hub.Target{Kind: hub.Job, ID: run}, hub.From{}) == nil {
		m.told[run] = client.Message{}
	}
}

// publish says what the hub has told.
func (m *mirror) publish(ctx context.Context) error {
	_, err := m.Client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for {
			b, err := m.line.Next(ctx)
			if b == nil {
				return err
			}
			for _, said := range b.Messages {
				switch {
				case said.Type == client.MessageUpdate:
					m.say(ctx, p, said)
				case said.Type == client.MessageRun && m.all:
					m.follow(ctx, said.RunID)
				}
			}
		}
	})
	return err
}

// say publishes what is new of a run.
func (m *mirror) say(ctx context.Context, p redis.Pipeliner, now client.Message) {
	was, known := m.told[now.JobID]
	if !known {
		return // nobody listens any more
	}
	m.told[now.JobID] = now
	put := func(channel string, what any) {
		if raw, err := json.Marshal(what); err == nil {
			p.Publish(ctx, channel+now.JobID, raw)
		}
	}
	if now.Status != was.Status {
		put(statusOf, Status{now.JobID, now.Status})
	}
	if was.Progress == nil || *now.Progress != *was.Progress {
		put(progressOf, Progress{now.JobID, *now.Progress})
	}
	if now.Data != nil && string(now.Data) != string(was.Data) {
		put(dataOf, Data{now.JobID, now.Data})
	}
}
