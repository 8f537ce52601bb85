package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/sdk"
)

// driver is what the engine is to a real host: it keeps the journal and tries again what was lost.
type driver struct {
	setup
	hook    *hook
	journal *lines
	events  *lines
	fleet   *fleet.Host

	mu      sync.Mutex
	r       *rand.Rand
	runs    map[string]*chain
	began   time.Time
	members map[string]fleet.Member
	changed chan struct{} // closed when a member is another
}

// chain is a run as the journal tells it.
type chain struct {
	attempts  int
	open      string // the attempt under way
	agent     string
	session   string // of its process
	cancelled bool
	done      bool
}

func runHost(s setup) error {
	d := &driver{setup: s, r: rand.New(rand.NewPCG(s.Seed, 5)), runs: map[string]*chain{}, members: map[string]fleet.Member{}, changed: make(chan struct{})}
	if err := d.replay(); err != nil {
		return err
	}
	c := s.client()
	d.hook = newHook(s, c)
	d.fleet = fleet.NewHost(fleet.HostConfig{Client: c, Namespace: s.Namespace, Info: fleet.HostInfo{ID: s.ID}, Pace: s.pace(), Open: d.open, Changed: d.member, Connection: d.connection,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	for d.fleet.Begin(context.Background()) != nil {
		time.Sleep(s.pace().Beat / 10) // Redis is not there
	}
	work, letGo := context.WithCancelCause(context.Background())
	ctx, cancel := context.WithCancel(context.Background())
	var all, reading sync.WaitGroup
	reading.Go(func() { d.fleet.Run(ctx) })
	for _, j := range s.Jobs {
		all.Go(func() { d.follow(work, j) })
	}
	<-term
	letGo(exec.ErrLetGo)
	all.Wait()
	cancel()
	reading.Wait()
	return nil
}

// replay reads the journal.
func (d *driver) replay() (err error) {
	for _, x := range readLines(d.Dir, "journal") {
		d.apply(x)
	}
	if d.journal, err = openLines(d.Dir, "journal", true); err != nil {
		return err
	}
	if d.began.IsZero() {
		d.append(line{What: began})
	}
	if d.events, err = openLines(d.Dir, d.ID, false); err == nil {
		d.events.add(line{What: up, Session: d.Session})
	}
	return err
}

func (d *driver) append(x line) {
	d.journal.add(x)
	x.At = time.Now().UnixMilli()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.apply(x)
}

func (d *driver) apply(x line) {
	run, _, _ := strings.Cut(x.ID, "/")
	c := d.runs[run]
	if c == nil {
		c = &chain{}
		d.runs[run] = c
	}
	switch x.What {
	case began:
		d.began = time.UnixMilli(x.At)
	case sent:
		c.attempts++
		c.open, c.agent, c.session = x.ID, x.Agent, x.Session
	case cancelled:
		c.cancelled = true
		c.done = c.done || c.attempts > 0 && c.open == ""
	case ended:
		c.open = ""
		c.done = x.Cause == "" || c.cancelled
	}
}

func (d *driver) open(_ context.Context, u protocol.Unknown) (bool, error) {
	run, _, _ := strings.Cut(u.ID, "/")
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.runs[run]
	return c != nil && c.open == u.ID, nil
}

func (d *driver) member(m fleet.Member) {
	d.mu.Lock()
	defer d.mu.Unlock()
	was := d.members[m.Agent]
	d.members[m.Agent] = m
	if was.Away == m.Away && was.Session == m.Session {
		return
	}
	close(d.changed)
	d.changed = make(chan struct{})
	x := line{What: heard, Agent: m.Agent, Session: m.Session}
	if m.Away != "" {
		x.What, x.Text = away, m.Away
		if !m.Heard.IsZero() {
			x.Silent = time.Since(m.Heard).Milliseconds()
		}
	}
	d.events.add(x)
}

func (d *driver) connection(err error) {
	x := line{What: fine}
	if err != nil {
		x.What, x.Text = trouble, err.Error()
	}
	d.events.add(x)
}

// place chooses an agent, once there is one.
func (d *driver) place(ctx context.Context) string {
	for {
		d.mu.Lock()
		var there []string
		for _, id := range agents {
			if m, ok := d.members[id]; ok && m.Away == "" {
				there = append(there, id)
			}
		}
		changed := d.changed
		if len(there) > 0 {
			defer d.mu.Unlock()
			return there[d.r.IntN(len(there))]
		}
		d.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ""
		}
	}
}

// follow drives a run to its end.
func (d *driver) follow(ctx context.Context, j job) {
	d.mu.Lock()
	c := d.runs[j.ID]
	if c == nil {
		c = &chain{}
		d.runs[j.ID] = c
	}
	wait := time.NewTimer(time.Until(d.began.Add(j.At)))
	d.mu.Unlock()
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return
	}
	for ctx.Err() == nil {
		d.mu.Lock()
		now := *c
		d.mu.Unlock()
		if now.done {
			return
		}
		d.attempt(ctx, j, now)
	}
}

// attempt makes one attempt, or waits for the one that an earlier process made.
func (d *driver) attempt(ctx context.Context, j job, c chain) {
	a := protocol.Attempt{ID: c.open, Agent: c.agent, Session: c.session, Held: c.open != ""}
	if !a.Held {
		if a.Agent = d.place(ctx); a.Agent == "" {
			return
		}
		c.attempts++
		a.ID, a.Session = fmt.Sprintf("%s/%d", j.ID, c.attempts), d.fleet.Session(a.Agent)
		d.append(line{What: sent, ID: a.ID, Agent: a.Agent, Session: a.Session})
		d.hook.step(sent)
	}
	b := body{j.Later}
	if c.attempts == 1 {
		b.For = j.First
	}
	a.Body, _ = json.Marshal(b)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if j.Cancel > 0 && !a.Held && c.attempts == 1 || c.cancelled {
		t := time.AfterFunc(j.Cancel, func() {
			d.append(line{What: cancelled, ID: j.ID, Session: d.Session})
			stop(&sdk.Error{Cause: sdk.CauseCancelled, Message: "by hand"})
		})
		defer t.Stop()
	}
	res, err := d.fleet.Execute(ctx, a, func(sdk.Report) {}, func(protocol.Result) bool { return true })
	if errors.Is(err, exec.ErrLetGo) {
		return
	}
	x := line{What: ended, ID: a.ID, Agent: res.Agent, Session: d.Session}
	if err != nil && res.Error == nil {
		res.Error = sdk.AsError(err)
	}
	if res.Error != nil {
		x.Cause, x.Text = string(res.Error.Cause), res.Error.Message
	} else {
		_ = json.Unmarshal(res.Body, &x.Value)
	}
	d.append(x)
	d.hook.step(ended)
	d.fleet.Committed(a.ID)
}
