package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
)

const host = "h"

var agents = []string{"a0", "a1", "a2"}

// patience is how long a trial may take to get well after the last harm.
const patience = 40 * time.Second

// trial is a fleet, what is done to it, and what it wrote down.
type trial struct {
	*testing.T
	r      *rand.Rand
	seed   uint64
	scale  float64
	dir    string
	redis  *redistest.Server
	client *redis.Client
	procs  map[string]*proc
	jobs   []job
	repeat bool
	told   []line // what the trial itself did, for people
	// gentle: neither host nor Redis is harmed, so that the host's clock never stands still.
	gentle bool
	mended []mended
	// mustLose are agents that are away for longer than the host waits.
	mustLose []string
}

// newTrial makes the plan of a trial, and begins nothing.
func newTrial(t *testing.T, seed uint64, scale float64) *trial {
	x := &trial{T: t, seed: seed, scale: scale, r: rand.New(rand.NewPCG(seed, 11)), dir: t.TempDir(), procs: map[string]*proc{}}
	for k := range 24 {
		j := job{ID: fmt.Sprintf("t%02d", k), At: x.upTo(30 * time.Second), First: x.upTo(4 * time.Second), Later: x.upTo(2 * time.Second)}
		switch {
		case k < 2:
			j.First = x.scaled(20 * time.Second)
		case k < 4:
			j.First, j.Cancel = x.scaled(60*time.Second), x.upTo(10*time.Second)
		}
		x.jobs = append(x.jobs, j)
	}
	return x
}

func (t *trial) scaled(d time.Duration) time.Duration { return time.Duration(float64(d) * t.scale) }

// upTo gives a random time of the trial's pace.
func (t *trial) upTo(d time.Duration) time.Duration {
	return time.Duration(t.r.Int64N(int64(t.scaled(d))))
}

func (t *trial) beat() time.Duration { return t.scaled(realBeat) }

func (t *trial) namespace() string { return "chaos" }

// begin starts Redis, the host and the agents.
func (t *trial) begin(links func(id string, s *redistest.Server) (link, error), options ...redistest.Option) {
	t.Helper()
	t.redis = redistest.Start(t.T, append([]redistest.Option{redistest.Fsync("everysec")}, options...)...)
	t.client = t.redis.Client(t.T)
	for _, id := range append([]string{host}, agents...) {
		l, err := links(id, t.redis)
		if err != nil {
			t.Fatal(err)
		}
		p := t.procs[id]
		if p == nil {
			p = &proc{id: id}
			t.procs[id] = p
		}
		p.trial, p.link = t, l
		if p.boot == "" {
			p.boot = "b1"
		}
		t.Cleanup(func() { p.finish(); l.close() })
		p.start()
	}
	if !t.poll(patience, t.allHeard) {
		t.Errorf("not every agent is heard\n%s", t.story())
	}
}

// allHeard says whether the host has heard all agents.
func (t *trial) allHeard() bool {
	all := map[string]bool{}
	for _, x := range readLines(t.dir, host) {
		if x.What == heard {
			all[x.Agent] = true
		}
	}
	return len(all) == len(agents)
}

// at waits for a time of the trial, does something and writes that down.
func (t *trial) at(began time.Time, h harm) {
	t.Helper()
	timer := time.NewTimer(time.Until(began.Add(h.at)))
	defer timer.Stop()
	<-timer.C
	t.say("%s", h.name)
	h.do()
}

func (t *trial) say(format string, args ...any) {
	t.told = append(t.told, line{At: time.Now().UnixMilli(), What: fmt.Sprintf(format, args...), file: "trial"})
}

