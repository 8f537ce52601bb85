package wasmexec

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec/meter"
)

// features is the WebAssembly that modules may use: version 2 and what of version 3 the meter knows.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst

// cache keeps compiled modules in a folder, if there is one that can be used.
type cache struct {
	dir string
	log *slog.Logger
	c   wazero.CompilationCache // nil: none
}

func newCache(dir string, log *slog.Logger) *cache {
	c := &cache{dir: dir, log: log}
	if dir == "" {
		return c
	}
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		c.c, err = wazero.NewCompilationCacheWithDir(dir)
	}
	if err != nil {
		c.c = nil
		log.Warn("compiled modules are not kept between starts", "folder", dir, "error", err)
	}
	return c
}

func (c *cache) close() error {
	if c.c == nil {
		return nil
	}
	return c.c.Close(context.Background())
}

// meter gives the module its meter; sum is the checksum of the module. What was rewritten before is read again.
func (c *cache) meter(code []byte, sum string) ([]byte, error) {
	if c.c == nil {
		return meter.Rewrite(code)
	}
	path := filepath.Join(c.dir, fmt.Sprintf("metered-%d-%s", meter.Version, sum))
	if kept, err := os.ReadFile(path); err == nil && len(kept) > sha256.Size {
		if want := sha256.Sum256(kept[sha256.Size:]); bytes.Equal(want[:], kept[:sha256.Size]) {
			return kept[sha256.Size:], nil
		}
		c.log.Warn("a metered module in the cache is damaged; it is made anew", "file", path)
	}
	metered, err := meter.Rewrite(code)
	if err == nil {
		if failed := c.keep(path, metered); failed != nil {
			c.log.Warn("a metered module is not kept", "file", path, "error", failed)
		}
	}
	return metered, err
}

// keep writes a file with its checksum before it, whole or not at all.
func (c *cache) keep(path string, data []byte) error {
	f, err := os.CreateTemp(c.dir, "new-*")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	_, err = f.Write(slices.Concat(sum[:], data))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // err says more
	}
	return err
}

// compile makes a runtime of its own for the module. A cache that fails is emptied and gone without.
func (c *cache) compile(code []byte, metered bool) (wazero.Runtime, wazero.CompiledModule, error) {
	if c.c == nil {
		return compile(code, metered, nil)
	}
	r, m, err := compile(code, metered, c.c)
	if err == nil {
		return r, m, nil
	}
	r, m, uncached := compile(code, metered, nil)
	if uncached == nil {
		c.log.Warn("the cache of compiled modules is damaged or cannot be written; it was emptied", "folder", c.dir, "error", err)
		c.empty()
	}
	return r, m, uncached
}

func (c *cache) empty() {
	entries, err := os.ReadDir(c.dir)
	for _, e := range entries {
		if sub := filepath.Join(c.dir, e.Name()); e.IsDir() {
			files, _ := os.ReadDir(sub) // what cannot be listed cannot be emptied
			for _, f := range files {
				err = os.Remove(filepath.Join(sub, f.Name()))
			}
		}
	}
	if err != nil {
		c.log.Warn("the cache of compiled modules cannot be emptied; remove it by hand", "folder", c.dir, "error", err)
	}
}

// compile validates and compiles the code, in a runtime that offers WASI and the functions of sdk/guest. A guest that
// loops is stopped by its meter, or through its context when it has none, which is slow: without either, it would
// also stop the host's garbage collector.
func compile(code []byte, metered bool, cc wazero.CompilationCache) (r wazero.Runtime, m wazero.CompiledModule, err error) {
	ctx := experimental.WithCompilationWorkers(context.Background(), runtime.GOMAXPROCS(0))
	config := wazero.NewRuntimeConfig().WithCoreFeatures(features).WithCloseOnContextDone(!metered).WithDebugInfoEnabled(false)
	if cc != nil {
		config = config.WithCompilationCache(cc)
	}
	r = wazero.NewRuntimeWithConfig(ctx, config)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
		if err != nil {
			_ = r.Close(ctx) // err says more
		}
	}()
	if m, err = r.CompileModule(ctx, code); err != nil {
		return r, nil, err
	}
	if _, err = wasi_snapshot_preview1.Instantiate(watched(ctx), r); err != nil {
		return r, nil, err
	}
	if metered {
		if err = offerMeter(ctx, r); err != nil {
			return r, nil, err
		}
	}
	for _, f := range m.ImportedFunctions() {
		if from, _, _ := f.Import(); from == extismModule {
			return r, m, offerExtism(watched(ctx), r)
		}
	}
	return r, m, offerHost(watched(ctx), r)
}
