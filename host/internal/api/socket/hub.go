// Package socket tells many clients of runs as they go on, over WebSockets. What a run records is read once however many
// watch it, and written out once for all of them.
package socket

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Runs are where runs are read from. Errors are told to who asked, as Problem makes them.
type Runs interface {
	// Find gives the run that an id names; Show that run as the API does.
	Find(ctx context.Context, id string) (store.Head, error)
	Show(ctx context.Context, id string) (client.Run, error)
	// Job gives a run as the first MySpinBot's programs know it.
	Job(ctx context.Context, id string) (client.Job, error)
	Problem(ctx context.Context, err error) *client.Problem
}

// Live is what runs say while they work.
type Live interface {
	Reports(ctx context.Context, run string) <-chan client.Report
}

const (
	// A hub that has just spoken gathers for each of its subscribers, at most together: what is told often and to many is told in
	// bigger pieces. One that was quiet speaks at once.
	each     = 40 * time.Microsecond
	together = 50 * time.Millisecond
	pageSize = 256
)

// hub tells its subscribers of one run.
type hub struct {
	run string
	end context.CancelFunc

	mu   sync.Mutex
	seq  uint64 // events up to it have been told
	over bool   // nothing more will be
	subs map[*sub]bool
	job  client.Job // as it was told last
}

// sub is one client's interest in a run.
type sub struct {
	out  *outbox
	seq  uint64 // events up to it are the client's already
	jobs bool   // it wants the run as a job, and nothing else
	last string // what it was told of the job last
	// late holds what is told while the client still reads what was before.
	late    []*message
	reading bool
	gone    bool
}

// message is what clients are told, written once.
type message struct {
	events []store.Event // that it tells, in order; none: it tells of something else
	data   []byte
	once   prepared
}

func say(v any) *message {
	data, err := json.Marshal(v)
	if err != nil {
		data = []byte(`{"type":"error"}`)
	}
	return &message{data: data}
}

// told tells of events.
func told(run string, events []store.Event) *message {
	list := make([]client.Event, len(events))
	for k, e := range events {
		list[k] = client.Event{Seq: e.Seq, Data: e.Data}
	}
	m := say(struct {
		Type   string         `json:"type"`
		RunID  string         `json:"runId"`
		Events []client.Event `json:"events"`
	}{"events", run, list})
	m.events = events
	return m
}

// deliver hands a message to a subscriber. The hub's mu is held.
func (s *sub) deliver(m *message) {
	if s.reading {
		s.late = append(s.late, m)
		if len(s.late) > maxLate {
			s.out.cut()
		}
		return
	}
	if len(m.events) > 0 {
		news := m.events
		for len(news) > 0 && news[0].Seq <= s.seq {
			news = news[1:]
		}
		switch len(news) {
		case 0:
			return
		case len(m.events):
		default: // it has read some of them by itself
			m = told(news[0].Run, news)
		}
		s.seq = news[len(news)-1].Seq
	}
	if s.jobs {
		if s.last == string(m.data) {
			return
		}
		s.last = string(m.data)
	}
	s.out.put(m)
}

// maxLate bounds what is told of a run while a client reads what was before.
const maxLate = 10_000

// hubs are those of the runs that somebody watches.
type hubs struct {
	cfg Config
	ctx context.Context

	mu  sync.Mutex
	all map[string]*hub
}

// join gives the hub of a run, with a new subscriber in it, and the number up to which it has to read by itself.
func (h *hubs) join(ctx context.Context, run string, s *sub) (*hub, uint64, error) {
	for {
		h.mu.Lock()
		one := h.all[run]
		h.mu.Unlock()
		if one == nil {
			head, err := h.cfg.Runs.Find(ctx, run)
			if err != nil {
				return nil, 0, err
			}
			h.mu.Lock()
			if one = h.all[run]; one == nil {
				inner, cancel := context.WithCancel(h.ctx)
				one = &hub{run: run, end: cancel, seq: head.Seq, subs: map[*sub]bool{}}
				h.all[run] = one
				go h.follow(inner, one)
			}
			h.mu.Unlock()
		}
		one.mu.Lock()
		if !one.over {
			one.subs[s] = true
			upTo := one.seq
			one.mu.Unlock()
			return one, upTo, nil
		}
		one.mu.Unlock()
		h.drop(one)
	}
}

// leave takes a subscriber out; with the last one the hub goes.
func (h *hubs) leave(one *hub, s *sub) {
	one.mu.Lock()
	delete(one.subs, s)
	s.gone = true
	empty := len(one.subs) == 0
	one.over = one.over || empty
	one.mu.Unlock()
	if empty {
		h.drop(one)
	}
}

func (h *hubs) drop(one *hub) {
	one.end()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all[one.run] == one {
		delete(h.all, one.run)
	}
}

