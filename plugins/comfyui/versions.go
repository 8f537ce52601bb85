package main

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/plugins/comfyui/api"
	"github.com/myspinbot/spinbot/plugins/comfyui/prompt"
)

// untold is the version of a node pack where nobody says it.
const untold = "unknown"

// known is how long the versions of node packs are taken for what they were.
const known = time.Minute

// versions are those of the server, of what it runs on, and of the node packs that have the classes.
func (s *server) versions(ctx context.Context, c *api.Client, st stats, classes map[string]*prompt.Class) map[string]string {
	v := st.versions()
	var packs map[string]string
	for _, class := range classes {
		name, ok := strings.CutPrefix(class.PythonModule, "custom_nodes.")
		if !ok {
			continue
		}
		if packs == nil {
			packs = s.packs(ctx, c)
		}
		name, _, _ = strings.Cut(name, ".")
		v[name] = cmp.Or(packs[name], untold)
	}
	return v
}

// packs asks ComfyUI-Manager, where the server has it, for the versions of node packs, by their folders: a release, or a commit.
func (s *server) packs(ctx context.Context, c *api.Client) map[string]string {
	s.mu.Lock()
	packs, at := s.installed, s.installedAt
	s.mu.Unlock()
	if packs != nil && time.Since(at) < known {
		return packs
	}
	ctx, done := context.WithTimeout(ctx, glance)
	defer done()
	packs = map[string]string{}
	for _, path := range []string{"/v2/customnode/installed", "/customnode/installed"} { // of the newer Manager, and the older
		var got map[string]struct{ Ver string }
		if c.Ask(ctx, http.MethodGet, path, nil, nil, &got) == nil {
			for name, p := range got {
				packs[name] = p.Ver
			}
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.installed, s.installedAt = packs, time.Now()
	return packs
}
