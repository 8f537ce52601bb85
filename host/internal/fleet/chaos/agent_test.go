package chaos

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/sdk"
)

// devices is how many tasks of an agent work at once: more wait.
const devices = 6

// worker carries out tasks.
type worker struct {
	setup
	hook   *hook
	lines  *lines
	grants chan struct{}
}

func runAgent(s setup) error {
	l, err := openLines(s.Dir, s.ID, false)
	if err != nil {
		return err
	}
	w := &worker{setup: s, lines: l, grants: make(chan struct{}, devices)}
	c := s.client()
	w.hook = newHook(s, c)
	notes := filepath.Join(s.Dir, s.ID+".notes")
	a, err := fleet.NewAgent(fleet.AgentConfig{Client: c, Namespace: s.Namespace, ID: s.ID, Session: s.Session, Pace: s.pace(), Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Notes: notes, Boot: s.Boot, Run: w.run, Order: func(protocol.Order) {}, Delivered: func(string, []string) {},
		Status: func() protocol.Status { return protocol.Status{} }, Hello: func() protocol.Hello { return protocol.Hello{Name: s.ID} }})
	if err != nil {
		return err
	}
	if err := noteSize(notes); err != nil {
		return err
	}
	l.add(line{What: up, Session: s.Session})
	ctx, cancel := context.WithCancel(context.Background())
	go w.drain(a, cancel)
	return a.Run(ctx)
}

// noteSize writes down how much of the notes is on the disk for sure: a power cut leaves that.
func noteSize(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path+".size", []byte(strconv.FormatInt(info.Size(), 10)), 0o600)
}

// drain ends the agent as `spinbot agent` does: it takes nothing more, lets tasks end, hands back the rest.
func (w *worker) drain(a *fleet.Agent, end func()) {
	defer end()
	<-term
	a.Drain(true)
	w.lines.add(line{What: draining, Session: w.Session})
	ctx, cancel := context.WithTimeout(context.Background(), w.scaled(10*time.Second))
	defer cancel()
	if a.Idle(ctx, false) != nil {
		a.HandBack(&sdk.Error{Cause: sdk.CauseDrained, Message: "its agent drains"})
	}
	settled, done := context.WithTimeout(context.Background(), w.scaled(10*time.Second))
	defer done()
	_ = a.Idle(settled, true)
}

// run holds a device for as long as the task says, and takes effect.
func (w *worker) run(ctx context.Context, t protocol.Task, _ func(sdk.Report)) protocol.Result {
	say := func(what, text string) { w.lines.add(line{What: what, ID: t.ID, Session: w.Session, Value: text}) }
	say(entered, "")
	w.hook.step("entered")
	var b body
	_ = json.Unmarshal(t.Body, &b)
	select {
	case w.grants <- struct{}{}:
		defer func() { <-w.grants; say(released, "") }()
	case <-ctx.Done():
		return w.stopped(ctx, t.ID)
	}
	timer := time.NewTimer(b.For)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return w.stopped(ctx, t.ID)
	}
	value := rand.Text()
	say(effect, value)
	w.hook.step("effect")
	raw, _ := json.Marshal(value)
	return protocol.Result{Body: raw}
}

func (w *worker) stopped(ctx context.Context, id string) protocol.Result {
	e := &sdk.Error{Cause: sdk.CauseFailed, Message: "it was stopped without a cause"}
	_ = errors.As(context.Cause(ctx), &e)
	w.lines.add(line{What: stopped, ID: id, Session: w.Session, Cause: string(e.Cause)})
	return protocol.Result{Error: e}
}
