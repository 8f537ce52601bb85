package progress

import (
	"fmt"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/run"
)

// lines is the journal for a person to read.
func (m *sim) lines() string {
	var b strings.Builder
	for _, e := range m.journal {
		b.WriteString(line(e, m.journal[0]))
		b.WriteByte('\n')
	}
	return b.String()
}

// line tells an event in one line: number, time since the run was made, kind, address and what matters of the rest.
func line(e, first run.Event) string {
	out := fmt.Sprintf("%3d %7.3fs %-16s", e.Seq, e.Time.Sub(first.Time).Seconds(), e.Kind)
	if e.Node != "" {
		out += strings.TrimPrefix(e.At("r").String(), "r/")
	}
	say := func(yes bool, text string) {
		if yes {
			out += "  " + text
		}
	}
	say(e.Each, fmt.Sprint("each ", e.Keys))
	say(e.Skip, "skip")
	say(e.Again, "again")
	say(e.Decision != "", string(e.Decision))
	say(e.Rung > 0, fmt.Sprint("rung ", e.Rung))
	say(e.Status != "", string(e.Status))
	say(!e.Deadline.IsZero(), fmt.Sprintf("until %.3fs", e.Deadline.Sub(first.Time).Seconds()))
	say(e.Reason != "", "("+e.Reason+")")
	if e.Error != nil {
		say(true, string(e.Error.Cause)+": "+e.Error.Message)
		say(e.Error.Permanent, "for good")
	}
	return out
}

func (m *sim) shapeText() string { return shapeLines(m.shape, "  ") }

func shapeLines(s run.Shape, indent string) string {
	out := ""
	if s.Timeout > 0 {
		out = "timeout " + s.Timeout.String()
	}
	for _, n := range s.Nodes {
		out += "\n" + indent + n.Name
		for _, word := range []struct {
			yes  bool
			text string
		}{
			{len(n.Needs) > 0, fmt.Sprint("needs ", n.Needs)}, {n.Attempts > 0, fmt.Sprint(n.Attempts, " attempts")}, {n.Backoff > 0, "backoff " + n.Backoff.String()},
			{n.Timeout > 0, "timeout " + n.Timeout.String()}, {n.OnFailure != "", n.OnFailure}, {n.Idempotent, "idempotent"}, {n.Ask, "ask"},
			{n.Repeats, "repeats"}, {len(n.Rungs) > 0, fmt.Sprint("rungs ", n.Rungs)},
		} {
			if word.yes {
				out += ", " + word.text
			}
		}
		if n.Module != nil {
			out += " { " + shapeLines(*n.Module, indent+"  ") + " }"
		}
	}
	return out
}

// coverage is what seeds have reached.
type coverage struct {
	kinds map[run.Kind]int
	ops   map[Op]int
	ends  map[run.Status]int
	nodes map[[2]run.NodeState]int
	runs  map[[2]run.Status]int
}

func newCoverage() *coverage {
	return &coverage{map[run.Kind]int{}, map[Op]int{}, map[run.Status]int{}, map[[2]run.NodeState]int{}, map[[2]run.Status]int{}}
}

func (c *coverage) node(from, to run.NodeState) { c.nodes[[2]run.NodeState{from, to}]++ }

func (c *coverage) run(from, to run.Status) { c.runs[[2]run.Status{from, to}]++ }

func (c *coverage) join(o *coverage) {
	join(c.kinds, o.kinds)
	join(c.ops, o.ops)
	join(c.ends, o.ends)
	join(c.nodes, o.nodes)
	join(c.runs, o.runs)
}

func join[K comparable](into, from map[K]int) {
	for k, n := range from {
		into[k] += n
	}
}

// unused are transitions that come with placement.
func unused(s run.NodeState) bool { return s == run.NodeQueued || s == run.NodePlaced }

// complete fails when the simulator does not reach something: then it proves nothing of it.
func (c *coverage) complete(t *testing.T) {
	for _, k := range run.Kinds() {
		if c.kinds[k] == 0 {
			t.Errorf("no seed has a %s", k)
		}
	}
	for _, op := range []Op{OpExpand, OpSkip, OpDispatch, OpOpen, OpClose, OpTimeout, OpCancel, OpExpire, OpEnd} {
		if c.ops[op] == 0 {
			t.Errorf("no seed has a command %s", op)
		}
	}
	for from, list := range run.Table.Run {
		for _, to := range list {
			if c.runs[[2]run.Status{from, to}] == 0 {
				t.Errorf("no run goes from %s to %s; is it in Table for nothing?", from, to)
			}
		}
	}
	for from, list := range run.Table.Node {
		for _, to := range list {
			if !unused(from) && !unused(to) && c.nodes[[2]run.NodeState{from, to}] == 0 {
				t.Errorf("no node goes from %s to %s; is it in Table for nothing?", from, to)
			}
		}
	}
	t.Logf("ends: %v", c.ends)
	t.Logf("events: %v", c.kinds)
}
