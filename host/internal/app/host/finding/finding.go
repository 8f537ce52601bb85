// Package finding is how a host finds artifacts by what they are about: who makes the vectors, on which devices, and what the API says of it.
package finding

import (
	"context"
	"log/slog"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/app/host/placing"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/lineage"
	"github.com/myspinbot/spinbot/host/internal/search"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Config is what finding stands on.
type Config struct {
	Model string // that makes the vectors
	Store search.Store
	// Index says how vectors are compared; empty: each with each.
	Index    string
	Catalog  *catalog.Catalog
	Placing  *placing.Placing
	Fleet    *agents.Fleet // nil: there is this machine alone
	Executor exec.Executor
	Lineage  *lineage.Lineage
	// Called gives what an artifact is called, and what people say of it.
	Called func(ctx context.Context, digest string) ([]string, error)
	Mask   func(string) string
	// Rests says why this host describes nothing now; empty: it does.
	Rests func() string
	Log   *slog.Logger
}

// Finder finds artifacts by what they are about; nil: they are found by their names alone.
type Finder struct {
	*search.Search
	index string
	log   *slog.Logger
}

// New is one that describes what there is once it is run.
func New(c Config) *Finder {
	tasks := &search.Tasks{Model: c.Model, Placer: embedding{c.Placing, c.Fleet}, Executor: c.Executor, Offered: c.embedder, Now: time.Now}
	describer := &lineage.Describer{Lineage: c.Lineage, Called: c.Called, Mask: c.Mask}
	return &Finder{search.New(search.Config{Model: c.Model, Store: c.Store, Describe: describer.Describe, Embed: tasks.Embed, Rests: c.Rests, Log: c.Log}), c.Index, c.Log}
}

// embedding is how search asks for devices. Nothing of its tasks is in a journal: an agent need not keep what came of them.
type embedding struct {
	*placing.Placing
	fleet *agents.Fleet
}

// Done implements search.Placer.
func (e embedding) Done(id string, went *placement.Went) {
	e.Placing.Done(id, went)
	if e.fleet != nil && went != nil {
		e.fleet.Link.Committed(id)
	}
}

// Never implements search.Placer, once it is known which devices there are.
func (e embedding) Never(ctx context.Context, w placement.Want) string {
	return e.NeverFits(ctx, w)
}

// embedder gives the node type that makes vectors, or says what mends that there is none.
func (c Config) embedder(ctx context.Context, nodeType string) (sdk.NodeType, error) {
	v, err := c.Catalog.View(ctx)
	if err != nil {
		return sdk.NodeType{}, err
	}
	if t, ok := v.NodeType(nodeType); ok {
		return t, nil
	}
	why := "it is not installed; it comes with spinbot"
	if e, ok := v.Entry("ollama"); ok && e.State != catalog.Ready {
		why = v.Why(nodeType) + "; spinbot plugins trust ollama"
	}
	return sdk.NodeType{}, sdk.Fail("vectors are made by the plugin ollama, which is not ready: "+why, "")
}

// State implements fileroutes.Search.
func (f *Finder) State() client.SearchState {
	s := f.Search.State()
	return client.SearchState{Version: client.ShapeVersion, On: true, Model: s.Model, Dimensions: s.Dimensions, Files: s.Files, Described: s.Vectors, Failed: s.Failed, Problem: s.Problem, Index: f.index}
}

// Wake says that there may be files to describe.
func (f *Finder) Wake() {
	if f != nil {
		f.Search.Wake()
	}
}

// Renamed has an artifact described anew that is called otherwise now; an empty digest is none.
func (f *Finder) Renamed(ctx context.Context, digest string) {
	if f == nil || digest == "" {
		return
	}
	if err := f.Changed(ctx, digest); err != nil {
		f.log.Warn("search knows an artifact by its old name", "digest", digest, "error", err)
	}
}
