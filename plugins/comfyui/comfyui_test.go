package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/plugins/comfyui/comfytest"
	"github.com/myspinbot/spinbot/plugins/comfyui/prompt"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
)

// saved is a workflow that needs no model: any ComfyUI runs it.
const saved = `{
  "1": {"class_type": "EmptyImage", "inputs": {"width": 32, "height": 16, "batch_size": 1, "color": 255}, "_meta": {"title": "Canvas"}},
  "2": {"class_type": "ImageScaleBy", "inputs": {"image": ["1", 0], "upscale_method": "lanczos", "scale_by": 2}},
  "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
  "4": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
}`

// drawn is one as a person saves it: its values have no names.
const drawn = `{"last_node_id": 2, "version": 0.4, "nodes": [
  {"id": 1, "type": "FakeCanvas", "title": "Canvas", "mode": 0, "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}], "widgets_values": [32, 16, 1]},
  {"id": 2, "type": "SaveImage", "mode": 0, "inputs": [{"name": "images", "type": "IMAGE", "link": 1}], "widgets_values": ["x"]}],
  "links": [[1, 1, 0, 2, 0, "IMAGE"]]}`

func graph(class string) string {
	return `{"7": {"class_type": "` + class + `", "inputs": {}, "_meta": {"title": "The node"}}}`
}

// TestClassNames: what a server has installed is told, and nothing where none runs.
func TestClassNames(t *testing.T) {
	t.Parallel()
	s := (&comfytest.Server{Key: "k", Lacks: func() []string { return []string{"FakeFilm"} }}).Start(t)
	of := func(c config) *server {
		x := &server{}
		if err := x.configure(c); err != nil {
			t.Fatal(err)
		}
		return x
	}
	names, err := of(config{URL: s.URL(), Headers: map[string]string{"Authorization": "k"}}).classNames(t.Context())
	if err != nil || !slices.IsSorted(names) || !slices.Contains(names, "SaveImage") || slices.Contains(names, "FakeFilm") {
		t.Errorf("%q, %v", names, err)
	}
	if _, err := of(config{URL: s.URL()}).classNames(t.Context()); err == nil || sdk.AsError(err).Hint == "" {
		t.Errorf("without its key: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.py"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if names, err := of(config{URL: s.URL(), Managed: true, Folder: dir, Data: dir, StartTimeout: time.Minute}).classNames(t.Context()); names != nil || err != nil {
		t.Errorf("one that is not started: %q, %v", names, err)
	}
}

// TestVersions: of node packs those are told whose classes the workflow uses.
func TestVersions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		packs map[string]string
		class string
		want  string
	}{
		"a Manager tells":  {map[string]string{"fake-pack": "1.4.2", "another": "7"}, "FakeFilm", "1.4.2"},
		"no Manager":       {nil, "FakeFilm", untold},
		"it does not know": {map[string]string{"another": "7"}, "FakeFilm", untold},
		"no pack is used":  {map[string]string{"fake-pack": "1.4.2"}, "SaveImage", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := (&comfytest.Server{Packs: c.packs}).Start(t)
			p := &server{}
			if err := p.configure(config{URL: s.URL()}); err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			told := map[string]string{}
			task := (&sdk.Task{Scratch: t.TempDir()}).WithReporter(func(r sdk.Report) {
				mu.Lock()
				defer mu.Unlock()
				if r.Usage != nil {
					told = r.Usage.Versions
				}
			})
			flow := prompt.Prompt{"1": node("EmptyImage", map[string]any{"width": 8, "height": 8, "batch_size": 1}), "2": node("SaveImage", map[string]any{"images": from("1", 0), "filename_prefix": "x"})}
			if c.class != "SaveImage" {
				flow["3"] = node(c.class, map[string]any{})
			}
			out, err := p.make(t.Context(), p.outside, task, flow, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if told["comfyui"] != "0.38.1" || told["fake-pack"] != c.want || told["another"] != "" || !maps.Equal(told, out.Versions) {
				t.Errorf("told %v, gave %v", told, out.Versions)
			}
		})
	}
}

