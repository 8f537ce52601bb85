package exec_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/mark"
	"github.com/myspinbot/spinbot/sdk"
)

// TestBy: what a task is carried out with is told before it ends; looking for that stops when the task fails.
func TestBy(t *testing.T) {
	t.Parallel()
	for _, want := range []error{nil, errors.New("failed")} {
		var said []*sdk.Usage
		e := exec.By(exec.Func(func(context.Context, *sdk.Task) (sdk.Result, error) { return sdk.Result{}, want }),
			func(ctx context.Context, t *sdk.Task) *sdk.Usage {
				if want != nil {
					<-ctx.Done()
				}
				return &sdk.Usage{By: &sdk.Maker{Plugin: t.Type}}
			})
		_, err := e.Execute(t.Context(), task(nil).WithReporter(func(r sdk.Report) { said = append(said, r.Usage) }))
		if !errors.Is(err, want) || len(said) != 1 || said[0].By.Plugin != "film.cut" {
			t.Errorf("%v %v", err, said)
		}
	}
	silent := exec.By(exec.Func(func(context.Context, *sdk.Task) (sdk.Result, error) { return sdk.Result{}, nil }), func(context.Context, *sdk.Task) *sdk.Usage { return nil })
	if _, err := silent.Execute(t.Context(), task(nil).WithReporter(func(sdk.Report) { t.Error("it said something") })); err != nil {
		t.Error(err)
	}
}

// TestStageMarks: a picture that a task returns says who has made it, and whether a model did; its digest is that of the marked bytes.
func TestStageMarks(t *testing.T) {
	t.Parallel()
	var drawn bytes.Buffer
	if err := png.Encode(&drawn, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	files, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e, err := exec.Stage(exec.Func(func(_ context.Context, t *sdk.Task) (sdk.Result, error) {
		at := filepath.Join(t.Scratch, "a.png")
		return sdk.Result{Outputs: sdk.Values{"a": sdk.Artifact{Path: at}}}, os.WriteFile(at, drawn.Bytes(), 0o600)
	}), exec.StageConfig{Root: t.TempDir(), Artifacts: files, Generates: func(nodeType string) bool { return nodeType == "draw.it" }})
	if err != nil {
		t.Fatal(err)
	}
	made := func(nodeType string, inputs sdk.Values, run string) (sdk.Artifact, mark.Mark) {
		t.Helper()
		x := task(inputs)
		x.Type, x.Address.Run = nodeType, run
		res, err := e.Execute(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := res.Outputs["a"].(sdk.Artifact)
		r, err := files.Open(t.Context(), a.Digest)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var raw bytes.Buffer
		if _, err := raw.ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		m, _ := mark.Find(bytes.NewReader(raw.Bytes()), int64(raw.Len()))
		if _, err := png.Decode(&raw); err != nil {
			t.Error(err)
		}
		return a, m
	}
	plain, m := made("film.cut", nil, "run_1")
	if m != (mark.Mark{At: "run_1/node.cut/2"}) {
		t.Error(m)
	}
	generated, m := made("draw.it", sdk.Values{"from": plain}, "run_1")
	if m.Source != mark.Generated {
		t.Error(m)
	}
	if _, m = made("film.cut", sdk.Values{"from": plain}, "run_2"); m != (mark.Mark{At: "run_2/node.cut/2"}) {
		t.Error(m)
	}
	parts, m := made("film.cut", sdk.Values{"from": []any{plain, generated}}, "run_1")
	if m.Source != mark.Composite {
		t.Error(m)
	}
	if _, m = made("film.cut", sdk.Values{"from": parts}, "run_1"); m.Source != mark.Composite {
		t.Error(m)
	}
	preview, m := made("film.cut", nil, "")
	if m.At != "" || preview.Size != int64(drawn.Len()) || strings.Contains(preview.Digest, plain.Digest) {
		t.Error(preview, m)
	}
}
