package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestChaos kills -9 the processes of a fleet while runs go on: the real binary as host (on PostgreSQL) and as agent, the
// plugin, Redis, PostgreSQL. No run is lost, each ends, nothing takes effect twice, and no process is left. A trial is made
// from its seed: CHAOS_SEED=n replays one, CHAOS_TRIALS says how many there are, CHAOS_PARALLEL how many at once. With n of
// them and no violation, less than one in n/3 goes wrong, with 95 % certainty.
func TestChaos(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	if ok, err := condition("postgres"); err != nil {
		t.Fatal(err)
	} else if !ok {
		t.Skip("there is no PostgreSQL")
	}
	trials := wanted(t, "CHAOS_TRIALS", len(victims)+1)
	first := wanted(t, "CHAOS_FIRST", int(time.Now().Unix()%1_000_000)*1000)
	if one := wanted(t, "CHAOS_SEED", -1); one >= 0 {
		first, trials = one, 1
	}
	began := time.Now()
	var next, violations atomic.Int64
	var all sync.WaitGroup
	for range min(trials, wanted(t, "CHAOS_PARALLEL", runtime.GOMAXPROCS(0))) {
		pg := pgtest.New(t, "fsync=off") // a killed process loses nothing by that
		all.Go(func() {
			for n := next.Add(1); n <= int64(trials); n = next.Add(1) {
				seed := uint64(first) + uint64(n) - 1
				if !t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { newTrial(t, seed, pg).run() }) {
					violations.Add(1)
				}
			}
		})
	}
	all.Wait()
	bound := "unknown: mend the violations first"
	if violations.Load() == 0 {
		bound = fmt.Sprintf("at most %.2g of trials go wrong (rule of three, 95 %%)", 3/float64(trials))
	}
	fmt.Printf("chaos of the real binary: %d violations in %d trials, seeds %d to %d, %s; %s\n", violations.Load(), trials, first, first+trials-1, time.Since(began).Round(time.Second), bound)
}