// TestHolds: what the server holds is told, whoever loaded it, and given up by the name that it was told by.
func TestHolds(t *testing.T) {
	t.Parallel()
	s := (&comfytest.Server{Checkpoints: []string{"a.safetensors"}, Size: 6 << 30}).Start(t)
	p := &server{}
	if err := p.configure(config{URL: s.URL()}); err != nil {
		t.Fatal(err)
	}
	holds := func(want ...sdk.Model) {
		t.Helper()
		got, err := p.resident(t.Context())
		if err != nil || !slices.EqualFunc(got, want, func(a, b sdk.Model) bool { return a.Name == b.Name && a.Memory == b.Memory && a.InUse == b.InUse }) {
			t.Errorf("it holds %+v (%v), want %+v", got, err, want)
		}
	}
	holds()
	load := prompt.Prompt{"1": node("CheckpointLoaderSimple", map[string]any{"ckpt_name": "a.safetensors"})}
	if err := p.outside.Ask(t.Context(), "POST", "/prompt", nil, map[string]any{"prompt": load}, nil); err != nil {
		t.Fatal(err)
	}
	until(t, "it works", func() bool { n, err := p.waiting(t.Context(), p.outside); return err == nil && n == 0 })
	holds(sdk.Model{Name: unnamed, Memory: 6 << 30})
	if err := p.unload(t.Context(), unnamed); err != nil {
		t.Error(err)
	}
	holds()
	load["2"] = node("SaveImage", map[string]any{"images": from("3", 0), "filename_prefix": "x"})
	load["3"] = node("EmptyImage", map[string]any{"width": 8, "height": 8, "batch_size": 1})
	if _, err := p.make(t.Context(), p.outside, &sdk.Task{Scratch: t.TempDir()}, load, nil, nil); err != nil {
		t.Fatal(err)
	}
	until(t, "it works", func() bool { n, err := p.waiting(t.Context(), p.outside); return err == nil && n == 0 })
	holds(sdk.Model{Name: "a.safetensors", Memory: 6 << 30})
	if err := p.unload(t.Context(), "another"); err != nil {
		t.Error(err)
	}
	holds(sdk.Model{Name: "a.safetensors", Memory: 6 << 30})
	if err := p.unload(t.Context(), "a.safetensors"); err != nil {
		t.Error(err)
	}
	holds()
	if err := p.configure(config{URL: "http://127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
	if got, err := p.resident(t.Context()); err == nil {
		t.Errorf("a server that is down holds %v", got)
	}
}

// picture is a PNG of a size in a file.
func picture(t testing.TB, name string, raw string) sdk.Artifact {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	return sdk.File(path, name, "image/png")
}

const dot = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\x0cIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\xa75\x81\x84\x00\x00\x00\x00IEND\xaeB`\x82"

// sized wants pictures of a size.
func sized(n, w, h int) func(testing.TB, sdk.Values) {
	return func(t testing.TB, v sdk.Values) {
		images, _ := v["images"].([]any)
		if one, ok := v["image"]; ok {
			images = []any{one}
		}
		if len(images) != n {
			t.Fatalf("%d pictures, want %d: %v", len(images), n, v)
		}
		for _, x := range images {
			raw, err := os.ReadFile(x.(sdk.Artifact).Path)
			if err != nil {
				t.Fatal(err)
			}
			c, err := png.DecodeConfig(bytes.NewReader(raw))
			if err != nil || c.Width != w || c.Height != h {
				t.Errorf("%dx%d, %v, want %dx%d", c.Width, c.Height, err, w, h)
			}
		}
	}
}

func cases(t testing.TB) []sdktest.Case {
	type in = sdk.Values
	flow := func(name, text string, more in, fails string, want func(testing.TB, sdk.Values)) sdktest.Case {
		v := in{"workflow": text}
		for k, x := range more {
			v[k] = x
		}
		return sdktest.Case{Name: name, Type: "comfyui.workflow", Inputs: v, Fails: fails, Want: want}
	}
	set := func(key string, value any) in { return in{"inputs": map[string]any{key: value}} }
	return []sdktest.Case{
		flow("saved, not previewed", saved, nil, "", sized(1, 64, 32)),
		flow("by id", saved, set("1.width", 8), "", sized(1, 16, 32)),
		flow("by title", saved, set("Canvas.width", 8), "", sized(1, 16, 32)),
		flow("by class", saved, set("EmptyImage.width", 8), "", sized(1, 16, 32)),
		flow("a batch", saved, set("Canvas.batch_size", 3), "", sized(3, 64, 32)),
		flow("wrapped", `{"prompt": `+saved+`, "client_id": "x"}`, nil, "", sized(1, 64, 32)),
		flow("a file", `{"1": {"class_type": "LoadImage", "inputs": {}}, "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}}`,
			in{"files": map[string]any{"LoadImage.image": picture(t, "dot.png", dot)}}, "", sized(1, 1, 1)),
		flow("a mask, a sound, a film", `{"1": {"class_type": "FakeUploads", "inputs": {}}}`, in{"files": map[string]any{"1.image": picture(t, "dot.png", dot),
			"1.mask": picture(t, "mask.png", dot+"m"), "1.audio": picture(t, "a.wav", "RIFF"), "1.video": picture(t, "a.mp4", "ftyp")}}, "", func(t testing.TB, v sdk.Values) {
			if text, _ := v["text"].(map[string]any); text["1"] != "audio 4 .wav\nimage 69 .png\nmask 70 .png\nvideo 4 .mp4" {
				t.Errorf("%v", text)
			}
		}),
		flow("drawn", drawn, nil, "", sized(1, 32, 16)),
		flow("drawn, by title", drawn, set("Canvas.height", 8), "", sized(1, 32, 8)),
		flow("drawn, with a class that is missing", strings.Replace(drawn, "FakeCanvas", "WanCanvas", 1), nil, "lacks the node classes WanCanvas", nil),
		flow("drawn, with values of another version", strings.Replace(drawn, "[32, 16, 1]", "[32, 16, 1, 5]", 1), nil, "FakeCanvas (node 1): there are more values", nil),
		flow("films, sounds, text", graph("FakeFilm"), nil, "", func(t testing.TB, v sdk.Values) {
			var out results
			if err := sdk.Bind(v, &out); err != nil {
				t.Fatal(err)
			}
			if len(out.Videos) != 1 || len(out.Audio) != 1 || len(out.Files) != 1 || out.Text["7"] != "not a list\none\ntwo" || out.Versions["comfyui"] == "" {
				t.Errorf("%+v", out)
			}
			if len(out.Saved) != 3 || out.Videos[0].MediaType != "video/mp4" {
				t.Fatalf("%+v", out)
			}
			if s := out.Saved[1]; s.In != "videos" || s.Index != 0 || s.Name != "a.mp4" || s.Node != "7" || s.Kind != "gifs" || s.Title != "The node (node 7, FakeFilm)" || len(s.About) != 1 || s.About["frame_rate"] != json.Number("24") {
				t.Errorf("%+v", s)
			}
		}),
		flow("no JSON", "what?", nil, "it is not JSON", nil),
		flow("a drawing of nothing", `{"nodes": [], "links": []}`, nil, "no node that runs", nil),
		flow("no class", `{"1": {"inputs": {}}}`, nil, "not a ComfyUI workflow", nil),
		flow("empty", `{}`, nil, "an empty JSON object", nil),
		flow("nothing out", `{"1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1}}}`, nil, "gives anything out", nil),
		flow("gave nothing", graph("FakeSilent"), nil, "gave nothing out", nil),
		flow("no such node", saved, set("Painter.width", 8), `has no node "Painter"`, nil),
		flow("no input named", saved, set("width", 8), "names no input", nil),
		flow("ambiguous", strings.Replace(saved, "PreviewImage", "SaveImage", 1), set("SaveImage.filename_prefix", "y"), `2 nodes of the workflow are called "SaveImage"`, nil),
		flow("missing pack", graph("WanVideoSampler"), nil, "lacks the node classes WanVideoSampler", nil),
		flow("missing model", `{"1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "flux.safetensors"}}, "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}`,
			nil, `ckpt_name is "flux.safetensors", which is none of base.safetensors`, nil),
		flow("too large", saved, set("1.width", 99999), "width is 99999; it takes 1 to 16384", nil),
		flow("no number", saved, set("1.width", "wide"), "has to be a number", nil),
		flow("missing input", `{"1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8}}, "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}`,
			nil, "batch_size is missing", nil),
		flow("missing node", `{"2": {"class_type": "PreviewImage", "inputs": {"images": ["9", 0]}}}`, nil, `comes from node "9"`, nil),
		flow("set to a missing node", saved, set("3.images", []any{"9", 0}), "images comes from node 9, which is not there", nil),
		flow("inputs that grow", `{"1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1}}, "2": {"class_type": "FakeGroup", "inputs": {"images.image0": ["1", 0]}}}`,
			set("FakeGroup.images.image1", []any{"1", 0}), "", func(t testing.TB, v sdk.Values) {
				if text, _ := v["text"].(map[string]any); text["2"] != "images.image0 0 \nimages.image1 0 " {
					t.Errorf("%v", text)
				}
			}),
		flow("a film that is not there", `{"1": {"class_type": "FakeUploads", "inputs": {}}}`, set("1.video", "none.mp4"), `video is "none.mp4", which is none of old.mp4`, nil),
		flow("no node with an input that grows", saved, set("Painter.images.image1", 8), `has no node "Painter.images"`, nil),
		flow("no workflow", "", nil, "one of workflow and workflow_file", nil),
		flow("two workflows", saved, in{"workflow_file": picture(t, "dot.png", dot)}, "one of workflow and workflow_file", nil),
		flow("a model among the files", saved, in{"files": map[string]any{"1.lora_name": picture(t, "dot.png", dot)}}, "is a model file", nil),
		flow("refused", graph("FakeRefused"), nil, "The node (node 7, FakeRefused): Custom validation failed: never", nil),
		flow("failed", graph("FakeFail"), nil, "The node (node 7, FakeFail) failed: mat1 and mat2", nil),
		flow("out of memory", graph("FakeOOM"), nil, "CUDA out of memory", nil),
		{Name: "text to picture", Type: "comfyui.txt2img", Inputs: in{"prompt": "x", "width": 64, "height": 32, "count": 2, "seed": json.Number("18446744073709551615"), "steps": 3}, Want: func(t testing.TB, v sdk.Values) {
			sized(2, 64, 32)(t, v)
			if v["checkpoint"] != "base.safetensors" || v["seed"] != json.Number("18446744073709551615") {
				t.Errorf("%v", v)
			}
		}},
		{Name: "no seed", Type: "comfyui.txt2img", Inputs: in{"prompt": "x", "seed": json.Number("-1")}, Fails: "seed is -1"},
		{Name: "no sampler", Type: "comfyui.txt2img", Inputs: in{"prompt": "x", "sampler": "magic"}, Fails: "none of euler, dpmpp_2m"},
		{Name: "no lora", Type: "comfyui.txt2img", Inputs: in{"prompt": "x", "lora": "anna.safetensors"}, Fails: "it has none"},
		{Name: "picture to picture", Type: "comfyui.img2img", Inputs: in{"image": picture(t, "dot.png", dot), "prompt": "x"}, Want: sized(1, 1, 1)},
		{Name: "upscale", Type: "comfyui.upscale", Inputs: in{"image": picture(t, "dot.png", dot), "factor": 4}, Want: sized(1, 4, 4)},
		{Name: "models", Type: "comfyui.models", Inputs: in{}, Want: func(t testing.TB, v sdk.Values) {
			if m, _ := v["models"].(map[string]any); len(m) != 2 || len(m["checkpoints"].([]any)) != 1 {
				t.Errorf("%v", v)
			}
		}},
		{Name: "no models", Type: "comfyui.models", Inputs: in{"folder": "none"}, Fails: "404"},
		{Name: "system", Type: "comfyui.system", Inputs: in{}, Want: func(t testing.TB, v sdk.Values) {
			if d, _ := v["devices"].([]any); len(d) != 1 || v["waiting"] == nil {
				t.Errorf("%v", v)
			}
		}},
	}
}

