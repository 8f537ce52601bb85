package leader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/lead"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.StartMain(m)) }

const gib = int64(1) << 30

// rig is hosts in a namespace of their own, and what they say in their logs.
type rig struct {
	t     *testing.T
	redis *redistest.Server
	ns    string

	mu    sync.Mutex
	logs  bytes.Buffer
	given map[string]placement.Assignment
	twice []string
}

func newRig(t *testing.T) *rig {
	return &rig{t: t, redis: redistest.Shared(t), ns: strings.ReplaceAll(t.Name(), "/", "-"), given: map[string]placement.Assignment{}}
}

func (r *rig) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.logs.Write(b)
}

func (r *rig) said(what string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(r.logs.String(), what)
}

// host begins one; stop ends it.
func (r *rig) host(id string) (l *Link, stop func()) {
	r.t.Helper()
	l = New(Config{Client: r.redis.Client(r.t), Namespace: r.ns, Host: id, Tick: 20 * time.Millisecond, Running: func() lead.Running { return nil },
		Came: func() {
			given, _ := l.Take()
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, a := range given {
				if _, has := r.given[a.Task.ID]; has {
					r.twice = append(r.twice, a.Task.ID)
				}
				r.given[a.Task.ID] = a
			}
		},
		Log: slog.New(slog.NewTextHandler(r, nil))})
	l.Agent(lead.Agent{Agent: placement.Agent{ID: "box3", Name: "box3"}, RAM: -1, Disk: -1, Devices: []device.Device{{UUID: "GPU-3", Kind: device.Static, Memory: 24 * gib}}})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { l.Run(ctx) })
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	r.t.Cleanup(stop)
	return l, stop
}

// leads has one of the hosts lead.
func (r *rig) leads(epoch int64, leader string, dead []string, hosts map[string]*Link) {
	var living []string
	for id := range hosts {
		living = append(living, id)
	}
	for id, l := range hosts {
		term := lead.Term{Epoch: epoch, Living: living, Dead: dead}
		if id == leader {
			term.Until = time.Now().Round(0).Add(time.Hour)
		}
		l.Lead(leader, term)
	}
}

func task(id string, priority int) placement.Task {
	return placement.Task{ID: id, Owner: "anna", Priority: priority, Type: "p.do", Plugin: "p", Request: device.Request{Count: 1, Memory: 16 * gib}, Since: time.Now()}
}

func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			r.t.Fatalf("never: %s\n%s", what, r.logs.String())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// has waits until an attempt has something.
func (r *rig) has(id string, epoch int64) {
	r.t.Helper()
	r.until(id+" has something", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		a, has := r.given[id]
		return has && a.Agent == "box3" && a.Epoch == epoch
	})
}

func (r *rig) waits(id, why string, hosts ...*Link) {
	r.t.Helper()
	for _, l := range hosts {
		r.until(id+" waits since "+why, func() bool { return strings.Contains(l.Why(id).Why, why) })
	}
}

// TestHosts: two hosts want the same device. It goes by priority, each knows why either waits, and the next leader goes on.
func TestHosts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, stopA := r.host("a")
	b, _ := r.host("b")
	b.Want(task("low", 0))
	r.waits("low", "no host is known yet", b)
	r.leads(1, "a", nil, map[string]*Link{"a": a, "b": b})
	r.has("low", 1)
	b.Want(task("mid", 1))
	a.Want(task("high", 2))
	r.waits("mid", "1 task like it goes first; that one: needs 16 GiB; GPU-3 has 8 GiB free, the rest is held by low", a, b)
	r.waits("high", "needs 16 GiB; GPU-3 has 8 GiB free, the rest is held by low", a, b)
	for _, l := range []*Link{a, b} {
		if got := strings.Join(l.Waiting(), " "); got != "high mid" {
			t.Errorf("%s wait", got)
		}
	}
	b.Done(lead.Done{ID: "low"})
	r.has("high", 1)

	// its host goes, and the other one leads: it hears what the other has when it begins again
	stopA()
	again, _ := r.host("a")
	again.Hold(task("high", 2), placement.Given{Agent: "box3", Devices: []string{"GPU-3"}, Memory: 16 * gib})
	r.leads(2, "b", nil, map[string]*Link{"a": again, "b": b})
	r.waits("mid", "needs 16 GiB; GPU-3 has 8 GiB free, the rest is held by high", again, b)
	again.Away(map[string]string{"box3": "being moved"})
	again.Done(lead.Done{ID: "high"})
	r.waits("mid", "box3 is being moved", again, b)
	again.Away(nil)
	r.has("mid", 2)
	if r.mu.Lock(); len(r.twice) > 0 {
		t.Errorf("%s was given something twice", r.twice)
	}
	r.mu.Unlock()
	c := r.redis.Client(t)
	r.until("what was read is taken away", func() bool { // all but what was said just now
		return c.XLen(t.Context(), Key(r.ns, "a")).Val()+c.XLen(t.Context(), Key(r.ns, "b")).Val() < 3
	})
}

