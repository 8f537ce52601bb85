package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

// Library is a Types that has assets too. With one that has none, nothing is known of what asset() gives, and a pipeline that
// calls it cannot be run.
type Library interface {
	// Library gives the assets there are now; nobody changes it any more.
	Library() *asset.Library
}

// assets are what asset() names in the files of a pipeline: a loader shares them with those of its modules.
type assets struct {
	library    *asset.Library // nil: not known
	files      expr.Artifacts // that the named ones point to
	values     map[string]cty.Value
	used       []usedAsset
	seen       map[Range]bool // where used stand: an expression is looked at more than once
	commercial bool
}

type usedAsset struct {
	ref     asset.Ref
	version *asset.Version // nil: it is not known, or not there
	rng     Range
}

func newAssets(types Types) *assets {
	a := &assets{values: map[string]cty.Value{}, seen: map[Range]bool{}}
	if l, ok := types.(Library); ok {
		a.library = l.Library()
	}
	return a
}

// value is what asset() gives.
func (a *assets) value(ref string) cty.Value {
	if v, ok := a.values[ref]; ok {
		return v
	}
	return cty.UnknownVal(expr.ArtifactType)
}

// pinned are the versions that are named, for the bundle.
func (a *assets) pinned() []asset.Asset {
	var refs []asset.Ref
	for _, u := range a.used {
		if u.version != nil {
			refs = append(refs, asset.Ref{Kind: u.ref.Kind, Name: u.ref.Name, Version: u.version.Number})
		}
	}
	if len(refs) == 0 {
		return nil
	}
	return a.library.Pinned(refs)
}

// assetCall takes in what a call of asset() names.
func (l *loader) assetCall(call *hclsyntax.FunctionCallExpr) {
	if len(call.Args) != 1 || call.ExpandFinal {
		return // a wrong number of arguments is found when types are checked
	}
	defer func(subject string) { l.subject = subject }(l.subject)
	l.subject = "the argument of asset"
	l.read(sdk.Schema{Type: "string"}, func(x any) { l.useAsset(call.Args[0], x.(string)) })(call.Args[0])
}

func (l *loader) useAsset(arg hclsyntax.Expression, text string) {
	a, rng := l.assets, rangeOf(arg.Range())
	r, err := asset.ParseRef(text)
	if err != nil {
		l.fail(arg.Range(), "write it asset(\"voice/anna\") for the newest version, or asset(\"voice/anna@3\")", "%s", err)
		return
	}
	if a.seen[rng] {
		return
	}
	a.seen[rng] = true
	u := usedAsset{ref: r, rng: rng}
	if a.library != nil {
		u.version = l.findAsset(arg, r)
	}
	if u.version != nil {
		v, err := a.files.In(nil, u.version.Artifact)
		if err != nil { // an artifact is always a value
			l.fail(arg.Range(), "", "asset %s: %s", r, err)
		}
		a.values[text] = v
	}
	a.used = append(a.used, u)
}

// findAsset gives the version that is meant now, or says which there are.
func (l *loader) findAsset(arg hclsyntax.Expression, r asset.Ref) *asset.Version {
	found, v := l.assets.library.Find(r)
	path := asset.Ref{Kind: r.Kind, Name: r.Name}
	switch {
	case found == nil:
		names := l.assets.library.Names()
		detail := "the library is empty: spinbot assets add " + path.String() + " FILE"
		if len(names) > 0 {
			detail = "there are " + shortList(names) + expr.DidYouMean(path.String(), names)
		}
		l.fail(arg.Range(), detail, "no asset %s", path)
	case v == nil:
		var numbers []string
		for _, v := range found.Versions {
			numbers = append(numbers, fmt.Sprint(v.Number))
		}
		slices.Reverse(numbers)
		l.fail(arg.Range(), "its versions are "+strings.Join(numbers, ", "), "no version %d of asset %s", r.Version, path)
	}
	return v
}

// checkAssets refuses what may not be used, once all files are read: whether the run is commercial may stand in any of them.
func (l *loader) checkAssets() {
	l.p.Commercial = l.assets.commercial
	for _, u := range l.assets.used {
		if u.version == nil {
			continue
		}
		if no := u.version.Refused(u.ref, l.assets.commercial); no != nil {
			l.add(Error, u.rng, no.Fix, "%s", no)
		} else if l.assets.commercial && u.version.Licence.Commercial == asset.Unknown {
			r := u.ref
			r.Version = u.version.Number
			l.add(Warning, u.rng, "say it: spinbot assets edit "+r.String()+" --licence ID --commercial yes, or on its page in the library", "nobody knows whether asset %s may be used commercially", r)
		}
	}
}

// Assets lists the assets that the pipeline and its modules name, each version once, as they were when it was loaded.
func (p *Pipeline) Assets() []asset.Asset { return p.bundle.Assets }

// AssetRefs lists what asset() names in the pipeline and its modules, in no order, known or not.
func (p *Pipeline) AssetRefs() (refs []asset.Ref) {
	for _, u := range p.assets.used {
		if !slices.Contains(refs, u.ref) {
			refs = append(refs, u.ref)
		}
	}
	return refs
}

// Library makes a Bundle a Library: of the versions that the pipeline was made with.
func (b Bundle) Library() *asset.Library { return &asset.Library{Assets: b.Assets} }
