package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/sdk"
)

// fast is a twentieth of a real fleet's pace, but a busy machine may take longer than three such beats until an agent is heard, or a
// task has stopped.
var fast = Pace{Beat: 250 * time.Millisecond, Lost: time.Minute, Grace: time.Minute}

var namespaces atomic.Int64

// rig is a host and agents over a real Redis.
type rig struct {
	t     *testing.T
	redis *redistest.Server
	ns    string
	dir   string
	acl   bool   // each end is a user of Redis with the rights that it needs
	boot  string // of the agents' machines
	hook  redis.Hook
	pace  Pace // of hosts
	// answer is how agents answer.
	answer func(context.Context, string) (string, error)

	mu      sync.Mutex
	open    map[string]bool // the journal
	begun   map[string]int
	members map[string]Member
}

func newRig(t *testing.T, server *redistest.Server) *rig {
	return &rig{t: t, redis: server, ns: fmt.Sprintf("t%d", namespaces.Add(1)), dir: t.TempDir(), boot: "boot", pace: fast, open: map[string]bool{}, begun: map[string]int{}, members: map[string]Member{}}
}

// host begins a host; what it gives ends it.
func (r *rig) host(id string) (*Host, func()) {
	r.t.Helper()
	h := NewHost(HostConfig{Client: r.client(""), Namespace: r.ns, Info: HostInfo{ID: id}, Pace: r.pace, Log: slog.New(slog.DiscardHandler),
		Open: func(_ context.Context, u protocol.Unknown) (bool, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.open[u.ID], nil
		},
		Changed: func(m Member) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.members[m.Agent] = m
		}})
	if err := h.Begin(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	return h, r.running(func(ctx context.Context) error { h.Run(ctx); return nil })
}

// agent begins an agent whose tasks do what their body says.
func (r *rig) agent(id, session string) (*Agent, func()) {
	r.t.Helper()
	a, err := NewAgent(AgentConfig{Client: r.client(id), Namespace: r.ns, ID: id, Session: session, Pace: fast, Log: slog.New(slog.DiscardHandler),
		Notes: filepath.Join(r.dir, id+".notes"), Boot: r.boot,
		Run: r.run, Deliver: nil, Delivered: func(string, []string) {}, Order: func(protocol.Order) {}, Answer: r.answer,
		Status: func() protocol.Status { return protocol.Status{RAM: 7} }, Hello: func() protocol.Hello { return protocol.Hello{Name: id} }})
	if err != nil {
		r.t.Fatal(err)
	}
	return a, r.running(a.Run)
}

func (r *rig) running(run func(context.Context) error) func() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				r.t.Error(err)
			}
		})
	}
	r.t.Cleanup(stop)
	return stop
}

// run is what tasks do: "echo" ends at once, "garble" with what is no JSON, "hang" until it is stopped, "report" says something first.
func (r *rig) run(ctx context.Context, t protocol.Task, report func(sdk.Report)) protocol.Result {
	r.mu.Lock()
	r.begun[t.ID]++
	r.mu.Unlock()
	var what string
	_ = json.Unmarshal(t.Body, &what)
	switch what {
	case "hang":
		<-ctx.Done()
		var e *sdk.Error
		errors.As(context.Cause(ctx), &e)
		return protocol.Result{Error: e}
	case "garble":
		return protocol.Result{Body: json.RawMessage("{\n")}
	case "report":
		report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: []byte("so far")})
		report(sdk.Report{Kind: sdk.ReportProgress, Fraction: 0.25})
		report(sdk.Report{Kind: sdk.ReportProgress, Fraction: 0.5})
		report(sdk.Report{Kind: sdk.ReportLog, Message: "at work"})
	}
	return protocol.Result{Body: t.Body}
}

func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			r.t.Fatalf("never: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (r *rig) hears(agent string) {
	r.t.Helper()
	r.until(agent+" is heard", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.members[agent].Session != "" && r.members[agent].Away == ""
	})
}

func (r *rig) begins(id string) {
	r.t.Helper()
	r.until(id+" begins", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.begun[id] > 0
	})
}

