package telemetry

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// Executor counts the tasks that pass to next; name is "wasm" or "plugin".
func (m *Metrics) Executor(name string, next exec.Executor) exec.Executor {
	inFlight := m.inFlight.WithLabelValues(name)
	return exec.Func(func(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
		inFlight.Inc()
		defer inFlight.Dec()
		start := time.Now()
		result, err := next.Execute(ctx, t)
		took := time.Since(start).Seconds()
		m.taskSeconds.WithLabelValues(t.Type).Observe(took)
		if name == "wasm" {
			m.wasmSeconds.Add(took)
		}
		cause := "succeeded"
		if err != nil {
			cause = causeOf(err)
		}
		m.attempts.WithLabelValues(t.Type, cause).Inc()
		return result, err
	})
}

// causeOf gives a cause that we know: a plugin's or module's word is not a dimension.
func causeOf(err error) string {
	switch c := sdk.AsError(err).Cause; c {
	case sdk.CauseHung, sdk.CauseOOM, sdk.CauseSpilling, sdk.CauseLost, sdk.CausePreempted, sdk.CauseRefused, sdk.CauseDrained, sdk.CauseCancelled:
		return string(c)
	default:
		return string(sdk.CauseFailed)
	}
}

// Journal counts what next makes durable.
func (m *Metrics) Journal(next store.Journal) store.Journal {
	j := journal{Journal: next, m: m}
	if q, ok := next.(store.Queuer); ok {
		return queuing{j, q}
	}
	return j
}

type journal struct {
	store.Journal
	m *Metrics
}

func (j journal) Append(ctx context.Context, a store.Append) error {
	start := time.Now()
	err := j.Journal.Append(ctx, a)
	j.m.appended(start, len(a.Events), err)
	return err
}

func (m *Metrics) appended(start time.Time, events int, err error) {
	if err != nil {
		m.appendErrors.Inc()
		return
	}
	m.appendSeconds.Observe(time.Since(start).Seconds())
	m.appends.Inc()
	m.appendEvents.Add(float64(events))
}

// queuing also counts what nobody waits for.
type queuing struct {
	journal
	next store.Queuer
}

// Queue implements store.Queuer.
func (q queuing) Queue(a store.Append, done func(error)) {
	start, events := time.Now(), len(a.Events)
	q.next.Queue(a, func(err error) {
		q.m.appended(start, events, err)
		done(err)
	})
}

// Artifacts counts the bytes that go into and out of next.
func (m *Metrics) Artifacts(next artifacts.Store) artifacts.Store {
	b := bytesOf{Store: next, m: m}
	if a, ok := next.(artifacts.Adopter); ok {
		return adopting{b, a}
	}
	return b
}

type bytesOf struct {
	artifacts.Store
	m *Metrics
}

func (b bytesOf) Put(ctx context.Context, r io.Reader, hint sdk.Artifact) (sdk.Artifact, error) {
	a, err := b.Store.Put(ctx, r, hint)
	b.m.storedBytes.Add(float64(a.Size))
	return a, err
}

// adopting also counts what is taken in without being copied.
type adopting struct {
	bytesOf
	next artifacts.Adopter
}

func (a adopting) Adopt(path, digest string) error {
	info, unknown := os.Stat(path)
	err := a.next.Adopt(path, digest)
	if err == nil && unknown == nil {
		a.m.storedBytes.Add(float64(info.Size()))
	}
	return err
}

func (b bytesOf) Fetch(ctx context.Context, digest, path string) error {
	err := b.Store.Fetch(ctx, digest, path)
	if err == nil {
		if info, e := os.Stat(path); e == nil {
			b.m.servedBytes.Add(float64(info.Size()))
		}
	}
	return err
}
