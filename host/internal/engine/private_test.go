package engine_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/sdk"
)

const canary = "canary-4711"

// private gives the engine a vault of its own, which outlives it.
func private(t *testing.T, dir string) func(*engine.Config) {
	return func(c *engine.Config) {
		v := secrets.New(secrets.Config{KeyFile: filepath.Join(dir, "host.key"), Dir: filepath.Join(dir, "secrets"),
			Environ: []string{"SPINBOT_SECRET_HOOK=" + canary}})
		c.Vault, c.Mask = v, v.Mask().String
		if f, ok := c.Executor.(*fakeExecutor); ok {
			c.Executor = exec.Private(f, v, v.Mask().String)
		}
		if err := secrets.Store(filepath.Join(dir, "secrets"), "stored", "stored-"+canary); err != nil {
			t.Fatal(err)
		}
	}
}

// clean fails when the canary stands in the run's journal or in any artifact.
func clean(r *rig, id run.ID) {
	r.Helper()
	stored, err := r.journal.Read(context.Background(), string(id), 0, 0)
	if err != nil {
		r.Fatal(err)
	}
	for _, s := range stored {
		if bytes.Contains(s.Data, []byte(canary)) {
			r.Errorf("event %d tells the secret: %s", s.Seq, s.Data)
		}
	}
	for digest, raw := range r.artifacts.bytes {
		if bytes.Contains(raw, []byte(canary)) {
			r.Errorf("artifact %s tells the secret: %s", digest, raw)
		}
	}
}

const leaky = `
pipeline "leaky" {}
secret "hook" {}
secret "stored" {}
variable "pin" {
  type      = string
  sensitive = true
}
node "test.do" "a" {
  v = { key = secret.hook, pin = "pin ${var.pin}", stored = secret.stored }
  retry {
    attempts = 3
  }
}
node "test.do" "b" {
  v = node.a.v.key
}
node "control.calc" "open" {
  v = nonsensitive(length(node.b.v))
}
output "all" {
  value     = node.b.v
  sensitive = true
}
output "open" {
  value = node.open.v
}
`

// blurts tells its secret wherever it can, twice, and then gives it back.
func blurts(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
	v, _ := t.Inputs["v"].(map[string]any)
	said := "says " + v["key"].(string) + " and " + v["pin"].(string) + " and " + v["stored"].(string)
	if t.Address.Attempt > 1 && string(t.Checkpoint) != said {
		return sdk.Result{}, sdk.Refuse("the checkpoint is "+string(t.Checkpoint), "")
	}
	t.Report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: []byte(said)})
	t.Log("info", said)
	t.Progress(0.5, said)
	t.Report(sdk.Report{Kind: sdk.ReportPreview, Preview: &sdk.Artifact{Name: said}})
	if t.Address.Attempt < 3 {
		return sdk.Result{}, &sdk.Error{Cause: sdk.CauseFailed, Message: said, Hint: said, Detail: said}
	}
	return give(v)
}

func TestSecretsStayOutOfTheJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var heard []sdk.Report
	bubble(t, map[string]task{"a": blurts}, func(r *rig) {
		id, err := r.Submit(context.Background(), engine.Submission{Pipeline: parse(r, leaky), Inputs: sdk.Values{"pin": canary}, Owner: "ada"})
		if err != nil {
			r.Fatal(err)
		}
		s := r.wait(id, run.Succeeded)
		clean(r, id)
		if sealed, ok := s.Outputs["all"].(sdk.Sealed); !ok || sealed.Token == "" {
			r.Errorf("%v", s.Outputs)
		}
		want(r, "open", s.Outputs["open"], "11")
		if len(heard) != 9 {
			r.Errorf("heard %d reports", len(heard))
		}
		for _, rep := range heard {
			if text := rep.Message + rep.Level; strings.Contains(text, canary) || rep.Preview != nil && strings.Contains(rep.Preview.Name, canary) {
				r.Errorf("%+v", rep)
			}
		}
		for _, ev := range r.events(id) {
			if ev.Kind == run.AttemptEnded && ev.Error != nil && (!strings.Contains(ev.Error.Message, secrets.Masked) || !strings.Contains(ev.Error.Hint+ev.Error.Detail, secrets.Masked)) {
				r.Errorf("%+v", ev.Error)
			}
			if ev.Kind == run.AttemptSaved && len(ev.Checkpoint) == 0 {
				r.Error("the checkpoint is gone")
			}
		}
	}, private(t, dir), func(c *engine.Config) {
		c.Reports = func(_ sdk.Address, r sdk.Report) { heard = append(heard, r) }
	})
}

