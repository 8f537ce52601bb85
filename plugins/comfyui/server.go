package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/plugins/comfyui/api"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/managed"
)

const glance = 3 * time.Second // how long resident waits for an answer

const externalHint = "start ComfyUI, or say where it is: plugin \"comfyui\" { url = \"http://127.0.0.1:8188\" } in spinbot.hcl"

// server is the one ComfyUI of this process: one that a person runs, or a managed one.
type server struct {
	config  config
	managed *managed.Server // nil: external
	outside *api.Client     // the external one
	sees    time.Duration   // how long it may take to list a model that is there
	poll    time.Duration   // how often a prompt is asked for while no socket tells how it goes

	mu      sync.Mutex
	loaded  map[string]int // models of prompts since memory was freed, and how many use each now
	address string         // of the managed server that loaded them

	installed   map[string]string // versions of node packs, as of installedAt
	installedAt time.Time
}

func (s *server) configure(c config) error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return sdk.Refuse("url is no address of a server", "write it like http://127.0.0.1:8188") // it may hold a password
	}
	for name := range c.Headers {
		if strings.EqualFold(name, "Origin") {
			return sdk.Refuse("headers: ComfyUI refuses requests with an Origin header", "leave it out")
		}
	}
	for name, path := range map[string]string{"folder": c.Folder, "data": c.Data, "models_dir": c.ModelsDir} {
		if path != "" && !filepath.IsAbs(path) {
			return sdk.Refuse(fmt.Sprintf("%s is %q, which is no whole path", name, path), "write it from the root on, like /srv/ComfyUI")
		}
	}
	s.config, s.loaded, s.sees, s.poll = c, map[string]int{}, sees, poll
	s.outside = api.New(u, c.Headers, externalHint)
	if c.Managed {
		if s.managed, err = c.manage(); err != nil {
			return err
		}
	}
	return nil
}

// own gives the client of a managed server.
func own(address string) *api.Client {
	return api.New(&url.URL{Scheme: "http", Host: address}, nil, "it is started anew for the next attempt; what it wrote last is in the detail")
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
	s.mu.Lock()
	defer s.mu.Unlock()
	if address != s.address { // another process, which has loaded nothing
		s.address = address
		s.forget()
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

// failure makes of what went wrong on the way to the server what a person reads.
func (s *server) failure(ctx context.Context, c *api.Client, err error) error {
	return s.managed.Explain(c.Failure(ctx, err))
}

// hold counts a prompt's models as loaded, and in use until release.
func (s *server) hold(models []string) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range models {
		s.loaded[m]++
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, m := range models {
			s.loaded[m]--
		}
	}
}

// forget takes away the models that no prompt uses.
func (s *server) forget() {
	for name, uses := range s.loaded {
		if uses == 0 {
			delete(s.loaded, name)
		}
	}
}

// unnamed is what the server holds, in resident, when no prompt of ours has loaded it.
const unnamed = "loaded by others"

// resident tells of the models of prompts, and gives the first all the memory that the server holds: it does not say which holds how much.
func (s *server) resident(ctx context.Context) ([]sdk.Model, error) {
	c := s.running()
	if c == nil {
		return nil, nil
	}
	ctx, done := context.WithTimeout(ctx, glance)
	defer done()
	st, err := s.stats(ctx, c)
	if err != nil {
		return nil, err
	}
	waits, err := s.waiting(ctx, c)
	if err != nil {
		return nil, err
	}
	held := st.held()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []sdk.Model
	for _, name := range slices.Sorted(maps.Keys(s.loaded)) {
		all = append(all, sdk.Model{Name: name, InUse: waits > 0})
	}
	if len(all) == 0 && held > 0 {
		all = []sdk.Model{{Name: unnamed, InUse: waits > 0}}
	}
	if len(all) > 0 {
		all[0].Memory = held
	}
	return all, nil
}

// unload has the server free its memory. It knows no single models.
func (s *server) unload(ctx context.Context, model string) error {
	c := s.running()
	s.mu.Lock()
	_, ok := s.loaded[model]
	uses := 0
	for _, n := range s.loaded {
		uses = max(uses, n)
	}
	s.mu.Unlock()
	switch {
	case c == nil || model != "" && model != unnamed && !ok:
		return nil
	case uses > 0:
		return sdk.Fail("a prompt uses what is loaded", "unload it when the prompt has ended")
	}
	if err := c.Ask(ctx, http.MethodPost, "/free", nil, map[string]bool{"unload_models": true, "free_memory": true}, nil); err != nil {
		return s.failure(ctx, c, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	return nil
}