// TestPlugin: everything, on a newer and an older server, one of which the routes under /api are seen, one behind a proxy with a key, one without
// sockets, one whose sockets break, and one that computes in RAM.
func TestPlugin(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*comfytest.Server{"new": {}, "old": {Old: true}, "api": {}, "key": {Key: "Bearer x"}, "deaf": {Deaf: true}, "drops": {Drops: 3}, "ram": {RAM: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.Checkpoints = []string{"base.safetensors"}
			s.Start(t)
			c := sdk.Values{"url": s.URL()}
			if name == "api" { // the routes' twins only
				c["url"] = s.URL() + "/api/"
				s.Meddle = func(w http.ResponseWriter, r *http.Request) bool {
					if strings.HasPrefix(r.URL.Path, "/api/") && !strings.HasPrefix(r.URL.Path, "/api/api/") {
						return false
					}
					http.NotFound(w, r)
					return true
				}
			}
			if s.Key != "" {
				c["headers"] = map[string]any{"Authorization": s.Key}
			}
			sdktest.Suite{Config: c, Cases: cases(t)}.Run(t, plugin(&server{}))
			if s.Freed() == 0 {
				t.Error("its memory was never freed")
			}
		})
	}
}

// TestReal runs what needs no model on a real server: COMFYUI_URL says where.
func TestReal(t *testing.T) {
	url := os.Getenv("COMFYUI_URL")
	if url == "" {
		t.Skip("COMFYUI_URL is not set")
	}
	all := cases(t)
	sdktest.Suite{Config: sdk.Values{"url": url}, Cases: []sdktest.Case{all[0], all[1], all[4], all[6], all[13], all[15]}}.Run(t, plugin(&server{}))
}

