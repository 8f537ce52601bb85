package retention

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// hammer is a host in small: runs are made, put artifacts that others have put before, end and are resumed, all while
// a sweeper removes what it can. Artifacts age between two sweeps, so that everything is old unless it is under way.
type hammer struct {
	*rig
	texts   []string
	digests []string
	mu      []sync.RWMutex // of each artifact: read while it is on its way into a journal; written while it ages
	sweeps  atomic.Int64   // that began
	used    []atomic.Int64 // the sweep in which each was referred to last
	all     sync.Mutex
	made    int
	runs    map[string][]string // what the runs refer to that are to stay
}

// TestHammer: whoever may expect an artifact to be there finds it, at any time, and in the end everything else is gone.
func TestHammer(t *testing.T) {
	rigs(t, func(t *testing.T, r *rig) {
		h := &hammer{rig: r, runs: map[string][]string{}}
		for i := range 24 {
			text := fmt.Sprintf("artifact %d", i)
			h.texts, h.digests = append(h.texts, text), append(h.digests, r.put(text, day*2).Digest)
		}
		h.mu, h.used = make([]sync.RWMutex, len(h.texts)), make([]atomic.Int64, len(h.texts))
		h.said.logs = nil
		policy := Policy{Runs: time.Hour, Grace: 3 * time.Hour}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var background, users sync.WaitGroup
		gone := Amount{}
		background.Go(func() {
			for ctx.Err() == nil {
				h.sweeps.Add(1)
				swept, err := h.Sweep(ctx, policy)
				if err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
				gone.Count += swept.Gone()
				gone.Bytes += int64(swept.Artifacts.Count)
			}
		})
		background.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				h.grow(i % len(h.texts))
			}
		})
		for u := range uint64(4) {
			users.Go(func() {
				random := rand.New(rand.NewPCG(u, 1))
				for range 60 {
					if err := h.one(ctx, random); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		users.Wait()
		cancel()
		background.Wait()
		t.Logf("%d runs were made, %d runs and %d artifacts went meanwhile", h.made, gone.Count, gone.Bytes)
		if gone.Count == 0 || gone.Bytes == 0 {
			t.Error("nothing went: nothing was hammered")
		}
		h.finish(policy)
	})
}

// grow makes an artifact old, unless it is on its way, or was when the sweep that is under way began.
func (h *hammer) grow(i int) {
	h.mu[i].Lock()
	defer h.mu[i].Unlock()
	if h.used[i].Load() == h.sweeps.Load() {
		return
	}
	_ = h.age(h.digests[i], 2*day) // it may be gone
}

// one is the life of a run.
func (h *hammer) one(ctx context.Context, random *rand.Rand) error {
	h.all.Lock()
	h.made++
	id := fmt.Sprintf("run_%05d", h.made)
	h.all.Unlock()
	in, out := random.IntN(len(h.texts)), random.IntN(len(h.texts))
	large := fmt.Sprintf(`{"of":%q,"out":{"$artifact":%q}}`, id, h.digests[out])
	refs := []string{h.digests[in]}

	// Submitted with an artifact that is there already, or with a new upload.
	err := h.refer(in, random.IntN(2) == 0, func(a sdk.Artifact) error {
		return h.append(ctx, id, 0, run.Running, run.Event{Kind: run.RunCreated, Inputs: sdk.Values{"in": a}})
	})
	if err != nil {
		return err
	}
	// A task ends: what it made was made before, and its outputs are large.
	err = h.refer(out, false, func(sdk.Artifact) error {
		a, err := h.files.Put(ctx, strings.NewReader(large), sdk.Artifact{})
		if err != nil {
			return err
		}
		refs = append(refs, h.digests[out], a.Digest)
		return h.append(ctx, id, 1, run.Running, run.Event{Kind: run.AttemptEnded, OutputsRef: a.Digest})
	})
	if err != nil {
		return err
	}
	if err := h.there(ctx, id, refs); err != nil {
		return err
	}
	if err := h.append(ctx, id, 2, run.Failed, run.Event{Kind: run.RunEnded}); err != nil {
		return err
	}
	if random.IntN(12) > 0 {
		return nil // it may go
	}
	err = h.append(ctx, id, 3, run.Running, run.Event{Kind: run.RunResumed})
	if errors.Is(err, store.ErrConflict) {
		return nil // it has gone
	}
	if err != nil {
		return err
	}
	h.all.Lock()
	h.runs[id] = refs
	h.all.Unlock()
	return h.there(ctx, id, refs)
}

// refer keeps the rule: it puts or touches the artifact, and then writes its digest into a journal.
func (h *hammer) refer(i int, touch bool, write func(sdk.Artifact) error) error {
	h.mu[i].RLock()
	defer h.mu[i].RUnlock()
	defer h.use(i)
	a := sdk.Artifact{Digest: h.digests[i], Size: int64(len(h.texts[i]))}
	if touch {
		err := h.files.Touch(h.t.Context(), a.Digest)
		if err == nil {
			return write(a)
		}
		if !errors.Is(err, artifacts.ErrNotFound) {
			return err
		}
	}
	a, err := h.files.Put(h.t.Context(), strings.NewReader(h.texts[i]), sdk.Artifact{})
	if err != nil {
		return err
	}
	return write(a)
}

func (h *hammer) use(i int) {
	for now, last := h.sweeps.Load(), h.used[i].Load(); last < now && !h.used[i].CompareAndSwap(last, now); {
		last = h.used[i].Load()
	}
}

// append writes an event; when the run ends it has ended long ago.
func (h *hammer) append(ctx context.Context, id string, after uint64, state run.Status, e run.Event) error {
	e.Seq, e.V = after+1, run.Version
	raw, err := e.Encode()
	if err != nil {
		return err
	}
	return h.rig.runs.Append(context.WithoutCancel(ctx), store.Append{Run: id, After: after, Events: [][]byte{raw},
		Head: &store.Head{Run: id, State: string(state), Updated: time.Now().Add(-2 * day), Seq: after + 1}})
}

func (h *hammer) there(ctx context.Context, id string, refs []string) error {
	for _, d := range refs {
		if err := open(ctx, h.rig, d); err != nil {
			return fmt.Errorf("%s lives, but: %w", id, err)
		}
	}
	return nil
}

// finish looks at everything in peace, lets every run end and sweeps once more.
func (h *hammer) finish(p Policy) {
	t := h.t
	for id, refs := range h.runs {
		check(t, h.there(t.Context(), id, refs))
		check(t, h.append(t.Context(), id, 4, run.Succeeded, run.Event{Kind: run.RunEnded}))
	}
	for held, err := range h.files.All(t.Context()) {
		check(t, err, h.age(held.Digest, 2*day))
	}
	swept, err := h.Sweep(t.Context(), p)
	if err != nil || h.runsLeft() != "" || len(h.left()) != 0 {
		t.Errorf("%v, left are runs %s and artifacts %v after %d runs went", err, h.runsLeft(), h.left(), swept.Gone())
	}
}
