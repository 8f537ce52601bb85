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

	"github.com/myspinbot/spinbot/plugins/lora/job"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/serve"
)

func main() { serve.Plugin(plugin()) }

func plugin() sdk.Plugin {
	s := &shop{}
	schema, err := sdk.SchemaOf[job.Config]()
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
			var c job.Config
			if err := sdk.Bind(v, &c); err != nil {
				return err
			}
			return s.configure(c)
		},
	}
}

// shop is the plugin's state: what it was told.
type shop struct {
	mu     sync.RWMutex
	config job.Config
}

func (s *shop) configure(c job.Config) error {
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

func (s *shop) settings() job.Config {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.config
}
