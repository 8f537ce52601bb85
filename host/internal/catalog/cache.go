package catalog

import (
	"os"
	"path/filepath"

	"github.com/myspinbot/spinbot/sdk"
)

// recall gives the entry the manifest it had under the same checksum before, if that is known.
func (c *Catalog) recall(e *Entry) bool {
	m, ok := c.manifests[e.SHA256]
	if !ok && c.cfg.CacheDir != "" {
		raw, err := os.ReadFile(c.cached(e))
		if err != nil {
			return false
		}
		if m, err = sdk.ParseManifest(raw); err != nil { // written by another version
			return false
		}
	}
	if m.Name != e.Name {
		return false
	}
	e.Manifest, e.Version = m, m.Version
	return true
}

// remember keeps the entry's manifest; one that cannot be kept is asked for again.
func (c *Catalog) remember(e *Entry) {
	if c.cfg.CacheDir != "" {
		_ = replaceFile(c.cached(e), e.Manifest.AppendJSON(nil))
	}
}

func (c *Catalog) cached(e *Entry) string {
	return filepath.Join(c.cfg.CacheDir, string(e.Kind)+"-"+e.SHA256+".json")
}
