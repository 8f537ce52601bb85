// Command lipsync is the plugin that makes a portrait speak: lipsync.talk, and lipsync.workflow for ComfyUI.
package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/serve"
)

func main() { serve.Plugin(plugin()) }

func plugin() sdk.Plugin {
	s := &stage{}
	schema, err := sdk.SchemaOf[config]()
	if err != nil {
		panic(err) // a mistake in the struct tags; every test would find it
	}
	return sdk.Plugin{
		Name:         "lipsync",
		Version:      "0.1.0",
		Description:  "Makes a portrait speak: with its own quick preview engine, or with Wav2Lip, SadTalker, LatentSync, InfiniteTalk or a program or service of yours, or in ComfyUI",
		Nodes:        []sdk.Node{talkNode(s), workflowNode()},
		ConfigSchema: &schema,
		Configure: func(_ context.Context, v sdk.Values) error {
			var c config
			if err := sdk.Bind(v, &c); err != nil {
				return err
			}
			return s.configure(c)
		},
	}
}

// config is what the host hands over.
type config struct {
	Engines map[string]program `spin:"engines,optional" doc:"Where engines are on this machine, by the names that nodes know them by"`
}

// program is how an engine is started on this machine.
type program struct {
	Folder  string   `spin:"folder,optional" doc:"Where its source lies: what git clone made, its models in it"`
	Python  string   `spin:"python,optional" doc:"The Python to run it with; default python3"`
	Command []string `spin:"command,optional" doc:"Of the engine called command: a program and its arguments; {portrait}, {audio} and {video} in them become paths"`
	URL     string   `spin:"url,optional" doc:"Of the engine called service: where it is asked"`
	Args    []string `spin:"args,optional" doc:"More arguments"`
}

// stage is the plugin's state: what it was told.
type stage struct {
	mu     sync.RWMutex
	config config
	turn   chan struct{} // taken by an engine that runs alone
}

func (s *stage) configure(c config) error {
	for name, p := range c.Engines {
		if !slices.Contains(programs(), name) && name != "service" {
			return sdk.Refuse(fmt.Sprintf("engines: no engine is called %q", name), "there are "+strings.Join(programs(), ", ")+" and service")
		}
		if u, err := url.Parse(p.URL); p.URL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			return sdk.Refuse(fmt.Sprintf("engines.%s.url: %q is no address of a service", name, p.URL), "write it whole: http://127.0.0.1:9000/talk")
		}
		if p.Folder != "" && !filepath.IsAbs(p.Folder) {
			return sdk.Refuse(fmt.Sprintf("engines.%s.folder: %q is not absolute", name, p.Folder), "write the whole path")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config = c
	if s.turn == nil {
		s.turn = make(chan struct{}, 1)
	}
	return nil
}

func (s *stage) program(name string) program {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.config.Engines[name]
}
