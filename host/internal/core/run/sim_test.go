package run

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// sim plays an engine over random graphs: attempts end in any order, fail, get lost, are reported twice; the run may
// be cancelled, expire, or lose its host at any moment, after which it goes on from its journal.
type sim struct {
	t       *testing.T
	rng     *rand.Rand
	shape   Shape
	s       *State
	now     time.Time
	journal []Event
	flying  []*flight
	past    []*flight       // ended attempts, to be reported again
	done    map[string]int  // successes recorded, by instance
	started map[string]int  // attempts started, by instance and number
	cause   map[string]bool // instances whose last attempt ended badly or was lost
	cancel  bool
}

type flight struct {
	node    string
	key     sdk.Key
	attempt int
}

func newSim(t *testing.T, seed uint64) *sim {
	rng := rand.New(rand.NewPCG(seed, 17))
	m := &sim{t: t, rng: rng, now: time.Unix(1_700_000_000, 0).UTC(), done: map[string]int{}, started: map[string]int{}, cause: map[string]bool{}}
	n := 1 + rng.IntN(12)
	for k := range n {
		node := NodeShape{Name: fmt.Sprintf("n%d", k), Type: "test.any", Attempts: 1 + rng.IntN(3), Backoff: time.Duration(rng.IntN(3)) * time.Second,
			OnFailure: []string{"", "fail", "skip", "continue"}[rng.IntN(4)], Idempotent: rng.IntN(4) > 0}
		for j := range k {
			if rng.IntN(4) == 0 {
				node.Needs = append(node.Needs, fmt.Sprintf("n%d", j))
			}
		}
		m.shape.Nodes = append(m.shape.Nodes, node)
	}
	rng.Shuffle(n, func(i, j int) { m.shape.Nodes[i], m.shape.Nodes[j] = m.shape.Nodes[j], m.shape.Nodes[i] })
	m.s = New(m.shape)
	created := Event{Kind: RunCreated, Run: "run_sim", Seed: seed}
	if rng.IntN(6) == 0 {
		created.Deadline = m.now.Add(time.Duration(1+rng.IntN(20)) * time.Second)
	}
	m.add(created)
	return m
}

func (m *sim) add(ev Event) {
	m.t.Helper()
	ev.Seq, ev.Time, ev.V = m.s.Seq+1, m.now, Version
	raw, err := ev.Encode()
	if err != nil {
		m.t.Fatal(err)
	}
	back, err := Decode(raw)
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := m.s.Fold(back); err != nil {
		m.t.Fatalf("fold: %v\njournal:\n%s", err, m.dump())
	}
	m.journal = append(m.journal, back)
}

func (m *sim) dump() string {
	var b strings.Builder
	for _, e := range m.journal {
		raw, _ := json.Marshal(e)
		b.Write(raw)
		b.WriteByte('\n')
	}
	return b.String()
}

func id(node string, key sdk.Key) string { return node + key.String() }

// decide carries out what is due, as the engine does.
func (m *sim) decide() {
	for cmds := m.s.Decide(m.now, nil); len(cmds) > 0; cmds = m.s.Decide(m.now, nil) {
		for _, c := range cmds {
			m.do(c)
		}
	}
}

func (m *sim) do(c Command) {
	switch c.Op {
	case OpSkip:
		m.add(Event{Kind: NodeExpanded, Node: c.Node.Name, Skip: true, Reason: c.Reason})
	case OpExpand:
		m.expand(c.Node)
	case OpDispatch:
		m.dispatch(c.Instance)
	case OpCancel:
		if !m.isFlying(c.Instance) {
			m.t.Fatalf("cancel of %s, which has no attempt under way", id(c.Node.Name, c.Instance.Key))
		}
	case OpExpire:
		m.add(Event{Kind: DeadlinePassed})
	case OpEnd:
		if len(m.flying) > 0 {
			m.t.Fatalf("the run ends while %d attempts are under way\n%s", len(m.flying), m.dump())
		}
		m.add(Event{Kind: RunEnded, Status: c.Status, Error: c.Error})
	}
}

