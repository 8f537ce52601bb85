package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/plugins/ollama/api"
	"github.com/myspinbot/spinbot/sdk"
)

type listed struct {
	Name         string `spin:"name" doc:"What nodes call it"`
	Size         int64  `spin:"size" doc:"Bytes on disk"`
	Digest       string `spin:"digest" doc:"Of its manifest"`
	Modified     string `spin:"modified" doc:"When it was installed"`
	Family       string `spin:"family" doc:"Such as llama"`
	Parameters   string `spin:"parameters" doc:"How many it has, such as 3.2B"`
	Quantization string `spin:"quantization" doc:"Such as Q4_K_M"`
	Loaded       bool   `spin:"loaded" doc:"It is in memory now"`
	VRAM         int64  `spin:"vram" doc:"Bytes that it has on devices now"`
}

type listOut struct {
	Models  []listed `spin:"models" doc:"The models that are installed, the newest first"`
	Version string   `spin:"version" doc:"Of Ollama"`
}

// maxTitle is how much is told of the first line of a licence.
const maxTitle = 150

// versions asks, in the background, for those of the server and of a model. tell reports them, or after a moment that nobody answered nothing.
func versions(ctx context.Context, c *api.Client, model string) (tell func(*sdk.Task)) {
	got := make(chan map[string]string, 1)
	go func() { // ends after glance
		ctx, done := context.WithTimeout(ctx, glance)
		defer done()
		var v struct{ Version string }
		err := c.Ask(ctx, http.MethodGet, "/api/version", nil, &v)
		all, terr := tags(ctx, c)
		if err != nil || terr != nil {
			got <- nil // what fails for the same reason says it
			return
		}
		out := map[string]string{"ollama": v.Version}
		for _, m := range all {
			if m.Name == full(model) && m.Digest != "" {
				out[model] = m.Digest
			}
		}
		var shown struct{ License string }
		if err := c.Ask(ctx, http.MethodPost, "/api/show", map[string]any{"model": model}, &shown); err == nil && shown.License != "" {
			title, _, _ := strings.Cut(strings.TrimSpace(shown.License), "\n")
			out[sdk.LicenceOf(model)] = strings.ToValidUTF8(strings.TrimSpace(title[:min(maxTitle, len(title))]), "")
		}
		got <- out
	}()
	return func(t *sdk.Task) {
		select {
		case v := <-got:
			if v != nil {
				t.Versions(v)
			}
		case <-time.After(beat):
		}
	}
}

func listNode(s *server) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "ollama.list", Description: "Lists the models that Ollama has installed, and which of them are loaded.", Idempotent: true,
		Examples: []sdk.Example{{Title: "What there is", HCL: "node \"ollama.list\" \"models\" {}\n"}},
	}, s.list)
}

func (s *server) list(ctx context.Context, _ struct{}, t *sdk.Task) (listOut, error) {
	c, err := s.reach(ctx, t)
	if err != nil {
		return listOut{}, stopped(ctx, err, "Ollama was started")
	}
	var v struct{ Version string }
	brief, done := context.WithTimeout(ctx, brief)
	defer done()
	err = c.Ask(brief, http.MethodGet, "/api/version", nil, &v)
	all, terr := tags(brief, c)
	now, perr := ps(brief, c)
	if err := cmp.Or(err, terr, perr); err != nil {
		return listOut{}, stopped(ctx, s.explain(err), "Ollama was asked for its models")
	}
	vram := map[string]int64{}
	for _, l := range now {
		vram[l.Name] = l.VRAM
	}
	out := listOut{Models: []listed{}, Version: v.Version}
	for _, m := range all {
		v, loaded := vram[m.Name]
		out.Models = append(out.Models, listed{strings.TrimSuffix(m.Name, ":latest"), m.Size, m.Digest, m.Modified.UTC().Format(time.RFC3339),
			m.Details.Family, m.Details.Parameters, m.Details.Quantization, loaded, v})
	}
	return out, nil
}

type pullIn struct {
	Model   string `spin:"model" doc:"The model: \"llama3.2\", \"hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF\"" pattern:"^[A-Za-z0-9][A-Za-z0-9._:/-]*$" max:"300"`
	MaxSize int64  `spin:"max_size,optional" format:"bytes" min:"0" doc:"Refuse a model that is larger: \"10GiB\""`
}

type pullOut struct {
	Model  string `spin:"model" doc:"The model, for the nodes that use it"`
	Digest string `spin:"digest" doc:"Of its manifest"`
	Size   int64  `spin:"size" doc:"Bytes on disk"`
}

func pullNode(s *server) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "ollama.pull",
		Description: "Installs a model, or its newest version. How large it is is said first; what came before a break is kept.", Idempotent: true,
		Examples: []sdk.Example{{Title: "Have a model", HCL: `node "ollama.pull" "llama" {
  model    = "llama3.2:1b"
  max_size = "2GiB"
  timeout  = "1h"
}
`}},
	}, s.pull)
}

// pullTries is how often a pull that broke off is taken up again, as long as each brought something.
const pullTries = 10

