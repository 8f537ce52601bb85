package replay_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/replay"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func values() sdk.Schema {
	return sdk.Schema{Type: "object", Properties: sdk.Properties{{Name: "v"}, {Name: "text", Schema: sdk.Schema{Type: "string"}}}}
}

var types = pipeline.Bundle{Types: []sdk.NodeType{
	{Name: "test.do", Inputs: values(), Outputs: values(), Idempotent: true},
}}

// fakeHost is a host without a network: an engine on a store in memory.
type fakeHost struct {
	*engine.Engine
	vault     *secrets.Vault
	journal   *memstore.Store
	artifacts *dir.Store
	waits     chan sdk.Address // gates that were opened
	paused    chan run.ID
}

func (h *fakeHost) Events(ctx context.Context, id string, after uint64, _ int) (client.EventList, error) {
	head, err := h.journal.Find(ctx, id)
	if err != nil {
		return client.EventList{}, err
	}
	list := client.EventList{Next: after}
	stored, err := h.journal.Read(ctx, head.Run, after, 5) // short pages
	for _, e := range stored {
		list.Events = append(list.Events, client.Event{Seq: e.Seq, Data: e.Data})
		list.Next = e.Seq
	}
	return list, err
}

func (h *fakeHost) Download(ctx context.Context, digest string) (io.ReadCloser, error) {
	return h.artifacts.Open(ctx, digest)
}

// canary must not be seen: it begins every sensitive value.
const canary = "canary-4711"

// nobody has no key and no secrets.
var nobody = secrets.New(secrets.Config{Looking: true, Environ: []string{}})

// open makes a host whose node type test.do gives its inputs back, fails at the first attempt of what is called
// "again", always fails "bad", and "picky" unless it is given the text "right".
func open(t *testing.T) *fakeHost {
	t.Helper()
	files, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &fakeHost{journal: memstore.New(), artifacts: files, waits: make(chan sdk.Address, 8), paused: make(chan run.ID, 8)}
	h.vault = secrets.New(secrets.Config{Environ: []string{"SPINBOT_SECRET_HOOK=" + canary + "-hook"}})
	h.Engine = engine.New(engine.Config{
		Journal: h.journal, Artifacts: files, Vault: h.vault, Mask: h.vault.Mask().String,
		Executor: exec.Private(exec.Func(func(_ context.Context, task *sdk.Task) (sdk.Result, error) {
			if name := task.Address.Node.Name; name == "bad" || name == "again" && task.Address.Attempt == 1 {
				return sdk.Result{}, errors.New("no luck")
			}
			if task.Address.Node.Name == "picky" && task.Inputs["text"] != "right" {
				return sdk.Result{}, sdk.Refuse("want right", "")
			}
			return sdk.Result{Outputs: task.Inputs}, nil
		}), h.vault, h.vault.Mask().String),
		Observe: func(id run.ID, e run.Event) {
			if e.Kind == run.GateOpened {
				h.waits <- e.At(id)
			}
			if e.Status == run.Paused {
				h.paused <- id
			}
		},
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = h.Close(ctx)
	})
	return h
}

// run runs a pipeline with its modules to its end, approves what asks, and gives its tape. A run that failed is resumed
// once.
func (h *fakeHost) run(t *testing.T, text string, inputs sdk.Values) *replay.Tape {
	t.Helper()
	id := h.submit(t, text, inputs)
	done := make(chan error, 1)
	wait := func() {
		_, err := h.Wait(t.Context(), id)
		done <- err
	}
	go wait()
	for resumed := false; ; {
		select {
		case at := <-h.waits:
			if err := h.Answer(t.Context(), at, eval.Answer{Approved: true, By: "ada"}); err != nil {
				t.Fatal(err)
			}
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			s, err := h.State(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if s.Status != run.Failed || resumed {
				return h.tape(t, string(id))
			}
			resumed = true
			if err := h.Resume(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			go wait()
		}
	}
}

// submit begins a run of a pipeline with its modules.
func (h *fakeHost) submit(t *testing.T, text string, inputs sdk.Values) run.ID {
	t.Helper()
	archive := txtar.Parse([]byte(text))
	files := map[string][]byte{"p.hcl": archive.Comment}
	for _, f := range archive.Files {
		files[f.Name] = f.Data
	}
	p, diags := load.Load(pipeline.Bundle{Files: files}.FS(), "p.hcl", types)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if inputs, diags = eval.Inputs(p, inputs); diags.HasErrors() {
		t.Fatal(diags)
	}
	id, err := h.Submit(t.Context(), engine.Submission{Pipeline: p, Inputs: inputs, Owner: "ada", Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (h *fakeHost) tape(t *testing.T, id string) *replay.Tape {
	t.Helper()
	tape, err := replay.Fetch(t.Context(), h, id)
	if err != nil {
		t.Fatal(err)
	}
	return tape
}

// steps plays a whole tape.
func steps(t *testing.T, tape *replay.Tape) (out []replay.Step) {
	t.Helper()
	p, err := replay.New(tape, nobody)
	if err != nil {
		t.Fatal(err)
	}
	for {
		s, err := p.Step()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
}

// written is a tape as a file, with changes.
func written(t *testing.T, tape *replay.Tape, change ...string) (*replay.Tape, error) {
	t.Helper()
	var b bytes.Buffer
	if err := tape.Write(&b); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(change...).Replace(b.String())
	if len(change) > 0 && text == b.String() {
		t.Fatalf("nothing to change: %q", change)
	}
	return replay.Read(strings.NewReader(text))
}
