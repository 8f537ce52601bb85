package progress

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// FuzzDecode: whatever bytes a journal holds, they decode to an event that can be stored and read again, or to an error;
// and the event is folded or refused at its place of a recorded run.
func FuzzDecode(f *testing.F) {
	lines, shape := readJournal(f, "every")
	events := make([]run.Event, len(lines))
	for k, raw := range lines {
		var err error
		if events[k], err = run.Decode(raw); err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := run.Decode(data)
		if err != nil {
			return
		}
		raw, err := e.Encode()
		if err != nil {
			t.Skip() // times outside what JSON can say
		}
		if plain, err := json.Marshal(e); err != nil || !bytes.Equal(plain, raw) {
			t.Fatalf("not what encoding/json writes: %v\n%s\n%s", err, raw, plain)
		}
		if e, err = run.Decode(raw); err != nil {
			t.Fatalf("does not decode again: %v\n%s", err, raw)
		}
		m := &sim{t: t, shape: shape, s: New(shape), replica: New(shape)}
		for _, before := range events[:(e.Seq+uint64(len(events))-1)%uint64(len(events))] {
			m.now = before.Time
			m.attempt(before)
		}
		if e.Time.After(m.now) { // as an engine stamps events
			m.now = e.Time
		}
		m.attempt(e)
		_, _ = e.Tell()
		Explained(m.s, e.Time, nil)
	})
}

// FuzzFold: any events over a random shape fold, or are refused and change nothing; the counters are right whatever comes,
// and Decide can always be asked.
func FuzzFold(f *testing.F) {
	for seed := range byte(12) {
		raw := make([]byte, 200)
		rng := rand.New(rand.NewPCG(uint64(seed), 5))
		for k := range raw {
			raw[k] = byte(rng.Uint32())
		}
		f.Add(append([]byte{seed}, raw...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || len(data) > 4096 {
			return
		}
		m := newSim(t, uint64(data[0]), newCoverage()) // its shape
		r := &reader{rest: data[1:], m: m}
		m.submitAs(r)
		for len(r.rest) > 0 {
			m.attempt(r.event())
			if r.below(8) == 0 {
				m.now = m.now.Add(time.Duration(r.below(5000)) * time.Millisecond)
				m.s.Decide(m.now, nil) // nobody does it
			}
		}
	})
}

// submitAs makes the run unless the first byte says otherwise.
func (m *sim) submitAs(r *reader) {
	if r.below(20) > 0 {
		m.attempt(run.Event{Kind: run.RunCreated, Run: "run_sim"})
	}
}

// attempt folds an event of which nobody knows whether it fits.
func (m *sim) attempt(e run.Event) {
	e.Seq, e.Time, e.V = m.s.Seq+1, m.now, run.Version
	_, err := m.s.Fold(e)
	if err == nil {
		m.journal = append(m.journal, e)
		if _, err := m.replica.Fold(e); err != nil {
			m.fatalf("it folds after Decide, and not without: %v", err)
		}
	}
	m.checkCounts(&m.s.Frame)
	if why := differ(m.s, m.replica); why != "" {
		m.fatalf("after %s (%v): %s", line(e, e), err, why)
	}
	if failed := m.failedWaiting(); m.s.failed != failed {
		m.fatalf("it counts %d instances that wait because they failed; there are %d", m.s.failed, failed)
	}
}

// reader makes events of bytes; most speak of what there is.
type reader struct {
	rest []byte
	m    *sim
}

func (r *reader) below(n int) int {
	if len(r.rest) == 0 {
		return 0
	}
	b := int(r.rest[0])
	r.rest = r.rest[1:]
	return b * n / 256
}

// event is any event; more often than not one of the kinds that may follow.
func (r *reader) event() run.Event {
	var e run.Event
	n, i := r.place(&e)
	e.Kind = run.Kinds()[r.below(len(run.Kinds()))]
	if r.below(4) > 0 {
		e.Kind = r.fitting(n, i)
	}
	if i != nil {
		if e.Attempt = i.Attempt + r.below(3)/2; e.Kind == run.AttemptStarted {
			e.Attempt, e.Rung = i.Attempt+1, i.Rung
		}
	}
	if r.below(10) == 0 {
		r.damage(&e)
	}
	e.Again, e.Skip = r.below(5) == 0, r.below(8) == 0
	e.Decision = []run.Decision{run.Retry, run.Retry, run.Accept, run.Skip, run.GiveUp, "", "wave"}[r.below(7)]
	e.Status = []run.Status{run.Succeeded, run.Failed, run.Cancelled, run.Running, ""}[r.below(5)]
	if e.Each = r.below(3) == 0; e.Each {
		for k := range r.below(4) {
			e.Keys = append(e.Keys, []sdk.Key{sdk.NumberKey(k), sdk.NumberKey(k), sdk.TextKey("a"), {}}[r.below(4)])
		}
	}
	if r.below(2) == 0 {
		e.Error = &sdk.Error{Cause: causes[r.below(len(causes))], Message: "x", Permanent: r.below(2) == 0}
	}
	if r.below(3) == 0 {
		e.Deadline = r.m.now.Add(time.Duration(r.below(5000)) * time.Millisecond)
	}
	return e
}

// place has the event speak of a node or an instance.
func (r *reader) place(e *run.Event) (n *Node, i *Instance) {
	f := &r.m.s.Frame
	for len(f.Nodes) > 0 {
		n, i = f.Nodes[r.below(len(f.Nodes))], nil
		e.In, e.Node, e.Key, e.Iter = f.Path, n.Name, sdk.Key{}, 0
		if len(n.Instances) == 0 {
			break
		}
		i = n.Instances[r.below(len(n.Instances))]
		e.Key, e.Iter = i.Key, i.Iter
		if len(i.Frames) == 0 || r.below(3) == 0 {
			break
		}
		f = i.Frames[r.below(len(i.Frames))]
	}
	return n, i
}

// fitting is a kind that may follow where the node or the instance stands.
func (r *reader) fitting(n *Node, i *Instance) run.Kind {
	switch s := r.m.s; {
	case s.Status.Ended():
		return run.RunResumed
	case (s.CancelRequested || s.failing != nil) && r.below(3) > 0:
		return run.RunEnded
	case n == nil:
		return run.RunEnded
	case i == nil:
		return run.NodeExpanded
	case i.State == run.NodeWaiting && i.Error != nil:
		return run.NodeDecided
	case n.Gate:
		return []run.Kind{run.GateOpened, run.GateAnswered}[r.below(2)]
	case n.Module != nil:
		return []run.Kind{run.ModuleOpened, run.ModuleEnded, run.DeadlinePassed}[r.below(3)]
	default:
		return []run.Kind{run.AttemptStarted, run.AttemptEnded, run.NodeCachedEvent}[r.below(3)]
	}
}

// damage has the event speak of something else.
func (r *reader) damage(e *run.Event) {
	switch r.below(7) {
	case 0:
		e.Node = ""
	case 1:
		e.Node = "nobody"
	case 2:
		e.Key = sdk.NumberKey(7)
	case 3:
		e.Iter = r.below(4)
	case 4:
		e.In = in("nobody")
	case 5:
		e.Attempt = r.below(5) - 1
	case 6:
		e.Rung = r.below(5) - 1
	}
}
