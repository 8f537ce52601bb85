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
	dir string // "": none
	log *slog.Logger
}

// program is a module compiled for this machine.
type program struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	// cache is what wazero has read of the folder, nil without one. Programs share the folder alone: a cache keeps the
	// code that it read in memory until it is closed.
	cache wazero.CompilationCache
}

func (p program) close() error {
	ctx := context.Background()
	err := p.runtime.Close(ctx)
	if p.cache != nil {
		err = errors.Join(err, p.cache.Close(ctx))
	}
	return err
}

func newCache(dir string, log *slog.Logger) *cache {
	c := &cache{dir: dir, log: log}
	if dir == "" {
		return c
	}
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		_, err = wazero.NewCompilationCacheWithDir(dir)
	}
	if err != nil {
		c.dir = ""
		log.Warn("compiled modules are not kept between starts", "folder", dir, "error", err)
	}
	return c
}

// meter gives the module its meter; sum is the checksum of the module. What was rewritten before is read again.
func (c *cache) meter(code []byte, sum string) ([]byte, error) {
	if c.dir == "" {
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

// compile makes a program of the module. A cache that fails is emptied and gone without.
func (c *cache) compile(code []byte, metered bool) (program, error) {
	if c.dir == "" {
		return compile(code, metered, nil)
	}
	loaded, err := wazero.NewCompilationCacheWithDir(c.dir)
	if err == nil {
		var p program
		if p, err = compile(code, metered, loaded); err == nil {
			return p, nil
		}
	}
	p, uncached := compile(code, metered, nil)
	if uncached == nil {
		c.log.Warn("the cache of compiled modules is damaged or cannot be written; it was emptied", "folder", c.dir, "error", err)
		c.empty()
	}
	return p, uncached
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
func compile(code []byte, metered bool, loaded wazero.CompilationCache) (p program, err error) {
	ctx := experimental.WithCompilationWorkers(context.Background(), runtime.GOMAXPROCS(0))
	config := wazero.NewRuntimeConfig().WithCoreFeatures(features).WithCloseOnContextDone(!metered).WithDebugInfoEnabled(false)
	if loaded != nil {
		config = config.WithCompilationCache(loaded)
	}
	r := wazero.NewRuntimeWithConfig(ctx, config)
	p = program{runtime: r, cache: loaded}
	defer func() {
		if why := recover(); why != nil {
			err = fmt.Errorf("%v", why)
		}
		if err != nil {
			_ = p.close() // err says more
		}
	}()
	if p.compiled, err = r.CompileModule(ctx, code); err != nil {
		return p, err
	}
	if _, err = wasi_snapshot_preview1.Instantiate(watched(ctx), r); err != nil {
		return p, err
	}
	if metered {
		if err = offerMeter(ctx, r); err != nil {
			return p, err
		}
	}
	for _, f := range p.compiled.ImportedFunctions() {
		if from, _, _ := f.Import(); from == extismModule {
			return p, offerExtism(watched(ctx), r)
		}
	}
	return p, offerHost(watched(ctx), r)
}