func wanted(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// victims are what is killed, one kind in a trial, or all of them.
var victims = []string{"plugin", "postgres", "host", "agent", "redis"}

const (
	kills   = 3               // in a trial
	lasting = 4 * time.Second // the time in which runs are submitted and processes killed
)

// steps works for a while, which may be repeated, and has an effect, which may not.
const steps = `
pipeline "steps" {}

variable "log" {
  type = string
}

variable "name" {
  type = string
}

variable "takes" {
  type = string
}

node "test.wait" "work" {
  for = var.takes
  retry {
    attempts = 10
    backoff  = "10ms"
  }
}

node "test.append" "effect" {
  file       = var.log
  line       = var.name
  depends_on = [node.work]
}
`

// trial is a fleet, what is killed of it, and what it was told to do.
type trial struct {
	*realFleet
	r      *rand.Rand
	victim string // empty: any
	pg     *pgtest.Server
	agent  *service
	tries  int
	sent   map[string]string // ids of runs that the host has confirmed: their names
}

func newTrial(t *testing.T, seed uint64, pg *pgtest.Server) *trial {
	f := newFleet(t, "--store", pg.Database(t))
	x := &trial{realFleet: f, r: rand.New(rand.NewPCG(seed, 17)), pg: pg, agent: f.join("box2", "8"), sent: map[string]string{}}
	if k := seed % uint64(len(victims)+1); k < uint64(len(victims)) {
		x.victim = victims[k]
	}
	if !poll(func() bool { return x.submit() == nil }) {
		t.Fatalf("the fleet does not begin\n%s", x.said())
	}
	return x
}

func (t *trial) log() string { return filepath.Join(t.dir, "effects") }

// submit submits a run. Whether there is one that was not confirmed, nobody knows.
func (t *trial) submit() error {
	t.tries++
	name := fmt.Sprint("run", t.tries)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	takes := fmt.Sprintf("%dms", t.r.IntN(600))
	r, err := t.client.Submit(ctx, client.Submission{Pipeline: client.Source{Name: "steps.hcl", Text: steps}, Inputs: sdk.Values{"log": t.log(), "name": name, "takes": takes}})
	if err == nil {
		t.sent[r.ID] = name
	}
	return err
}

// run kills while runs are submitted, and looks what has become of them.
func (t *trial) run() {
	var when []time.Duration
	for range kills {
		when = append(when, time.Duration(t.r.Int64N(int64(lasting))))
	}
	slices.Sort(when)
	for began := time.Now(); time.Since(began) < lasting; {
		if len(when) > 0 && time.Since(began) > when[0] {
			when = when[1:]
			t.kill()
		}
		_ = t.submit()                    // the host may not be there just now
		time.Sleep(50 * time.Millisecond) // these are people
	}
	t.settle()
	t.end(t.agent, t.host)
	if t.Failed() {
		t.Logf("replay: CHAOS_SEED and this seed\n%s", t.said())
	}
}

// kill kills something with SIGKILL; whoever watches over it starts it again.
func (t *trial) kill() {
	victim := t.victim
	if victim == "" {
		victim = victims[t.r.IntN(len(victims))]
	}
	t.Logf("%s  %s is killed", time.Now().Format("05.000"), victim)
	switch victim {
	case "plugin":
		poll(func() bool { return len(t.plugins()) > 0 })
		for _, pid := range t.plugins() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	case "postgres":
		t.pg.Kill()
		time.Sleep(time.Duration(t.r.IntN(800)) * time.Millisecond) // it is away for as long
		if err := t.pg.Start(); err != nil {
			t.Fatal(err)
		}
	case "host":
		t.host.signal(syscall.SIGKILL)
	case "agent":
		before := t.plugins()
		t.agent.signal(syscall.SIGKILL)
		t.gone("the agent was killed", func() (left []string) {
			for _, pid := range t.plugins() {
				if slices.Contains(before, pid) {
					left = append(left, fmt.Sprint("plugin ", pid))
				}
			}
			return left
		})
	case "redis":
		t.redis.Restart(t)
	}
}

// settle waits until all runs have ended, and looks at them and at what took effect.
func (t *trial) settle() {
	var runs []client.Run
	var err error
	ended := poll(func() bool {
		var l client.RunList
		if l, err = t.client.Runs(t.Context(), client.RunQuery{Limit: 500}); err == nil {
			runs = l.Runs
		}
		return err == nil && !slices.ContainsFunc(runs, func(r client.Run) bool { return !r.Ended() })
	})
	if !ended {
		t.Errorf("not all runs have ended: %v", err)
	}
	effects := t.effects()
	there := map[string]bool{}
	failed := 0
	for _, r := range runs {
		there[r.ID] = true
		name, confirmed := t.sent[r.ID]
		if !r.Ended() || confirmed && r.State == "succeeded" && effects[name] != 1 {
			t.Errorf("%s (%s) is %s, and took effect %d times", r.ID, name, r.State, effects[name])
		}
		if r.Ended() && r.State != "succeeded" {
			failed++
			t.explain(r)
		}
	}
	for id, name := range t.sent {
		if !there[id] {
			t.Errorf("%s (%s) was confirmed, and is lost", id, name)
		}
	}
	for name, n := range effects {
		if n > 1 {
			t.Errorf("%s took effect %d times", name, n)
		}
	}
	t.repeated(runs)
	t.Logf("%d runs, of which %d failed; %d effects", len(runs), failed, len(effects))
}

// repeated looks whether a trial that kills what works has done any harm.
func (t *trial) repeated(runs []client.Run) {
	if t.victim != "plugin" && t.victim != "agent" {
		return
	}
	for _, r := range runs {
		whole, err := t.client.Run(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(whole.Nodes, func(n client.Node) bool { return n.Attempt > 1 }) {
			return
		}
	}
	t.Errorf("the %s was killed, and no node had to be repeated: this trial shows nothing", t.victim)
}

// explain looks why a run failed: a node that may not be repeated may have died with its process, or one that may be three
// times with its agent.
func (t *trial) explain(r client.Run) {
	why := map[string]string{"plugin": "effect: plugin test ", "agent": "(effect: its agent|work: lost 3 times)"}[t.victim]
	if t.victim == "" {
		why = "(effect: |work: lost 3 times)"
	}
	if why == "" || !regexp.MustCompile("^"+why).MatchString(r.Error) {
		t.Errorf("%s (%s) %s: %s", r.ID, t.sent[r.ID], r.State, r.Error)
	}
}

// effects counts what took effect, by the names of runs.
func (t *trial) effects() map[string]int {
	raw, err := os.ReadFile(t.log())
	if err != nil {
		t.Error(err)
	}
	out := map[string]int{}
	for name := range strings.Lines(string(raw)) {
		out[strings.TrimSpace(name)]++
	}
	return out
}
