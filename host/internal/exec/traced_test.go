package exec_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/core/trace"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/host/internal/span"
	"github.com/myspinbot/spinbot/sdk"
)

// TestTraced: the decorators tell what they do, and the task is told of the span in which it is carried out.
func TestTraced(t *testing.T) {
	t.Parallel()
	files, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	note, err := files.Put(t.Context(), strings.NewReader("a note"), sdk.Artifact{Name: "note.txt"})
	if err != nil {
		t.Fatal(err)
	}
	told := ""
	staged, err := exec.Stage(exec.Traced("plugin", exec.Func(func(_ context.Context, task *sdk.Task) (sdk.Result, error) {
		told = task.TraceParent
		return sdk.Result{Outputs: sdk.Values{"out": note}}, nil
	})), exec.StageConfig{Root: filepath.Join(t.TempDir(), "s"), Artifacts: files})
	if err != nil {
		t.Fatal(err)
	}
	var got []trace.Span
	ctx := span.With(t.Context(), func(s trace.Span) { got = append(got, s) }, trace.Context{Trace: trace.Of("run_1"), Span: trace.SpanOf("run_1"), Sampled: true})
	task := exectest.Task("test.read", sdk.Values{"file": note})
	if _, err := staged.Execute(ctx, task); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range got {
		names = append(names, s.Name)
	}
	if all := strings.Join(names, ", "); all != "stage inputs, plugin test.read, keep outputs" {
		t.Fatalf("spans %s", all)
	}
	if at, ok := trace.Parse(told); !ok || at.Span != got[1].Span || task.TraceParent != "" {
		t.Errorf("the task was told %q, in %+v", told, got[1])
	}
}
