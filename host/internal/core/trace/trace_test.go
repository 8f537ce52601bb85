package trace_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/trace"
	"github.com/myspinbot/spinbot/sdk"
)

const id = run.ID("run_01J9ZK7R8Q5M3X2V1T0S4P6N7B")

// TestIDs: what they are is a promise: hosts and agents of several versions share a trace.
func TestIDs(t *testing.T) {
	t.Parallel()
	if got := trace.Of(id).String(); got != "8c99a276331234ac2828243a1f309a24" {
		t.Errorf("the trace is %s", got)
	}
	if got := trace.SpanOf(string(id) + "/node.a/1").String(); got != "75366a111ee19486" {
		t.Errorf("the span is %s", got)
	}
}

func TestSampled(t *testing.T) {
	t.Parallel()
	n := 0
	for k := range 10_000 {
		at := trace.Of(run.ID(fmt.Sprint("run_", k)))
		if trace.Sampled(at, 0.25) {
			n++
			if !trace.Sampled(at, 0.5) {
				t.Error("a run of a quarter is not of a half")
			}
		}
		if trace.Sampled(at, 0) || !trace.Sampled(at, 1) {
			t.Error("none and all are not")
		}
	}
	if n < 2300 || n > 2700 {
		t.Errorf("a quarter of 10000 is %d", n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	f.Add("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more")
	for _, bad := range []string{"", "00", "00-0-0-0", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"} {
		f.Add(bad)
		if _, ok := trace.Parse(bad); ok {
			f.Errorf("%q was read", bad)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, ok := trace.Parse(text)
		if !ok {
			return
		}
		if again, ok := trace.Parse(c.String()); !ok || again != c || !strings.HasPrefix(text[2:], c.String()[2:53]) {
			t.Errorf("%q became %s", text, c)
		}
	})
}

var began = time.Unix(1_700_000_000, 0).UTC()

// journal makes events of texts such as "3 attempt_ended a/2 oom": the second, the kind, the node and its attempt, the cause.
func journal(t *testing.T, lines ...string) (events []run.Event) {
	t.Helper()
	for k, line := range lines {
		var at int
		var kind, node, cause string
		_, _ = fmt.Sscan(line, &at, &kind, &node, &cause)
		e := run.Event{Seq: uint64(k) + 1, Time: began.Add(time.Duration(at) * time.Second), Kind: run.Kind(kind), Pipeline: "p"}
		if !slices.Contains(run.Kinds(), e.Kind) {
			t.Fatalf("no kind: %s", line)
		}
		if module, inner, ok := strings.Cut(node, ">"); ok {
			e.In, node = run.Path{sdk.Step{Kind: "module", Name: module}}, inner
		}
		name, attempt, _ := strings.Cut(node, "/")
		_, _ = fmt.Sscan(attempt, &e.Attempt)
		if e.Node = name; cause != "" && cause != "-" {
			e.Error = &sdk.Error{Cause: sdk.Cause(cause), Message: "the prompt was: hunter2"}
		}
		switch e.Kind {
		case run.RunEnded:
			e.Node, e.Status = "", run.Status(node)
		case run.NodeExpanded:
			e.Skip = true
		case run.NodeDecided:
			e.Decision = run.Accept
		default:
		}
		events = append(events, e)
	}
	return events
}

// draw gives spans as lines: seconds from and to, and what they are.
func draw(spans []trace.Span) string {
	var out strings.Builder
	var under func(trace.SpanID, string)
	under = func(parent trace.SpanID, indent string) {
		for _, s := range spans {
			if s.Parent == parent {
				fmt.Fprintf(&out, "%s%g-%g %s", indent, s.Start.Sub(began).Seconds(), s.End.Sub(began).Seconds(), s.Name)
				for _, a := range s.Attrs {
					if a.Key == trace.KeyState {
						fmt.Fprintf(&out, " %v", a.Value)
					}
				}
				if s.Failed != "" {
					fmt.Fprintf(&out, " (%s)", s.Failed)
				}
				out.WriteString("\n")
				under(s.Span, indent+"  ")
			}
		}
	}
	under(trace.SpanID{}, "")
	return out.String()
}

func TestJournal(t *testing.T) {
	t.Parallel()
	shape := &run.Shape{Nodes: []run.NodeShape{{Name: "a", Type: "test.echo"}, {Name: "b", Needs: []string{"a"}}, {Name: "gate.g"},
		{Name: "module.m", Needs: []string{"a"}, Module: &run.Shape{Nodes: []run.NodeShape{{Name: "x"}, {Name: "y", Needs: []string{"x"}}}}}}}
	for name, c := range map[string]struct {
		events []string
		want   string
	}{
		"a node waits for another, and is tried again": {[]string{"0 run_created", "2 run_started", "2 attempt_started a/1", "4 attempt_ended a/1", "7 attempt_started b/1", "8 attempt_ended b/1 oom", "11 attempt_started b/2", "12 attempt_ended b/2", "12 run_ended succeeded"}, `
0-12 run p succeeded
  0-2 queued
  0-4 node a succeeded
    0-2 wait
    2-4 attempt
  4-12 node b succeeded
    4-7 wait
    7-8 attempt (oom)
    8-11 backoff
    11-12 attempt
`},
		"a host died": {[]string{"0 run_created", "0 attempt_started a/1", "60 attempt_ended a/1 lost", "60 attempt_started a/2", "61 attempt_ended a/2", "61 run_ended succeeded"}, `
0-61 run p succeeded
  0-61 node a succeeded
    0-60 attempt (lost)
    60-61 attempt
`},
		"it fails, and is resumed": {[]string{"0 run_created", "0 attempt_started a/1", "1 attempt_ended a/1 failed", "2 run_ended failed", "9 run_resumed", "9 attempt_started a/2", "10 attempt_ended a/2", "10 run_ended succeeded"}, `
0-2 run p failed (failed)
  0-1 node a failed (failed)
    0-1 attempt (failed)
  9-10 node a succeeded
    9-10 attempt
  9-10 resumed p succeeded
`},
		"a module, a gate and what is left out": {[]string{"0 run_created", "0 gate_opened gate.g", "0 node_cached a", "1 module_opened module.m", "1 attempt_started m>x/1", "2 attempt_ended m>x/1", "3 node_expanded m>y", "3 module_ended module.m", "5 gate_answered gate.g", "6 node_failed b refused", "6 run_ended failed"}, `
0-6 run p failed (failed)
  0-0 node a cached
  0-3 module m succeeded
    0-2 node x succeeded
      0-1 wait
      1-2 attempt
    2-3 node y skipped
  0-5 gate g answered
  0-6 node b failed (refused)
`},
		"it is cancelled while it works": {[]string{"0 run_created", "0 attempt_started a/1", "1 gate_opened gate.g", "2 cancel_requested", "3 attempt_ended a/1 cancelled", "3 run_ended cancelled"}, `
0-3 run p cancelled
  0-3 gate g cancelled
  0-3 node a failed (cancelled)
    0-3 attempt (cancelled)
`},
		"a person has the last word": {[]string{"0 run_created", "0 attempt_started a/1", "1 attempt_ended a/1 failed", "5 node_decided a", "5 run_ended succeeded"}, `
0-5 run p succeeded
  0-5 node a accept
    0-1 attempt (failed)
`},
	} {
		events := journal(t, c.events...)
		all := told(events, shape)
		if got := draw(all); got != c.want[1:] {
			t.Errorf("%s:\n%s", name, got)
		}
		for _, s := range all {
			if strings.Contains(fmt.Sprint(s.Name, s.Attrs, s.Marks, s.Failed), "hunter2") {
				t.Errorf("%s: a message is in a span: %+v", name, s)
			}
		}
		for cut := range events { // a host that reads the journal again comes to the same
			again := told(events[:cut], shape)
			for _, s := range again {
				if !slices.ContainsFunc(all, func(x trace.Span) bool { return reflect.DeepEqual(x, s) }) {
					t.Errorf("%s: up to event %d there is another span: %+v", name, cut, s)
				}
			}
		}
	}
}

// told gives the spans of events, sorted as they are drawn.
func told(events []run.Event, shape *run.Shape) (out []trace.Span) {
	j := trace.NewJournal(id, shape)
	for _, e := range events {
		out = append(out, j.Add(e)...)
	}
	slices.SortFunc(out, func(a, b trace.Span) int {
		if c := a.Start.Compare(b.Start); c != 0 {
			return c
		}
		if c := a.End.Compare(b.End); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}