// task has an agent carry out an attempt, as the engine does: its end is made durable, and then committed.
func (r *rig) task(ctx context.Context, h *Host, agent, id, what string) (protocol.Result, error) {
	r.mu.Lock()
	r.open[id] = true
	r.mu.Unlock()
	body, _ := json.Marshal(what)
	if what == "" {
		body = nil
	}
	res, err := h.Execute(ctx, protocol.Attempt{Agent: agent, ID: id, Body: body, Held: body == nil}, func(sdk.Report) {}, func(protocol.Result) bool { return true })
	if err == nil || ctx.Err() == nil {
		r.commit(h, id)
	}
	return res, err
}

func (r *rig) commit(h *Host, id string) {
	r.mu.Lock()
	delete(r.open, id)
	r.mu.Unlock()
	h.Committed(id)
}

// quiet waits until neither end holds anything and no stream has anything in it.
func (r *rig) quiet(agents ...*Agent) {
	r.t.Helper()
	c := r.redis.Client(r.t)
	r.until("all streams are empty", func() bool {
		for _, a := range agents {
			if running, done := a.Holds(); running+done > 0 {
				return false
			}
		}
		keys, err := c.Keys(context.Background(), string(KeysOf(r.ns))+"*").Result()
		if err != nil {
			return false
		}
		for _, k := range keys {
			if strings.HasSuffix(k, ":tasks") || strings.HasSuffix(k, ":control") || strings.HasSuffix(k, ":in") {
				if n, err := c.XLen(context.Background(), k).Result(); err != nil || n > 0 {
					return false
				}
			}
		}
		return true
	})
}

func TestTasksThereAndBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t))
	h, _ := r.host("h")
	a, _ := r.agent("a", "1")
	r.hears("a")
	var all sync.WaitGroup
	for k := range 500 {
		all.Go(func() {
			if res, err := r.task(t.Context(), h, "a", fmt.Sprint("run/", k), "echo"); err != nil || res.Error != nil || string(res.Body) != `"echo"` {
				t.Errorf("%+v, %v", res, err)
			}
		})
	}
	all.Wait()
	r.quiet(a)
}

func TestReports(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t))
	h, _ := r.host("h")
	r.agent("a", "1")
	r.hears("a")
	var mu sync.Mutex
	var got []string
	_, err := h.Execute(t.Context(), protocol.Attempt{Agent: "a", ID: "run/1", Body: []byte(`"report"`)}, func(r sdk.Report) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprint(r.Kind, r.Fraction, string(r.Checkpoint), r.Message))
	}, func(protocol.Result) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if text := strings.Join(got, "|"); !strings.Contains(text, "so far") || !strings.Contains(text, "0.5") || !strings.Contains(text, "at work") || strings.Contains(text, "0.25") {
		t.Errorf("%q", got)
	}
}

func TestCancelReachesOnlyItsTask(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t))
	h, _ := r.host("h")
	a, _ := r.agent("a", "1")
	r.hears("a")
	ctx, cancel := context.WithCancelCause(t.Context())
	other, stop := context.WithCancelCause(t.Context())
	done, otherDone := make(chan protocol.Result, 1), make(chan protocol.Result, 1)
	go func() { res, _ := r.task(ctx, h, "a", "run/1", "hang"); r.commit(h, "run/1"); done <- res }()
	go func() { res, _ := r.task(other, h, "a", "run/2", "hang"); r.commit(h, "run/2"); otherDone <- res }()
	r.begins("run/1")
	r.begins("run/2")
	cancel(&sdk.Error{Cause: sdk.CauseCancelled, Message: "by hand"})
	if res := <-done; res.Error == nil || res.Error.Message != "by hand" {
		t.Errorf("%+v", res)
	}
	if running, _ := a.Holds(); running != 1 {
		t.Errorf("%d tasks run", running)
	}
	stop(errors.New("enough"))
	if res := <-otherDone; res.Error == nil || res.Error.Message != "enough" {
		t.Errorf("%+v", res)
	}
	r.quiet(a)
}

