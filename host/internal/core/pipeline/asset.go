package pipeline

import (
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

// Library is a Types that has assets too. With one that has none, nothing is known of what asset() gives, and a pipeline that
// calls it cannot be run.
type Library interface {
	// Library gives the assets there are now; nobody changes it any more.
	Library() *asset.Library
}

// Assets are what asset() names in the files of a pipeline: a loader shares them with those of its modules.
type Assets struct {
	Library    *asset.Library  // nil: not known
	Files      datum.Artifacts // that the named ones point to
	Values     map[string]cty.Value
	Used       []UsedAsset
	Seen       map[diagnostic.Range]bool // where used stand: an expression is looked at more than once
	Commercial bool
}

// UsedAsset is one place where an asset is named.
type UsedAsset struct {
	Ref     asset.Ref
	Version *asset.Version // nil: it is not known, or not there
	Range   diagnostic.Range
}

// NewAssets names none.
func NewAssets(types Types) *Assets {
	a := &Assets{Values: map[string]cty.Value{}, Seen: map[diagnostic.Range]bool{}}
	if l, ok := types.(Library); ok {
		a.Library = l.Library()
	}
	return a
}

// Value is what asset() gives.
func (a *Assets) Value(ref string) cty.Value {
	if v, ok := a.Values[ref]; ok {
		return v
	}
	return cty.UnknownVal(datum.ArtifactType)
}

// Pinned are the versions that are named, for the bundle.
func (a *Assets) Pinned() []asset.Asset {
	var refs []asset.Ref
	for _, u := range a.Used {
		if u.Version != nil {
			refs = append(refs, asset.Ref{Kind: u.Ref.Kind, Name: u.Ref.Name, Version: u.Version.Number})
		}
	}
	if len(refs) == 0 {
		return nil
	}
	return a.Library.Pinned(refs)
}

// Assets lists the assets that the pipeline and its modules name, each version once, as they were when it was loaded.
func (p *Pipeline) Assets() []asset.Asset { return p.bundle.Assets }

// AssetRefs lists what asset() names in the pipeline and its modules, in no order, known or not.
func (p *Pipeline) AssetRefs() (refs []asset.Ref) {
	for _, u := range p.Used.Used {
		if !slices.Contains(refs, u.Ref) {
			refs = append(refs, u.Ref)
		}
	}
	return refs
}

// Library makes a Bundle a Library: of the versions that the pipeline was made with.
func (b Bundle) Library() *asset.Library { return &asset.Library{Assets: b.Assets} }
