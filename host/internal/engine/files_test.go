package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// TestFiles: the store is told which artifacts a run was given and what its nodes have made, however deep they lie and also where
// the outputs are too big for an event.
func TestFiles(t *testing.T) {
	t.Parallel()
	file := func(k int, name string) sdk.Artifact {
		return sdk.Artifact{Digest: fmt.Sprintf("sha256:%064x", k), MediaType: "image/png", Size: int64(k), Name: name}
	}
	bubble(t, map[string]task{
		"made": func(context.Context, *sdk.Task) (sdk.Result, error) {
			return give([]any{file(2, "two.png"), map[string]any{"deep": file(3, "three.png")}})
		},
		"big": func(context.Context, *sdk.Task) (sdk.Result, error) {
			return give([]any{file(4, "four.png"), strings.Repeat("x", 2*run.MaxInline)})
		},
	}, func(r *rig) {
		p := parse(r, `pipeline "p" {}
variable "face" {
  type = artifact
}
node "test.do" "made" { v = var.face }
node "test.do" "big" { v = node.made.v }
output "all" { value = node.made.v }
`)
		id, err := r.Submit(context.Background(), engine.Submission{Pipeline: p, Inputs: sdk.Values{"face": file(1, "face.png")}})
		if err != nil {
			r.Fatal(err)
		}
		r.wait(id, run.Succeeded)
		files, err := r.journal.Files(context.Background(), store.FileQuery{Run: string(id)})
		if err != nil {
			r.Fatal(err)
		}
		var got []string
		for _, f := range files {
			got = append(got, fmt.Sprintf("%s %d %s %s", f.Name, f.Size, f.MediaType, strings.TrimPrefix(f.At, string(id))))
			if f.Created.IsZero() || f.Pipeline != "p" {
				r.Errorf("%+v", f)
			}
		}
		if want := "four.png 4 image/png /node.big/1, three.png 3 image/png /node.made/1, two.png 2 image/png /node.made/1, face.png 1 image/png "; strings.Join(got, ", ") != want {
			r.Errorf("%s\nwant %s", strings.Join(got, ", "), want)
		}
	})
}
