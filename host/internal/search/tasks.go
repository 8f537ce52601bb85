package search

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/sdk"
)

// NodeType is what makes vectors of texts.
const NodeType = "ollama.embed"

const taskFor = 5 * time.Minute // a batch takes seconds; loading the model may take longer

// Placer gives tasks the devices that they ask for.
type Placer interface {
	Want(w placement.Want, given func(placement.Given), yield func())
	Done(id string, went *placement.Went)
	Why(id string) string
	// Never says why a task could never be given what it asks for; empty: it could.
	Never(ctx context.Context, w placement.Want) string
}

// Tasks makes vectors by tasks that belong to no run: they wait for devices like all others, and go to the host's executor.
type Tasks struct {
	Model    string
	Placer   Placer
	Executor exec.Executor
	// Offered gives a node type that is there, or says why it is not and what to do.
	Offered func(ctx context.Context, nodeType string) (sdk.NodeType, error)
	Now     func() time.Time

	made atomic.Int64
	once sync.Once
	mine string // stands in the names of this process's tasks: an agent may remember those of the one before
}

// Embed is Config.Embed. What no person waits for is evictable: it goes after everything else, and gives way to it.
func (t *Tasks) Embed(ctx context.Context, texts []string, eager bool) ([][]float32, error) {
	nodeType, err := t.Offered(ctx, NodeType)
	if err != nil {
		return nil, err
	}
	list := make([]any, len(texts))
	for k, text := range texts {
		list[k] = text
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t.once.Do(func() { t.mine = strconv.FormatInt(t.Now().UnixNano(), 36) })
	at := sdk.Address{Run: "run_search", Node: sdk.Step{Kind: string(pipeline.KindNode), Name: fmt.Sprintf("embed_%s_%d", t.mine, t.made.Add(1))}, Attempt: 1}
	task := &sdk.Task{Address: at, Type: nodeType.Name, Inputs: sdk.Values{"model": t.Model, "texts": list}}
	node := pipeline.Node{Kind: pipeline.KindNode, Type: nodeType}
	wants, asks := node.Wants(task.Inputs)
	if !asks {
		out, _, err := t.execute(ctx, task)
		return out, err
	}
	w := placement.Want{ID: at.String(), Type: nodeType, Request: wants.Request, Model: wants.Model, Files: wants.Files, Classes: wants.Classes, Evictable: !eager, Inputs: task.Inputs}
	if why := t.Placer.Never(ctx, w); why != "" {
		return nil, fmt.Errorf("%s has nowhere to run: it %s", NodeType, why)
	}
	given := make(chan placement.Given, 1)
	t.Placer.Want(w, func(g placement.Given) { given <- g }, func() {
		cancel(&sdk.Error{Cause: sdk.CausePreempted, Message: "its devices went to a task that goes before it"})
	})
	select {
	case g := <-given:
		task.Devices = g.Devices
	case <-ctx.Done():
		why := t.Placer.Why(w.ID)
		t.Placer.Done(w.ID, nil)
		if why == "" {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("%w: %s", context.Cause(ctx), why)
	}
	out, usage, err := t.execute(ctx, task)
	went := &placement.Went{Usage: usage}
	if err != nil {
		went.Error = sdk.AsError(err)
	}
	t.Placer.Done(w.ID, went)
	return out, err
}

func (t *Tasks) execute(ctx context.Context, task *sdk.Task) ([][]float32, *sdk.Usage, error) {
	task.Time = t.Now()
	task.Deadline = task.Time.Add(taskFor)
	ctx, cancel := context.WithDeadlineCause(ctx, task.Deadline, &sdk.Error{Cause: sdk.CauseHung, Message: fmt.Sprintf("%s took longer than %v", NodeType, taskFor)})
	defer cancel()
	var usage *sdk.Usage
	res, err := t.Executor.Execute(ctx, task.WithReporter(func(r sdk.Report) {
		if r.Kind == sdk.ReportUsage {
			usage = r.Usage
		}
	}))
	if err != nil {
		if own := (*sdk.Error)(nil); errors.As(context.Cause(ctx), &own) {
			err = own
		}
		return nil, usage, err
	}
	var out struct {
		Embeddings [][]float64 `spin:"embeddings"`
	}
	if err := sdk.Bind(sdk.Values{"embeddings": res.Outputs["embeddings"]}, &out); err != nil {
		return nil, usage, fmt.Errorf("%s gave no vectors: %w", NodeType, err)
	}
	vectors := make([][]float32, len(out.Embeddings))
	for k, v := range out.Embeddings {
		vectors[k] = make([]float32, len(v))
		for i, x := range v {
			vectors[k][i] = float32(x)
		}
	}
	return vectors, usage, nil
}
