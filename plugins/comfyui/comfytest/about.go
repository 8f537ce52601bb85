package comfytest

import (
	"cmp"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

func (s *Server) info(w http.ResponseWriter, r *http.Request) {
	name, all := r.PathValue("class"), classes(s.has("checkpoints"), s.has("loras"))
	if s.Lacks != nil {
		for _, class := range s.Lacks() {
			delete(all, class)
		}
	}
	if name == "" {
		answer(w, 200, all)
		return
	}
	c, ok := all[name]
	if !ok {
		answer(w, 200, map[string]any{})
		return
	}
	if strings.HasPrefix(name, "Fake") {
		c.(map[string]any)["python_module"] = "custom_nodes.fake-pack"
	}
	answer(w, 200, map[string]any{name: c})
}

func (s *Server) stats(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	held := int64(0)
	if s.loaded != "" {
		held = s.Size
	}
	s.mu.Unlock()
	version := "0.38.1"
	if s.Old {
		version = "0.3.64"
	}
	version = cmp.Or(s.Version, version)
	kind := "cuda"
	if s.RAM {
		kind, held = "cpu", 1<<34
	}
	answer(w, 200, map[string]any{"system": map[string]any{"os": "posix", "comfyui_version": version, "python_version": "3.12", "pytorch_version": "2.9.0+cpu", "ram_total": 1 << 34},
		"devices": []any{map[string]any{"name": cmp.Or(s.Device, "cpu"), "type": kind, "index": 0, "vram_total": 1 << 34, "vram_free": 1 << 33, "torch_vram_total": held}}})
}

func (s *Server) packs(w http.ResponseWriter, r *http.Request) {
	if s.Packs == nil {
		http.NotFound(w, r)
		return
	}
	all := map[string]any{}
	for name, version := range s.Packs {
		all[name] = map[string]any{"ver": version, "cnr_id": name, "aux_id": nil, "enabled": true}
	}
	answer(w, 200, all)
}

func (s *Server) folders(w http.ResponseWriter, _ *http.Request) {
	answer(w, 200, []string{"loras", "checkpoints"})
}

func (s *Server) models(w http.ResponseWriter, r *http.Request) {
	switch kind := r.PathValue("folder"); kind {
	case "checkpoints", "loras":
		answer(w, 200, s.has(kind))
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) free(_ http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.freed++
	s.drop()
}

// drop takes the checkpoint out of memory; s.mu is held.
func (s *Server) drop() {
	if s.Card != nil && s.loaded != "" {
		_ = s.Card(s.loaded, false)
	}
	s.loaded = ""
}

// load brings a checkpoint into memory, in the place of the one that is there.
func (s *Server) load(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loaded == name {
		return nil
	}
	s.drop()
	if s.Card != nil && s.Card(name, true) != nil {
		return oom{}
	}
	s.loaded = name
	return nil
}

// has lists the models of a kind, as they lie in the folders now.
func (s *Server) has(kind string) []string {
	all := []string{}
	if kind == "checkpoints" {
		all = append(all, s.Checkpoints...)
	}
	for _, dir := range s.Models {
		root := os.DirFS(filepath.Join(dir, kind))
		_ = fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ".safetensors") {
				all = append(all, path)
			}
			return nil
		})
	}
	return all
}