func (m *sim) isFlying(i *Instance) bool {
	for _, f := range m.flying {
		if f.node == i.Node.Name && f.key == i.Key && f.attempt == i.Attempt {
			return true
		}
	}
	return false
}

func (m *sim) expand(n *Node) {
	switch m.rng.IntN(10) {
	case 0:
		m.add(Event{Kind: NodeExpanded, Node: n.Name, Skip: true, Reason: "when is false"})
	case 1:
		m.add(Event{Kind: NodeFailedEvent, Node: n.Name, Error: sdk.Refuse("bad expression", "")})
	case 2, 3:
		keys := make([]sdk.Key, m.rng.IntN(5))
		for k := range keys {
			keys[k] = sdk.NumberKey(k)
		}
		m.add(Event{Kind: NodeExpanded, Node: n.Name, Each: true, Keys: keys})
	default:
		m.add(Event{Kind: NodeExpanded, Node: n.Name})
	}
}

func (m *sim) dispatch(i *Instance) {
	n := i.Node
	for _, need := range n.Needs {
		if !m.s.Node(need).State.Ended() {
			m.t.Fatalf("%s dispatched before %s ended", n.Name, need)
		}
	}
	if m.cancel {
		m.t.Fatalf("%s dispatched after cancel", n.Name)
	}
	name := id(n.Name, i.Key)
	if m.done[name] > 0 {
		m.t.Fatalf("%s dispatched again after it succeeded", name)
	}
	if i.Attempt > 0 && !m.cause[name] {
		m.t.Fatalf("%s dispatched twice although no attempt failed or was lost\n%s", name, m.dump())
	}
	if m.rng.IntN(12) == 0 {
		m.add(Event{Kind: NodeFailedEvent, Node: n.Name, Key: i.Key, Error: sdk.Refuse("bad input", "")})
		return
	}
	m.add(Event{Kind: AttemptStarted, Node: n.Name, Key: i.Key, Attempt: i.Attempt + 1})
	m.cause[name] = false
	m.flying = append(m.flying, &flight{n.Name, i.Key, i.Attempt})
}

// end reports a flight's outcome.
func (m *sim) end(f *flight) {
	ev := Event{Kind: AttemptEnded, Node: f.node, Key: f.key, Attempt: f.attempt}
	switch m.rng.IntN(6) {
	case 0:
		ev.Error = sdk.Fail("it broke", "")
	case 1:
		ev.Error = &sdk.Error{Cause: sdk.CauseLost, Message: "gone"}
	case 2:
		ev.Error = sdk.Refuse("never", "")
	case 3:
		ev.Error = &sdk.Error{Cause: sdk.CauseDrained, Message: "handed back"}
	default:
		ev.Outputs = sdk.Values{"n": json.Number("18446744073709551615")}
	}
	i := m.s.Node(f.node).Instance(f.key)
	current := i.Attempt == f.attempt && (i.State == NodeRunning || i.State == NodeCancelling)
	before := i.State
	m.add(ev)
	if !current {
		if i.State != before {
			m.t.Fatalf("a stale result changed %s from %s to %s", id(f.node, f.key), before, i.State)
		}
		return
	}
	if ev.Error != nil {
		m.cause[id(f.node, f.key)] = true
	} else if i.State == NodeSucceeded {
		m.done[id(f.node, f.key)]++
	}
	if m.cancel && i.State != NodeCancelled {
		m.t.Fatalf("after cancel, %s ended as %s", id(f.node, f.key), i.State)
	}
}

// step lets one thing happen.
func (m *sim) step() {
	m.now = m.now.Add(time.Duration(m.rng.IntN(1500)) * time.Millisecond)
	switch r := m.rng.IntN(40); {
	case r == 0 && !m.cancel:
		m.add(Event{Kind: CancelRequested, Reason: "test"})
		m.cancel = m.s.CancelRequested
	case r < 3:
		m.crash()
	case r < 6 && len(m.past) > 0:
		m.end(m.past[m.rng.IntN(len(m.past))])
	case len(m.flying) > 0:
		k := m.rng.IntN(len(m.flying))
		f := m.flying[k]
		m.flying = append(m.flying[:k], m.flying[k+1:]...)
		m.end(f)
		m.past = append(m.past, f)
	default:
		if at := m.s.Wake(); at.After(m.now) {
			m.now = at
		}
	}
	m.decide()
}

