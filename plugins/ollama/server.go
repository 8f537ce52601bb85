package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/plugins/ollama/api"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/managed"
)

const (
	beat    = time.Second            // how often a load that goes on is reported
	letGo   = 10 * time.Second       // how long a model may take to leave memory
	glance  = 3 * time.Second        // how long Resident waits for an answer
	brief   = 30 * time.Second       // for questions that need no model
	recheck = 100 * time.Millisecond // between two looks at what is loaded
)

const externalHint = "start Ollama, or say where it is: plugin \"ollama\" { url = \"http://127.0.0.1:11434\" } in spinbot.hcl"

// server is the one Ollama of this process: one that a person runs, or a managed one.
type server struct {
	config  config
	managed *managed.Server // nil: external
	outside *api.Client     // the external one

	mu   sync.Mutex
	used map[string]int    // tasks that use a model now, by its full name
	said map[string]string // what tasks call a model, by its full name
}

func (s *server) configure(c config) error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return sdk.Refuse("url is no address of a server", "write it like http://127.0.0.1:11434") // it may hold a password
	}
	if r, err := url.Parse(c.Registry); err != nil || r.Host == "" {
		return sdk.Refuse("registry is no address of a server", "write it like https://registry.ollama.ai")
	}
	if c.LoadTimeout <= 0 {
		return sdk.Refuse("load_timeout has to be longer than nothing", "write it like \"10m\"")
	}
	if _, err := keepAlive(c.KeepAlive); err != nil {
		return err
	}
	s.config, s.used, s.said = c, map[string]int{}, map[string]string{}
	s.outside = api.New(u, c.Headers, externalHint)
	if c.Managed {
		if len(c.Headers) > 0 {
			return sdk.Refuse("headers are for an Ollama that you run, and managed starts one", "leave out one of them")
		}
		s.managed = managed.New(managed.Launch{Name: "Ollama", Command: c.command, Patience: c.LoadTimeout,
			Install: "install it, or name its program: plugin \"ollama\" { program = \"…\" } in spinbot.hcl",
			Ready: func(ctx context.Context, address string) error {
				var got struct{ Version string }
				return own(address).Ask(ctx, http.MethodGet, "/api/version", nil, &got)
			}})
	}
	return nil
}

// reach gives the client of a server that is up; a managed one is started when it is not.
func (s *server) reach(ctx context.Context, t *sdk.Task) (*api.Client, error) {
	if s.managed == nil {
		return s.outside, nil
	}
	address, err := s.managed.Up(ctx, t)
	if err != nil {
		return nil, err
	}
	return own(address), nil
}

// running gives the client of a server that may be asked without starting one; nil: there is none.
func (s *server) running() *api.Client {
	if s.managed == nil {
		return s.outside
	}
	if address := s.managed.Running(); address != "" {
		return own(address)
	}
	return nil
}

// own gives the client of a managed server.
func own(address string) *api.Client {
	return api.New(&url.URL{Scheme: "http", Host: address}, nil, "it is started anew for the next attempt; what it wrote last is in the detail")
}

// command is the server that managed starts. Several share a folder of models: one that prunes as it starts would take what another is
// about to use.
func (c config) command(address string) (*exec.Cmd, error) {
	cmd := exec.Command(c.Program, "serve")
	cmd.Env = append(os.Environ(), "OLLAMA_HOST="+address, "OLLAMA_NOPRUNE=1")
	if c.Models != "" {
		cmd.Env = append(cmd.Env, "OLLAMA_MODELS="+c.Models)
	}
	for k, v := range c.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	return cmd, nil
}

// full is a model's name with its tag, as Ollama lists it.
func full(model string) string {
	if strings.Contains(model[strings.LastIndexByte(model, '/')+1:], ":") {
		return model
	}
	return model + ":latest"
}

// hold counts a model as in use until release.
func (s *server) hold(model string) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := full(model)
	s.used[name]++
	s.said[name] = model
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.used[name]--
	}
}

func (s *server) uses(name string) int { s.mu.Lock(); defer s.mu.Unlock(); return s.used[name] }

// loaded is a model in memory, as /api/ps tells.
type loaded struct {
	Name string
	Size int64 // bytes in all
	VRAM int64 `json:"size_vram"` // of them on devices
}

func ps(ctx context.Context, c *api.Client) ([]loaded, error) {
	var got struct{ Models []loaded }
	ctx, done := context.WithTimeout(ctx, brief)
	defer done()
	err := c.Ask(ctx, http.MethodGet, "/api/ps", nil, &got)
	return got.Models, err
}

func (s *server) resident(ctx context.Context) ([]sdk.Model, error) {
	c := s.running()
	if c == nil {
		return nil, nil
	}
	ctx, done := context.WithTimeout(ctx, glance)
	defer done()
	all, err := ps(ctx, c)
	if err != nil {
		return nil, err
	}
	devices := strings.FieldsFunc(os.Getenv("SPINBOT_DEVICES"), func(r rune) bool { return r == ',' })
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []sdk.Model
	for _, l := range all {
		m := sdk.Model{Name: s.said[l.Name], Memory: l.Size, InUse: s.used[l.Name] > 0}
		if m.Name == "" { // loaded by somebody else
			m.Name = strings.TrimSuffix(l.Name, ":latest")
		}
		if l.VRAM > 0 {
			m.Devices, m.Memory = devices, l.VRAM
		}
		out = append(out, m)
	}
	return out, nil
}