// TestSecretsAfterARestart: an engine that comes later opens what the journal holds, and asks for secrets anew.
func TestSecretsAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bubble(t, map[string]task{"a": func(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
		v := t.Inputs["v"].(map[string]any)
		if v["pin"] != "pin "+canary {
			return sdk.Result{}, sdk.Refuse("a pin is wrong", "")
		}
		if v["stored"] == "renewed" {
			return give(v)
		}
		return hang(ctx, t)
	}}, func(r *rig) {
		id, err := r.Submit(context.Background(), engine.Submission{Pipeline: parse(r, leaky), Inputs: sdk.Values{"pin": canary}})
		if err != nil {
			r.Fatal(err)
		}
		r.restart()
		if err := secrets.Store(filepath.Join(dir, "secrets"), "stored", "renewed"); err != nil {
			r.Fatal(err)
		}
		if err := r.Ready(context.Background(), id); err != nil {
			r.Error(err)
		}
		r.adopt(id)
		r.wait(id, run.Succeeded)
		r.restart() // and once it has ended
		if s, err := r.State(context.Background(), id); err != nil || s.Inputs["pin"] == canary {
			r.Error(s, err)
		}
		clean(r, id)
	}, private(t, dir))
}

// TestLostKey: a run whose key is gone fails where it needs it, with the reason, and others go on.
func TestLostKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bubble(t, map[string]task{"a": hang}, func(r *rig) {
		submit := func() run.ID {
			id, err := r.Submit(context.Background(), engine.Submission{Pipeline: parse(r, leaky), Inputs: sdk.Values{"pin": canary}})
			if err != nil {
				r.Fatal(err)
			}
			return id
		}
		fails, cancelled := submit(), submit()
		r.stop()
		if err := os.Remove(filepath.Join(dir, "host.key")); err != nil {
			r.Fatal(err)
		}
		c := r.cfg
		c.Executor = r.exec
		private(r.T, dir)(&c) // another vault: the old one has the key in memory
		r.Engine = engine.New(c)
		r.adopt(fails)
		s := r.wait(fails, run.Failed)
		if s.Error == nil || !strings.Contains(s.Error.Message, "var.pin is sealed, and this host's key is gone") {
			r.Errorf("%v", s.Error)
		}
		if err := r.Adopt(context.Background(), cancelled); err != nil {
			r.Error(err)
		}
		r.exec.script["a"] = echo
		r.wait(r.submit("pipeline \"p\" {}\nsecret \"hook\" {}\nnode \"test.do\" \"a\" {\n  v = secret.hook\n}\n"), run.Succeeded)
	}, private(t, dir))
}

func TestMissingSecret(t *testing.T) {
	t.Parallel()
	const text = "pipeline \"p\" {}\nsecret \"none\" {}\nnode \"test.do\" \"a\" {\n  v = secret.none\n}\n"
	dir := t.TempDir()
	bubble(t, nil, func(r *rig) {
		submit := func() (run.ID, error) {
			return r.Submit(context.Background(), engine.Submission{Pipeline: parse(r, text), Inputs: sdk.Values{}})
		}
		if id, err := submit(); err == nil || !strings.Contains(err.Error(), "spinbot secrets set none") {
			r.Error(id, err)
		}
		path := filepath.Join(dir, "secrets")
		if err := secrets.Store(path, "none", canary); err != nil {
			r.Fatal(err)
		}
		r.exec.script = map[string]task{"a": hang}
		id, err := submit()
		if err != nil {
			r.Fatal(err)
		}
		r.restart()
		if err := secrets.Remove(path, "none"); err != nil {
			r.Fatal(err)
		}
		if err := r.Ready(context.Background(), id); err == nil || !strings.Contains(err.Error(), "is not there") {
			r.Error(err)
		}
		r.adopt(id)
		if s := r.wait(id, run.Failed); !strings.Contains(s.Error.Message, "secret.none: secret \"none\" is not there") {
			r.Error(s.Error)
		}
		if err := secrets.Store(path, "none", canary); err != nil {
			r.Fatal(err)
		}
		r.exec.script["a"] = echo
		r.resume(id)
		r.wait(id, run.Succeeded)
		clean(r, id)
	}, private(t, dir))
	bubble(t, nil, func(r *rig) {
		_, err := r.Submit(context.Background(), engine.Submission{Pipeline: parse(r, text), Inputs: sdk.Values{}})
		if err == nil || !strings.Contains(err.Error(), "nobody keeps secrets here") {
			r.Error(err)
		}
		_, err = r.Submit(context.Background(), engine.Submission{Pipeline: parse(r, "pipeline \"p\" {}\nvariable \"v\" {\n  sensitive = true\n}\n"), Inputs: sdk.Values{"v": "x"}})
		if err == nil || !strings.Contains(err.Error(), "nothing to seal it with") {
			r.Error(err)
		}
	})
}

