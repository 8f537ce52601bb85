package chaos

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"
)

// harm is something that is done to a trial.
type harm struct {
	at   time.Duration // after the trial began
	name string
	do   func()
}

// scenario is a kind of harm. plan makes it before anything begins; what it gives happens in order.
type scenario struct {
	name string
	plan func(*trial) []harm
}

// The steps at which host and agents die: commands to Redis, and what they do between them.
var (
	hostSteps  = []string{"xadd", "xadd", "xdel", "xread", "hset", "hgetall", "info", sent, ended}
	agentSteps = []string{"xadd", "xadd", "xdel", "xread", "hset", "set", "get", "info", "entered", "effect"}
)

var scenarios = []scenario{
	{"an agent is partitioned for 5 s", partitioned(5 * time.Second)},
	{"an agent is partitioned for 20 s", partitioned(20 * time.Second)},
	{"an agent is partitioned for 120 s", partitioned(120 * time.Second)},
	{"the host is partitioned", func(t *trial) []harm {
		return t.partition(t.proc(host), true, true, pick(t.r, 5*time.Second, 20*time.Second, 60*time.Second))
	}},
	{"loss in one direction", func(t *trial) []harm {
		to := t.r.IntN(2) == 0
		return t.partition(t.any(), to, !to, 20*time.Second)
	}},
	{"latency", func(t *trial) []harm {
		t.gentle = true
		return t.window("latency", 0, 60*time.Second, func() { t.links(func(l link) { l.delay(t.scaled(200 * time.Millisecond)) }) },
			func() { t.links(func(l link) { l.mend(false) }) })
	}},
	{"half-open connections", func(t *trial) []harm {
		p, q := t.any(), t.any()
		return []harm{{t.soon(), p.id + " is forgotten", func() { p.link.forget() }}, {t.scaled(30 * time.Second), q.id + " is forgotten", func() { q.link.forget() }}}
	}},
	{"Redis is killed", func(t *trial) []harm { return t.redisKilled(false) }},
	{"Redis loses its data", func(t *trial) []harm { return t.redisKilled(true) }},
	{"Redis is frozen", func(t *trial) []harm {
		return t.window("Redis is frozen", t.soon(), pick(t.r, 5*time.Second, 20*time.Second, 60*time.Second), func() { t.redis.Stop(t) }, func() { t.redis.Cont(t) })
	}},
	{"an agent is frozen for 60 s", func(t *trial) []harm {
		t.gentle = true
		return t.frozen(t.anyAgent(), 60*time.Second)
	}},
	{"the host is frozen", func(t *trial) []harm { return t.frozen(t.proc(host), pick(t.r, 10*time.Second, 60*time.Second)) }},
	{"an agent dies between finishing an output and saving it", func(t *trial) []harm {
		t.gentle = true
		t.anyAgent().die = &point{Step: "effect", N: 1 + t.r.IntN(6)}
		return nil
	}},
	{"a device grant is left behind", (*trial).grantLeft},
	{"every message three times, in any order", func(t *trial) []harm {
		t.repeat = true
		if t.r.IntN(2) == 0 {
			return nil
		}
		return t.killed(t.any())
	}},
	{"the host dies at a step", func(t *trial) []harm { return t.dies(t.proc(host), hostSteps) }},
	{"an agent dies at a step", func(t *trial) []harm { return t.dies(t.anyAgent(), agentSteps) }},
	{"host and agent die at a step", func(t *trial) []harm {
		t.dies(t.proc(host), hostSteps)
		return t.dies(t.anyAgent(), agentSteps)
	}},
	{"power cut", (*trial).powerCut},
	{"drain", func(t *trial) []harm {
		t.gentle = true
		p := t.anyAgent()
		return t.window(p.id+" drains", t.soon(), 40*time.Second, p.terminate, func() {
			if code, ok := p.wait(slack); !ok || code != 0 {
				t.Errorf("%s was drained and ended with %d (%t)", p.id, code, ok)
			}
			p.keepUp()
		})
	}},
	{"kills", func(t *trial) []harm { return append(t.killed(t.proc(host)), t.killed(t.any())...) }},
	{"all die at once", func(t *trial) []harm {
		return t.window("all die", t.soon(), 5*time.Second, func() {
			for _, p := range t.procs {
				p.kill()
			}
			t.redis.Kill(t)
		}, func() { t.redis.Restart(t); t.heal() })
	}},
	{"everything", (*trial).everything},
}

