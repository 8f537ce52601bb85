// Package lineage says where artifacts come from, and what became of them: which attempts made one, of what, and which used it. It
// keeps an index of which runs name which artifacts, brought up to date when somebody asks: the list of runs says which journals have
// grown, and only what they have grown by is read. What an attempt used is in no journal, so the few runs that matter for an answer
// are replayed.
package lineage

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// The bounds of one answer.
const (
	MaxAttempts = 500 // in each direction
	maxRuns     = 100 // that are replayed
	remembered  = 200 // replays that are kept for the next answers
	few         = 64  // runs that were removed, and may stay in the index
)

// Config is what lineage is told from. Every part has to be there.
type Config struct {
	Journal   store.Journal
	Index     store.Index
	Artifacts artifacts.Keeper
	Vault     eval.Vault
}

// Attempt is an attempt that made or used artifacts, or a node that was given another's result.
type Attempt struct {
	At       sdk.Address
	Type     string
	Pipeline string
	Ended    time.Time // zero while it goes on
	Source   string    // the attempt whose result it is, when it was cached
	Failed   bool
	Uses     []sdk.Artifact
	Makes    []sdk.Artifact

	work work
}

// Story is what is known of one artifact.
type Story struct {
	// Made are the attempts that made it, and then those that made what they used, and so on; Used those that used it, and so
	// on. The nearest come first, each once.
	Made, Used []Attempt
	// Cut: there is more than was looked at, or a run could not be replayed.
	Cut bool
}

// Lineage tells stories. It is safe for concurrent use.
type Lineage struct {
	Config

	mu    sync.Mutex
	seen  map[string]*place
	runs  []string
	named map[digest][]int32 // the runs that name an artifact, by their place in runs
	told  map[string]*history
	used  map[string][]digest // the assets that a pipeline names, by its digest
	order []string            // of told, the oldest first
}

type digest [32]byte

// place is where a run stands in the index, and its last event that was looked at.
type place struct {
	at  int32
	seq uint64
}

// history is what the attempts of a run did, as of an event.
type history struct {
	seq      uint64
	attempts []Attempt
	cut      bool
	run      made
}

// New begins with nothing known.
func New(c Config) *Lineage {
	return &Lineage{Config: c, seen: map[string]*place{}, named: map[digest][]int32{}, told: map[string]*history{}, used: map[string][]digest{}}
}

const prefix = "sha256:"

// each calls fn with what looks like a digest.
func each(data []byte, fn func(digest)) {
	for {
		i := bytes.Index(data, []byte(prefix))
		if i < 0 {
			return
		}
		data = data[i+len(prefix):]
		var d digest
		if len(data) >= 2*len(d) {
			if _, err := hex.Decode(d[:], data[:2*len(d)]); err == nil {
				fn(d)
			}
		}
	}
}

// refresh reads what has been written since the last time. It holds the lock.
func (l *Lineage) refresh(ctx context.Context) (map[string]uint64, error) {
	heads, err := l.Index.List(ctx, store.Query{})
	if err != nil {
		return nil, err
	}
	there := make(map[string]uint64, len(heads))
	for _, h := range slices.Backward(heads) { // the oldest first
		there[h.Run] = h.Seq
		if err := l.read(ctx, h.Run, h.Seq); err != nil {
			return nil, err
		}
	}
	l.forget(there)
	return there, nil
}

// forget drops runs that were removed, once there are more of them than of those that are there.
func (l *Lineage) forget(there map[string]uint64) {
	if len(l.runs) <= 2*len(there)+few {
		return
	}
	was, seen, named := l.runs, l.seen, l.named
	l.runs, l.seen, l.named = nil, map[string]*place{}, map[digest][]int32{}
	to := make([]int32, len(was)) // their new places, from 1; 0: removed
	for at, id := range was {
		if _, ok := there[id]; ok {
			l.seen[id], l.runs = &place{at: int32(len(l.runs)), seq: seen[id].seq}, append(l.runs, id)
			to[at] = int32(len(l.runs))
		}
	}
	for d, of := range named {
		for _, at := range of {
			if to[at] > 0 {
				l.named[d] = append(l.named[d], to[at]-1)
			}
		}
	}
	l.order = slices.DeleteFunc(l.order, func(id string) bool {
		_, ok := there[id]
		if !ok {
			delete(l.told, id)
		}
		return !ok
	})
	clear(l.used)
}

// read takes in what a run has grown by.
func (l *Lineage) read(ctx context.Context, id string, seq uint64) error {
	p := l.seen[id]
	if p == nil {
		p = &place{at: int32(len(l.runs))}
		l.seen[id], l.runs = p, append(l.runs, id)
	}
	if p.seq >= seq {
		return nil
	}
	events, err := l.Journal.Read(ctx, id, p.seq, 0)
	if err != nil {
		return err
	}
	note := func(d digest) {
		if of := l.named[d]; len(of) == 0 || of[len(of)-1] != p.at { // nearly always enough; see namers
			l.named[d] = append(of, p.at)
		}
	}
	for _, e := range events {
		each(e.Data, note)
		err := l.document(ctx, e.Data, note)
		if e.Seq == 1 && err == nil {
			err = l.assets(ctx, e.Data, note)
		}
		if err != nil {
			return fmt.Errorf("%s: event %d: %w", id, e.Seq, err)
		}
		p.seq = e.Seq
	}
	return nil
}