// TestSecretsOfPersons: what a person puts in the place of something sensitive is sealed too.
func TestSecretsOfPersons(t *testing.T) {
	t.Parallel()
	const text = `
pipeline "p" {}
secret "hook" {}
node "test.do" "a" {
  v          = secret.hook
  on_failure = "pause"
}
node "test.do" "b" {
  v          = node.a.v
  on_failure = "pause"
}
output "b" {
  value     = node.b.v
  sensitive = true
}
`
	fail := func(context.Context, *sdk.Task) (sdk.Result, error) { return sdk.Result{}, sdk.Refuse("no", "") }
	bubble(t, map[string]task{"a": fail, "b": fail}, func(r *rig) {
		id := r.submit(text)
		ctx := context.Background()
		settle := func(node string, d engine.Decision) {
			r.Helper()
			synctest.Wait()
			if err := r.Decide(ctx, at(r, id, "node."+node), d); err != nil {
				r.Fatal(err)
			}
		}
		synctest.Wait()
		sealed := sdk.Values{"v": sdk.Sealed{Token: "x"}}
		for _, d := range []engine.Decision{{What: run.Retry, Inputs: sealed}, {What: run.Accept, Outputs: sealed}} {
			if err := r.Decide(ctx, at(r, id, "node.a"), d); err == nil || !strings.Contains(err.Error(), "cannot be given") {
				r.Error(err)
			}
		}
		if err := r.Answer(ctx, at(r, id, "gate.x"), eval.Answer{Form: sealed}); err == nil || !strings.Contains(err.Error(), "cannot be given") {
			r.Error(err)
		}
		r.exec.script["a"] = func(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
			if t.Inputs["v"] != "edited-"+canary {
				return fail(ctx, t)
			}
			return echo(ctx, t)
		}
		settle("a", engine.Decision{What: run.Retry, Inputs: sdk.Values{"v": "edited-" + canary}})
		settle("b", engine.Decision{What: run.Accept, Outputs: sdk.Values{"v": "accepted-" + canary}})
		if s := r.wait(id, run.Succeeded); !sdk.HasSealed(s.Outputs) {
			r.Error(s.Outputs)
		}
		clean(r, id)
	}, private(t, t.TempDir()))
}

// TestSealedOutputs: large outputs are sealed before they are stored apart, a node cannot give what is sealed, and what
// does not fit is not shown.
func TestSealedOutputs(t *testing.T) {
	t.Parallel()
	const text = "pipeline \"p\" {}\nsecret \"hook\" {}\nnode \"test.do\" \"a\" {\n  v = secret.hook\n}\nnode \"test.do\" \"b\" {\n  v = node.a.v\n}\n"
	big := func(_ context.Context, t *sdk.Task) (sdk.Result, error) {
		return give(strings.Repeat(t.Inputs["v"].(string)+" ", 20_000))
	}
	bubble(t, map[string]task{"a": big}, func(r *rig) {
		id := r.submit(text)
		s := r.wait(id, run.Succeeded)
		if s.Node("a").Instances[0].OutputsRef == "" {
			r.Error("the outputs were not stored apart")
		}
		clean(r, id)
		for what, script := range map[string]task{
			"returned a sealed value": func(context.Context, *sdk.Task) (sdk.Result, error) { return give(sdk.Sealed{Token: "x"}) },
			"want text; what it is is sensitive and not shown": func(context.Context, *sdk.Task) (sdk.Result, error) {
				return sdk.Result{Outputs: sdk.Values{"text": []any{"unknown-before"}}}, nil
			},
		} {
			r.exec.script["a"] = script
			id := r.submit(text)
			if s := r.wait(id, run.Failed); !strings.Contains(s.Error.Message, what) || strings.Contains(s.Error.Message, "unknown-before") {
				r.Error(s.Error)
			}
		}
	}, private(t, t.TempDir()))
}
