package remoteexec

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/sdk"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	exectest.Run(t, exectest.Options{Files: true, New: func(t *testing.T) exec.Executor {
		r := newRig(t, plugins(t))
		t.Cleanup(func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			if len(r.expecting) > 0 || r.expected < 128 {
				t.Errorf("the agent expected %d tasks, and %d of them still", r.expected, len(r.expecting))
			}
		})
		return around{r}
	}})
}

// around is what a host has around its Executor: a placement that gives each attempt to the agent, and a store which files
// come from and go to.
type around struct{ rig *rig }

// Execute implements exec.Executor.
func (a around) Execute(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
	if err := a.takeIn(t.Inputs); err != nil {
		return sdk.Result{}, err
	}
	a.rig.host.Expect(placement.Assignment{Agent: box2, Task: placement.Task{ID: t.Address.String()}})
	res, err := a.rig.host.Execute(ctx, t)
	if err == nil && t.Scratch != "" {
		err = a.bringOut(res.Outputs, t.Scratch)
	}
	return res, err
}

func (a around) takeIn(inputs sdk.Values) error {
	return inputs.EachArtifact(func(x sdk.Artifact) (sdk.Artifact, error) {
		raw, err := os.ReadFile(x.Path)
		a.rig.here.set(x.Digest, raw)
		return x, err
	})
}

func (a around) bringOut(outputs sdk.Values, folder string) error {
	return outputs.EachArtifact(func(x sdk.Artifact) (sdk.Artifact, error) {
		raw, _ := a.rig.here.get(x.Digest)
		x.Path = filepath.Join(folder, x.Name)
		return x, os.WriteFile(x.Path, raw, 0o600)
	})
}
