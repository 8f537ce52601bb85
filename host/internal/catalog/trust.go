package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/myspinbot/spinbot/host/internal/grant"
)

// TrustFile is the name of a trust file; grantBlock shows the rest of it:
//
//	plugin "hello" {
//	  platform = "linux/amd64"
//	  sha256   = "2c26b4…"
//	}
//	module "slug" {
//	  sha256 = "fcde2b…"
//	}
const TrustFile = "spinbot.trust.hcl"

// platform is what a program listed here must have been built for.
const platform = runtime.GOOS + "/" + runtime.GOARCH

type trustFile struct {
	Plugins []trustBlock `hcl:"plugin,block"`
	Modules []trustBlock `hcl:"module,block"`
	Grants  []grantBlock `hcl:"grant,block"`
}

type trustBlock struct {
	Name     string `hcl:"name,label"`
	Platform string `hcl:"platform,optional"` // empty: any
	SHA256   string `hcl:"sha256"`
}

// trust is what may run: the machine's file, and per folder the file that vouches for bundled plugins.
type trust struct {
	machine trustFile
	grants  map[string]grant.Set // by node type; a file that vouches for bundled plugins gives none
	bundled map[string]trustFile
}

type verdict int

const (
	unknown verdict = iota
	altered
	trusted
)

func (t trust) verdict(f candidate, digest string) verdict {
	files := []trustFile{t.machine}
	if b, ok := t.bundled[f.dir]; ok && f.kind == Plugin {
		files = append(files, b)
	}
	v := unknown
	for _, file := range files {
		blocks := file.Plugins
		if f.kind == Module {
			blocks = file.Modules
		}
		for _, b := range blocks {
			switch {
			case b.Name != f.name || b.Platform != "" && b.Platform != platform:
			case strings.EqualFold(strings.TrimPrefix(b.SHA256, "sha256:"), digest):
				return trusted
			default:
				v = altered
			}
		}
	}
	return v
}

// readTrust reads what may run. A bundled file of any other content than the binary was linked with counts for nothing.
func (c *Catalog) readTrust() (trust, error) {
	t := trust{bundled: map[string]trustFile{}}
	if err := decode(c.cfg.TrustFile, &t.machine); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return t, fmt.Errorf("the trust file: %w; mend it, or remove it and accept your plugins anew", err)
	}
	var err error
	if t.grants, err = t.machine.grants(); err != nil {
		return t, fmt.Errorf("the trust file %s: %w; mend it by hand", c.cfg.TrustFile, err)
	}
	if c.cfg.BundledTrust == "" {
		return t, nil
	}
	for _, dir := range c.cfg.PluginDirs {
		path := filepath.Join(dir, TrustFile)
		raw, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		var file trustFile
		if digest := sha256.Sum256(raw); hex.EncodeToString(digest[:]) == c.cfg.BundledTrust && decode(path, &file) == nil {
			t.bundled[dir] = file
		}
	}
	return t, nil
}

// addTrust lists the entry with its checksum, in place of what was listed for its name and platform. The rest of the
// file, comments too, stays as it is.
func (c *Catalog) addTrust(e Entry) error {
	tokens := fmt.Sprintf("%s %q {\n", e.Kind, e.Name)
	if e.Kind == Plugin {
		tokens += fmt.Sprintf("platform = %q\n", platform)
	}
	tokens += fmt.Sprintf("sha256 = %q\n}\n", e.SHA256)
	return editTrust(c.cfg.TrustFile, tokens, func(b *hclwrite.Block) bool {
		return b.Type() == string(e.Kind) && slices.Equal(b.Labels(), []string{e.Name}) && concerns(b)
	})
}

// concerns says whether a block is about programs of this platform.
func concerns(b *hclwrite.Block) bool {
	a := b.Body().GetAttribute("platform")
	return a == nil || strings.Contains(string(a.Expr().BuildTokens(nil).Bytes()), `"`+platform+`"`)
}

// replaceFile puts a whole new file in place of the old one, durably.
func replaceFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}