func sortHarms(all []harm) {
	slices.SortStableFunc(all, func(a, b harm) int { return cmp.Compare(a.at, b.at) })
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// proc gives a process, which may not have begun.
func (t *trial) proc(id string) *proc {
	if t.procs[id] == nil {
		t.procs[id] = &proc{id: id}
	}
	return t.procs[id]
}

func (t *trial) anyAgent() *proc { return t.proc(pick(t.r, agents...)) }

func (t *trial) any() *proc { return t.proc(pick(t.r, append([]string{host}, agents...)...)) }

func (t *trial) links(do func(link)) {
	for _, p := range t.procs {
		do(p.link)
	}
}

// soon is when a harm begins: while tasks are under way.
func (t *trial) soon() time.Duration { return t.upTo(20 * time.Second) }

// window is a harm that ends. The length is of the real pace.
func (t *trial) window(name string, from, length time.Duration, begin, end func()) []harm {
	return []harm{{from, name, begin}, {from + t.scaled(length), name + ": it ends", end}}
}

func (t *trial) partition(p *proc, to, from bool, length time.Duration) []harm {
	broken := t.r.IntN(2) == 0
	t.misses(p, length)
	return t.window(p.id+" is cut off", t.soon(), length, func() { p.link.cut(to, from) }, func() { p.link.mend(broken) })
}

func partitioned(length time.Duration) func(*trial) []harm {
	return func(t *trial) []harm {
		t.gentle = true
		return t.partition(t.anyAgent(), true, true, length)
	}
}

func (t *trial) frozen(p *proc, length time.Duration) []harm {
	t.misses(p, length)
	return t.window(p.id+" is frozen", t.soon(), length, func() { p.signal(syscall.SIGSTOP) }, func() { p.signal(syscall.SIGCONT) })
}

// misses says that a process is away for a while: the host notices that an agent is.
func (t *trial) misses(p *proc, length time.Duration) {
	if p.id != host && length > 4*realBeat {
		t.mustLose = append(t.mustLose, p.id)
	}
}

func (t *trial) killed(p *proc) []harm {
	return t.window(p.id+" is killed", t.soon(), pick(t.r, 0, 2*time.Second, 20*time.Second), p.kill, p.keepUp)
}

func (t *trial) redisKilled(wipe bool) []harm {
	return t.window("Redis is killed", t.soon(), pick(t.r, 0, 5*time.Second, 30*time.Second), func() { t.redis.Kill(t) }, func() {
		if wipe {
			t.redis.Wipe(t)
		}
		t.redis.Restart(t)
	})
}

func (t *trial) dies(p *proc, steps []string) []harm {
	p.die = &point{Step: pick(t.r, steps...), N: 1 + t.r.IntN(12), After: t.r.IntN(2) == 0}
	if p.die.Step != "xadd" && p.die.Step != "xdel" && p.die.Step != "xread" {
		p.die.N = 1 + t.r.IntN(3)
	}
	t.say("%s will die at %+v", p.id, *p.die)
	return nil
}

// grantLeft has tasks that hold devices go on behind a partition: they are stopped soon after it ends.
func (t *trial) grantLeft() []harm {
	t.gentle = true
	for k := range 12 {
		t.jobs[k].First, t.jobs[k].Cancel, t.jobs[k].At = t.scaled(80*time.Second), 0, t.scaled(time.Second)
	}
	p := t.anyAgent()
	h := t.window(p.id+" is cut off", t.scaled(12*time.Second), 25*time.Second, func() { p.link.cut(true, true) }, func() {
		p.link.mend(true)
		t.mended = append(t.mended, mended{p.id, time.Now()})
	})
	return h
}

// mended is when an agent could be heard again.
type mended struct {
	agent string
	at    time.Time
}

// powerCut takes the power of an agent's machine; its first process after that may die soon, too.
func (t *trial) powerCut() []harm {
	p := t.anyAgent()
	from := t.soon()
	h := t.window("power cut of "+p.id, from, 3*time.Second, func() { t.power(p) }, p.keepUp)
	switch t.r.IntN(3) {
	case 0:
		h = append(h, harm{from + t.scaled(3*time.Second) + t.upTo(2*time.Second), p.id + " is killed again", p.kill})
	case 1:
		h = append(h, harm{from + t.scaled(4*time.Second), "Redis is killed", func() { t.redis.Restart(t) }})
	}
	return h
}

// everything is some harms at the same time.
func (t *trial) everything() (all []harm) {
	for range 4 {
		switch t.r.IntN(7) {
		case 0:
			all = append(all, t.partition(t.any(), true, true, 20*time.Second)...)
		case 1:
			all = append(all, t.partition(t.any(), true, false, 10*time.Second)...)
		case 2:
			all = append(all, t.frozen(t.any(), 20*time.Second)...)
		case 3, 4:
			all = append(all, t.killed(t.any())...)
		case 5:
			all = append(all, t.redisKilled(false)...)
		case 6:
			t.repeat = true
		}
	}
	return all
}
