package hub

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/myspinbot/spinbot/sdk/client"
)

// seldom is how many times longer than it takes to look at a run a job waits before it looks again.
const seldom = 10

// flushJob tells how far a run is to those that were told something else.
func (t *topic) flushJob() error {
	start := time.Now()
	run, err := t.hub.cfg.Show(t.ctx, t.of.ID)
	if err != nil {
		return err
	}
	progress := math.Round(100*Progress(run, t.hub.cfg.Live.Newest(run.ID))) / 100
	status := t.hub.cfg.Status(run.State)
	var outputs json.RawMessage
	if run.Ended() && run.Outputs != nil {
		if outputs, err = json.Marshal(run.Outputs); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = run.Ended()
	if t.says == nil || t.says.Messages[0].Status != status || *t.says.Messages[0].Progress != progress {
		t.says = newBatch(t.of, client.Message{Type: client.MessageUpdate, JobID: run.ID, Status: status, Progress: &progress, Data: outputs})
	}
	for s := range t.live {
		if s.said == t.says {
			continue
		}
		if s.said = t.says; !s.push(t.says) {
			delete(t.live, s)
		}
	}
	// A large run that changes all the time must not keep a core busy with being looked at.
	t.rest = time.Now().Add(min(seldom*time.Since(start), time.Second))
	return nil
}

// Progress says how far a run is, from 0 to 1: the part of its nodes that have ended, with the newest progress of those
// that have not.
func Progress(r client.Run, newest []client.Report) float64 {
	if r.State == "succeeded" {
		return 1
	}
	if len(r.Nodes) == 0 {
		return 0
	}
	fractions := map[string]float64{}
	for _, n := range newest {
		fractions[n.Address.String()] = n.Fraction
	}
	done := 0.0
	for _, n := range r.Nodes {
		switch n.State {
		case "succeeded", "failed", "skipped", "cancelled", "cached":
			done++
		default:
			done += min(max(fractions[fmt.Sprintf("%s/%s/%d", r.ID, n.At, n.Attempt)], 0), 1)
		}
	}
	return done / float64(len(r.Nodes))
}

// flushRuns tells of the runs that have changed.
func (t *topic) flushRuns() error {
	t.mu.Lock()
	dirty := t.dirty
	t.dirty = map[string]bool{}
	t.mu.Unlock()
	var messages []client.Message
	for id := range dirty {
		h, err := t.hub.index(t.ctx, id)
		if err != nil {
			continue // it is gone; or the list is broken, and says so when it is asked for
		}
		r := t.hub.cfg.Summary(h)
		raw, err := json.Marshal(r)
		if err != nil {
			return err
		}
		messages = append(messages, client.Message{Type: client.MessageRun, RunID: id, Seq: r.Seq, Data: raw})
	}
	if len(messages) > 0 {
		t.tell(newBatch(t.of, messages...), 0)
	}
	return nil
}
