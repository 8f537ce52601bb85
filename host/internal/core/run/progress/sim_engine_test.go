package progress

import (
	"encoding/json"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// about begins an event of a node instance.
func about(kind run.Kind, i *Instance) run.Event {
	return run.Event{Kind: kind, In: i.Node.Frame.Path, Node: i.Node.Name, Key: i.Key, Iter: i.Iter}
}

// decide carries out what is due, as the engine does.
func (m *sim) decide() {
	for {
		owed := m.owed(m.s)
		cmds := m.s.Decide(m.now, nil)
		m.checkCommands(owed, cmds)
		if len(cmds) == 0 {
			return
		}
		for _, c := range cmds {
			m.do(c)
		}
	}
}

func (m *sim) do(c Command) {
	m.seen.ops[c.Op]++
	switch c.Op {
	case OpSkip:
		m.add(run.Event{Kind: run.NodeExpanded, In: c.Node.Frame.Path, Node: c.Node.Name, Skip: true, Reason: c.Reason})
	case OpExpand:
		m.expand(c.Node)
	case OpDispatch:
		if m.rng.IntN(3) == 0 {
			m.queued = append(m.queued, c.Instance)
			return
		}
		m.start(c.Instance)
	case OpOpen:
		m.open(c.Instance)
	case OpClose:
		m.close(c)
	case OpTimeout:
		m.timeout(c.Instance)
	case OpCancel:
		m.flightOf(c.Instance).stopped = true
	case OpExpire:
		e := run.Event{Kind: run.DeadlinePassed}
		if c.Instance != nil {
			e = about(run.DeadlinePassed, c.Instance)
		}
		m.add(e)
	case OpEnd:
		e := run.Event{Kind: run.RunEnded, Status: c.Status, Error: c.Error}
		if c.Status == run.Succeeded {
			if e.Outputs = (sdk.Values{"o": "x"}); m.odds(40) {
				e.Status, e.Error, e.Outputs = run.Failed, sdk.Refuse("an output cannot be evaluated", ""), nil
			}
		}
		m.add(e)
	}
}

// odds is true once in n times, and never when the world is calm.
func (m *sim) odds(n int) bool { return m.rng.IntN(n) == 0 && !m.calm }

func (m *sim) expand(n *Node) {
	e := run.Event{Kind: run.NodeExpanded, In: n.Frame.Path, Node: n.Name}
	switch r := m.rng.IntN(40); {
	case r == 0:
		e.Skip, e.Reason = true, "when is false"
	case r == 1 && !m.calm:
		e.Kind, e.Error = run.NodeFailedEvent, sdk.Refuse("bad expression", "")
	case r < 14:
		e.Each, e.Map = true, r%2 == 0
		for k := range m.rng.IntN(4) {
			key := sdk.NumberKey(k)
			if e.Map {
				key = sdk.TextKey(string(rune('a' + k)))
			}
			e.Keys = append(e.Keys, key)
		}
	}
	m.add(e)
}

// failed records that an instance could not begin.
func (m *sim) failed(i *Instance, why string) {
	e := about(run.NodeFailedEvent, i)
	e.Error = sdk.Refuse(why, "")
	m.add(e)
}

// start begins an attempt of an instance that has a slot, if it still may.
func (m *sim) start(i *Instance) {
	switch {
	case !i.Due(m.now): // it has ended, or begun, or the slot is of a try before
	case m.s.Status == run.Paused:
		m.s.Offer(i)
	case m.s.Status != run.Running || m.s.Stopping() || i.Node.Frame.Halted():
	case m.odds(30):
		m.failed(i, "bad input")
	case m.rng.IntN(16) == 0:
		e := about(run.NodeCachedEvent, i)
		e.Outputs, e.Source, e.Again = sdk.Values{"by": "cache"}, "run_old/node.a/1", m.another(i)
		m.add(e)
	default:
		e := about(run.AttemptStarted, i)
		e.Attempt, e.Rung, e.Seed = i.Attempt+1, i.Rung, 7
		m.add(e)
		m.begun = append(m.begun, &flight{at: run.Event{In: e.In, Node: e.Node, Key: e.Key, Iter: e.Iter, Attempt: e.Attempt}})
	}
}

// flightOf gives the flight of the instance's attempt.
func (m *sim) flightOf(i *Instance) *flight {
	for _, list := range [][]*flight{m.flying, m.begun} {
		for _, f := range list {
			if m.s.Under(f.at.In) == i.Node.Frame && f.at.Node == i.Node.Name && f.at.Key == i.Key && f.at.Iter == i.Iter && f.at.Attempt == i.Attempt {
				return f
			}
		}
	}
	return nil
}

// another says whether a round's result asks for one more.
func (m *sim) another(i *Instance) bool { return i.Node.Repeats && i.Iter < 3 && m.rng.IntN(2) == 0 }

// judge says in a round's result whether another follows.
func (m *sim) judge(i *Instance, e *run.Event) {
	if e.Error != nil || !i.Node.Repeats {
		return
	}
	if e.Again = m.another(i); !e.Again && m.odds(12) {
		e.Error, e.Outputs, e.OutputsRef = sdk.Refuse("not good enough", ""), nil, ""
	}
}

func (m *sim) deadline(after time.Duration) time.Time {
	if after == 0 {
		return time.Time{}
	}
	return m.now.Add(after)
}

func (m *sim) open(i *Instance) {
	if m.odds(40) {
		m.failed(i, "bad question")
		return
	}
	if i.Node.Gate {
		e := about(run.GateOpened, i)
		e.Deadline = m.deadline(i.Node.Timeout)
		if e.Ask = json.RawMessage(`{"message":"?"}`); m.rng.IntN(4) == 0 {
			e.Ask, e.AskRef = nil, "sha256:ask"
		}
		m.add(e)
		return
	}
	e := about(run.ModuleOpened, i)
	e.Deadline = m.deadline(i.Node.Module.Timeout)
	m.add(e)
}

func (m *sim) close(c Command) {
	e := about(run.ModuleEnded, c.Instance)
	if e.Error = c.Error; e.Error == nil {
		if e.Outputs = (sdk.Values{"by": m.s.Address(c.Instance).String()}); m.odds(40) {
			e.Outputs, e.Error = nil, sdk.Refuse("an output cannot be evaluated", "")
		}
		m.judge(c.Instance, &e)
	}
	m.add(e)
}

// timeout answers for the person who did not.
func (m *sim) timeout(i *Instance) {
	if m.rng.IntN(3) == 0 {
		e := about(run.NodeFailedEvent, i)
		e.Error = &sdk.Error{Cause: sdk.CauseHung, Permanent: true, Message: "nobody answered"}
		m.add(e)
		return
	}
	m.answer(i, "")
}

func (m *sim) answer(i *Instance, by string) {
	if m.odds(20) {
		m.failed(i, "the answer cannot be stored")
		return
	}
	e := about(run.GateAnswered, i)
	e.Owner, e.Outputs = by, sdk.Values{"approved": m.rng.IntN(2) == 0}
	m.add(e)
}
