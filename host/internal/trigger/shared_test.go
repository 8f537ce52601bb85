package trigger

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// fakeRecords keeps records in memory.
type fakeRecords struct {
	mu  sync.Mutex
	raw map[string][]byte
	at  map[string]int64
}

func newRecords() *fakeRecords { return &fakeRecords{raw: map[string][]byte{}, at: map[string]int64{}} }

func (f *fakeRecords) Record(ctx context.Context, name string) ([]byte, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.raw[name], f.at[name], ctx.Err()
}

func (f *fakeRecords) Keep(ctx context.Context, name string, raw []byte, revision int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at[name] != revision {
		return store.ErrConflict
	}
	f.raw[name], f.at[name] = raw, revision+1
	return ctx.Err()
}

// hosts are two that share what a rig has: the first leads.
type hosts struct {
	*rig
	two   [2]*Triggers
	leads [2]atomic.Bool
	stop  [2]func()
}

func newHosts(t *testing.T, begin, text string) *hosts {
	t.Helper()
	h := &hosts{rig: newRig(t, begin, text)}
	h.cfg.Records = newRecords()
	for i := range h.two {
		c := h.cfg
		c.Dir, c.Leads = t.TempDir(), h.leads[i].Load
		h.two[i] = New(c)
	}
	h.leads[0].Store(true)
	return h
}

// begin has a host serve.
func (h *hosts) begin(i int) {
	ctx, cancel := context.WithCancel(h.Context())
	var running sync.WaitGroup
	running.Go(func() { h.two[i].Run(ctx) })
	h.stop[i] = func() { cancel(); running.Wait() }
}

// TestLeaderFires: of two hosts the one that leads fires; the other goes on, when it leads, with what is due, what waits and
// what is under way.
func TestLeaderFires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHosts(t, "2026-03-01T00:00:00Z", cronFile("0 * * * *", `overlap = "queue"`))
		h.begin(0)
		h.begin(1)
		time.Sleep(2*time.Hour + 30*time.Minute) // the first run goes on, the second waits
		h.want("the leader fires", "03-01T01:00:00")
		h.stop[0]()
		h.leads[0].Store(false)
		time.Sleep(30*time.Minute + 10*time.Second) // a fire comes due while nobody leads
		h.leads[1].Store(true)
		h.two[1].Wake()
		synctest.Wait()
		h.want("the first run goes on", "03-01T01:00:00")
		for i, want := range []string{"03-01T02:00:00", "03-01T03:00:00"} {
			id := h.runs.all()[i].ID
			h.runs.set(func(f *fakeRuns) { f.over[id] = true })
			h.two[1].Ended(id)
			time.Sleep(20 * time.Second)
			synctest.Wait()
			if all := h.runs.all(); len(all) != i+2 || fmt.Sprint(all[i+1].Inputs["at"]) != want {
				t.Fatalf("%v, want %s", all, want)
			}
		}
		h.stop[1]()
	})
}

// TestTwoLeaders: a host that does not know yet that it leads no more fires nothing twice.
func TestTwoLeaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHosts(t, "2026-03-01T00:00:00Z", cronFile("@every 1m", ""))
		h.leads[1].Store(true)
		h.runs.hook = func(r Run) { h.runs.over[r.ID] = true }
		h.begin(0)
		h.begin(1)
		time.Sleep(time.Hour + time.Second)
		synctest.Wait()
		h.stop[0]()
		h.stop[1]()
		seen := map[string]bool{}
		for _, r := range h.runs.all() {
			at := fmt.Sprint(r.Inputs["at"])
			if seen[at] {
				t.Errorf("%s twice", at)
			}
			seen[at] = true
		}
		if len(seen) != 60 {
			t.Errorf("%d fires, want 60", len(seen))
		}
	})
}

// TestDeliveredAtTwoHosts: a delivery that comes to both, at once too, makes one run.
func TestDeliveredAtTwoHosts(t *testing.T) {
	t.Parallel()
	h := newHosts(t, noon, hooks)
	var all sync.WaitGroup
	var ids [2][20]string
	for i := range ids {
		all.Go(func() {
			for k := range ids[i] {
				id, err := h.two[i].Deliver(t.Context(), "film", "text", github(`{"at": "x"}`, "x-github-delivery", fmt.Sprint(k)))
				if err != nil {
					t.Error(err)
				}
				ids[i][k] = id
			}
		})
	}
	all.Wait()
	if n := len(h.runs.all()); ids[0] != ids[1] || n != 20 {
		t.Errorf("%d runs\n%v\n%v", n, ids[0], ids[1])
	}
}
