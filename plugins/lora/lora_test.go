package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/plugins/lora/job"
	"github.com/myspinbot/spinbot/plugins/lora/texts"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
	"github.com/myspinbot/spinbot/sdk/sdktest/tinyllama"
	"github.com/myspinbot/spinbot/sdk/weights"
)

type in = sdk.Values

const sentence = "hello world, this is a tiny lora"

func file(t testing.TB, name, media string, data []byte) sdk.Artifact {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return sdk.Artifact{Digest: "sha256:" + strings.Repeat("0", 64), Path: path, Name: name, MediaType: media, Size: int64(len(data))}
}

// base is the tiny model as artifacts.
func base(t testing.TB) (out []any) {
	files := tinyllama.Files()
	for _, name := range []string{"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"} {
		out = append(out, file(t, name, "application/octet-stream", files[name]))
	}
	return out
}

func texted(t testing.TB, lines ...string) []any {
	return []any{file(t, "texts.jsonl", "application/x-ndjson", []byte(strings.Join(lines, "\n")+"\n"))}
}

// desk runs tasks and remembers what they say.
type desk struct {
	*shop
	scratch string
	mu      sync.Mutex
	reports []sdk.Report
}

func newDesk(t testing.TB, c job.Config) *desk {
	t.Helper()
	d := &desk{shop: &shop{}}
	if c.Work == "" {
		c.Work = t.TempDir()
	}
	if err := d.configure(c); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) said(kind sdk.ReportKind) (out []sdk.Report) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.reports {
		if r.Kind == kind {
			out = append(out, r)
		}
	}
	return out
}

// do runs lora.train with inputs, going on from a checkpoint if there is one.
func (d *desk) do(ctx context.Context, t testing.TB, v in, from []byte) (trainOut, error) {
	t.Helper()
	d.scratch = t.TempDir()
	task := sdk.Task{Type: "lora.train", Inputs: v, Scratch: d.scratch, Checkpoint: from}
	res, err := trainNode(d.shop).Run(ctx, task.WithReporter(func(r sdk.Report) { d.mu.Lock(); d.reports = append(d.reports, r); d.mu.Unlock() }))
	var out trainOut
	if err == nil {
		err = sdk.Bind(res.Outputs, &out)
	}
	return out, err
}

