package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// at reads the rest of an address in a run.
func at(tb testing.TB, id run.ID, rest string) sdk.Address {
	tb.Helper()
	a, err := sdk.ParseAddress(string(id) + "/" + rest)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

const nested = head + `
node "test.do" "parts" { v = ["x", "y"] }
module "outer" {
  source   = "./outer.hcl"
  for_each = node.parts.v
  part     = each.value
  repeat {
    max   = 3
    until = self.rounds >= 2
    next  = { hint = "${self.all}!" }
  }
}
node "test.do" "z" { v = module.outer[*].all }
output "v" { value = node.z.v }
-- outer.hcl --
pipeline "outer" {}
variable "part" {
  type = string
}
variable "hint" {
  type    = string
  default = ""
}
module "inner" {
  source = "./inner.hcl"
  word   = "${var.part}${var.hint}"
}
node "control.calc" "join" { v = "${module.inner.said}+" }
output "all" { value = node.join.v }
output "rounds" { value = length(var.hint) > 0 ? 2 : 1 }
-- inner.hcl --
pipeline "inner" {}
variable "word" {
  type = string
}
node "test.do" "say" { v = var.word }
node "test.two" "again" { v = node.say.v }
output "said" { value = node.again.v }
`

// TestModules: modules within modules, for each element, repeated, with addresses of their own.
func TestModules(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(r *rig) {
		s := r.wait(r.submit(nested), run.Succeeded)
		want(r, "the output", s.Outputs, `{"v": ["xx+!+", "yy+!+"]}`)
		var said []string
		for _, ev := range r.events(s.ID) {
			if ev.Kind == run.AttemptStarted && ev.Node == "say" {
				said = append(said, ev.At("run_x").String())
			}
		}
		if got := strings.Join(said, " "); len(said) != 4 || !strings.Contains(got, "run_x/module.outer[1]~2/module.inner/node.say/1") {
			r.Error(got)
		}
		once(r, r.events(s.ID))
	})
}

// TestModulesResume kills and restarts the engine after every event of a run of modules.
func TestModulesResume(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		ended := false
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			bubble(t, nil, func(r *rig) {
				stored := make(chan struct{}, 1)
				r.journal.after = func(int, store.Append) error {
					select {
					case stored <- struct{}{}:
					default:
					}
					return nil
				}
				id := r.submit(nested)
				for events := r.events(id); len(events) < n && events[len(events)-1].Kind != run.RunEnded; events = r.events(id) {
					<-stored
				}
				r.restart()
				if err := r.Adopt(context.Background(), id); errors.Is(err, engine.ErrEnded) {
					ended = true
				} else if err != nil {
					r.Fatal(err)
				}
				s := r.wait(id, run.Succeeded)
				want(r, "the output", s.Outputs, `{"v": ["xx+!+", "yy+!+"]}`)
				once(r, r.events(id))
			})
		})
		if ended || t.Failed() || n > 200 {
			break
		}
	}
}

// TestModuleFails: a failure in a module is one of the module, and on_failure of the module decides.
func TestModuleFails(t *testing.T) {
	t.Parallel()
	const inner = `
-- m.hcl --
pipeline "m" {}
node "test.do" "bad" {}
node "test.do" "good" { v = 1 }
node "test.do" "after" { v = node.bad.v }
output "v" { value = node.after.v }
`
	script := map[string]task{"bad": last(2, echo)}
	bubble(t, script, func(r *rig) {
		id := r.submit(head + `module "m" { source = "./m.hcl" }` + inner)
		s := r.wait(id, run.Failed)
		if !strings.Contains(s.Error.Message, "module.m: bad: attempt 1 broke") {
			r.Error(s.Error.Message)
		}
		script["bad"] = echo
		r.resume(id)
		s = r.wait(id, run.Succeeded)
		if n := r.exec.starts("good"); n != 1 {
			r.Errorf("good ran %d times", n)
		}
		once(r, r.events(s.ID))
	})
	for action, output := range map[string]string{"continue": `{"o": null, "z": "z"}`, "skip": `{"o": null, "z": null}`} {
		bubble(t, map[string]task{"bad": last(2, echo)}, func(r *rig) {
			s := r.wait(r.submit(head+`
module "m" {
  source     = "./m.hcl"
  on_failure = "`+action+`"
}
node "test.do" "z" {
  depends_on = [module.m]
  v          = "z"
}
output "o" { value = module.m.v }
output "z" { value = node.z.v }`+inner), run.Succeeded)
			want(r, action, s.Outputs, output)
		})
	}
}

