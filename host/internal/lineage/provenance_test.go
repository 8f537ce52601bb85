package lineage

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/sdk"
)

const traced = `
pipeline "traced" { commercial = true }
variable "b" { type = artifact }
node "test.make" "look" {
  text = asset("style/paper").name
  from = asset("style/paper")
}
node "test.make" "aside" { text = "aside" }
node "test.make" "c" {
  text = "c"
  from = var.b
}
node "test.make" "d" {
  text = node.look.file.name
  from = node.c.file
}
output "d" { value = node.d.file }
`

// TestProvenance: an artifact's steps are those that made what went into it, within its run; what came from elsewhere was given to it.
func TestProvenance(t *testing.T) {
	t.Parallel()
	r := begin(t)
	paper, err := r.files.Put(t.Context(), strings.NewReader("paper"), sdk.Artifact{Name: "paper.txt"})
	if err != nil {
		t.Fatal(err)
	}
	var l asset.Library
	if _, err := l.Add(asset.Ref{Kind: asset.Style, Name: "paper"}, asset.Version{Artifact: paper, Licence: asset.Licence{ID: "CC0", Commercial: asset.Yes}}); err != nil {
		t.Fatal(err)
	}
	r.assets = l.Assets
	_, one := r.run(first, nil)
	id, two := r.run(traced, sdk.Values{"b": one["b"]})
	d, _ := two["d"].(sdk.Artifact)
	for _, run := range []string{"", id} {
		it, p, err := r.Provenance(t.Context(), d.Digest, run)
		if err != nil {
			t.Fatal(err)
		}
		var steps, given []string
		for _, s := range p.Steps {
			steps = append(steps, strings.TrimPrefix(s.At, id+"/"))
			if s.Type != "test.make" || s.Seed == "" || s.Ended.IsZero() || len(s.Makes) != 1 {
				t.Errorf("%+v", s)
			}
		}
		for _, in := range p.Inputs {
			given = append(given, in.Name)
		}
		if it.Digest != d.Digest || p.Run != id || p.Owner != "anna" || p.Made != id+"/node.d/1" || p.Pipeline.Name != "traced" || p.Pipeline.SHA256() == "" || !p.Commercial || p.Incomplete {
			t.Errorf("%+v %+v", it, p)
		}
		if !slices.Equal(steps, []string{"node.d/1", "node.c/1"}) || !slices.Equal(given, []string{"b.txt"}) || len(p.Assets) != 0 {
			t.Errorf("%v %v %v", steps, given, p.Assets)
		}
	}
	if _, _, err := r.Provenance(t.Context(), paper.Digest, ""); !errors.Is(err, artifacts.ErrNotFound) {
		t.Error(err)
	}
	if _, _, err := r.Provenance(t.Context(), d.Digest, "run_0"); !errors.Is(err, artifacts.ErrNotFound) {
		t.Error(err)
	}
}

const spoken = `
pipeline "spoken" {}
node "test.say" "script" { text = "words" }
node "test.say" "unheard" { text = "words" }
module "inner" {
  source = "./inner.hcl"
  text   = node.script.text
}
output "film" { value = module.inner.film }
`

const inner = `
pipeline "inner" {}
variable "text" { type = string }
node "test.make" "look" { from = asset("style/paper") }
node "test.say" "twice" { text = "${var.text} ${var.text}" }
node "test.make" "film" {
  text = node.twice.text
  from = node.look.file
}
output "film" { value = node.film.file }
`

// TestValuesCount: nodes whose values alone went into an artifact are steps, too, through modules; the assets that were used are named.
func TestValuesCount(t *testing.T) {
	t.Parallel()
	r := begin(t)
	paper, err := r.files.Put(t.Context(), strings.NewReader("paper"), sdk.Artifact{Name: "paper.txt"})
	if err != nil {
		t.Fatal(err)
	}
	var l asset.Library
	for range 2 { // the first is not the one that is used
		if _, err := l.Add(asset.Ref{Kind: asset.Style, Name: "paper"}, asset.Version{Artifact: paper, Licence: asset.Licence{ID: "CC0", Commercial: asset.Yes}}); err != nil {
			t.Fatal(err)
		}
	}
	r.assets = l.Assets
	id, out := r.runFiles(map[string]string{"p.hcl": spoken, "inner.hcl": inner}, nil)
	film, _ := out["film"].(sdk.Artifact)
	_, p, err := r.Provenance(t.Context(), film.Digest, "")
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, s := range p.Steps {
		steps = append(steps, strings.TrimPrefix(s.At, id+"/"))
	}
	slices.Sort(steps)
	if want := []string{"module.inner/node.film/1", "module.inner/node.look/1", "module.inner/node.twice/1", "node.script/1"}; !slices.Equal(steps, want) {
		t.Errorf("%v, want %v", steps, want)
	}
	if len(p.Assets) != 1 || p.Assets[0].Name != "style/paper@2" || p.Assets[0].Licence.ID != "CC0" {
		t.Errorf("%+v", p.Assets)
	}
}
