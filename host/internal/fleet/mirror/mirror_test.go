package mirror

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/api/hub"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// rig is a mirror between a hub and a Redis of its own.
type rig struct {
	t     *testing.T
	redis *redistest.Server
	store *memstore.Store
	hub   *hub.Hub

	mu     sync.Mutex
	active []string
}

func (r *rig) Reports(context.Context, string) <-chan client.Report { return nil }
func (r *rig) Newest(string) []client.Report                        { return nil }

func newRig(t *testing.T) *rig {
	r := &rig{t: t, redis: redistest.Start(t), store: memstore.New()}
	shape := func(h store.Head) client.Run { return client.Run{ID: h.Run, State: h.State, Seq: h.Seq} }
	r.hub = hub.New(hub.Config{Journal: r.store, Index: r.store, Live: r, Summary: shape,
		Job: func(ctx context.Context, id string) (client.Job, error) {
			h, err := r.store.Find(ctx, id)
			j := client.Job{JobID: id, Status: strings.ToUpper(h.State)}
			if h.State == "succeeded" {
				j.Progress, j.Outputs = 100, sdk.Values{"film": "done"}
			}
			return j, err
		},
		Problem: func(err error) *client.Problem { return &client.Problem{Detail: err.Error()} }})
	t.Cleanup(r.hub.Close)
	return r
}

// run mirrors as a user with these rights until the test ends, and gives the log, and when it ends by itself.
func (r *rig) run(rights dial.Rights) (*bytes.Buffer, <-chan struct{}) {
	r.t.Helper()
	args := []any{"ACL", "SETUSER", rights.User}
	for _, rule := range rights.Rules("hunter2") {
		args = append(args, rule)
	}
	if err := r.redis.Client(r.t).Do(r.t.Context(), args...).Err(); err != nil {
		r.t.Fatal(err)
	}
	c, err := dial.Connect(dial.Config{URL: r.redis.UnixURL(), User: rights.User, Password: "hunter2"})
	if err != nil {
		r.t.Fatal(err)
	}
	log, ended := &bytes.Buffer{}, make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(ended)
		Run(ctx, Config{Client: c, Hub: r.hub, Every: 10 * time.Millisecond, Log: slog.New(slog.NewTextHandler(log, nil)), Active: func() []string {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.active
		}})
	}()
	r.t.Cleanup(func() { cancel(); <-ended; _ = c.Close() })
	return log, ended
}

func (r *rig) record(run, state string) {
	r.t.Helper()
	h, _ := r.store.Find(r.t.Context(), run) // a new run has none
	seq := h.Seq + 1
	if err := r.store.Append(r.t.Context(), store.Append{Run: run, After: h.Seq, Events: [][]byte{[]byte("{}")}, Head: &store.Head{Run: run, State: state, Seq: seq}}); err != nil {
		r.t.Fatal(err)
	}
	r.hub.Changed(run)
}

// hears wants messages, in this order on each channel.
func (r *rig) hears(from *redis.PubSub, want ...string) {
	r.t.Helper()
	for _, w := range want {
		ctx, cancel := context.WithTimeout(r.t.Context(), 30*time.Second)
		m, err := from.ReceiveMessage(ctx)
		cancel()
		if err != nil {
			r.t.Fatalf("want %s: %v", w, err)
		}
		if got := m.Channel + " " + m.Payload; got != w {
			r.t.Fatalf("got %s, want %s", got, w)
		}
	}
}

func (r *rig) subscribe(channels ...string) *redis.PubSub {
	s := r.redis.Client(r.t).Subscribe(r.t.Context(), channels...)
	r.t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestWhoSubscribesIsTold: at once and on each change; and nothing is published for nobody.
func TestWhoSubscribesIsTold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.run(dial.HostRights("default"))
	r.record("run_a", "running")
	r.record("run_b", "running")
	a := r.subscribe("status:run_a", "progress:run_a", "data:run_a", "status:run_none", "else:run_b")
	r.hears(a, `status:run_a {"jobId":"run_a","status":"RUNNING"}`, `progress:run_a {"jobId":"run_a","progress":0}`)
	r.record("run_b", "succeeded")
	r.record("run_a", "succeeded")
	r.hears(a, `status:run_a {"jobId":"run_a","status":"SUCCEEDED"}`, `progress:run_a {"jobId":"run_a","progress":100}`, `data:run_a {"jobId":"run_a","data":{"film":"done"}}`)
	late := r.subscribe("status:run_b")
	r.hears(late, `status:run_b {"jobId":"run_b","status":"SUCCEEDED"}`)
	stats, err := r.redis.Client(t).Info(t.Context(), "commandstats").Result()
	if err != nil || !strings.Contains(stats, "cmdstat_publish:calls=8,") { // five of run_a, three of run_b once it was asked for
		t.Errorf("more or less was published than was asked for: %s, %v", stats, err)
	}
	denied, err := r.redis.Client(t).ACLLog(t.Context(), 10).Result()
	if err != nil || len(denied) > 0 {
		t.Errorf("what it needs is not granted: %v, %v", denied, err)
	}
}

// TestPatterns: who subscribes to a pattern hears of all runs, those under way and those to come.
func TestPatterns(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.run(dial.HostRights("default"))
	r.record("run_a", "running")
	r.mu.Lock()
	r.active = []string{"run_a"}
	r.mu.Unlock()
	s := r.redis.Client(t).PSubscribe(t.Context(), "status:*")
	defer s.Close()
	r.hears(s, `status:run_a {"jobId":"run_a","status":"RUNNING"}`)
	for k := range 5 {
		id := fmt.Sprint("run_b", k)
		r.mu.Lock()
		r.active = append(r.active, id)
		r.mu.Unlock()
		r.record(id, "running")
		r.hears(s, fmt.Sprintf(`status:%s {"jobId":"%s","status":"RUNNING"}`, id, id))
		r.record(id, "failed")
		r.hears(s, fmt.Sprintf(`status:%s {"jobId":"%s","status":"FAILED"}`, id, id))
	}
}

// TestWithoutRights: a user that may not publish ends the mirror, which says so.
func TestWithoutRights(t *testing.T) {
	t.Parallel()
	for _, lacks := range []string{"publish", "pubsub|channels", "channels"} {
		r := newRig(t)
		rights := dial.HostRights("default")
		for k, c := range rights.Commands {
			if c == lacks {
				rights.Commands[k] = "ping"
			}
		}
		if lacks == "channels" {
			rights.Channels = nil
		}
		log, ended := r.run(rights)
		r.record("run_a", "running")
		r.subscribe("status:run_a")
		<-ended
		if !strings.Contains(log.String(), "docs/fleet.md") {
			t.Errorf("%s: it says %s", lacks, log)
		}
	}
}

// TestRedisComesBack: after Redis was away those who subscribe again are told.
func TestRedisComesBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.run(dial.HostRights("default"))
	r.record("run_a", "running")
	r.hears(r.subscribe("status:run_a"), `status:run_a {"jobId":"run_a","status":"RUNNING"}`)
	r.redis.Kill(t)
	r.redis.Restart(t)
	c := r.redis.Client(t)
	args := []any{"ACL", "SETUSER", "host"}
	for _, rule := range dial.HostRights("default").Rules("hunter2") {
		args = append(args, rule)
	}
	if err := c.Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
	s := r.subscribe("status:run_a")
	if _, err := s.Receive(t.Context()); err != nil { // it is subscribed
		t.Fatal(err)
	}
	r.record("run_a", "failed")
	r.hears(s, `status:run_a {"jobId":"run_a","status":"FAILED"}`)
}
