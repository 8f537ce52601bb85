package host

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

const spokenFilm = `pipeline "spoken" {}
variable "other" {
  type    = artifact
  default = asset("voice/anna@1")
}
output "voice" { value = asset("voice/anna") }
output "other" { value = var.other }
`

// problemOf is a problem's code, and all it says.
func problemOf(t *testing.T, err error) (code, text string) {
	t.Helper()
	var p *client.Problem
	if !errors.As(err, &p) {
		t.Errorf("no problem: %v", err)
		return "", ""
	}
	text = p.Detail + "; " + p.Fix
	for _, d := range p.Diagnostics {
		text += "; " + d.Summary + ": " + d.Detail
	}
	return p.Code, text
}

func refused(t *testing.T, err error, code, text string) {
	t.Helper()
	if got, said := problemOf(t, err); got != code || !strings.Contains(said, text) {
		t.Errorf("%s: %s; want %s: %s", got, said, code, text)
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	h := open(t)
	t.Cleanup(func() { stop(t, h) })
	c, ctx := h.Client(), t.Context()
	source := client.Source{Text: spokenFilm}
	upload := func(text string) sdk.Artifact {
		a, err := c.Upload(ctx, "anna.wav", "audio/wav", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	// Before there is any.
	_, err := c.Submit(ctx, client.Submission{Pipeline: source})
	refused(t, err, client.CodeInvalidPipeline, "no asset voice/anna: the library is empty")
	_, err = c.Asset(ctx, "voice", "anna")
	refused(t, err, client.CodeNotFound, "there is no asset voice/anna")
	_, err = c.AddAsset(ctx, "voice", "anna", client.NewAssetVersion{Artifact: sdk.Artifact{Digest: "sha256:" + strings.Repeat("0", 64)}})
	refused(t, err, client.CodeInvalidInput, "upload the file")

	first := upload("one")
	made, err := c.AddAsset(ctx, "voice", "anna", client.NewAssetVersion{Artifact: first, Note: "In the studio"})
	if err != nil || made.Count != 1 || !strings.Contains(made.Versions[0].Refused, "no consent") || made.Versions[0].Licence.Commercial != "unknown" {
		t.Fatalf("%+v %v", made, err)
	}
	checked, err := c.Check(ctx, source, "")
	if err != nil || checked.Valid || len(checked.Diagnostics) != 2 || checked.Diagnostics[0].Range.Start.Line != 4 {
		t.Errorf("%+v %v", checked, err)
	}
	_, err = c.Submit(ctx, client.Submission{Pipeline: source})
	refused(t, err, client.CodeInvalidPipeline, "asset voice/anna@1 is somebody's voice, and no consent to its use is recorded: record who gave it")
	_, err = c.EditAsset(ctx, "voice", "anna", 1, client.AssetEdit{Consent: &client.AssetConsent{By: "Anna", On: "today", For: "films"}})
	refused(t, err, client.CodeInvalidInput, "written like 2026-11-27")
	agreed := client.AssetEdit{Consent: &client.AssetConsent{By: "Anna", On: "2026-11-27", For: "films"}}
	made, err = c.EditAsset(ctx, "voice", "anna", 1, agreed)
	if v := made.Versions[0]; err != nil || v.Refused != "" || v.Note != "In the studio" || v.Consent.Recorded == nil {
		t.Fatalf("%+v %v", made, err)
	}
	r, err := c.Submit(ctx, client.Submission{Pipeline: source})
	if err != nil {
		t.Fatal(err)
	}
	voices := func(id string) (string, string) {
		t.Helper()
		until(t, c, id, ended)
		r, err := c.Run(ctx, id)
		if err != nil || r.State != "succeeded" {
			t.Fatalf("%+v %v", r, err)
		}
		return r.Outputs["voice"].(sdk.Artifact).Digest, r.Outputs["other"].(sdk.Artifact).Digest
	}
	if a, b := voices(r.ID); a != first.Digest || b != first.Digest {
		t.Error(a, b)
	}

	// A run that repeats another has its versions, whatever has become of the library.
	second := upload("two")
	if made, err = c.AddAsset(ctx, "voice", "anna", client.NewAssetVersion{Artifact: second, Consent: agreed.Consent, Licence: client.AssetLicence{ID: "CC-BY-NC-4.0", Commercial: "no"}}); err != nil || made.Count != 2 || made.Versions[0].Number != 2 {
		t.Fatalf("%+v %v", made, err)
	}
	again, err := c.Submit(ctx, client.Submission{Rerun: &client.Rerun{Of: r.ID}})
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := voices(again.ID); a != first.Digest {
		t.Error("the run that repeats another has a new version")
	}
	newer, err := c.Submit(ctx, client.Submission{Pipeline: source})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := voices(newer.ID); a != second.Digest || b != first.Digest {
		t.Error(a, b)
	}

	// What a person gives is looked up by its content.
	file := client.Source{Text: "pipeline \"any\" { commercial = true }\nvariable \"x\" { type = artifact }\n"}
	_, err = c.Plan(ctx, client.Submission{Pipeline: file, Inputs: sdk.Values{"x": second}})
	refused(t, err, client.CodeInvalidInput, "asset voice/anna@2 has licence CC-BY-NC-4.0, which forbids commercial use")
	if _, err = c.EditAsset(ctx, "voice", "anna", 1, client.AssetEdit{Withdraw: true}); err != nil {
		t.Fatal(err)
	}
	_, err = c.Submit(ctx, client.Submission{Pipeline: file, Inputs: sdk.Values{"x": first}})
	refused(t, err, client.CodeInvalidInput, "no consent")
	_, err = c.Submit(ctx, client.Submission{Rerun: &client.Rerun{Of: r.ID}})
	refused(t, err, client.CodeInvalidInput, "no consent")

	list, err := c.Assets(ctx, client.AssetQuery{Kind: "voice", Text: "CC-BY"})
	if err != nil || len(list.Assets) != 1 || list.Assets[0].Count != 2 || len(list.Assets[0].Versions) != 1 {
		t.Errorf("%+v %v", list, err)
	}
	if list, err = c.Assets(ctx, client.AssetQuery{Kind: "face"}); err != nil || len(list.Assets) != 0 {
		t.Errorf("%+v %v", list, err)
	}
	if made, err = c.RemoveAsset(ctx, "voice", "anna", 1); err != nil || made.Count != 1 {
		t.Errorf("%+v %v", made, err)
	}
	_, err = c.RemoveAsset(ctx, "voice", "anna", 1)
	refused(t, err, client.CodeNotFound, "asset voice/anna has no version 1")
	_, err = c.Submit(ctx, client.Submission{Pipeline: source})
	refused(t, err, client.CodeInvalidPipeline, "no version 1 of asset voice/anna: its versions are 2")
}

// TestAssetsOfAllHosts: hosts that share a store have one library, and a pipeline in a folder of one knows what another adds.
func TestAssetsOfAllHosts(t *testing.T) {
	t.Parallel()
	url, files, folder := pgtest.Database(t), t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "noir.hcl"), []byte("pipeline \"noir\" {}\noutput \"x\" { value = asset(\"style/noir\") }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	one, _ := shares(t, url, files)
	two, _ := shares(t, url, files, func(c *Config) { c.PipelineDirs = []string{folder} })
	noir := client.Submission{Pipeline: client.Source{Saved: "noir"}}
	_, err := two.Client().Submit(t.Context(), noir)
	refused(t, err, client.CodeInvalidPipeline, "no asset style/noir")
	a, err := one.Client().Upload(t.Context(), "noir.txt", "text/plain", strings.NewReader("hard light"))
	if err == nil {
		_, err = one.Client().AddAsset(t.Context(), "style", "noir", client.NewAssetVersion{Artifact: a})
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := two.Client().Submit(t.Context(), noir)
	if err != nil {
		t.Fatal(err)
	}
	until(t, two.Client(), r.ID, ended)
	if made, err := two.Client().AddAsset(t.Context(), "style", "noir", client.NewAssetVersion{Artifact: a}); err != nil || made.Count != 2 {
		t.Errorf("%+v %v", made, err)
	}
}

const keeps = `pipeline "keeps" {}
variable "file" { type = artifact }
variable "as" { type = string }
variable "by" {
  type    = string
  default = ""
}
variable "for" {
  type    = string
  default = ""
}
variable "note" {
  type    = string
  default = ""
}
node "asset.save" "it" {
  as          = var.as
  file        = var.file
  note        = var.note
  consent_by  = var.by
  consent_for = var.for
}
output "asset" { value = node.it.asset }
`

// TestSave: a run gives its artifact a name in the library; the same again is no new version, and what cannot be saved is refused in words.
func TestSave(t *testing.T) {
	t.Parallel()
	h := open(t)
	t.Cleanup(func() { stop(t, h) })
	c, ctx := h.Client(), t.Context()
	a, err := c.Upload(ctx, "anna.wav", "audio/wav", strings.NewReader("one"))
	if err != nil {
		t.Fatal(err)
	}
	save := func(as, by, what, note string) client.Run {
		t.Helper()
		r, err := c.Submit(ctx, client.Submission{Pipeline: client.Source{Text: keeps}, Inputs: sdk.Values{"file": a, "as": as, "by": by, "for": what, "note": note}})
		if err != nil {
			t.Fatal(err)
		}
		until(t, c, r.ID, ended)
		if r, err = c.Run(ctx, r.ID); err != nil {
			t.Fatal(err)
		}
		return r
	}
	for i, x := range []struct{ by, what, note, want string }{
		{"Anna", "films", "", "voice/anna@1"}, {"Anna", "films", "", "voice/anna@1"}, {"Anna", "films", "louder", "voice/anna@2"}, {"", "", "louder", "voice/anna@3"},
	} {
		if r := save("voice/anna", x.by, x.what, x.note); r.Outputs["asset"] != x.want {
			t.Errorf("%d: %+v %v, want %s", i, r.Outputs, r.Error, x.want)
		}
	}
	got, err := c.Asset(ctx, "voice", "anna")
	if err != nil || got.Count != 3 {
		t.Fatalf("%+v %v", got, err)
	}
	if v := got.Versions[2]; v.Consent == nil || v.Consent.By != "Anna" || v.Refused != "" || v.Artifact.Digest != a.Digest || v.Creator == "" {
		t.Errorf("%+v", v)
	}
	if !strings.Contains(got.Versions[0].Refused, "no consent") {
		t.Errorf("%+v", got.Versions[0])
	}
	for as, want := range map[string]string{"anna": "the kinds are", "voice/Anna": "small letters", "lora/a@2": "leave out what follows the @"} {
		if r := save(as, "", "", ""); r.State != "failed" || !strings.Contains(r.Error, want) {
			t.Errorf("%s: %s %s, want %q", as, r.State, r.Error, want)
		}
	}
	if r := save("voice/ben", "Ben", "", ""); r.State != "failed" || !strings.Contains(r.Error, "what for") {
		t.Errorf("%s %+v", r.State, r.Error)
	}
	if _, err := c.Asset(ctx, "voice", "ben"); err == nil {
		t.Error("what was refused is there")
	}
}
