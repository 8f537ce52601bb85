package engine_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/sdk"
)

// picture is a PNG of noise in base64, well above what an event carries.
func picture(tb testing.TB, seed uint64) string {
	tb.Helper()
	noise := rand.New(rand.NewPCG(seed, 0))
	m := image.NewGray(image.Rect(0, 0, 320, 320))
	for x := range 320 {
		for y := range 320 {
			m.SetGray(x, y, color.Gray{Y: uint8(noise.Uint32())})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		tb.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// TestPicturesStayOutOfTheJournal: base64 images that come in as inputs, outputs, answers, edits and a person's outputs,
// and go out in questions and outputs, are never in an event, and are what they were before and after a restart.
func TestPicturesStayOutOfTheJournal(t *testing.T) {
	t.Parallel()
	var pics []string
	for k := range 4 {
		pics = append(pics, picture(t, uint64(k)))
	}
	broken := func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
		if in.Inputs["v"] == "broken" {
			return sdk.Result{}, sdk.Refuse("no picture", "")
		}
		return sdk.Result{Outputs: in.Inputs}, nil
	}
	bubble(t, map[string]task{"edited": broken, "accepted": broken}, func(r *rig) {
		ctx := context.Background()
		p := parse(r, `pipeline "p" {}
variable "picture" {
  type = string
}
node "test.do" "made" { v = var.picture }
node "test.do" "each" {
  for_each = range(3)
  v        = node.made.v
}
gate "look" {
  show = { picture = node.made.v }
  form "mine" {
    type = string
  }
}
module "inner" {
  source  = "./inner.hcl"
  picture = gate.look.form.mine
}
node "test.do" "edited" {
  v          = "broken"
  text       = "kept"
  on_failure = "pause"
}
node "test.do" "accepted" {
  v          = "broken"
  depends_on = [node.edited]
  on_failure = "pause"
}
output "all" { value = [module.inner.out, node.each[*].v, node.edited.v, node.edited.text, node.accepted.v] }
-- inner.hcl --
pipeline "inner" {}
variable "picture" {
  type = string
}
node "test.do" "n" { v = var.picture }
output "out" { value = node.n.v }
`)
		id, err := r.Submit(ctx, engine.Submission{Pipeline: p, Inputs: sdk.Values{"picture": pics[0]}})
		if err != nil {
			r.Fatal(err)
		}
		again := func() {
			synctest.Wait()
			r.restart()
			r.adopt(id)
			synctest.Wait()
		}
		decide := func(node string, d engine.Decision) {
			if err := r.Decide(ctx, at(r, id, node), d); err != nil {
				r.Error(node, err)
			}
		}
		again()
		// a run that is paused goes on once nothing holds it any more
		decide("node.edited", engine.Decision{What: run.Retry, Inputs: sdk.Values{"text": "new"}})
		again()
		decide("node.edited", engine.Decision{What: run.Retry, Inputs: sdk.Values{"v": pics[1]}})
		again()
		decide("node.accepted", engine.Decision{What: run.Accept, Outputs: sdk.Values{"v": pics[2]}})
		again()
		if err := r.Answer(ctx, at(r, id, "gate.look"), eval.Answer{Approved: true, Form: sdk.Values{"mine": pics[3]}}); err != nil {
			r.Fatal(err)
		}
		synctest.Wait()
		r.restart()
		s, err := r.State(ctx, id)
		if err != nil || s.Status != run.Succeeded {
			r.Fatal(err, s.Status, s.Reason, s.Error)
		}
		var outputs sdk.Values
		if err := r.Document(ctx, s.OutputsRef, &outputs); err != nil {
			r.Fatal(err)
		}
		if inputs, err := r.Inputs(ctx, s); err != nil || inputs["picture"] != pics[0] {
			r.Error("the run's inputs are others", err)
		}
		one := []any{pics[0], pics[0], pics[0]}
		if got, want := fmt.Sprint(outputs["all"]), fmt.Sprint([]any{pics[3], one, pics[1], "new", pics[2]}); got != want {
			r.Errorf("the outputs are others: %d and %d bytes", len(got), len(want))
		}
		for _, ev := range r.events(id) {
			raw, err := ev.Encode()
			if err != nil || len(raw) > 1<<10 {
				r.Errorf("event %d (%s) has %d bytes: %v", ev.Seq, ev.Kind, len(raw), err)
			}
		}
		second, err := r.Submit(ctx, engine.Submission{Pipeline: p, Inputs: sdk.Values{"picture": pics[0]}, Parent: id})
		if err != nil {
			r.Fatal(err)
		}
		synctest.Wait()
		if s, err := r.State(ctx, second); err != nil || s.Node("made").Instances[0].State != run.NodeCached || s.Node("gate.look").State != run.NodeSucceeded {
			r.Error("a run that repeats it does not know its results", err)
		}
		r.cancel(second)
		r.wait(second, run.Cancelled)
	})
}

// TestLongJournal: once a run's events have grown large, they carry small values only.
func TestLongJournal(t *testing.T) {
	t.Parallel()
	const instances, size = 400, 60 << 10
	bulk := func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
		return give(fmt.Sprint(in.Inputs["v"]) + strings.Repeat("x", size))
	}
	bubble(t, map[string]task{"bulk": bulk}, func(r *rig) {
		id := r.submit(head + fmt.Sprintf(`
node "test.do" "bulk" {
  for_each = range(%d)
  v        = each.key
}
node "test.do" "sum" { v = sum([for x in node.bulk : length(x.v)]) }
output "sum" { value = node.sum.v }
`, instances))
		s := r.wait(id, run.Succeeded)
		sum, total := 0, 0
		for k := range instances {
			sum += len(fmt.Sprint(k)) + size
		}
		want(r, "sum", s.Outputs, fmt.Sprintf(`{"sum": %d}`, sum))
		for _, ev := range r.events(id) {
			raw, err := ev.Encode()
			if err != nil {
				r.Fatal(err)
			}
			total += len(raw)
		}
		if most := run.MaxJournal + 1<<20; total > most || total < run.MaxJournal {
			r.Errorf("its events have %d bytes, want at most %d", total, most)
		}
		r.restart()
		if s, err := r.State(context.Background(), id); err != nil || s.Status != run.Succeeded {
			r.Error(err)
		}
	})
}
