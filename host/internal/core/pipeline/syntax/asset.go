package syntax

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// assetCall takes in what a call of asset() names.
func (l *Reader) assetCall(call *hclsyntax.FunctionCallExpr) {
	if len(call.Args) != 1 || call.ExpandFinal {
		return // a wrong number of arguments is found when types are checked
	}
	defer func(subject string) { l.Subject = subject }(l.Subject)
	l.Subject = "the argument of asset"
	l.Read(sdk.Schema{Type: "string"}, func(x any) { l.useAsset(call.Args[0], x.(string)) })(call.Args[0])
}

func (l *Reader) useAsset(arg hclsyntax.Expression, text string) {
	a, rng := l.Assets, diagnostic.RangeOf(arg.Range())
	r, err := asset.ParseRef(text)
	if err != nil {
		l.Fail(arg.Range(), "write it asset(\"voice/anna\") for the newest version, or asset(\"voice/anna@3\")", "%s", err)
		return
	}
	if a.Seen[rng] {
		return
	}
	a.Seen[rng] = true
	u := pipeline.UsedAsset{Ref: r, Range: rng}
	if a.Library != nil {
		u.Version = l.findAsset(arg, r)
	}
	if u.Version != nil {
		v, err := a.Files.In(nil, u.Version.Artifact)
		if err != nil { // an artifact is always a value
			l.Fail(arg.Range(), "", "asset %s: %s", r, err)
		}
		a.Values[text] = v
	}
	a.Used = append(a.Used, u)
}

// findAsset gives the version that is meant now, or says which there are.
func (l *Reader) findAsset(arg hclsyntax.Expression, r asset.Ref) *asset.Version {
	found, v := l.Assets.Library.Find(r)
	path := asset.Ref{Kind: r.Kind, Name: r.Name}
	switch {
	case found == nil:
		names := l.Assets.Library.Names()
		detail := "the library is empty: spinbot assets add " + path.String() + " FILE"
		if len(names) > 0 {
			detail = "there are " + diagnostic.ShortList(names) + expr.DidYouMean(path.String(), names)
		}
		l.Fail(arg.Range(), detail, "no asset %s", path)
	case v == nil:
		var numbers []string
		for _, v := range found.Versions {
			numbers = append(numbers, fmt.Sprint(v.Number))
		}
		slices.Reverse(numbers)
		l.Fail(arg.Range(), "its versions are "+strings.Join(numbers, ", "), "no version %d of asset %s", r.Version, path)
	}
	return v
}