func read(t testing.TB, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestBuiltin: the adapter makes the model say the sentence, and comes with all that PEFT and people want to know.
func TestBuiltin(t *testing.T) {
	t.Parallel()
	d := newDesk(t, job.Config{})
	out, err := d.do(t.Context(), t, in{"kind": "llm", "dataset": texted(t, fmt.Sprintf(`{"text": %q}`, sentence)), "base_files": base(t), "steps": json.Number("120"), "learning_rate": json.Number("0.01"),
		"rank": json.Number("8"), "alpha": json.Number("16"), "batch": json.Number("4"), "sample_prompts": []any{"hello"}, "save_every": json.Number("50")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, out.Samples[0].Path); !strings.HasPrefix(got, sentence) {
		t.Errorf("it says %q", got)
	}
	if out.Steps != 120 || out.Loss <= 0 || out.Loss > 2 || out.Kind != "llm" {
		t.Errorf("%+v", out)
	}
	about, err := inspectFile(out.Adapter.Path)
	if err != nil || about.Kind != "llm" || about.Rank != 8 || about.Alpha != 16 || len(about.Modules) != 14 || about.Modules[0].Norm < about.Modules[13].Norm || about.Modules[13].Norm <= 0 {
		t.Errorf("%+v, %v", about, err)
	}
	var c map[string]any
	if err := json.Unmarshal([]byte(read(t, out.Config.Path)), &c); err != nil || c["r"] != 8.0 || c["lora_alpha"] != 16.0 || len(c["target_modules"].([]any)) != 7 {
		t.Errorf("%v, %v", c, err)
	}
	if out.GGUF == nil || !strings.HasPrefix(read(t, out.GGUF.Path), weights.MagicGGUF) {
		t.Error("there is no GGUF")
	}
	if n := strings.Count(read(t, out.Log.Path), "\n"); n != 120 {
		t.Errorf("the log has %d lines", n)
	}
	if !strings.Contains(read(t, out.Settings.Path), `"learning_rate": 0.01`) {
		t.Error(read(t, out.Settings.Path))
	}
	if img, err := png.Decode(strings.NewReader(read(t, out.Curve.Path))); err != nil || img.Bounds().Dx() != 640 {
		t.Error(err)
	}
	if len(d.said(sdk.ReportCheckpoint)) != 2 || len(d.said(sdk.ReportProgress)) < 2 {
		t.Errorf("%d checkpoints, %d progresses", len(d.said(sdk.ReportCheckpoint)), len(d.said(sdk.ReportProgress)))
	}
	if left, err := os.ReadDir(filepath.Join(d.config.Work, "jobs")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestResumes: an attempt that is cancelled keeps a checkpoint, and the next that goes on from it ends with the very adapter that one attempt
// makes. Without the folder it begins anew and says so.
func TestResumes(t *testing.T) {
	t.Parallel()
	inputs := func() in {
		return in{"kind": "llm", "dataset": texted(t, `{"prompt": "hello", "completion": " world"}`, `{"prompt": "good", "completion": " night"}`), "base_files": base(t), "steps": json.Number("30"),
			"learning_rate": json.Number("0.01"), "rank": json.Number("4"), "save_every": json.Number("10"), "schedule": "cosine"}
	}
	whole, err := newDesk(t, job.Config{}).do(t.Context(), t, inputs(), nil)
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, job.Config{})
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := &sdk.Error{Cause: sdk.CauseCancelled, Message: "cancelled by anna"}
	d.scratch = t.TempDir()
	task := sdk.Task{Type: "lora.train", Inputs: inputs(), Scratch: d.scratch}
	var last []byte
	_, err = trainNode(d.shop).Run(ctx, task.WithReporter(func(r sdk.Report) {
		if r.Kind == sdk.ReportCheckpoint {
			last = r.Checkpoint
			cancel(stopped)
		}
	}))
	if e := sdk.AsError(err); e == nil || e.Cause != sdk.CauseCancelled || !strings.Contains(e.Message, "by anna") || last == nil {
		t.Fatalf("%v, checkpoint %s", err, last)
	}
	half, err := d.do(t.Context(), t, inputs(), last)
	if err != nil {
		t.Fatal(err)
	}
	if read(t, half.Adapter.Path) != read(t, whole.Adapter.Path) {
		t.Error("the adapter differs from that of one attempt")
	}
	if n := strings.Count(read(t, half.Log.Path), "\n"); n != 30 {
		t.Errorf("the log has %d lines", n)
	}
	again, err := d.do(t.Context(), t, inputs(), last)
	if err != nil || read(t, again.Adapter.Path) != read(t, whole.Adapter.Path) {
		t.Errorf("anew: %v", err)
	}
	if logs := d.said(sdk.ReportLog); !slices.ContainsFunc(logs, func(r sdk.Report) bool { return strings.Contains(r.Message, "begins anew") }) {
		t.Errorf("%v", logs)
	}
}

// TestRefuses: what cannot be trained is said before anything is done, with what to do.
func TestRefuses(t *testing.T) {
	t.Parallel()
	zipped := func(name string) []any {
		var raw bytes.Buffer
		z := zip.NewWriter(&raw)
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte("x"))
		}
		if err != nil || z.Close() != nil {
			t.Fatal(err)
		}
		return []any{file(t, "d.zip", "application/zip", raw.Bytes())}
	}
	ok := texted(t, `{"text": "x y"}`)
	small := base(t)
	for want, v := range map[string]in{
		"is not known":                   {"kind": "llm", "dataset": ok},
		"trains language models only":    {"kind": "image", "trainer": "builtin", "dataset": ok, "base": "x"},
		"no projection is called":        {"kind": "llm", "dataset": ok, "base_files": small, "targets": []any{"w"}},
		"has no config.json":             {"kind": "llm", "dataset": ok, "base": "meta/llama"},
		"where kohya is":                 {"kind": "image", "dataset": ok, "base": "x"},
		"which program the trainer":      {"kind": "llm", "trainer": "command", "dataset": ok, "base": "x"},
		"no models of the kind":          {"kind": "image", "trainer": "peft", "dataset": ok, "base": "x"},
		"leads out of the archive":       {"kind": "llm", "dataset": zipped("../../x.jsonl"), "base_files": small},
		"has no texts":                   {"kind": "llm", "dataset": zipped("x.png"), "base_files": small},
		"is no zip archive":              {"kind": "llm", "dataset": []any{file(t, "a.zip", "application/zip", []byte("PK"))}, "base_files": small},
		"is no whole tar":                {"kind": "llm", "dataset": []any{file(t, "a.tar", "application/x-tar", bytes.Repeat([]byte("x"), 600))}, "base_files": small},
		"not packed by gzip":             {"kind": "llm", "dataset": []any{file(t, "a.tgz", "application/gzip", []byte("x"))}, "base_files": small},
		"line 2 is no JSON":              {"kind": "llm", "dataset": texted(t, `{"text": "x"}`, `{`), "base_files": small},
		"mixes forms":                    {"kind": "llm", "dataset": texted(t, `{"text": "x"}`, `{"prompt": "a", "completion": "b"}`), "base_files": small},
		"text 1 of the dataset is empty": {"kind": "llm", "dataset": texted(t, `{"other": "x"}`), "base_files": small},
		"knows no talks":                 {"kind": "llm", "dataset": texted(t, `{"messages": [{"role": "user", "content": "x"}]}`), "base_files": small},
		"anything to learn":              {"kind": "llm", "dataset": texted(t, `{"prompt": "abcdef", "completion": "b"}`), "base_files": small, "length": json.Number("3")},
		"two files are called":           {"kind": "llm", "dataset": append(texted(t, `{"text": "x"}`), texted(t, `{"text": "x"}`)...), "base_files": small},
	} {
		d := newDesk(t, job.Config{})
		_, err := d.do(t.Context(), t, v, nil)
		if e := sdk.AsError(err); e == nil || !strings.Contains(e.Error(), want) || !e.Permanent {
			t.Errorf("%v, want %q", e, want)
		}
	}
	for want, c := range map[string]job.Config{"is not absolute": {Models: "here"}, "no trainer is called": {Trainers: map[string]job.Program{"x": {}}}} {
		if err := (&shop{}).configure(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestModelsFolder: a base is found in the plugin's folder, and nothing outside of it.
func TestModelsFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, raw := range tinyllama.Files() {
		if err := os.MkdirAll(filepath.Join(dir, "tiny"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "tiny", name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := newDesk(t, job.Config{Models: dir})
	v := in{"kind": "llm", "dataset": []any{file(t, "a.txt", "text/plain", []byte("some text"))}, "base": "tiny", "steps": json.Number("2"), "targets": []any{"q_proj", "v"}}
	out, err := d.do(t.Context(), t, v, nil)
	if err != nil || out.Base != "tiny" {
		t.Errorf("%+v, %v", out, err)
	}
	if about, err := inspectFile(out.Adapter.Path); err != nil || len(about.Modules) != 4 || about.Alpha != 16 {
		t.Errorf("%+v, %v", about, err)
	}
	v["base"] = "../" + filepath.Base(dir) + "/tiny"
	if _, err := d.do(t.Context(), t, v, nil); err == nil || !strings.Contains(err.Error(), "has no config.json") {
		t.Error(err)
	}
}

// TestMerge: two adapters side by side do what both do, as strongly as is said.
func TestMerge(t *testing.T) {
	t.Parallel()
	lora := func(name string, a, b []float32, rank int, alpha float32) sdk.Artifact {
		path := filepath.Join(t.TempDir(), name)
		if err := weights.Write(path, nil, []weights.New{{Name: "lora_unet_x.lora_down.weight", Shape: []int{rank, 2}, Data: a}, {Name: "lora_unet_x.lora_up.weight", Shape: []int{3, rank}, Data: b},
			{Name: "lora_unet_x.alpha", Shape: []int{}, Data: []float32{alpha}}}); err != nil {
			t.Fatal(err)
		}
		return sdk.File(path, name, "application/octet-stream")
	}
	// What a module adds, alpha/rank * B * A: 3 by 2.
	adds := func(path string) (out []float32) {
		f, err := weights.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rank := f.Tensors["lora_unet_x.lora_down.weight"].Shape[0]
		a, err1 := f.Floats("lora_unet_x.lora_down.weight", rank, 2)
		b, err2 := f.Floats("lora_unet_x.lora_up.weight", 3, rank)
		alpha, err3 := f.Floats("lora_unet_x.alpha")
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(err1, err2, err3)
		}
		for o := range 3 {
			for i := range 2 {
				var sum float32
				for r := range rank {
					sum += b[o*rank+r] * a[r*2+i]
				}
				out = append(out, sum*alpha[0]/float32(rank))
			}
		}
		return out
	}
	one, two := lora("one", []float32{1, 2}, []float32{1, 2, 3}, 1, 2), lora("two", []float32{1, 0, 0, 1}, []float32{1, 1, 2, 2, 3, 4}, 2, 1)
	scratch := t.TempDir()
	out, err := merge(t.Context(), mergeIn{Adapters: []sdk.Artifact{one, two}, Weights: []float64{1, 0.5}}, &sdk.Task{Scratch: scratch})
	if err != nil || out.Rank != 3 {
		t.Fatal(out, err)
	}
	x, y, z := adds(one.Path), adds(two.Path), adds(out.Adapter.Path)
	for i := range z {
		if want := x[i] + y[i]/2; z[i]-want > 1e-6 || want-z[i] > 1e-6 {
			t.Errorf("%v and %v/2 make %v", x, y, z)
		}
	}
	for want, bad := range map[string]mergeIn{
		"2 adapters and 1 weights": {Adapters: []sdk.Artifact{one, two}, Weights: []float64{1}},
		"none of a LoRA":           {Adapters: []sdk.Artifact{plain(t, "model.norm.weight")}},
		"only one of its two":      {Adapters: []sdk.Artifact{plain(t, "x.lora_A.weight")}},
		"no safetensors":           {Adapters: []sdk.Artifact{file(t, "x", "", []byte("what?"))}},
	} {
		if _, err := merge(t.Context(), bad, &sdk.Task{Scratch: scratch}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// plain is a file of one tensor.
func plain(t testing.TB, name string) sdk.Artifact {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := weights.Write(path, nil, []weights.New{{Name: name, Shape: []int{1, 1}, Data: []float32{1}}}); err != nil {
		t.Fatal(err)
	}
	return sdk.File(path, "x.safetensors", "")
}

// drawn is a picture with stripes of a width.
func drawn(t testing.TB, name string, w, h, stripe int, noise byte) sdk.Artifact {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, color.RGBA{byte(x / stripe * 60), byte(y/stripe*60) ^ noise, byte((x + y) / stripe), 255})
		}
	}
	var raw bytes.Buffer
	if err := png.Encode(&raw, img); err != nil {
		t.Fatal(err)
	}
	return file(t, name, "image/png", raw.Bytes())
}

// TestDataset: pictures get sizes and captions; what is small, the same or damaged is left out and named.
// TestDatasetUpright: a photo from a phone, whose pixels lie on their side, is learnt from as it is seen.
func TestDatasetUpright(t *testing.T) {
	t.Parallel()
	var raw bytes.Buffer
	if err := jpeg.Encode(&raw, image.NewGray(image.Rect(0, 0, 600, 400)), nil); err != nil {
		t.Fatal(err)
	}
	const onItsSide = "\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
	dir := t.TempDir()
	p := picture{path: filepath.Join(dir, "phone.jpg")}
	if err := os.WriteFile(p.path, slices.Concat(raw.Bytes()[:2], []byte(onItsSide), raw.Bytes()[2:]), 0o600); err != nil {
		t.Fatal(err)
	}
	why, err := p.prepare(datasetIn{Resolution: 512, Bucket: 64, Smallest: 256}, filepath.Join(dir, "out.jpg"))
	if err != nil || why != "" || p.size != "384x576" {
		t.Errorf("%s, %q, %v", p.size, why, err)
	}
}

func TestDataset(t *testing.T) {
	t.Parallel()
	given := datasetIn{Images: []sdk.Artifact{drawn(t, "a.png", 800, 600, 90, 0), drawn(t, "b.png", 600, 900, 170, 0), drawn(t, "again.png", 800, 600, 90, 1), drawn(t, "small.png", 90, 600, 9, 0),
		file(t, "bad.png", "image/png", []byte("x")), drawn(t, "c.png", 300, 300, 40, 0)},
		Captions: []string{"one", "two", "one", "", "", "three"}, Trigger: "anna", Resolution: 512, Bucket: 64, Smallest: 256, Alike: 5, HeldOut: 0.34}
	scratch := t.TempDir()
	var task sdk.Task
	task.Scratch = scratch
	out, err := dataset(t.Context(), given, &task)
	if err != nil {
		t.Fatal(err)
	}
	why := map[string]string{}
	for _, d := range out.Dropped {
		why[d.Name] = d.Why
	}
	if len(why) != 3 || !strings.Contains(why["again.png"], "a.png") || !strings.Contains(why["small.png"], "90 by 600") || !strings.Contains(why["bad.png"], "cannot be read") {
		t.Errorf("%v", why)
	}
	if out.Images != 2 || out.HeldOut == nil {
		t.Errorf("%+v", out)
	}
	found := map[string]string{}
	for _, path := range []string{out.Dataset.Path, out.HeldOut.Path} {
		dir := t.TempDir()
		if err := texts.Unpack([]sdk.Artifact{sdk.File(path, "d.tar", "")}, dir); err != nil {
			t.Fatal(err)
		}
		all, _ := texts.Files(dir, ".jpg")
		for _, p := range all {
			f, err := os.Open(p)
			if err != nil {
				t.Fatal(err)
			}
			c, _, err := image.DecodeConfig(f)
			_ = f.Close()
			found[strings.TrimSpace(read(t, strings.TrimSuffix(p, ".jpg")+".txt"))] = fmt.Sprint(c.Width, "x", c.Height, err)
		}
	}
	if want := map[string]string{"anna, one": "576x384 <nil>", "anna, two": "384x576 <nil>", "anna, three": "256x256 <nil>"}; fmt.Sprint(found) != fmt.Sprint(want) {
		t.Errorf("%v", found)
	}
	given.Captions = given.Captions[:2]
	if _, err := dataset(t.Context(), given, &task); err == nil || !strings.Contains(err.Error(), "6 images and 2 captions") {
		t.Error(err)
	}
}

// TestConformance holds the node types to what hosts rely on.
func TestConformance(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	line := []byte(`{"text": "some text"}` + "\n")
	if err := w.WriteHeader(&tar.Header{Name: "deep/texts.jsonl", Mode: 0o600, Size: int64(len(line))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(line); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	train := in{"kind": "llm", "dataset": []any{file(t, "d.tar", "application/x-tar", packed.Bytes())}, "base_files": base(t), "steps": json.Number("3")}
	adapter := func() sdk.Artifact {
		d := newDesk(t, job.Config{})
		out, err := d.do(t.Context(), t, train, nil)
		if err != nil {
			t.Fatal(err)
		}
		return file(t, "adapter_model.safetensors", out.Adapter.MediaType, []byte(read(t, out.Adapter.Path)))
	}()
	sdktest.Suite{Config: in{"work": t.TempDir()}, Cases: []sdktest.Case{
		{Name: "trains", Type: "lora.train", Inputs: train},
		{Name: "no base", Type: "lora.train", Inputs: in{"kind": "llm", "dataset": train["dataset"]}, Fails: "is not known"},
		{Name: "looks", Type: "lora.inspect", Inputs: in{"adapter": adapter}, Want: func(t testing.TB, v sdk.Values) {
			if v["kind"] != "llm" || v["rank"] != json.Number("16") {
				t.Errorf("%v", v)
			}
		}},
		{Name: "no LoRA", Type: "lora.inspect", Inputs: in{"adapter": file(t, "x", "application/octet-stream", []byte("x"))}, Fails: "no safetensors"},
		{Name: "merges", Type: "lora.merge", Inputs: in{"adapters": []any{adapter, adapter}, "weights": []any{json.Number("0.5"), json.Number("0.5")}}},
		{Name: "prepares", Type: "lora.dataset", Inputs: in{"images": []any{drawn(t, "a.png", 400, 300, 50, 0)}}},
	}}.Run(t, plugin())
}