// document looks into what was too big for an event.
func (l *Lineage) document(ctx context.Context, event []byte, note func(digest)) error {
	if !bytes.Contains(event, []byte(`puts_ref":`)) {
		return nil
	}
	e, err := run.Decode(event)
	if err != nil {
		return nil //nolint:nilerr // a later version's: what it says is said by others, too
	}
	for _, ref := range []string{e.InputsRef, e.OutputsRef} {
		if ref == "" {
			continue
		}
		if err := l.inside(ctx, ref, note); err != nil {
			return err
		}
	}
	return nil
}

// inside calls note with what stands in an artifact, unless it is gone.
func (l *Lineage) inside(ctx context.Context, ref string, note func(digest)) error {
	r, err := l.Download(ctx, ref)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return nil //nolint:nilerr // it is gone
	}
	raw, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	each(raw, note)
	return nil
}

// assets notes what the pipeline of a run names by asset(), which no event does. Few pipelines have many runs.
func (l *Lineage) assets(ctx context.Context, created []byte, note func(digest)) error {
	e, err := run.Decode(created)
	if err != nil || e.Digest == "" {
		return nil //nolint:nilerr // a later version's
	}
	found, known := l.used[e.Digest]
	if !known {
		if err := l.inside(ctx, e.Digest, func(d digest) { found = append(found, d) }); err != nil {
			return err
		}
		l.used[e.Digest] = found
	}
	for _, d := range found {
		note(d)
	}
	return nil
}

// namers are the runs that name an artifact and are still there, the newest first.
func (l *Lineage) namers(d string, there map[string]uint64) (runs []string) {
	each([]byte(d), func(d digest) {
		for _, at := range l.named[d] {
			if _, ok := there[l.runs[at]]; ok {
				runs = append(runs, l.runs[at])
			}
		}
	})
	slices.Sort(runs)
	runs = slices.Compact(runs)
	slices.Reverse(runs)
	return runs
}

// Of tells the story of an artifact, as far as so many steps from it; 0: all of it.
func (l *Lineage) Of(ctx context.Context, digest string, depth int) (Story, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	there, err := l.refresh(ctx)
	if err != nil {
		return Story{}, err
	}
	t := teller{Lineage: l, there: there, depth: depth, left: maxRuns}
	made, err := t.follow(ctx, digest, func(a Attempt) ([]sdk.Artifact, []sdk.Artifact) { return a.Makes, a.Uses })
	if err != nil {
		return Story{}, err
	}
	used, err := t.follow(ctx, digest, func(a Attempt) ([]sdk.Artifact, []sdk.Artifact) { return a.Uses, a.Makes })
	return Story{Made: made, Used: used, Cut: t.cut}, err
}

// teller makes one answer.
type teller struct {
	*Lineage
	there map[string]uint64
	depth int
	left  int // runs that may still be replayed
	cut   bool
}

// follow goes from one artifact to the attempts that have it on one side, and on to what those have on the other.
func (t *teller) follow(ctx context.Context, from string, sides func(Attempt) (near, far []sdk.Artifact)) (found []Attempt, err error) {
	asked, listed := map[string]int{from: 1}, map[string]bool{} // asked: how many steps away, from 1
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, id := range t.namers(queue[0], t.there) {
			h, err := t.replayed(ctx, id)
			if err != nil {
				return nil, err
			}
			for _, a := range h.attempts {
				near, far := sides(a)
				if listed[a.At.String()] || !slices.ContainsFunc(near, func(x sdk.Artifact) bool { return x.Digest == queue[0] }) {
					continue
				}
				if len(found) == MaxAttempts {
					t.cut = true
					return found, nil
				}
				listed[a.At.String()], found = true, append(found, a)
				for _, x := range far {
					if step := asked[queue[0]] + 1; asked[x.Digest] == 0 && (t.depth == 0 || step <= t.depth) {
						asked[x.Digest], queue = step, append(queue, x.Digest)
					}
				}
			}
		}
	}
	return found, nil
}

// replayed gives what a run's attempts did. One that cannot be replayed did nothing that is known.
func (t *teller) replayed(ctx context.Context, id string) (*history, error) {
	h := t.told[id]
	if h == nil || h.seq < t.there[id] {
		if t.left == 0 {
			t.cut = true
			return &history{}, nil
		}
		t.left--
		var err error
		if h, err = t.replay(ctx, id, nil); err != nil {
			return nil, err
		}
		t.keep(id, h)
	}
	t.cut = t.cut || h.cut
	return h, nil
}

func (l *Lineage) keep(id string, h *history) {
	if l.told[id] == nil {
		if l.order = append(l.order, id); len(l.order) > remembered {
			delete(l.told, l.order[0])
			l.order = l.order[1:]
		}
	}
	l.told[id] = h
}

// Events implements replay.Host.
func (l *Lineage) Events(ctx context.Context, id string, after uint64, _ int) (client.EventList, error) {
	events, err := l.Journal.Read(ctx, id, after, 0)
	list := client.EventList{Next: after}
	for _, e := range events {
		list.Events, list.Next = append(list.Events, client.Event{Seq: e.Seq, Data: e.Data}), e.Seq
	}
	return list, err
}

// Download implements replay.Host.
func (l *Lineage) Download(ctx context.Context, digest string) (io.ReadCloser, error) {
	return l.Artifacts.Peek(ctx, digest)
}
