package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/cmd/soak/house"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// order is one run to be made: how, what a person does meanwhile, and what is to come of it.
type order struct {
	kind string
	name string // no other order has it
	sub  client.Submission
	// send makes the run where it is not submitted.
	send func(ctx context.Context) (id string, err error)
	// during is what a person does while it goes on; an error is no fault of the house.
	during func(ctx context.Context, id string) error
	want   string // the state in which it is to end
	cause  string // what its error is to contain, if it is to fail
	check  func(ctx context.Context, r client.Run) error
	effect bool // its name is in the file of effects once
}

// kinds are all that runs can be. Those that take long, or take a plugin's process with them, are seldom.
var kinds = []struct {
	name   string
	weight int
	make   func(ctx context.Context, w *worker, o *order) error
}{
	{"control", 20, func(_ context.Context, _ *worker, o *order) error {
		o.submit(source("control"), sdk.Values{"who": o.name}).gives("text", "hello "+o.name+"!")
		return nil
	}},
	{"plugin", 20, func(_ context.Context, _ *worker, o *order) error {
		o.submit(source("plugin"), sdk.Values{"it": o.name}).gives("it", o.name)
		return nil
	}},
	{"fan", 6, makeFan},
	{"effect", 12, func(_ context.Context, w *worker, o *order) error {
		o.submit(source("effect"), sdk.Values{"file": w.effects(), "line": o.name}).gives("line", o.name)
		o.effect = true
		return nil
	}},
	{"write", 8, func(_ context.Context, w *worker, o *order) error { return makeWrite(w, o, o.name, 1+w.r.IntN(100)) }},
	{"big", 2, func(_ context.Context, w *worker, o *order) error {
		return makeWrite(w, o, strings.Repeat(o.name, 500), 100+w.r.IntN(400))
	}},
	{"upload", 6, makeUpload},
	{"render", 4, makeRender},
	{"gate", 6, makeGate},
	{"timeout", 2, func(_ context.Context, _ *worker, o *order) error {
		o.submit(source("timeout"), nil).fails("")
		return nil
	}},
	{"fail", 4, func(_ context.Context, _ *worker, o *order) error {
		o.submit(source("fail"), nil).fails("as it was told")
		return nil
	}},
	{"hang", 1, func(_ context.Context, _ *worker, o *order) error {
		o.submit(source("hang"), nil).fails("")
		return nil
	}},
	{"crash", 1, func(_ context.Context, _ *worker, o *order) error {
		o.submit(source("crash"), nil).fails("")
		return nil
	}},
	{"degrade", 4, func(_ context.Context, w *worker, o *order) error {
		o.submit(source("degrade"), sdk.Values{"vram": w.path("vram")}).gives("devices", json.Number("1"))
		return nil
	}},
	{"cancel", 5, makeCancel},
	{"pause", 4, makePause},
	{"cache", 6, func(_ context.Context, w *worker, o *order) error {
		text := fmt.Sprint("kept ", w.r.IntN(4))
		o.submit(source("cache"), sdk.Values{"it": text}).givesFile(w, "file", sumOf(text))
		return nil
	}},
	{"module", 4, func(_ context.Context, _ *worker, o *order) error {
		o.submit(source("module"), sdk.Values{"who": o.name}).gives("text", "part of "+o.name)
		o.sub.Pipeline.Files = map[string][]byte{"part.hcl": []byte(source("part"))}
		return nil
	}},
	{"asset", 3, makeAsset},
	{"webhook", 5, makeWebhook},
}

// pick draws a kind by its weight.
func pick(r *rand.Rand) int {
	sum := 0
	for _, k := range kinds {
		sum += k.weight
	}
	n := r.IntN(sum)
	for i, k := range kinds {
		if n -= k.weight; n < 0 {
			return i
		}
	}
	return 0
}

// submit has the order be a pipeline with inputs, that ends well.
func (o *order) submit(text string, inputs sdk.Values) *order {
	o.sub = client.Submission{Pipeline: client.Source{Name: o.kind + ".hcl", Text: text}, Inputs: inputs}
	o.want = "succeeded"
	return o
}

func (o *order) fails(cause string) { o.want, o.cause = "failed", cause }

// gives has an output be a value.
func (o *order) gives(output string, want any) *order {
	o.check = func(_ context.Context, r client.Run) error {
		if got := r.Outputs[output]; fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("output %s is %v, not %v", output, got, want)
		}
		return nil
	}
	return o
}

// givesFile has an output be an artifact of a digest, whose bytes are there; no digest: of whichever it says.
func (o *order) givesFile(w *worker, output, digest string) {
	o.check = func(ctx context.Context, r client.Run) error {
		a, ok := r.Outputs[output].(sdk.Artifact)
		if !ok || digest != "" && a.Digest != digest {
			return fmt.Errorf("output %s is %v, not the artifact %s", output, r.Outputs[output], digest)
		}
		return w.verify(ctx, a)
	}
}