// TestModuleTimeout: the timeout of a module's pipeline is that of the module.
func TestModuleTimeout(t *testing.T) {
	t.Parallel()
	bubble(t, map[string]task{"slow": hang}, func(r *rig) {
		began := time.Now()
		s := r.wait(r.submit(head+`
module "m" {
  source     = "./m.hcl"
  on_failure = "continue"
}
output "v" { value = module.m.v }
-- m.hcl --
pipeline "m" {
  timeout = "90s"
}
node "test.do" "slow" {}
output "v" { value = node.slow.v }
`), run.Succeeded)
		want(r, "the output", s.Outputs, `{"v": null}`)
		if d := time.Since(began); d != 90*time.Second {
			r.Error(d)
		}
		if i := s.Node("module.m").Instances[0]; i.Error == nil || i.Error.Cause != sdk.CauseHung {
			r.Error(i.Error)
		}
	})
}

// TestRepeat: rounds of a node follow one another until its result is good enough, or none is left.
func TestRepeat(t *testing.T) {
	t.Parallel()
	grow := func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
		text, _ := in.Inputs["text"].(string)
		if in.Address.Node.Iter == 2 && in.Address.Attempt == 1 {
			return sdk.Result{}, sdk.Fail("once", "")
		}
		return sdk.Result{Outputs: sdk.Values{"text": text + "x"}}, nil
	}
	node := func(max int, exhausted string) string {
		return head + fmt.Sprintf(`
node "test.do" "a" {
  text = "a"
  retry {
    attempts = 2
  }
  repeat {
    max          = %d
    until        = length(self.text) > 3
    next         = { text = self.text }
    on_exhausted = %q
  }
}
output "v" { value = node.a.text }
`, max, exhausted)
	}
	bubble(t, map[string]task{"a": grow}, func(r *rig) {
		s := r.wait(r.submit(node(9, "fail")), run.Succeeded)
		want(r, "the output", s.Outputs, `{"v": "axxx"}`)
		if i := s.Node("a").Instances[0]; i.Iter != 3 {
			r.Error(i.Iter)
		}
		s = r.wait(r.submit(node(2, "continue")), run.Succeeded)
		want(r, "the output", s.Outputs, `{"v": "axx"}`)
		s = r.wait(r.submit(node(2, "fail")), run.Failed)
		if !strings.Contains(s.Error.Message, "not good enough after 2 rounds") {
			r.Error(s.Error.Message)
		}
	})
}

// TestDegrade: what does not fit goes down its ladder, and does not consume retries.
func TestDegrade(t *testing.T) {
	t.Parallel()
	var seen []string
	tight := func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
		seen = append(seen, fmt.Sprint(in.Inputs["v"]))
		cause := []sdk.Cause{sdk.CauseSpilling, sdk.CauseOOM, sdk.CauseOOM}[len(seen)-1]
		return sdk.Result{}, &sdk.Error{Cause: cause, Message: "too big"}
	}
	bubble(t, map[string]task{"a": tight}, func(r *rig) {
		r.wait(r.submit(head+`
node "test.do" "a" {
  v = { size = { w = 9, h = 9 }, n = 1 }
  degrade {
    on  = "spilling"
    set = { v = { size = { w = 5 } } }
  }
  degrade {
    set = { v = { n = 0 } }
  }
}
`), run.Failed)
		if got := strings.Join(seen, " "); got != "map[n:1 size:map[h:9 w:9]] map[n:1 size:map[h:9 w:5]] map[n:0 size:map[h:9 w:5]]" {
			r.Error(got)
		}
	})
}

const gates = head + `
node "test.do" "a" { v = "draft" }
gate "one" {
  message    = "Is ${node.a.v} right?"
  show       = { draft = node.a.v }
  timeout    = "1h"
  on_timeout = "reject"
  form "text" {
    default = node.a.v
    validation {
      condition = length(self) < 9
      message   = "shorter than ${self}"
    }
  }
  form "count" {
    type = number
  }
}
gate "two" {
  for_each = ["x", "y"]
  message  = each.value
}
node "test.do" "b" {
  when = gate.one.approved
  v    = "${gate.one.form.text} ${gate.one.form.count} ${gate.one.by}"
}
node "test.do" "c" { v = gate.two[*].approved }
output "b" { value = node.b.v }
output "c" { value = node.c.v }
`