func (s *server) pull(ctx context.Context, in pullIn, t *sdk.Task) (pullOut, error) {
	c, err := s.reach(ctx, t)
	if err != nil {
		return pullOut{}, stopped(ctx, err, "Ollama was started")
	}
	d := &download{in: in, t: t, layers: map[string][2]int64{}}
	if d.total, err = s.sizeOf(ctx, in.Model); err != nil {
		t.Log("info", "how large "+in.Model+" is is not known beforehand: "+api.Plain(err))
	} else {
		t.Log("info", in.Model+" has "+sdk.FormatSize(d.total))
		t.Progress(0, "pulling "+sdk.FormatSize(d.total))
	}
	if err := d.fits(); err != nil {
		return pullOut{}, err
	}
	for n, before := 1, int64(-1); ; n++ {
		d.done = false
		err = c.Stream(ctx, http.MethodPost, "/api/pull", map[string]any{"model": in.Model}, d.take)
		if err == nil && !d.done {
			err = sdk.Fail("the pull of "+in.Model+" was cut off", "try again: what has come is kept")
		}
		came := d.came()
		if err == nil || ctx.Err() != nil || sdk.AsError(err).Permanent || came <= before || n >= pullTries {
			break
		}
		t.Log("warn", fmt.Sprintf("the pull broke off and goes on at %s: %v", sdk.FormatSize(came), err))
		before = came
	}
	if err != nil {
		return pullOut{}, stopped(ctx, s.explain(err), in.Model+" was pulled: "+sdk.FormatSize(d.came())+" had come")
	}
	return s.about(ctx, c, in.Model)
}

// about says what is installed under a name. While Ollama writes a model anew, for somebody else, it does not list it for a moment.
func (s *server) about(ctx context.Context, c *api.Client, model string) (pullOut, error) {
	for end := time.Now().Add(glance); ; {
		all, err := tags(ctx, c)
		if err != nil {
			return pullOut{}, stopped(ctx, s.explain(err), "Ollama was asked for its models")
		}
		for _, m := range all {
			if strings.EqualFold(m.Name, full(model)) {
				return pullOut{model, m.Digest, m.Size}, nil
			}
		}
		if time.Now().After(end) {
			return pullOut{}, sdk.Fail("Ollama says that it has "+model+" now, and does not list it", "its log knows more")
		}
		select {
		case <-ctx.Done():
			return pullOut{}, stopped(ctx, ctx.Err(), "Ollama was asked for its models")
		case <-time.After(recheck):
		}
	}
}

// download is a pull under way.
type download struct {
	in     pullIn
	t      *sdk.Task
	total  int64 // bytes; 0: not known
	layers map[string][2]int64
	done   bool
}

func (d *download) take(line []byte) error {
	var p struct {
		Status, Digest   string
		Total, Completed int64
	}
	if err := json.Unmarshal(line, &p); err != nil {
		return err
	}
	d.done = p.Status == "success"
	if p.Digest != "" && p.Total > 0 {
		d.layers[p.Digest] = [2]int64{p.Completed, p.Total}
		if err := d.fits(); err != nil {
			return err
		}
	}
	fraction := -1.0
	if d.total > 0 {
		fraction = min(1, float64(d.came())/float64(d.total))
	}
	d.t.Progress(fraction, p.Status)
	return nil
}

// came is how many bytes are there.
func (d *download) came() (n int64) {
	for _, l := range d.layers {
		n += l[0]
	}
	return n
}

// fits refuses a model that is larger than it may be, as soon as that is known.
func (d *download) fits() error {
	known := d.total
	if known == 0 {
		for _, l := range d.layers {
			known += l[1]
		}
	}
	if d.in.MaxSize > 0 && known > d.in.MaxSize {
		return sdk.Refuse(d.in.Model+" has "+sdk.FormatSize(known)+", and max_size is "+sdk.FormatSize(d.in.MaxSize), "raise max_size, or choose a smaller version")
	}
	return nil
}

// sizeOf asks the registry how large a model is. It is not Ollama that is asked: that tells only while it pulls.
func (s *server) sizeOf(ctx context.Context, model string) (int64, error) {
	at, err := url.Parse(s.config.Registry)
	if err != nil {
		return 0, err
	}
	name, tag, _ := strings.Cut(full(model)[strings.LastIndexByte(model, '/')+1:], ":")
	path := model[:strings.LastIndexByte(model, '/')+1] + name
	switch parts := strings.Split(path, "/"); {
	case len(parts) > 2 && strings.ContainsAny(parts[0], ".:"): // a registry of its own
		at, path = &url.URL{Scheme: "https", Host: parts[0]}, strings.Join(parts[1:], "/")
	case len(parts) == 1:
		path = "library/" + path
	}
	ctx, done := context.WithTimeout(ctx, brief)
	defer done()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.JoinPath("v2", path, "manifests", tag).String(), nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", "application/vnd.docker.distribution.manifest.v2+json")
	res, err := (&http.Client{Transport: api.Transport}).Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	var m struct {
		Config layer
		Layers []layer
	}
	if res.StatusCode != http.StatusOK {
		return 0, errors.New("the registry answered " + res.Status)
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, res.Body, 1<<20)).Decode(&m); err != nil {
		return 0, err
	}
	n := m.Config.Size
	for _, l := range m.Layers {
		n += l.Size
	}
	return n, nil
}

type layer struct{ Size int64 }
