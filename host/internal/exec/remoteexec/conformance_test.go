package remoteexec

import (
	"context"
	"os"
	"path/filepath"
	"sync"
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
		return &around{rig: r, busy: map[string]bool{}}
	}})
}

// around is what a host has around its Executor: a placement that gives each attempt to the agent, under an address of
// its own, and a store which files come from and go to.
type around struct {
	rig *rig

	mu   sync.Mutex
	busy map[string]bool
}

// Execute implements exec.Executor.
func (a *around) Execute(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
	task := *t
	id := a.claim(&task)
	defer a.leave(id)
	if err := a.takeIn(t.Inputs); err != nil {
		return sdk.Result{}, err
	}
	a.rig.host.Expect(placement.Assignment{Agent: box2, Task: placement.Task{ID: id}})
	res, err := a.rig.host.Execute(ctx, &task)
	if err == nil && t.Scratch != "" {
		err = a.bringOut(res.Outputs, t.Scratch)
	}
	return res, err
}

// claim gives a task an address that no other has at this time.
func (a *around) claim(t *sdk.Task) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.busy[t.Address.String()] {
		t.Address.Attempt++
	}
	a.busy[t.Address.String()] = true
	return t.Address.String()
}

func (a *around) leave(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.busy, id)
}

func (a *around) takeIn(inputs sdk.Values) error {
	return inputs.EachArtifact(func(x sdk.Artifact) (sdk.Artifact, error) {
		raw, err := os.ReadFile(x.Path)
		a.rig.here.set(x.Digest, raw)
		return x, err
	})
}

func (a *around) bringOut(outputs sdk.Values, folder string) error {
	return outputs.EachArtifact(func(x sdk.Artifact) (sdk.Artifact, error) {
		raw, _ := a.rig.here.get(x.Digest)
		x.Path = filepath.Join(folder, x.Name)
		return x, os.WriteFile(x.Path, raw, 0o600)
	})
}