func TestAgentRestarted(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t))
	h, _ := r.host("h")
	_, stop := r.agent("a", "1")
	r.hears("a")
	done := make(chan protocol.Result, 1)
	go func() { res, _ := r.task(t.Context(), h, "a", "run/1", "hang"); done <- res }()
	r.begins("run/1")
	stop()
	if res := <-done; res.Error == nil || res.Error.Cause != sdk.CauseDrained {
		t.Errorf("%+v", res.Error)
	}
	a, _ := r.agent("a", "2")
	r.until("the new process is heard", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.members["a"].Session == "2"
	})
	if res, err := r.task(t.Context(), h, "a", "run/2", "echo"); err != nil || res.Error != nil {
		t.Errorf("%+v, %v", res, err)
	}
	r.quiet(a)
}

func TestHostRestarted(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t))
	h, stop := r.host("h")
	a, _ := r.agent("a", "1")
	r.hears("a")
	ctx, letGo := context.WithCancelCause(context.Background())
	left := make(chan error, 1)
	go func() {
		_, err := r.task(ctx, h, "a", "run/1", "hang")
		left <- err
	}()
	r.begins("run/1")
	letGo(errLetGo)
	if err := <-left; !errors.Is(err, errLetGo) {
		t.Fatal(err)
	}
	stop()
	h, _ = r.host("h")
	again, cancel := context.WithCancelCause(context.Background())
	done := make(chan protocol.Result, 1)
	go func() { res, _ := r.task(again, h, "a", "run/1", ""); r.commit(h, "run/1"); done <- res }()
	r.until("it is waited for", func() bool { return len(h.Tasks("a")) == 1 })
	cancel(errors.New("that will do"))
	if res := <-done; res.Error == nil || res.Error.Message != "that will do" {
		t.Errorf("%+v", res)
	}
	if r.begun["run/1"] != 1 {
		t.Errorf("it began %d times", r.begun["run/1"])
	}
	// One that was never sent, since the host died too early, is sent to the process that it was meant for.
	r.mu.Lock()
	r.open["run/late"] = true
	r.mu.Unlock()
	late := protocol.Attempt{Agent: "a", ID: "run/late", Body: []byte(`"echo"`), Held: true, Session: h.Session("a")}
	if res, err := h.Execute(t.Context(), late, func(sdk.Report) {}, func(protocol.Result) bool { return true }); err != nil || res.Error != nil || late.Session != "1" {
		t.Errorf("%+v, %v", res, err)
	}
	r.commit(h, "run/late")
	// One that the agent knows nothing of is lost.
	if res, err := r.task(context.Background(), h, "a", "run/unknown", ""); err != nil || res.Error == nil || res.Error.Cause != sdk.CauseLost {
		t.Errorf("%+v, %v", res, err)
	}
	r.quiet(a)
}

func TestAgentLost(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t))
	r.pace.Lost = 3 * time.Second
	h, _ := r.host("h")
	a, err := NewAgent(AgentConfig{Client: r.redis.Client(t), Namespace: r.ns, ID: "a", Session: "1", Pace: fast, Log: slog.New(slog.DiscardHandler), Notes: filepath.Join(r.dir, "notes"),
		Run: r.run, Status: func() protocol.Status { return protocol.Status{} }, Hello: func() protocol.Hello { return protocol.Hello{Name: "a"} }, Delivered: func(string, []string) {}})
	if err != nil {
		t.Fatal(err)
	}
	stop := r.running(a.Run)
	r.hears("a")
	done := make(chan protocol.Result, 1)
	go func() { res, _ := r.task(t.Context(), h, "a", "run/1", "hang"); done <- res }()
	r.begins("run/1")
	began := time.Now()
	a.mu.Lock() // it is frozen
	res := <-done
	if res.Error == nil || res.Error.Cause != sdk.CauseLost || !strings.Contains(res.Error.Message, "offline") {
		t.Errorf("%+v", res.Error)
	}
	if d := time.Since(began); d > 40*time.Second {
		t.Errorf("it was noticed after %s", d)
	}
	a.mu.Unlock() // it wakes, and stops what nobody wants any more
	r.quiet(a)
	stop()
}