// rig runs tasks by hand.
type rig struct {
	*server
	mu      sync.Mutex
	reports []sdk.Report
}

func newRig(t *testing.T, url string) *rig {
	t.Helper()
	return newManaged(t, config{URL: url})
}

func newManaged(t *testing.T, c config) *rig {
	t.Helper()
	r := &rig{server: &server{}}
	if err := r.configure(c); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) task(t *testing.T, checkpoint string) *sdk.Task {
	task := sdk.Task{Address: sdk.Address{Run: "run_1", Node: sdk.Step{Kind: "node", Name: "shot"}}, Scratch: t.TempDir(), Checkpoint: []byte(checkpoint)}
	return task.WithReporter(func(rep sdk.Report) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.reports = append(r.reports, rep)
	})
}

// last gives the text of the last report of a kind.
func (r *rig) last(kind sdk.ReportKind) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rep := range slices.Backward(r.reports) {
		if rep.Kind == kind {
			return cmp.Or(rep.Message, string(rep.Checkpoint))
		}
	}
	return ""
}

func (r *rig) checkpoint() string { return r.last(sdk.ReportCheckpoint) }

// until waits until something holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestCancel: the prompt that is cancelled goes, waiting or running, and no other.
func TestCancel(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		s := (&comfytest.Server{Old: old}).Start(t)
		first, second := newRig(t, s.URL()), newRig(t, s.URL())
		begin := func(r *rig) (context.CancelFunc, chan error) {
			ctx, cancel := context.WithCancel(t.Context())
			got := make(chan error, 1)
			go func() {
				_, err := r.workflow(ctx, workflowIn{Workflow: graph("FakeWait")}, r.task(t, ""))
				got <- err
			}()
			return cancel, got
		}
		cancelFirst, firstErr := begin(first)
		until(t, "the first runs", func() bool { runs, _ := s.Runs(); return runs })
		cancelSecond, secondErr := begin(second)
		until(t, "the second waits", func() bool { _, waits := s.Runs(); return waits == 1 })
		cancelSecond()
		if err := <-secondErr; !errors.Is(err, context.Canceled) {
			t.Errorf("the second: %v", err)
		}
		if runs, waits := s.Runs(); !runs || waits != 0 {
			t.Errorf("after the second is cancelled, running: %t, waiting: %d", runs, waits)
		}
		if len(firstErr) != 0 {
			t.Error("the first ended, too")
		}
		cancelFirst()
		if err := <-firstErr; !errors.Is(err, context.Canceled) {
			t.Errorf("the first: %v", err)
		}
		until(t, "nothing runs", func() bool { runs, _ := s.Runs(); return !runs })
	}
}