func sumOf(text string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text))) }

func makeFan(_ context.Context, w *worker, o *order) error {
	n := 2 + w.r.IntN(30)
	o.submit(source("fan"), sdk.Values{"n": json.Number(fmt.Sprint(n))})
	var want []any
	for k := range n {
		want = append(want, 2*k)
	}
	o.gives("all", want)
	return nil
}

func makeWrite(w *worker, o *order, text string, times int) error {
	o.submit(source("write"), sdk.Values{"text": text, "times": json.Number(fmt.Sprint(times))}).givesFile(w, "file", sumOf(strings.Repeat(text, times)))
	return nil
}

func makeUpload(ctx context.Context, w *worker, o *order) error {
	text := strings.Repeat(o.name+"\n", 1+w.r.IntN(500))
	a, err := w.Client.Upload(ctx, o.name+".txt", "text/plain", strings.NewReader(text))
	if err != nil {
		return err
	}
	if a.Digest != sumOf(text) {
		return fmt.Errorf("%w: an upload became %s, and is %s", errWrong, a.Digest, sumOf(text))
	}
	o.submit(source("upload"), sdk.Values{"file": a}).gives("text", text)
	return nil
}

func makeRender(ctx context.Context, w *worker, o *order) error {
	img := image.NewNRGBA(image.Rect(0, 0, 24, 16))
	for k := range 24 * 16 {
		img.SetNRGBA(k%24, k/24, color.NRGBA{uint8(w.r.IntN(256)), uint8(k), 90, 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return err
	}
	a, err := w.Client.Upload(ctx, o.name+".png", "image/png", &b)
	if err != nil {
		return err
	}
	o.submit(source("render"), sdk.Values{"picture": a})
	o.givesFile(w, "image", "")
	bytesThere := o.check
	o.check = func(ctx context.Context, r client.Run) error {
		if fmt.Sprint(r.Outputs["width"]) != "72" {
			return fmt.Errorf("the picture is %v wide, not 72", r.Outputs["width"])
		}
		return bytesThere(ctx, r)
	}
	return nil
}

func makeGate(_ context.Context, w *worker, o *order) error {
	o.submit(source("gate"), nil).gives("title", o.name)
	o.during = func(ctx context.Context, id string) error {
		return w.insist(ctx, id, func() error {
			_, err := w.Client.Tell(ctx, id, client.WordAnswer, client.Word{At: "gate.review", Approved: true, Form: sdk.Values{"title": o.name}})
			return err
		})
	}
	return nil
}

func makeCancel(_ context.Context, w *worker, o *order) error {
	o.submit(source("cancel"), nil)
	o.want = "cancelled"
	wait := time.Duration(w.r.IntN(300)) * time.Millisecond
	o.during = func(ctx context.Context, id string) error {
		rest(ctx, wait)
		return w.insist(ctx, id, func() error { _, err := w.Client.Cancel(ctx, id, "nobody wants it"); return err })
	}
	return nil
}

func makePause(_ context.Context, w *worker, o *order) error {
	o.submit(source("pause"), nil).gives("text", "went on")
	o.during = func(ctx context.Context, id string) error {
		if _, err := w.Client.Tell(ctx, id, client.WordPause, client.Word{}); err != nil {
			return nil // it has ended, or the host is away: nobody paused it
		}
		return w.insist(ctx, id, func() error { _, err := w.Client.Resume(ctx, id); return err })
	}
	return nil
}

func makeAsset(ctx context.Context, w *worker, o *order) error {
	a, err := w.Client.Upload(ctx, o.name+".txt", "text/plain", strings.NewReader(o.name))
	if err != nil {
		return err
	}
	name := fmt.Sprint("of-", w.n) // the library remembers the names that were, so that no version's number is given again
	if _, err := w.Client.AddAsset(ctx, "style", name, client.NewAssetVersion{Artifact: a}); err != nil {
		return err
	}
	o.submit(strings.Replace(source("asset"), "STYLE", name, 1), nil).gives("text", o.name)
	return nil
}

// makeWebhook makes a run by a signed request over TCP, which is sent again until it is answered.
func makeWebhook(_ context.Context, w *worker, o *order) error {
	body := fmt.Appendf(nil, `{"who": %q}`, o.name)
	o.want = "succeeded"
	o.gives("text", "hello "+o.name)
	o.send = func(ctx context.Context) (string, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL+"/hooks/hook/visit", bytes.NewReader(body))
		if err != nil {
			return "", err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", o.name)
		req.Header.Set(client.SignatureHeader, client.Signature(house.Secret, time.Now(), body))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		var d client.Delivered
		if res.StatusCode != http.StatusAccepted {
			return "", fmt.Errorf("webhook: %s", res.Status)
		}
		if err := json.NewDecoder(res.Body).Decode(&d); err != nil {
			return "", err
		}
		if d.Run == "" {
			return "", errors.New("webhook: it names no run")
		}
		return d.Run, nil
	}
	return nil
}