func TestRedisLosesItsData(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		harm func(*redistest.Server)
	}{
		{"killed and begun again with its file", func(s *redistest.Server) { s.Kill(t); s.Restart(t) }},
		{"killed and its data gone", func(s *redistest.Server) { s.Kill(t); s.Wipe(t); s.Restart(t) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, redistest.Start(t, redistest.Fsync("everysec")))
			h, _ := r.host("h")
			a, _ := r.agent("a", "1")
			r.hears("a")
			ctx, cancel := context.WithCancelCause(t.Context())
			done := make(chan protocol.Result, 1)
			go func() { res, _ := r.task(ctx, h, "a", "run/1", "hang"); r.commit(h, "run/1"); done <- res }()
			r.begins("run/1")
			c.harm(r.redis)
			var all sync.WaitGroup
			for k := range 50 { // they are sent while nobody is there
				all.Go(func() {
					if res, err := r.task(t.Context(), h, "a", fmt.Sprint("run/x", k), "echo"); err != nil || res.Error != nil {
						t.Errorf("%+v, %v", res, err)
					}
				})
			}
			all.Wait()
			cancel(errors.New("enough"))
			if res := <-done; res.Error == nil || res.Error.Message != "enough" {
				t.Errorf("%+v", res.Error)
			}
			r.mu.Lock()
			for id, n := range r.begun {
				if n != 1 {
					t.Errorf("%s began %d times", id, n)
				}
			}
			r.mu.Unlock()
			r.quiet(a)
		})
	}
}

func TestReplaced(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t))
	r.host("h")
	config := AgentConfig{Client: r.redis.Client(t), Namespace: r.ns, ID: "a", Session: "1", Pace: fast, Log: slog.New(slog.DiscardHandler), Notes: filepath.Join(r.dir, "notes"),
		Run: r.run, Status: func() protocol.Status { return protocol.Status{} }, Hello: func() protocol.Hello { return protocol.Hello{Name: "a"} }}
	first, err := NewAgent(config)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- first.Run(t.Context()) }()
	r.hears("a")
	config.Session, config.Notes = "2", filepath.Join(r.dir, "others")
	second, err := NewAgent(config)
	if err != nil {
		t.Fatal(err)
	}
	r.running(second.Run)
	if err := <-done; !errors.Is(err, ErrReplaced) {
		t.Errorf("%v", err)
	}
}

// A run that was set aside is resumed by the same process: its attempt is waited for again, also when it has ended meanwhile.
func TestWaitedForAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t))
	h, _ := r.host("h")
	a, _ := r.agent("a", "1")
	r.hears("a")
	for _, what := range []string{"hang", "echo"} {
		id := "run/" + what
		ctx, letGo := context.WithCancelCause(context.Background())
		r.mu.Lock()
		r.open[id] = true
		r.mu.Unlock()
		left := make(chan struct{})
		go func() {
			defer close(left)
			body, _ := json.Marshal(what)
			_, _ = h.Execute(ctx, protocol.Attempt{Agent: "a", ID: id, Body: body}, func(sdk.Report) {}, func(protocol.Result) bool { <-ctx.Done(); return false })
		}()
		r.begins(id)
		letGo(errLetGo)
		<-left
		again, stop := context.WithCancelCause(context.Background())
		done := make(chan protocol.Result, 1)
		go func() { res, _ := r.task(again, h, "a", id, ""); r.commit(h, id); done <- res }()
		if what == "hang" {
			stop(errors.New("enough"))
		}
		if res := <-done; what == "echo" && string(res.Body) != `"echo"` || what == "hang" && (res.Error == nil || res.Error.Message != "enough") {
			t.Errorf("%s: %+v", what, res)
		}
		if r.begun[id] != 1 {
			t.Errorf("%s began %d times", what, r.begun[id])
		}
		stop(nil)
	}
	r.quiet(a)
}