// TestLeave: what a host wants that ends is not given to it any more.
func TestLeave(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, _ := r.host("a")
	b, stopB := r.host("b")
	r.leads(1, "a", nil, map[string]*Link{"a": a, "b": b})
	a.Want(task("runs", 0))
	r.has("runs", 1)
	b.Want(task("waits", 0))
	r.waits("waits", "needs 16 GiB", a, b)
	stopB()
	r.until("it waits no more", func() bool { return len(a.Waiting()) == 0 })
	if a.Shortages() != nil {
		t.Error("files are lacking")
	}
	a.Forget("box3")
	a.Want(task("next", 0))
	r.waits("next", "there is none", a)
}

// TestGarbled: what cannot be read is told, taken away, and passed over.
func TestGarbled(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, _ := r.host("a")
	for _, values := range [][]any{{"k", kindAsk, "d", "{"}, {"k", kindAnswer, "d", "[]"}, {"k", "other", "d", "{}"}, {"x", "y"},
		{"k", kindAsk, "d", `{"host":"b","epoch":1,"session":1,"n":1,"whole":true,"changes":[{},{"took":"nobody"},{"done":{"id":"nobody"}}]}`}} {
		if err := r.redis.Client(t).XAdd(t.Context(), &redis.XAddArgs{Stream: Key(r.ns, "a"), Values: values}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	r.leads(1, "a", nil, map[string]*Link{"a": a})
	r.until("they are gone", func() bool { return r.redis.Client(t).XLen(t.Context(), Key(r.ns, "a")).Val() == 0 })
	for _, what := range []string{"unexpected end of JSON", "cannot unmarshal array", "of a kind that is not known"} {
		if !r.said(what) {
			t.Errorf("it is not told: %s", what)
		}
	}
	a.Want(task("one", 0))
	r.has("one", 1)
}

// TestRights: the streams are for hosts alone.
func TestRights(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	server := redistest.Start(t)
	for _, rights := range []dial.Rights{dial.HostRights(r.ns), dial.AgentRights(r.ns, "box3"), dial.AgentRights(r.ns, "")} {
		args := []any{"ACL", "SETUSER", rights.User}
		for _, rule := range rights.Rules("hunter2") {
			args = append(args, rule)
		}
		if err := server.Client(t).Do(t.Context(), args...).Err(); err != nil {
			t.Fatal(err)
		}
		c := redis.NewClient(&redis.Options{Network: "unix", Addr: server.Socket, Username: rights.User, Password: "hunter2"})
		t.Cleanup(func() { _ = c.Close() })
		key := Key(r.ns, "a")
		for what, err := range map[string]error{
			"write":  c.XAdd(t.Context(), &redis.XAddArgs{Stream: key, Values: []any{"k", kindAnswer}}).Err(),
			"read":   c.XRead(t.Context(), &redis.XReadArgs{Streams: []string{key, "0"}, Count: 1, Block: -1}).Err(),
			"delete": c.XDel(t.Context(), key, "0-1").Err(),
		} {
			if errors.Is(err, redis.Nil) {
				err = nil
			}
			if host := rights.User == "host"; host != (err == nil) || !host && !strings.HasPrefix(err.Error(), "NOPERM") {
				t.Errorf("%s may %s: %v", rights.User, what, fmt.Sprint(err))
			}
		}
	}
}
