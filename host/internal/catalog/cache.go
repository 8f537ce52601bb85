package catalog

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/myspinbot/spinbot/sdk"
)

// recall gives the entry the description it had under the same checksum before, if that is known.
func (c *Catalog) recall(e *Entry) bool {
	d, ok := c.manifests[e.SHA256]
	if !ok {
		var kept struct {
			Manifest json.RawMessage `json:"manifest"`
			Imports  []string        `json:"imports"`
		}
		raw := c.kept(e)
		if raw == nil || json.Unmarshal(raw, &kept) != nil {
			return false
		}
		var err error
		if d.Manifest, err = sdk.ParseManifest(kept.Manifest); err != nil { // written by another version
			return false
		}
		d.Imports = kept.Imports
	}
	if d.Manifest.Name != e.Name {
		return false
	}
	e.Manifest, e.Version, e.Imports = d.Manifest, d.Manifest.Version, d.Imports
	return true
}

// kept gives the entry's description as JSON, from this binary or from the cache; nil: it is in neither.
func (c *Catalog) kept(e *Entry) []byte {
	if e.Code != nil {
		if linked := c.cfg.BuiltIn[e.Name].Description; linked != nil {
			return linked
		}
	}
	if c.cfg.CacheDir == "" {
		return nil
	}
	raw, err := os.ReadFile(c.cached(e))
	if err != nil {
		return nil
	}
	return raw
}

// remember keeps the entry's description; one that cannot be kept is asked for again.
func (c *Catalog) remember(e *Entry) {
	if c.cfg.CacheDir == "" {
		return
	}
	if raw, err := json.Marshal(Description{e.Manifest, e.Imports}); err == nil {
		_ = replaceFile(c.cached(e), raw)
	}
}

func (c *Catalog) cached(e *Entry) string {
	return filepath.Join(c.cfg.CacheDir, string(e.Kind)+"-"+e.SHA256+".json")
}
