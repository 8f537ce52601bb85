package pipeline_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/sdk"
)

// stocked are the types of all tests, and a library.
func stocked(t *testing.T) pipeline.Bundle {
	t.Helper()
	b := types(t)
	var l asset.Library
	add := func(ref string, v asset.Version) {
		t.Helper()
		r, err := asset.ParseRef(ref)
		if err == nil {
			v.Artifact = sdk.Artifact{Digest: "sha256:" + r.String(), MediaType: "audio/wav", Size: 7, Name: "a.wav"}
			r.Version = 0
			_, err = l.Add(r, v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	agreed := &asset.Consent{By: "Anna", On: "2026-11-27", For: "films"}
	add("voice/anna@1", asset.Version{Consent: agreed, Licence: asset.Licence{ID: "MIT", Commercial: asset.Yes}, Note: "the first"})
	add("voice/anna@2", asset.Version{Consent: agreed, Licence: asset.Licence{Commercial: asset.Unknown}})
	add("voice/ben@1", asset.Version{})
	add("lora/ink@1", asset.Version{Licence: asset.Licence{ID: "CC-BY-NC-4.0", Commercial: asset.No}})
	b.Assets = l.Assets
	return b
}

const assetFilm = `pipeline "film" {}
variable "sample" {
  type    = artifact
  default = asset("voice/anna@1")
}
locals { newest = asset("voice/anna") }
module "part" {
  source = "./part.hcl"
  look   = asset("lora/ink")
}
output "old"    { value = var.sample }
output "new"    { value = [local.newest, local.newest.name] }
output "inside" { value = module.part.look }
`

const assetPart = `pipeline "part" {}
variable "look" { type = artifact }
output "look" { value = [var.look, asset("voice/anna@2").media_type] }
`

func TestAssets(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{"film.hcl": {Data: []byte(assetFilm)}, "part.hcl": {Data: []byte(assetPart)}}
	p, ds := load.Load(fsys, "film.hcl", stocked(t))
	if len(ds) > 0 {
		t.Fatal(shown(ds, fsys))
	}
	if refs := p.AssetRefs(); len(refs) != 4 {
		t.Error(refs)
	}
	raw, err := json.Marshal(p.Bundle())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "the first") || strings.Contains(string(raw), "voice/ben") {
		t.Error("the bundle remembers more than it has to")
	}
	var b pipeline.Bundle
	if err := json.Unmarshal(raw, &b); err != nil {
		t.Fatal(err)
	}
	again, ds := load.Load(b.FS(), b.File, b) // as a host that resumes the run
	if len(ds) > 0 || again.Bundle().Digest() != p.Bundle().Digest() {
		t.Fatal("a bundle that has been stored is another one", ds)
	}
	for _, p := range []*pipeline.Pipeline{p, again} {
		given, ds := eval.Inputs(p, nil)
		s := eval.NewScope(p, given)
		for name, want := range map[string]string{"var.sample": "sha256:voice/anna@1", "local.newest": "sha256:voice/anna@2", `asset("lora/ink")`: "sha256:lora/ink@1"} {
			got, found := s.Evaluate(name)
			raw, _ := sdk.Values{"x": got.Value}.MarshalJSON()
			if len(ds)+len(found) > 0 || !strings.Contains(string(raw), `"$artifact":"`+want) {
				t.Errorf("%s: %s, %v %v", name, raw, ds, found)
			}
		}
	}
}

func TestAssetMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ src, want string }{
		{`output "x" { value = asset("voice/ana") }`, "no asset voice/ana: there are lora/ink, voice/anna, voice/ben; did you mean \"voice/anna\"?"},
		{`output "x" { value = asset("voice/anna@7") }`, "no version 7 of asset voice/anna: its versions are 1, 2"},
		{`output "x" { value = asset("anna") }`, "\"anna\" names no asset"},
		{`output "x" { value = asset("voice/${run.user}") }`, "the argument of asset must be known when the pipeline is checked"},
		{`output "x" { value = asset("voice/ben") }`, "asset voice/ben@1 is somebody's voice, and no consent to its use is recorded: record who gave it: spinbot assets edit voice/ben@1"},
		{`output "x" { value = asset() }`, "asset"},
		{`output "x" { value = asset("lora/ink", 2) }`, "asset"},
		{"output \"x\" { value = asset(\"lora/ink\") }\nvariable \"y\" {\n  type = string\n  default = asset(\"lora/ink\")\n}", "default"},
	} {
		fsys := fstest.MapFS{"film.hcl": {Data: []byte("pipeline \"film\" {}\n" + c.src)}}
		_, ds := load.Load(fsys, "film.hcl", stocked(t))
		if len(ds) != 1 || !ds.HasErrors() || !strings.Contains(ds.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.src, ds, c.want)
		}
	}
}

// TestAssetCommercial asks for it in a module: what the whole run makes is meant.
func TestAssetCommercial(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{"film.hcl": {Data: []byte(assetFilm)}, "part.hcl": {Data: []byte(strings.Replace(assetPart, `{}`, `{ commercial = true }`, 1))}}
	_, ds := load.Load(fsys, "film.hcl", stocked(t))
	got := ds.Error()
	for _, want := range []string{"film.hcl:9:18: asset lora/ink@1 has licence CC-BY-NC-4.0, which forbids commercial use",
		"warning: part.hcl:3:42: nobody knows whether asset voice/anna@2 may be used commercially"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nwant %q", got, want)
		}
	}
	if strings.Contains(got, "voice/anna@1") {
		t.Error(got)
	}
}

// TestAssetsUnknown checks a pipeline where no library is at hand.
func TestAssetsUnknown(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{"film.hcl": {Data: []byte(assetFilm)}, "part.hcl": {Data: []byte(assetPart)}}
	p, ds := load.Load(fsys, "film.hcl", struct{ pipeline.Types }{types(t)})
	if len(ds) > 0 || len(p.AssetRefs()) != 4 || len(p.Assets()) != 0 {
		t.Fatal(ds, p.AssetRefs())
	}
}