// TestGates: gates wait through a restart, for any number of people, and are answered with typed values.
func TestGates(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(r *rig) {
		ctx := context.Background()
		id := r.submit(gates)
		synctest.Wait()
		r.restart()
		r.adopt(id)
		synctest.Wait()
		answer := func(gate string, a eval.Answer) error { return r.Answer(ctx, at(r, id, gate), a) }
		for form, wrong := range map[string]string{
			`text=far too long,count=1`: "shorter than far too long", `count=many`: "want a number", ``: `"count" needs a value`, `cuont=1`: `did you mean "count"`,
		} {
			a := eval.Answer{Approved: true, Form: sdk.Values{}}
			for _, pair := range strings.Split(form, ",") {
				if k, v, ok := strings.Cut(pair, "="); ok {
					a.Form[k] = v
				}
			}
			if err := answer("gate.one", a); err == nil || !strings.Contains(fmt.Sprint(err), wrong) && !strings.Contains(details(err), wrong) {
				r.Errorf("%s: %v", form, err)
			}
		}
		if err := answer("gate.none", eval.Answer{}); !errors.Is(err, engine.ErrNoNode) {
			r.Error(err)
		}
		if err := answer("node.a", eval.Answer{}); !errors.Is(err, engine.ErrNotWaiting) {
			r.Error(err)
		}
		for gate, a := range map[string]eval.Answer{
			"gate.two[0]": {Approved: true}, "gate.two[1]": {Comment: "no"}, "gate.one": {Approved: true, By: "bea", Form: sdk.Values{"count": "3"}},
		} {
			if err := answer(gate, a); err != nil {
				r.Error(gate, err)
			}
		}
		s := r.wait(id, run.Succeeded)
		want(r, "outputs", s.Outputs, `{"b": "draft 3 bea", "c": [true, false]}`)
		if err := answer("gate.one", eval.Answer{}); !errors.Is(err, engine.ErrEnded) {
			r.Error(err)
		}
	})
}

func details(err error) string {
	var ds diagnostic.Diagnostics
	if !errors.As(err, &ds) {
		return ""
	}
	return ds[0].Detail
}

// TestGateTimeout: a gate's time passes while its host is away, too.
func TestGateTimeout(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(r *rig) {
		id := r.submit(gates)
		synctest.Wait()
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		if s, _ := r.State(context.Background(), id); s.Node("gate.one").State != run.NodeWaiting {
			r.Error(s.Node("gate.one").State)
		}
		r.stop()
		time.Sleep(2 * time.Minute)
		r.Engine = engine.New(r.cfg)
		r.adopt(id)
		synctest.Wait()
		s, _ := r.State(context.Background(), id)
		if n := s.Node("gate.one"); n.State != run.NodeSucceeded || n.Instances[0].Outputs["approved"] != false {
			r.Error(n.State, n.Instances[0].Outputs)
		}
		if n := s.Node("b"); n.State != run.NodeSkipped {
			r.Error(n.State)
		}
		r.cancel(id)
		r.wait(id, run.Cancelled)
	})
}

// TestPause: a paused run lets what is under way finish and begins nothing new, through a restart.
func TestPause(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	script := map[string]task{"a": func(ctx context.Context, in *sdk.Task) (sdk.Result, error) { <-release; return echo(ctx, in) }}
	bubble(t, script, func(r *rig) {
		ctx := context.Background()
		release = make(chan struct{})
		id := r.submit(head + `
node "test.do" "a" { v = 1 }
node "test.do" "b" { v = node.a.v }
output "v" { value = node.b.v }
`)
		synctest.Wait()
		if err := r.Pause(ctx, id, "ada", ""); err != nil {
			r.Fatal(err)
		}
		if err := r.Pause(ctx, id, "ada", ""); err == nil {
			r.Error("paused twice")
		}
		close(release)
		synctest.Wait()
		r.restart()
		r.adopt(id)
		synctest.Wait()
		if s, _ := r.State(ctx, id); s.Status != run.Paused || s.Node("a").State != run.NodeSucceeded || s.Node("b").State != run.NodePending {
			r.Error(s.Status, s.Node("a").State, s.Node("b").State)
		}
		if err := r.Continue(ctx, id, "ada"); err != nil {
			r.Fatal(err)
		}
		r.wait(id, run.Succeeded)
	})
}

