package hub

import (
	"encoding/json"
	"time"

	"github.com/myspinbot/spinbot/sdk/client"
)

// seldom is how many times longer than it takes to look at a run a job waits before it looks again.
const seldom = 10

// flushJob tells how far a run is to those that were told something else.
func (t *topic) flushJob() error {
	start := time.Now()
	job, err := t.hub.cfg.Job(t.ctx, t.of.ID)
	if err != nil {
		return err
	}
	head, err := t.hub.index(t.ctx, t.of.ID)
	if err != nil {
		return err
	}
	var outputs json.RawMessage
	if job.Outputs != nil {
		if outputs, err = json.Marshal(job.Outputs); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = head.Ended()
	if t.says == nil || t.says.Messages[0].Status != job.Status || *t.says.Messages[0].Progress != job.Progress {
		t.says = newBatch(t.of, client.Message{Type: client.MessageUpdate, JobID: job.JobID, Status: job.Status, Progress: &job.Progress, Data: outputs})
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

// flushRuns tells of the runs that have changed.
func (t *topic) flushRuns() error {
	start := time.Now()
	t.mu.Lock()
	dirty := t.dirty
	t.dirty = map[string]bool{}
	t.mu.Unlock()
	var messages []client.Message
	looked := false
	if _, any := dirty[""]; any { // whoever has a list reads it anew
		messages = append(messages, client.Message{Type: client.MessageRuns})
		delete(dirty, "")
	}
	for id, sure := range dirty {
		h, err := t.hub.index(t.ctx, id)
		if err != nil {
			continue // it is gone; or the list is broken, and says so when it is asked for
		}
		looked = looked || !sure
		if !sure && t.known[id] == h.State {
			continue
		}
		if t.known[id] = h.State; h.Ended() {
			delete(t.known, id)
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
	if looked { // other hosts may record a lot that changes nothing here
		t.mu.Lock()
		defer t.mu.Unlock()
		t.rest = time.Now().Add(min(seldom*time.Since(start), time.Second))
	}
	return nil
}
