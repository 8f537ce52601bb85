package exec_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/sdk"
)

// fakeSealer seals into memory.
type fakeSealer map[string]any

func (f fakeSealer) Seal(x any, _ bool) (sdk.Sealed, error) {
	if x == nil {
		return sdk.Sealed{}, errors.New("full")
	}
	token := strings.Repeat("t", len(f)+1)
	f[token] = x
	return sdk.Sealed{Token: token}, nil
}

func (f fakeSealer) Open(s sdk.Sealed) (any, bool, error) {
	x, ok := f[s.Token]
	if !ok {
		return nil, false, errors.New("is sealed, and the key is gone")
	}
	return x, true, nil
}

func hideHush(s string) string { return strings.ReplaceAll(s, "hush", "•••") }

func TestPrivate(t *testing.T) {
	t.Parallel()
	file := sdk.Artifact{Digest: "sha256:1", Name: "hush.txt"}
	s := fakeSealer{"a": "hush", "b": file}
	sealed := sdk.Values{"plain": []any{"x"}, "token": sdk.Sealed{Token: "a"}, "deep": map[string]any{"list": []any{sdk.Sealed{Token: "b"}, true}}}
	want := sdk.Values{"plain": []any{"x"}, "token": "hush", "deep": map[string]any{"list": []any{file, true}}}
	var got *sdk.Task
	var heard []sdk.Report
	e := exec.Private(exec.Func(func(_ context.Context, task *sdk.Task) (sdk.Result, error) {
		got = task
		task.Log("info", "say hush")
		task.Report(sdk.Report{Kind: sdk.ReportPreview, Preview: &file})
		task.Report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: []byte("\xffhush")})
		task.Report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: bytes.Repeat([]byte("x"), sdk.MaxCheckpoint+1)})
		return sdk.Result{Outputs: sdk.Values{"token": "hush"}}, nil
	}), s, hideHush)
	task := sdk.Task{Inputs: sealed}
	res, err := e.Execute(t.Context(), task.WithReporter(func(r sdk.Report) { heard = append(heard, r) }))
	if err != nil || res.Outputs["token"] != "hush" || !reflect.DeepEqual(got.Inputs, want) || !sdk.HasSealed(sealed) {
		t.Fatalf("%+v %v %v", got, res, err)
	}
	if len(heard) != 4 || heard[0].Message != "say •••" || heard[1].Preview.Name != "•••.txt" || file.Name != "hush.txt" {
		t.Errorf("%+v", heard)
	}
	if c := heard[2].Checkpoint; bytes.Contains(c, []byte("hush")) || len(heard[3].Checkpoint) != sdk.MaxCheckpoint+1 {
		t.Errorf("%q", c)
	}
	task.Checkpoint = heard[2].Checkpoint
	if _, err := e.Execute(t.Context(), &task); err != nil || string(got.Checkpoint) != "\xffhush" {
		t.Errorf("%q %v", got.Checkpoint, err)
	}
	open := sdk.Task{Inputs: sdk.Values{"plain": "x"}, Checkpoint: []byte("as it is")}
	if _, err := e.Execute(t.Context(), open.WithReporter(func(r sdk.Report) { heard = append(heard, r) })); err != nil || string(got.Checkpoint) != "as it is" {
		t.Error(got, err)
	}
	if c := heard[len(heard)-2]; string(c.Checkpoint) != "\xffhush" {
		t.Errorf("a checkpoint of a task without secrets became %q", c.Checkpoint)
	}
	for what, lost := range map[string]sdk.Task{
		"input token is sealed, and the key is gone":    {Inputs: sdk.Values{"token": sdk.Sealed{Token: "gone"}}},
		"input deep is sealed":                          {Inputs: sdk.Values{"deep": []any{map[string]any{"x": sdk.Sealed{Token: "gone"}}}}},
		"the checkpoint is sealed, and the key is gone": {Checkpoint: append(bytes.Clone(task.Checkpoint), "gone"...)},
	} {
		_, err := e.Execute(t.Context(), &lost)
		if se := sdk.AsError(err); err == nil || !se.Permanent || !strings.Contains(se.Message, what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
