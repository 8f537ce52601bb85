package host

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/library"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// openLibrary finds the assets: with the runs where hosts share them, else in the state directory.
func (h *Host) openLibrary() {
	var kept store.Records = auth.NewFolder(h.cfg.State.Library())
	if h.sharing != nil {
		kept = h.sharing.notes
	}
	h.library = library.New(kept)
}

// known are the node types and assets that pipelines are checked against. It is a pipeline.Library.
type known struct {
	*catalog.View
	assets *asset.Library
}

// Library implements pipeline.Library.
func (k known) Library() *asset.Library { return k.assets }

// withAssets adds the assets that there are now to a view: the same value (==) as before when nothing has changed.
func (h *Host) withAssets(ctx context.Context, v *catalog.View) (known, error) {
	l, err := h.library.Now(ctx)
	return known{v, l}, err
}

// permit refuses values of which an artifact is that of an asset that may not be used. Where several assets point to it, it may
// be used as soon as one of them may.
func (h *Host) permit(ctx context.Context, commercial bool, values ...sdk.Values) error {
	l, err := h.library.Now(ctx)
	if err != nil {
		return err
	}
	for _, v := range values {
		if err := v.EachArtifact(func(a sdk.Artifact) (sdk.Artifact, error) {
			var no *asset.Refusal
			free := false
			l.Of(a.Digest, func(r asset.Ref, v *asset.Version) {
				no = v.Refused(r, commercial)
				free = free || no == nil
			})
			if no != nil && !free {
				return a, &client.Problem{Code: client.CodeInvalidInput, Detail: no.Error(), Fix: no.Fix}
			}
			return a, nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// named gives the artifacts of assets as values, for what is done with those that people give.
func named(assets []asset.Asset) sdk.Values {
	var all []any
	for _, a := range assets {
		for _, v := range a.Versions {
			all = append(all, v.Artifact)
		}
	}
	return sdk.Values{"assets": all}
}

// shelf is what the API does with the library.
type shelf struct{ h *Host }

// List implements assetroutes.Assets.
func (s shelf) List(ctx context.Context, q client.AssetQuery) ([]client.Asset, error) {
	l, err := s.h.library.Now(ctx)
	if err != nil {
		return nil, err
	}
	var out []client.Asset
	for i := range l.Assets {
		a := &l.Assets[i]
		if len(a.Versions) == 0 || q.Kind != "" && q.Kind != string(a.Kind) {
			continue
		}
		v := a.Versions[0]
		if text := strings.Join([]string{a.Ref().String(), v.Note, v.Licence.ID}, "\n"); !strings.Contains(store.Lower(text), store.Lower(q.Text)) {
			continue
		}
		shape := assetShape(a)
		shape.Versions = shape.Versions[:1]
		out = append(out, shape)
	}
	return out, nil
}

// Show implements assetroutes.Assets.
func (s shelf) Show(ctx context.Context, kind, name string) (client.Asset, error) {
	l, err := s.h.library.Now(ctx)
	if err != nil {
		return client.Asset{}, err
	}
	a, _, err := findAsset(l, asset.Ref{Kind: asset.Kind(kind), Name: name})
	if err != nil {
		return client.Asset{}, err
	}
	return assetShape(a), nil
}

// findAsset is asset.Library.Find with a problem for what there is not.
func findAsset(l *asset.Library, r asset.Ref) (*asset.Asset, *asset.Version, error) {
	a, v := l.Find(r)
	path := asset.Ref{Kind: r.Kind, Name: r.Name}.String()
	switch {
	case a == nil:
		return nil, nil, &client.Problem{Code: client.CodeNotFound, Detail: "there is no asset " + path + expr.DidYouMean(path, l.Names()), Fix: "spinbot assets ls lists them"}
	case v == nil:
		return nil, nil, &client.Problem{Code: client.CodeNotFound, Detail: "asset " + path + " has no version " + strconv.Itoa(r.Version), Fix: "spinbot assets show " + path + " lists its versions"}
	}
	return a, v, nil
}

// Add implements assetroutes.Assets.
func (s shelf) Add(ctx context.Context, kind, name string, n client.NewAssetVersion, by string) (out client.Asset, err error) {
	r := asset.Ref{Kind: asset.Kind(kind), Name: name}
	now := time.Now().UTC()
	v := asset.Version{Artifact: n.Artifact, Thumbnail: n.Thumbnail, Note: n.Note, Licence: licence(n.Licence), Consent: consent(n.Consent, by, now), Creator: by, Created: now}
	if err := errors.Join(asset.CheckName(name), v.Check()); err != nil {
		return out, &client.Problem{Code: client.CodeInvalidInput, Detail: err.Error()}
	}
	if err := s.touch(ctx, &v); err != nil {
		return out, err
	}
	if v.Made, err = s.made(ctx, n.Artifact.Digest); err != nil {
		return out, err
	}
	return out, s.h.library.Change(ctx, func(l *asset.Library) error {
		if _, err := l.Add(r, v); err != nil {
			return &client.Problem{Code: client.CodeConflict, Detail: err.Error()}
		}
		a, _ := l.Find(r)
		out = assetShape(a)
		return nil
	})
}

// touch makes the artifacts of a version new, so that none goes before the library is seen to refer to it.
func (s shelf) touch(ctx context.Context, v *asset.Version) error {
	values := sdk.Values{"artifact": v.Artifact}
	if v.Thumbnail != nil {
		values["thumbnail"] = *v.Thumbnail
	}
	return s.h.touch(ctx, values)
}

// made is the address of the attempt that made an artifact.
func (s shelf) made(ctx context.Context, digest string) (string, error) {
	story, err := s.h.lineage.Of(ctx, digest, 1)
	if err != nil {
		return "", err
	}
	for _, a := range story.Made {
		if slices.ContainsFunc(a.Makes, func(x sdk.Artifact) bool { return x.Digest == digest }) && a.Source == "" {
			return a.At.String(), nil
		}
	}
	return "", nil
}

// Change implements assetroutes.Assets.
func (s shelf) Change(ctx context.Context, kind, name string, number int, edit *client.AssetEdit, by string) (out client.Asset, err error) {
	r := asset.Ref{Kind: asset.Kind(kind), Name: name, Version: number}
	return out, s.h.library.Change(ctx, func(l *asset.Library) error {
		a, v, err := findAsset(l, r)
		if err != nil {
			return err
		}
		if edit == nil {
			l.Remove(r)
		} else if err := s.edit(ctx, v, *edit, by); err != nil {
			return err
		}
		out = assetShape(a)
		return nil
	})
}

func (s shelf) edit(ctx context.Context, v *asset.Version, e client.AssetEdit, by string) error {
	if e.Note != nil {
		v.Note = *e.Note
	}
	if e.Licence != nil {
		v.Licence = licence(*e.Licence)
	}
	if e.Withdraw {
		v.Consent = nil
	}
	if e.Consent != nil {
		v.Consent = consent(e.Consent, by, time.Now().UTC())
	}
	if e.DropThumbnail {
		v.Thumbnail = nil
	}
	if e.Thumbnail != nil {
		v.Thumbnail = e.Thumbnail
		if err := s.touch(ctx, v); err != nil {
			return err
		}
	}
	if err := v.Check(); err != nil {
		return &client.Problem{Code: client.CodeInvalidInput, Detail: err.Error()}
	}
	return nil
}

func licence(l client.AssetLicence) asset.Licence {
	if l.Commercial == "" {
		l.Commercial = string(asset.Unknown)
	}
	return asset.Licence{ID: strings.TrimSpace(l.ID), Commercial: asset.Commercial(l.Commercial)}
}

func consent(c *client.AssetConsent, by string, now time.Time) *asset.Consent {
	if c == nil {
		return nil
	}
	return &asset.Consent{By: c.By, On: c.On, For: c.For, Recorder: by, Recorded: now}
}

func assetShape(a *asset.Asset) client.Asset {
	out := client.Asset{Kind: string(a.Kind), Name: a.Name, Count: len(a.Versions), Versions: []client.AssetVersion{}}
	for _, v := range a.Versions {
		x := client.AssetVersion{Number: v.Number, Artifact: v.Artifact, Thumbnail: v.Thumbnail, Note: v.Note, Creator: v.Creator, Created: v.Created, Made: v.Made,
			Licence: client.AssetLicence{ID: v.Licence.ID, Commercial: string(v.Licence.Commercial)}}
		if c := v.Consent; c != nil {
			x.Consent = &client.AssetConsent{By: c.By, On: c.On, For: c.For, Recorder: c.Recorder, Recorded: new(time.Time)}
			*x.Consent.Recorded = c.Recorded
		}
		if no := v.Refused(a.Ref(), false); no != nil {
			x.Refused, x.Fix = no.Error(), no.Fix
		}
		out.Versions = append(out.Versions, x)
	}
	return out
}