// poll waits until something holds, which nobody signals.
func (t *trial) poll(within time.Duration, ok func() bool) bool {
	for end := time.Now().Add(within); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// allEnded says whether the journal has all runs ended.
func (t *trial) allEnded() bool {
	open := map[string]bool{}
	for _, j := range t.jobs {
		open[j.ID] = true
	}
	for id, c := range chains(readLines(t.dir, "journal")) {
		if c.done {
			delete(open, id)
		}
	}
	return len(open) == 0
}

// quiet says what is left in streams, and what agents say that they hold.
func (t *trial) quiet() (left string) {
	ctx := context.Background()
	keys := fleet.KeysOf(t.namespace())
	streams := []string{keys.In(host)}
	for _, id := range agents {
		streams = append(streams, keys.Tasks(id), keys.Control(id))
	}
	for _, s := range streams {
		if got, err := t.client.XRangeN(ctx, s, "-", "+", 3).Result(); err != nil || len(got) > 0 {
			left += fmt.Sprintf("%s has %v %v; ", s, got, err)
		}
	}
	last := map[string]string{}
	beats, _ := t.client.XRevRangeN(ctx, keys.Beats(), "+", "-", 60).Result()
	for k := len(beats) - 1; k >= 0; k-- {
		if agent, session, held := heldOf(beats[k]); t.procs[agent].session() == session {
			last[agent] = held
		}
	}
	for _, id := range agents {
		if held, ok := last[id]; !ok || held != "" {
			left += fmt.Sprintf("%s says that it holds %q (%t, as %s); ", id, held, ok, t.procs[id].session())
		}
	}
	return left
}

// run does the harm, and waits until all is well again.
func (t *trial) run(harms []harm) {
	t.Helper()
	sortHarms(harms)
	began := time.Now()
	for _, h := range harms {
		t.at(began, h)
	}
	t.heal()
	t.settled()
	t.stopAll()
	t.check()
	if t.Failed() {
		t.Logf("replay: CHAOS_SEED=%d\n%s", t.seed, t.story())
	}
}

// heal mends whatever a harm has left.
func (t *trial) heal() {
	for _, p := range t.procs {
		p.link.mend(false)
		p.signal(syscall.SIGCONT)
		p.keepUp()
	}
}

func (t *trial) settled() {
	t.Helper()
	within := patience + t.scaled(60*time.Second)
	if !t.poll(within, t.allEnded) {
		t.Errorf("not all runs ended within %s of the last harm: a run is lost", within)
		return
	}
	left := ""
	if !t.poll(patience/2, func() bool { left = t.quiet(); return left == "" }) {
		t.Errorf("something is left: %s", left)
	}
}

// stopAll ends all processes in order, and looks whether they are gone.
func (t *trial) stopAll() {
	t.Helper()
	began := time.Now()
	for _, id := range append(agents, host) {
		t.procs[id].terminate()
	}
	within := t.scaled(20*time.Second) + 2*time.Second // agents wait for what they hold, then 2 s as promised
	for _, id := range append(agents, host) {
		p := t.procs[id]
		if code, ok := p.wait(time.Until(began.Add(within))); !ok || code != 0 && !p.mayDie() {
			t.Errorf("%s: asked to end, it ended with %d (%t)\n%s", id, code, ok, p.output())
		}
		for _, pid := range p.all() {
			if syscall.Kill(pid, 0) == nil {
				t.Errorf("%s: process %d is left", id, pid)
			}
		}
	}
}

// power cuts the power of an agent's machine: what it noted since its start may not have reached the disk.
func (t *trial) power(p *proc) {
	p.kill()
	path := t.dir + "/" + p.id + ".notes"
	size, _ := os.ReadFile(path + ".size")
	sure, _ := strconv.ParseInt(string(size), 10, 64)
	info, err := os.Stat(path)
	if err != nil || info.Size() <= sure {
		return
	}
	keep := sure + t.r.Int64N(info.Size()-sure+1)
	t.say("%s has %d of %d bytes of its notes left", p.id, keep, info.Size())
	if err := os.Truncate(path, keep); err != nil {
		t.Error(err)
	}
	p.reboot()
}
