package engine_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/sdk"
)

const nestedLeft = head + `
module "m" {
  source     = "./m.hcl"
  on_failure = "pause"
  word       = "left"
}
output "v" { value = module.m.v }
-- m.hcl --
pipeline "m" {}
variable "word" {
  type = string
  validation {
    condition = var.word != "up"
    message   = "left or right"
  }
}
module "n" {
  source = "./n.hcl"
  word   = var.word
}
output "v" { value = module.n.v }
-- n.hcl --
pipeline "n" {}
variable "word" {
  type = string
}
node "test.do" "first" { v = 1 }
node "test.do" "x" {
  v          = var.word
  depends_on = [node.first]
}
output "v" { value = "${node.x.v} ${node.first.v}" }
`

// TestRetryModule: a module in the module that is tried again goes on, with the inputs that a person has set, at once and
// after a restart; what succeeded in it is not done again.
func TestRetryModule(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, restarts := range map[string]bool{"at once": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tries := 0
			picky := func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
				if tries++; in.Inputs["v"] != "right" {
					return sdk.Result{}, sdk.Refuse("wrong", "")
				}
				return echo(ctx, in)
			}
			bubble(t, map[string]task{"x": picky}, func(r *rig) {
				id := r.submit(nestedLeft)
				pause := func(want int) {
					synctest.Wait()
					if s, err := r.State(ctx, id); err != nil || s.Status != run.Paused || tries != want {
						r.Fatalf("%s after %d tries: %v", s.Status, tries, err)
					}
					if restarts {
						r.restart()
						r.adopt(id)
						synctest.Wait()
					}
				}
				pause(1)
				if err := r.Continue(ctx, id, "ada"); err != nil {
					r.Fatal(err)
				}
				pause(2)
				var wrong diagnostic.Diagnostics
				if err := r.Decide(ctx, at(r, id, "module.m"), engine.Decision{What: run.Retry, Inputs: sdk.Values{"word": "up"}}); !errors.As(err, &wrong) {
					r.Errorf("what the module does not take was taken: %v", err)
				}
				pause(2)
				if err := r.Decide(ctx, at(r, id, "module.m"), engine.Decision{What: run.Retry, Inputs: sdk.Values{"word": "right"}}); err != nil {
					r.Fatal(err)
				}
				want(r, "the output", r.wait(id, run.Succeeded).Outputs, `{"v": "right 1"}`)
				if n := r.exec.starts("first"); n != 1 {
					r.Errorf("first ran %d times", n)
				}
			})
		})
	}
}
