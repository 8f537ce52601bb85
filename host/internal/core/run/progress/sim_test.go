package progress

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

var oneSeed = flag.Int64("seed", -1, "have the simulator play this seed only")

// sim plays an engine over a random shape, with the world around it: attempts end in any order, fail in every way, are
// reported late and twice; people answer, decide, pause and cancel; the host dies at any moment and goes on from a prefix
// of its journal. After every event the state is held to what must be true of it.
type sim struct {
	t     testing.TB
	seed  uint64
	rng   *rand.Rand
	shape run.Shape
	now   time.Time
	calm  bool // nothing more goes wrong: the run has to come to an end

	journal []run.Event
	durable int    // how many of its events no crash takes away
	s       *State // as the engine has it
	replica *State // folds the same events and never decides: what a fold of the whole journal gives
	book    book
	known   []known // every node and instance there is, and where it stood

	queued []*Instance // dispatched, and without a slot yet
	begun  []*flight   // their start is not durable yet
	flying []*flight   // attempts under way
	past   []*flight   // attempts that have ended, or were lost: they may be reported again
	seen   *coverage
}

// flight is an attempt that an executor has.
type flight struct {
	at      run.Event // In, Node, Key, Iter, Attempt
	stopped bool      // it has been told to stop
}

func newSim(t testing.TB, seed uint64, seen *coverage) *sim {
	rng := rand.New(rand.NewPCG(seed, 17))
	m := &sim{t: t, seed: seed, rng: rng, shape: randomShape(rng, 0), now: time.Unix(1_700_000_000, 0).UTC(), seen: seen}
	m.begin(nil)
	return m
}

// submit has the run made.
func (m *sim) submit() {
	created := run.Event{Kind: run.RunCreated, Run: "run_sim", Pipeline: "p", Digest: "d", Seed: m.seed, Inputs: sdk.Values{"v": "x"}, Owner: "ada"}
	if created.Queued = m.rng.IntN(6) == 0; !created.Queued {
		created.Deadline = m.deadline(m.shape.Timeout)
	}
	m.add(created)
}

// begin reads a journal, as a host does that starts.
func (m *sim) begin(journal []run.Event) {
	m.journal, m.durable = nil, len(journal)
	m.s, m.replica, m.book = New(m.shape), New(m.shape), newBook()
	m.queued, m.begun, m.flying = nil, nil, nil
	for _, e := range journal {
		m.fold(e)
	}
	m.known = nil
	m.learnFrame(&m.s.Frame)
}

// add records an event, in the form in which it is stored.
func (m *sim) add(e run.Event) {
	e.Seq, e.Time, e.V = m.s.Seq+1, m.now, run.Version
	raw, err := e.Encode()
	if err != nil {
		m.fatalf("%v", err)
	}
	back, err := run.Decode(raw)
	if err != nil {
		m.fatalf("%v", err)
	}
	was := m.s.Status
	attempt, counts := m.before(back)
	stale := m.fold(back)
	m.check(back, stale, was)
	if attempt != nil {
		m.checkAttempt(attempt, counts, back)
	}
	if !stale {
		m.checkSaid(back)
	}
}

// fold takes an event into both states and the book.
func (m *sim) fold(e run.Event) (stale bool) {
	m.journal = append(m.journal, e)
	stale, err := m.s.Fold(e)
	if err != nil {
		m.fatalf("%v", err)
	}
	if _, err := m.replica.Fold(e); err != nil {
		m.fatalf("it does not fold from the journal: %v", err)
	}
	if why := m.book.note(e, stale, m.s); why != "" {
		m.fatalf("%s", why)
	}
	return stale
}

// pass is one advance of the run: what happens, then what is due, then the append. The host may die before it.
func (m *sim) pass(happen ...func()) {
	for _, h := range happen {
		h()
	}
	m.decide()
	if !m.calm && m.rng.IntN(60) == 0 {
		m.crash(m.durable + m.rng.IntN(len(m.journal)-m.durable+1))
		return
	}
	m.durable = len(m.journal)
	m.flying, m.begun = append(m.flying, m.begun...), nil
	m.rest()
}

// crash forgets everything but the first events of the journal and goes on from them: attempts under way end as lost.
func (m *sim) crash(keep int) {
	m.past = append(m.past, m.flying...)
	keep = max(1, keep) // who submitted it does so again
	m.begin(m.journal[:keep:keep])
	m.recover()
}

func (m *sim) recover() {
	m.pass(func() {
		for _, i := range m.s.Interrupted() {
			e := about(run.AttemptEnded, i)
			e.Attempt, e.Error = i.Attempt, &sdk.Error{Cause: sdk.CauseLost, Message: "the host stopped while it ran"}
			m.add(e)
		}
	})
}

// play lets things happen until the run has ended: for so many steps anything, then only what brings it on.
func (m *sim) play(steps int) {
	for n := 0; !m.s.Status.Ended(); n++ {
		if n > steps+3000 {
			m.fatalf("the run never ends")
		}
		m.calm = n >= steps
		m.step()
	}
	m.over()
}

// story is a whole run: played, and resumed when it did not succeed.
func (m *sim) story() {
	m.pass(m.submit)
	m.play(10 + m.rng.IntN(150))
	for range 2 {
		if m.s.Status == run.Succeeded || m.rng.IntN(3) == 0 {
			break
		}
		m.resume()
		m.play(m.rng.IntN(60))
	}
}

func (m *sim) fatalf(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("seed %d (go test ./internal/core/run/progress -run 'TestSimulator$' -seed %d): %s\nshape: %s\njournal:\n%s",
		m.seed, m.seed, fmt.Sprintf(format, args...), m.shapeText(), m.lines())
}

// TestSimulator plays ten thousand random runs.
func TestSimulator(t *testing.T) {
	t.Parallel()
	if *oneSeed >= 0 {
		m := newSim(t, uint64(*oneSeed), newCoverage())
		m.story()
		t.Logf("shape: %s\njournal:\n%s", m.shapeText(), m.lines())
		return
	}
	seeds, shards := uint64(10_000), uint64(8)
	if testing.Short() {
		seeds = 800
	}
	var mu sync.Mutex
	all := newCoverage()
	t.Run("shards", func(t *testing.T) {
		for shard := range shards {
			t.Run(fmt.Sprint(shard), func(t *testing.T) {
				t.Parallel()
				seen := newCoverage()
				for seed := shard; seed < seeds; seed += shards {
					newSim(t, seed, seen).story()
				}
				mu.Lock()
				defer mu.Unlock()
				all.join(seen)
			})
		}
	})
	if !t.Failed() {
		all.complete(t)
	}
}
