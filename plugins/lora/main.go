// Command lora is the plugin that trains LoRA adapters, and works with them: lora.train, lora.dataset, lora.merge, lora.inspect.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/serve"
)

func main() { serve.Plugin(plugin()) }

func plugin() sdk.Plugin {
	s := &shop{}
	schema, err := sdk.SchemaOf[config]()
	if err != nil {
		panic(err) // a mistake in the struct tags; every test would find it
	}
	return sdk.Plugin{
		Name:         "lora",
		Version:      "0.1.0",
		Description:  "Trains LoRA adapters of image and language models, and works with them",
		Nodes:        []sdk.Node{trainNode(s), datasetNode(), mergeNode(), inspectNode()},
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
	Models   string             `spin:"models,optional" doc:"Folder of base models, each a folder as Hugging Face lays it out, or a file. Absolute. A base that is not there is looked for under its name by trainers that fetch models"`
	Work     string             `spin:"work,optional" doc:"Folder for checkpoints and Python environments. Absolute; default: spinbot-lora in the user's cache folder"`
	Trainers map[string]program `spin:"trainers,optional" doc:"Where trainers are on this machine, by the names that nodes know them by"`
}

// program is how a trainer is started on this machine.
type program struct {
	Folder  string            `spin:"folder,optional" doc:"Where its source lies: what git clone made"`
	Python  string            `spin:"python,optional" doc:"The Python to run it with. Without one an environment is made for it, once"`
	Command []string          `spin:"command,optional" doc:"Of the trainer called command: a program and its arguments, which get what plugins/lora/README.md says"`
	Env     map[string]string `spin:"env,optional" doc:"Variables that it gets beside those of the plugin"`
}

// shop is the plugin's state: what it was told.
type shop struct {
	mu     sync.RWMutex
	config config
}

func (s *shop) configure(c config) error {
	if c.Work == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			cache = os.TempDir()
		}
		c.Work = filepath.Join(cache, "spinbot-lora")
	}
	paths := map[string]string{"models": c.Models, "work": c.Work}
	for name, p := range c.Trainers {
		if !slices.Contains(trainerNames(), name) {
			return sdk.Refuse(fmt.Sprintf("trainers: no trainer is called %q", name), "there are "+strings.Join(trainerNames(), ", "))
		}
		paths["trainers."+name+".folder"] = p.Folder
	}
	for name, path := range paths {
		if path != "" && !filepath.IsAbs(path) {
			return sdk.Refuse(fmt.Sprintf("%s: %q is not absolute", name, path), "write the whole path")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config = c
	return nil
}

func (s *shop) settings() config {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.config
}