// crash forgets everything but the journal and goes on from it; attempts under way end as lost.
func (m *sim) crash() {
	s := New(m.shape)
	for _, e := range m.journal {
		if _, err := s.Fold(e); err != nil {
			m.t.Fatalf("replay: %v\n%s", err, m.dump())
		}
	}
	m.s = s
	m.past = append(m.past, m.flying...)
	m.flying = nil
	for _, i := range s.Interrupted() {
		m.cause[id(i.Node.Name, i.Key)] = true
		m.add(Event{Kind: AttemptEnded, Node: i.Node.Name, Key: i.Key, Attempt: i.Attempt, Error: &sdk.Error{Cause: sdk.CauseLost, Message: "host died"}})
	}
}

func (m *sim) play() {
	m.decide()
	for n := 0; !m.s.Status.Ended(); n++ {
		if n > 5000 {
			m.t.Fatalf("the run never ends\n%s", m.dump())
		}
		m.step()
	}
}

// check looks at a run that has ended.
func (m *sim) check() {
	for name, n := range m.done {
		if n > 1 {
			m.t.Fatalf("%s succeeded %d times", name, n)
		}
	}
	for _, n := range m.s.Nodes {
		if !n.State.Ended() {
			m.t.Fatalf("the run %s, yet node %s is %s\n%s", m.s.Status, n.Name, n.State, m.dump())
		}
		if m.s.Status == Succeeded && n.State != NodeSucceeded && n.State != NodeSkipped {
			m.t.Fatalf("the run succeeded, yet node %s is %s", n.Name, n.State)
		}
	}
}

func TestSimulator(t *testing.T) {
	t.Parallel()
	seeds := uint64(3000)
	if testing.Short() {
		seeds = 300
	}
	ends := map[Status]int{}
	for seed := range seeds {
		m := newSim(t, seed)
		m.play()
		m.check()
		ends[m.s.Status]++
		if m.s.Status != Succeeded && seed%2 == 0 { // a person resumes it
			m.cancel = false
			m.past, m.flying = nil, nil
			for k := range m.cause {
				m.cause[k] = true
			}
			for _, n := range m.s.Nodes {
				for _, i := range n.Instances {
					m.cause[id(n.Name, i.Key)] = true
				}
			}
			m.add(Event{Kind: RunResumed})
			m.play()
			m.check()
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	for _, s := range []Status{Succeeded, Failed, Cancelled} {
		if ends[s] == 0 {
			t.Errorf("no seed ended as %s: the simulator does not reach it (%v)", s, ends)
		}
	}
}

// TestPrefixes resumes from every prefix of a journal: each folds, and goes on to an end.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		m := newSim(t, seed)
		m.play()
		for cut := 1; cut <= len(m.journal); cut++ {
			p := newSim(t, seed)
			p.journal = append([]Event{}, m.journal[:cut]...)
			for _, e := range p.journal {
				p.cancel = p.cancel || e.Kind == CancelRequested
				if e.Kind == AttemptEnded && e.Error == nil {
					p.done[id(e.Node, e.Key)] = 0
				}
			}
			for _, n := range p.shape.Nodes {
				for k := -1; k < 5; k++ {
					key := sdk.Key{}
					if k >= 0 {
						key = sdk.NumberKey(k)
					}
					p.cause[id(n.Name, key)] = true
				}
			}
			p.now = m.journal[cut-1].Time
			p.crash()
			p.play()
			p.check()
		}
	}
}

func FuzzDecode(f *testing.F) {
	m := newSim(&testing.T{}, 3)
	m.play()
	for _, e := range m.journal {
		raw, _ := e.Encode()
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Decode(data)
		if err != nil {
			return
		}
		raw, err := e.Encode()
		if err != nil {
			t.Skip() // times outside what JSON can say
		}
		if _, err := Decode(raw); err != nil {
			t.Fatalf("does not decode again: %v\n%s", err, raw)
		}
		s := New(m.shape)
		_, _ = s.Fold(e) // must not panic
	})
}