// TestCancelUnheard: a prompt whose id was never heard is cancelled, too.
func TestCancelUnheard(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		s := (&comfytest.Server{Old: old, Mute: true}).Start(t)
		r := newRig(t, s.URL())
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan error, 1)
		go func() {
			_, err := r.workflow(ctx, workflowIn{Workflow: graph("FakeWait")}, r.task(t, ""))
			got <- err
		}()
		until(t, "it runs", func() bool { runs, _ := s.Runs(); return runs })
		cancel()
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		until(t, "nothing runs", func() bool { runs, _ := s.Runs(); return !runs })
	}
}

// TestTakenUp: an attempt after one whose process died finds its prompt, running or done, and does not queue it again.
func TestTakenUp(t *testing.T) {
	t.Parallel()
	var looks atomic.Int32
	s := (&comfytest.Server{Meddle: func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/queue" {
			looks.Add(1)
		}
		return false
	}}).Start(t)
	before := newRig(t, s.URL())
	ctx, die := context.WithCancelCause(t.Context())
	p, err := prompt.Read([]byte(`{"7": {"class_type": "FakeWait", "inputs": {}}, "8": {"class_type": "FakeFilm", "inputs": {}}}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{s: before.server, c: before.outside, t: before.task(t, ""), p: p, client: "c", looks: previews{}}
	if err := r.queue(ctx); err != nil {
		t.Fatal(err)
	}
	die(nil) // and tells nobody
	until(t, "it runs", func() bool { runs, _ := s.Runs(); return runs })
	after := newRig(t, s.URL())
	got := make(chan error, 1)
	go func() {
		e, err := after.perform(t.Context(), after.outside, after.task(t, before.checkpoint()), p)
		if err == nil && len(e.Outputs) == 0 {
			err = context.Canceled
		}
		got <- err
	}()
	until(t, "it has looked twice, begun to listen, and looked again", func() bool { return looks.Load() == 3 })
	s.Go()
	if err := <-got; err != nil || s.Posted() != 1 {
		t.Errorf("%v, %d prompts", err, s.Posted())
	}
	if after.last(sdk.ReportProgress) == "" {
		t.Error("its progress was not shown")
	}
	again := newRig(t, s.URL())
	if e, err := again.perform(t.Context(), again.outside, again.task(t, before.checkpoint()), p); err != nil || len(e.Outputs) == 0 || s.Posted() != 1 {
		t.Errorf("once it is done: %v, %d prompts", err, s.Posted())
	}
}

// TestAnew: what failed, or was asked for otherwise, is not taken up by the attempt after it.
func TestAnew(t *testing.T) {
	t.Parallel()
	s := (&comfytest.Server{}).Start(t)
	r := newRig(t, s.URL())
	if _, err := r.workflow(t.Context(), workflowIn{Workflow: graph("FakeFail")}, r.task(t, "")); err == nil {
		t.Fatal("it did not fail")
	}
	if _, err := r.workflow(t.Context(), workflowIn{Workflow: graph("FakeFail")}, r.task(t, r.checkpoint())); err == nil || s.Posted() != 2 {
		t.Errorf("%v, %d prompts", err, s.Posted())
	}
	if out, err := r.workflow(t.Context(), workflowIn{Workflow: saved}, r.task(t, r.checkpoint())); err != nil || len(out.Images) != 1 || s.Posted() != 3 {
		t.Errorf("%v, %d prompts", err, s.Posted())
	}
	smaller := workflowIn{Workflow: saved, Inputs: map[string]any{"Canvas.width": json.Number("8")}}
	if _, err := r.workflow(t.Context(), smaller, r.task(t, r.checkpoint())); err != nil || s.Posted() != 4 {
		t.Errorf("%v, %d prompts", err, s.Posted())
	}
	if _, err := r.workflow(t.Context(), smaller, r.task(t, r.checkpoint())); err != nil || s.Posted() != 4 {
		t.Errorf("what has gone well is not taken up: %v, %d prompts", err, s.Posted())
	}
	ctx, die := context.WithCancel(t.Context())
	p, err := prompt.Read([]byte(graph("FakeWait")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&run{s: r.server, c: r.outside, t: r.task(t, ""), p: p, client: "c"}).queue(ctx); err != nil {
		t.Fatal(err)
	}
	die() // and tells nobody
	if _, err := r.workflow(t.Context(), smaller, r.task(t, r.checkpoint())); err != nil || s.Posted() != 6 {
		t.Errorf("one that runs, and is another, stands in the way: %v, %d prompts", err, s.Posted())
	}
}

// TestLost: a server that was started again has lost the prompt, and the attempt says so.
func TestLost(t *testing.T) {
	t.Parallel()
	s := (&comfytest.Server{Deaf: true}).Start(t)
	r := newRig(t, s.URL())
	got := make(chan error, 1)
	go func() {
		_, err := r.workflow(t.Context(), workflowIn{Workflow: graph("FakeWait")}, r.task(t, ""))
		got <- err
	}()
	until(t, "it runs", func() bool { runs, _ := s.Runs(); return runs })
	s.Forget()
	s.Go()
	if err := <-got; err == nil || !strings.Contains(err.Error(), "lost the prompt") {
		t.Error(err)
	}
}

// blank is a small picture to begin with.
func blank(p prompt.Prompt) []any {
	p["latent"] = node("EmptyLatentImage", map[string]any{"width": 8, "height": 8, "batch_size": 1})
	return from("latent", 0)
}

// TestReports: what a person sees meanwhile; older servers send pictures that are not described.
func TestReports(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		t.Run(fmt.Sprint("old ", old), func(t *testing.T) { t.Parallel(); reports(t, old) })
	}
}

func reports(t *testing.T, old bool) {
	s := (&comfytest.Server{Old: old, Checkpoints: []string{"base.safetensors"}}).Start(t)
	r := newRig(t, s.URL())
	task := r.task(t, "")
	_, err := r.sample(t.Context(), task, sampling{Prompt: "x", Steps: 4, CFG: 7, Sampler: "euler", Scheduler: "normal"}, nil, 1, blank)
	if err != nil {
		t.Fatal(err)
	}
	var steps, looks int
	last := -1.0
	for _, rep := range r.reports {
		switch rep.Kind {
		case sdk.ReportProgress:
			if rep.Fraction < last {
				t.Errorf("progress went back from %v to %v", last, rep.Fraction)
			}
			last = rep.Fraction
			if strings.Contains(rep.Message, "of 4") {
				steps++
			}
		case sdk.ReportPreview:
			raw, err := os.ReadFile(rep.Preview.Path)
			if _, perr := png.DecodeConfig(bytes.NewReader(raw)); err != nil || perr != nil {
				t.Error(err, perr)
			}
			looks++
		}
	}
	if steps != 4 || looks != 1 || r.checkpoint() == "" {
		t.Errorf("%d steps, %d previews", steps, looks)
	}
}

// TestDown: what is wrong with a server is said in words.
func TestDown(t *testing.T) {
	t.Parallel()
	locked := (&comfytest.Server{Key: "Bearer x"}).Start(t)
	for url, want := range map[string]string{
		"http://127.0.0.1:1": "cannot be reached", locked.URL(): "wants a sign-in", "http://no.such.machine.invalid": "",
	} {
		r := newRig(t, url)
		_, err := r.workflow(t.Context(), workflowIn{Workflow: saved}, r.task(t, ""))
		if e := sdk.AsError(err); err == nil || !strings.Contains(e.Message+e.Hint, want) || e.Hint == "" {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
	for _, url := range []string{"", "127.0.0.1:8188", "ftp://x"} {
		if err := (&server{}).configure(config{URL: url}); err == nil {
			t.Errorf("%q was taken", url)
		}
	}
	if err := (&server{}).configure(config{URL: "http://x", Headers: map[string]string{"origin": "x"}}); err == nil {
		t.Error("an Origin header was taken")
	}
}