// unload has Ollama drop a model, or all, and waits until they are gone.
func (s *server) unload(ctx context.Context, model string) error {
	c := s.running()
	if c == nil {
		return nil
	}
	ctx, done := context.WithTimeout(ctx, letGo)
	defer done()
	all, err := ps(ctx, c)
	if err != nil {
		return err
	}
	var going []string
	for _, l := range all {
		if model != "" && l.Name != full(model) {
			continue
		}
		if s.uses(l.Name) > 0 {
			return sdk.Fail("a task uses the model "+l.Name, "unload it when the task has ended")
		}
		var got struct{}
		if err := c.Ask(ctx, http.MethodPost, "/api/generate", map[string]any{"model": l.Name, "keep_alive": 0}, &got); err != nil {
			return err
		}
		going = append(going, l.Name)
	}
	for len(going) > 0 {
		all, err := ps(ctx, c)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(all, func(l loaded) bool { return slices.Contains(going, l.Name) }) {
			break
		}
		select {
		case <-ctx.Done():
			return sdk.Fail("Ollama still holds "+strings.Join(going, ", ")+" after "+letGo.String(), "somebody else may use it")
		case <-time.After(recheck):
		}
	}
	return nil
}

// load has Ollama load a model, and says so for as long as it takes: silence would count as idle. body is a request of the path that asks
// for nothing else.
func (s *server) load(ctx context.Context, t *sdk.Task, c *api.Client, path string, body any, model string) error {
	ctx, done := context.WithTimeoutCause(ctx, s.config.LoadTimeout,
		sdk.Fail(fmt.Sprintf("Ollama did not load %s in %s", model, s.config.LoadTimeout), "raise load_timeout in the plugin's block of spinbot.hcl, or see what it does: its log knows more"))
	defer done()
	got := make(chan error, 1)
	go func() {
		var any struct{}
		got <- c.Ask(ctx, http.MethodPost, path, body, &any)
	}()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	began := time.Now()
	for {
		select {
		case err := <-got:
			if err != nil && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return s.missing(ctx, c, model, err)
		case <-tick.C:
			t.Progress(-1, fmt.Sprintf("loading %s: %s", model, time.Since(began).Round(time.Second)))
		}
	}
}

// missing makes of Ollama's word that it has no such model one that says which there are.
func (s *server) missing(ctx context.Context, c *api.Client, model string, err error) error {
	e := sdk.AsError(err)
	if e == nil || !strings.Contains(e.Message, "with 404") {
		return err
	}
	names := "none"
	if all, err := tags(ctx, c); err == nil && len(all) > 0 {
		var each []string
		for _, m := range all {
			each = append(each, strings.TrimSuffix(m.Name, ":latest"))
		}
		names = strings.Join(each[:min(len(each), 12)], ", ")
	}
	return sdk.Refuse("Ollama has no model "+model+"; installed: "+names, "get it with a node \"ollama.pull\", or `ollama pull "+model+"`")
}

// stopped says of a task whose context ended where it stood. The host puts why it ended before it.
func stopped(ctx context.Context, err error, where string) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	cause := sdk.CauseCancelled
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		cause = sdk.CauseHung
	}
	return &sdk.Error{Cause: cause, Message: "stopped while " + where}
}

// installed is a model on disk, as /api/tags tells.
type installed struct {
	Name     string
	Size     int64
	Digest   string
	Modified time.Time `json:"modified_at"`
	Details  struct {
		Family       string
		Parameters   string `json:"parameter_size"`
		Quantization string `json:"quantization_level"`
	}
}

// embeds says whether a model is for embeddings, and not for texts.
func (m installed) embeds() bool {
	return strings.Contains(m.Details.Family, "bert") || strings.Contains(m.Name, "embed")
}

// tags lists the installed models, the newest first.
func tags(ctx context.Context, c *api.Client) ([]installed, error) {
	var got struct{ Models []installed }
	ctx, done := context.WithTimeout(ctx, brief)
	defer done()
	err := c.Ask(ctx, http.MethodGet, "/api/tags", nil, &got)
	slices.SortStableFunc(got.Models, func(a, b installed) int { return b.Modified.Compare(a.Modified) })
	return got.Models, err
}

// choose gives the model of a node that may name one.
func (s *server) choose(ctx context.Context, t *sdk.Task, c *api.Client, model string, embeds bool) (string, error) {
	if model != "" {
		return model, nil
	}
	if s.config.Model != "" && !embeds {
		return s.config.Model, nil
	}
	all, err := tags(ctx, c)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(all, func(m installed) bool { return m.embeds() == embeds })
	switch {
	case i >= 0:
	case embeds && len(all) > 0: // any model embeds, if less well
		i = 0
	default:
		return "", sdk.Refuse("the node names no model, and Ollama has none installed that would do", "name one in model, and get it with a node \"ollama.pull\"")
	}
	model = strings.TrimSuffix(all[i].Name, ":latest")
	t.Log("info", "the node names no model: it gets "+model+", which was installed last")
	return model, nil
}
