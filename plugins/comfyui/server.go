package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/plugins/comfyui/api"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/managed"
)

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

func (s *server) resident() (all []sdk.Model) {
	if s.running() == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, uses := range s.loaded {
		all = append(all, sdk.Model{Name: name, InUse: uses > 0})
	}
	return all
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
	case c == nil || model != "" && !ok:
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