// follow tells of a run until it has ended, nobody watches it, or the host closes.
func (h *hubs) follow(ctx context.Context, one *hub) {
	defer h.drop(one)
	changed, reports := h.cfg.Journal.Watch(ctx, one.run), h.cfg.Live.Reports(ctx, one.run)
	var said []client.Report
	var spoke time.Time
	var gather time.Duration
	var wait <-chan time.Time
	for ended := h.tell(ctx, one, nil); !ended; {
		dirty := true
		select {
		case <-ctx.Done():
			return
		case _, open := <-changed:
			if !open {
				return
			}
		case r, open := <-reports:
			if !open {
				reports, dirty = nil, false
				break
			}
			said = append(said, r)
		case <-wait:
			wait = nil
		}
		if since := time.Since(spoke); dirty && since < gather {
			if wait == nil {
				wait = time.After(gather - since)
			}
			continue
		}
		ended = h.tell(ctx, one, said)
		said, spoke, gather = nil, time.Now(), min(time.Duration(one.watched())*each, together)
	}
}

// tell tells what is new, and says whether that is all there will be.
func (h *hubs) tell(ctx context.Context, one *hub, said []client.Report) bool {
	head, err := h.cfg.Runs.Find(ctx, one.run)
	if err != nil {
		one.all(h.trouble(ctx, one.run, err))
		return true
	}
	for {
		events, err := h.cfg.Journal.Read(ctx, one.run, one.seq, pageSize) // seq is changed here alone
		if err != nil {
			one.all(h.trouble(ctx, one.run, err))
			return true
		}
		if len(events) > 0 {
			one.news(told(one.run, events))
		}
		if len(events) < pageSize {
			break
		}
	}
	for _, r := range newest(said) {
		one.all(say(struct {
			Type   string        `json:"type"`
			RunID  string        `json:"runId"`
			Report client.Report `json:"report"`
		}{"report", one.run, r}))
	}
	h.tellJob(ctx, one)
	ended := (client.Run{State: head.State}).Ended() && one.seq >= head.Seq
	if ended {
		one.finish()
	}
	return ended
}

// newest leaves out progress that was overtaken.
func newest(said []client.Report) []client.Report {
	last := map[string]int{}
	for k, r := range said {
		if r.Kind == "progress" {
			last[r.Address.String()] = k
		}
	}
	out := said[:0]
	for k, r := range said {
		if at, ok := last[r.Address.String()]; r.Kind != "progress" || ok && at == k {
			out = append(out, r)
		}
	}
	return out
}

// watched says how many watch.
func (one *hub) watched() int {
	one.mu.Lock()
	defer one.mu.Unlock()
	return len(one.subs)
}

// news tells everybody who watches the run as a run of events.
func (one *hub) news(m *message) {
	one.mu.Lock()
	defer one.mu.Unlock()
	for s := range one.subs {
		if !s.jobs {
			s.deliver(m)
		}
	}
	one.seq = m.events[len(m.events)-1].Seq
}

// all tells everybody who watches the run as a run.
func (one *hub) all(m *message) {
	one.mu.Lock()
	defer one.mu.Unlock()
	for s := range one.subs {
		if !s.jobs {
			s.deliver(m)
		}
	}
}

// finish tells everybody that there is no more.
func (one *hub) finish() {
	one.mu.Lock()
	defer one.mu.Unlock()
	one.over = true
	m := say(map[string]string{"type": "end", "runId": one.run})
	for s := range one.subs {
		if !s.jobs {
			s.deliver(m)
		}
	}
}

// tellJob tells who watches the run as a job, when it has changed.
func (h *hubs) tellJob(ctx context.Context, one *hub) {
	one.mu.Lock()
	wanted := false
	for s := range one.subs {
		wanted = wanted || s.jobs
	}
	was := one.job
	one.mu.Unlock()
	if !wanted {
		return
	}
	j, err := h.cfg.Runs.Job(ctx, one.run)
	if err != nil || j.JobID == was.JobID && j.Status == was.Status && j.Progress == was.Progress {
		return
	}
	m := update(j)
	one.mu.Lock()
	defer one.mu.Unlock()
	one.job = j
	for s := range one.subs {
		if s.jobs {
			s.deliver(m)
		}
	}
}

func update(j client.Job) *message {
	return say(struct {
		Type     string `json:"type"`
		JobID    string `json:"jobId"`
		Status   string `json:"status"`
		Progress int    `json:"progress"`
	}{"update", j.JobID, j.Status, j.Progress})
}

func (h *hubs) trouble(ctx context.Context, run string, err error) *message {
	return say(struct {
		Type    string          `json:"type"`
		RunID   string          `json:"runId,omitempty"`
		Problem *client.Problem `json:"problem"`
	}{"error", run, h.cfg.Runs.Problem(ctx, err)})
}