// TestOnFailurePause: a failure holds the run until a person has decided, with inputs of that node mended.
func TestOnFailurePause(t *testing.T) {
	t.Parallel()
	picky := func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
		if in.Inputs["v"] != "right" {
			return sdk.Result{}, sdk.Refuse("wrong", "")
		}
		return echo(ctx, in)
	}
	text := func(n string) string {
		return head + `
node "test.do" "a" {
  v          = "` + n + `"
  on_failure = "pause"
}
node "test.do" "b" { v = node.a.v }
output "v" { value = node.b.v }
`
	}
	ctx := context.Background()
	held := func(r *rig) run.ID {
		id := r.submit(text("left"))
		synctest.Wait()
		r.restart()
		r.adopt(id)
		synctest.Wait()
		s, err := r.State(ctx, id)
		if err != nil || s.Status != run.Paused || !strings.Contains(s.Reason, "a failed: wrong") {
			r.Fatal(err, s.Status, s.Reason)
		}
		return id
	}
	decide := func(r *rig, id run.ID, d engine.Decision) *progress.State {
		if err := r.Decide(ctx, at(r, id, "node.a"), d); err != nil {
			r.Fatal(err)
		}
		s, err := r.Wait(ctx, id)
		if err != nil {
			r.Fatal(err)
		}
		return s
	}
	bubble(t, map[string]task{"a": picky}, func(r *rig) {
		id := held(r)
		if err := r.Decide(ctx, at(r, id, "node.a"), engine.Decision{What: run.Retry, Inputs: sdk.Values{"w": "x"}}); err == nil {
			r.Error("an input that is not there was taken")
		}
		want(r, "retried", decide(r, id, engine.Decision{What: run.Retry, Inputs: sdk.Values{"v": "right"}}).Outputs, `{"v": "right"}`)
		want(r, "accepted", decide(r, held(r), engine.Decision{What: run.Accept, Outputs: sdk.Values{"v": "mine"}}).Outputs, `{"v": "mine"}`)
		want(r, "skipped", decide(r, held(r), engine.Decision{What: run.Skip}).Outputs, `{"v": null}`)
		if s := decide(r, held(r), engine.Decision{What: run.GiveUp}); s.Status != run.Failed {
			r.Error(s.Status)
		}
		id = held(r)
		if err := r.Continue(ctx, id, ""); err != nil {
			r.Error(err)
		}
		synctest.Wait()
		if s, _ := r.State(ctx, id); s.Status != run.Paused || s.Node("a").Instances[0].Attempt != 2 {
			r.Error(s.Status, s.Node("a").Instances[0].Attempt)
		}
		r.cancel(id)
		r.wait(id, run.Cancelled)
	})
}

// TestInDoubt: a lost attempt of what cannot simply be repeated waits for a person, and holds nobody else.
func TestInDoubt(t *testing.T) {
	t.Parallel()
	lost := func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
		if in.Address.Attempt == 1 {
			return sdk.Result{}, &sdk.Error{Cause: sdk.CauseLost, Message: "its process is gone"}
		}
		return give("done")
	}
	bubble(t, map[string]task{"a": lost}, func(r *rig) {
		id := r.submit(head + `
node "test.once" "a" { on_lost = "ask" }
node "test.do" "b" { v = 2 }
output "v" { value = node.a.v }
`)
		synctest.Wait()
		s, _ := r.State(context.Background(), id)
		if i := s.Node("a").Instances[0]; s.Status != run.Running || !i.Doubt || s.Node("b").State != run.NodeSucceeded {
			r.Fatal(s.Status, i.State, s.Node("b").State)
		}
		if err := r.Decide(context.Background(), at(r, id, "node.a"), engine.Decision{What: run.Retry}); err != nil {
			r.Fatal(err)
		}
		want(r, "the output", r.wait(id, run.Succeeded).Outputs, `{"v": "done"}`)
	})
}

// TestCancelNode stops exactly one instance, or one node, and its on_failure says what follows.
func TestCancelNode(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	text := head + `
node "test.do" "a" {
  for_each   = ["x", "y"]
  on_failure = "continue"
}
module "m" {
  source     = "./m.hcl"
  on_failure = "continue"
}
output "v" { value = [for x in node.a : try(x.v, "none")] }
-- m.hcl --
pipeline "m" {}
node "test.do" "slow" {}
`
	bubble(t, map[string]task{"a[1]": hang, "slow": hang, "a[0]": func(context.Context, *sdk.Task) (sdk.Result, error) { return give("x") }}, func(r *rig) {
		id := r.submit(text)
		synctest.Wait()
		if err := r.CancelNode(ctx, at(r, id, "node.a[7]"), "", ""); !errors.Is(err, engine.ErrNoNode) {
			r.Error(err)
		}
		if err := r.CancelNode(ctx, at(r, id, "node.a[0]"), "", ""); !errors.Is(err, engine.ErrNodeEnded) {
			r.Error(err)
		}
		for _, a := range []string{"node.a[1]", "module.m"} {
			if err := r.CancelNode(ctx, at(r, id, a), "ada", "too slow"); err != nil {
				r.Error(a, err)
			}
		}
		s := r.wait(id, run.Succeeded)
		want(r, "the output", s.Outputs, `{"v": ["x", "none"]}`)
		if i := s.Node("module.m").Instances[0]; i.State != run.NodeCancelled || !strings.Contains(i.Error.Message, "too slow") {
			r.Error(i.State, i.Error)
		}
	})
}
