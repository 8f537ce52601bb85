package progress

import (
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// step lets one thing happen, or several before the engine looks.
func (m *sim) step() {
	m.now = m.now.Add(time.Duration(m.rng.IntN(1200)) * time.Millisecond)
	var happen []func()
	for range 1 + m.rng.IntN(2) {
		happen = append(happen, m.happening)
	}
	m.pass(happen...)
	if m.odds(25) && !m.s.Status.Ended() {
		m.crash(len(m.journal))
	}
}

// happening is one thing that comes from outside. It may find that there is nothing for it to do.
func (m *sim) happening() {
	switch {
	case m.s.Status.Ended():
		return
	case m.s.Status == run.Created:
		m.wait()
		return
	case m.calm:
		m.onward()
		return
	}
	switch r := m.rng.IntN(100); {
	case r < 45:
		m.finish()
	case r < 55:
		m.grant()
	case r < 62:
		m.sleep()
	case r < 66:
		m.late()
	case r < 69:
		m.save()
	case r < 77:
		m.answerOne()
	case r < 87:
		m.decideOne()
	case r < 90:
		m.pause()
	case r < 94:
		m.goOn()
	case r < 96:
		m.lateDeadline()
	case r < 99:
		m.cancelOne()
	case m.rng.IntN(3) == 0:
		m.add(run.Event{Kind: run.CancelRequested, Reason: "enough", Owner: "ada"})
	}
}

// wait is what happens to a run in the queue.
func (m *sim) wait() {
	switch r := m.rng.IntN(10); {
	case r < 2:
		m.add(run.Event{Kind: run.RunPrioritized, Priority: r, Place: []string{"", "run_5"}[r], Owner: "ada"})
	case r == 2 && !m.calm:
		m.add(run.Event{Kind: run.CancelRequested, Reason: "never mind"})
		m.add(run.Event{Kind: run.RunEnded, Status: run.Cancelled})
	case r < 8:
		m.add(run.Event{Kind: run.RunStarted, Deadline: m.deadline(m.shape.Timeout)})
	}
}

// onward is what brings a run to its end when nobody stands in its way.
func (m *sim) onward() {
	switch {
	case len(m.flying) > 0:
		m.finish()
	case len(m.queued) > 0:
		m.grant()
	case m.rng.IntN(3) == 0 && !m.s.Wake().IsZero():
		m.sleep()
	default:
		m.answerOne()
		m.decideOne()
		m.goOn()
	}
}

func take[T any](m *sim, list *[]T) (T, bool) {
	var none T
	if len(*list) == 0 {
		return none, false
	}
	k := m.rng.IntN(len(*list))
	x := (*list)[k]
	*list = append((*list)[:k:k], (*list)[k+1:]...)
	return x, true
}

// grant gives a slot to an instance that waits for one.
func (m *sim) grant() {
	if i, ok := take(m, &m.queued); ok {
		m.start(i)
	}
}

// sleep waits until the engine has asked to be woken.
func (m *sim) sleep() {
	if at := m.s.Wake(); at.After(m.now) {
		m.now = at
	}
}

// finish ends an attempt that is under way.
func (m *sim) finish() {
	if f, ok := take(m, &m.flying); ok {
		m.past = append(m.past, f)
		m.add(m.outcome(f))
	}
}

// outcome is how an attempt ends, if it is the one under way.
func (m *sim) outcome(f *flight) run.Event {
	e := f.at
	e.Kind = run.AttemptEnded
	bad := 3
	if m.calm {
		bad = 8
	}
	switch {
	case f.stopped && m.rng.IntN(4) > 0:
		e.Error = &sdk.Error{Cause: []sdk.Cause{sdk.CauseCancelled, sdk.CauseHung}[m.rng.IntN(2)], Message: "stopped"}
	case m.rng.IntN(bad) == 0:
		e.Error = &sdk.Error{Cause: causes[m.rng.IntN(len(causes))], Message: "it broke", Permanent: m.rng.IntN(4) == 0}
	case m.rng.IntN(8) == 0:
		e.OutputsRef = e.At("run_sim").String()
	default:
		e.Outputs = sdk.Values{"by": e.At("run_sim").String()}
	}
	if n := m.s.Find(e.In, e.Node); n != nil {
		if i := n.Instance(e.Key); i != nil && i.Iter == e.Iter {
			m.judge(i, &e)
		}
	}
	return e
}

// late reports an attempt that has ended, once more: of an earlier number, of an earlier round, of a module that has gone.
func (m *sim) late() {
	if len(m.past) > 0 {
		m.add(m.outcome(m.past[m.rng.IntN(len(m.past))]))
	}
}

// save records a checkpoint, of an attempt that is under way or of one that is not.
func (m *sim) save() {
	list := m.flying
	if m.rng.IntN(3) == 0 {
		list = m.past
	}
	if len(list) > 0 {
		e := list[m.rng.IntN(len(list))].at
		e.Kind, e.Checkpoint = run.AttemptSaved, []byte(e.At("run_sim").String())
		m.add(e)
	}
}

// lateDeadline has the time of a module pass once more that has ended, or is in another round.
func (m *sim) lateDeadline() {
	if i, ok := m.pick(func(i *Instance) bool { return len(i.Frames) > 0 && (i.State != run.NodeRunning || i.Iter > 1) }); ok {
		e, inside := about(run.DeadlinePassed, i), i.Inside()
		if i.State == run.NodeRunning {
			e.Iter--
		}
		was := inside != nil && inside.Expired
		if m.add(e); inside != nil && inside.Expired != was {
			m.fatalf("the time of round %d of %s has passed, and it is in round %d, or has ended", e.Iter, m.s.Address(i), i.Iter)
		}
	}
}

// pick finds an instance by chance.
func (m *sim) pick(want func(*Instance) bool) (*Instance, bool) {
	var found []*Instance
	for _, k := range m.known {
		if k.inst != nil && want(k.inst) {
			found = append(found, k.inst)
		}
	}
	return take(m, &found)
}

func (m *sim) answerOne() {
	if i, ok := m.pick(func(i *Instance) bool { return i.Node.Gate && i.State == run.NodeWaiting && i.Error == nil }); ok {
		m.answer(i, "bea")
	}
}

// decideOne is a person's word on what failed or is in doubt.
func (m *sim) decideOne() {
	i, ok := m.pick(func(i *Instance) bool { return i.State == run.NodeWaiting && i.Error != nil })
	if !ok {
		return
	}
	e := about(run.NodeDecided, i)
	e.Owner = "ada"
	switch e.Decision = []run.Decision{run.Accept, run.Skip, run.GiveUp, run.Retry, run.Retry}[m.rng.IntN(5)]; e.Decision {
	case run.Retry:
		if m.rng.IntN(2) == 0 {
			e.Inputs = sdk.Values{"v": m.rng.IntN(9)}
		}
	case run.Accept:
		e.Outputs, e.Again = sdk.Values{"by": "person"}, m.another(i)
	case run.Skip, run.GiveUp:
	}
	m.add(e)
}

func (m *sim) pause() {
	if !m.s.Held {
		m.add(run.Event{Kind: run.RunPaused, Owner: "ada", Reason: "lunch"})
	}
}

func (m *sim) goOn() {
	if m.s.Status == run.Paused {
		m.add(run.Event{Kind: run.RunContinued, Owner: "ada"})
	}
}

// cancelOne cancels a node, a gate or a module, or one instance of it.
func (m *sim) cancelOne() {
	k := m.known[m.rng.IntN(len(m.known))]
	e := run.Event{Kind: run.CancelRequested, Owner: "ada", Reason: "too slow"}
	switch {
	case k.inst != nil && !k.inst.State.Ended():
		e.In, e.Node, e.Key = k.inst.Node.Frame.Path, k.inst.Node.Name, k.inst.Key
	case k.inst == nil:
		e.In, e.Node = k.node.Frame.Path, k.node.Name // or it has ended: nothing happens
	default:
		return
	}
	m.add(e)
}

// resume has a person try again what failed or was cancelled.
func (m *sim) resume() {
	m.queued, m.calm = nil, false
	m.now = m.now.Add(time.Minute)
	m.pass(func() { m.add(run.Event{Kind: run.RunResumed, Deadline: m.deadline(m.shape.Timeout)}) })
}
