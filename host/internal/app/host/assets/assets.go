// Package assets is the library of a host as people, runs and the host's own nodes use it: what may be used on what terms, whose
// consent there is, and how an artifact was made, signed.
package assets

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/provenance"
	"github.com/myspinbot/spinbot/host/internal/library"
	"github.com/myspinbot/spinbot/host/internal/lineage"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/host/internal/signing"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Config is what a shelf stands on.
type Config struct {
	Library *library.Library
	Signer  *signing.Signer
	Lineage *lineage.Lineage

	Artifacts artifacts.Store
	Files     artifacts.Keeper
	Vault     *secrets.Vault
	Version   string // of this program

	// Licences are those of models, as the configuration says; OfModel gives what the model's file on this machine says.
	Licences map[string]asset.Licence
	OfModel  func(model string) string
	// Renamed is told that an artifact is called otherwise now; an empty digest is none.
	Renamed func(ctx context.Context, digest string)
}

// Shelf is what people and nodes do with the assets of a host.
type Shelf struct{ cfg Config }

// New is a shelf over a library.
func New(cfg Config) *Shelf { return &Shelf{cfg} }

// List implements assetroutes.Assets.
func (s *Shelf) List(ctx context.Context, q client.AssetQuery) ([]client.Asset, error) {
	l, err := s.cfg.Library.Now(ctx)
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
func (s *Shelf) Show(ctx context.Context, kind, name string) (client.Asset, error) {
	l, err := s.cfg.Library.Now(ctx)
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
func (s *Shelf) Add(ctx context.Context, kind, name string, n client.NewAssetVersion, by string) (client.Asset, error) {
	now := time.Now().UTC()
	a, err := s.put(ctx, asset.Ref{Kind: asset.Kind(kind), Name: name}, asset.Version{Artifact: n.Artifact, Thumbnail: n.Thumbnail, Note: n.Note,
		Licence: licence(n.Licence), Consent: consent(n.Consent, by, now), Creator: by, Created: now}, false)
	if err != nil {
		return client.Asset{}, err
	}
	return assetShape(&a), nil
}

// put adds a version, and gives the asset as it is then. once: not if the newest version is the same.
func (s *Shelf) put(ctx context.Context, r asset.Ref, v asset.Version, once bool) (out asset.Asset, err error) {
	if err := errors.Join(asset.CheckName(r.Name), v.Check()); err != nil {
		return out, &client.Problem{Code: client.CodeInvalidInput, Detail: err.Error()}
	}
	if err := s.touchVersion(ctx, &v); err != nil {
		return out, err
	}
	if v.Made, err = s.made(ctx, v.Artifact.Digest); err != nil {
		return out, err
	}
	if err := s.inherit(ctx, &v); err != nil {
		return out, err
	}
	defer func() { s.cfg.Renamed(ctx, v.Artifact.Digest) }()
	return out, s.cfg.Library.Change(ctx, func(l *asset.Library) error {
		if _, newest := l.Find(r); !once || newest == nil || !newest.Same(&v) {
			if _, err := l.Add(r, v); err != nil {
				return &client.Problem{Code: client.CodeConflict, Detail: err.Error()}
			}
		}
		a, _ := l.Find(r)
		out = *a
		return nil
	})
}

// touchVersion makes the artifacts of a version new, so that none goes before the library is seen to refer to it.
func (s *Shelf) touchVersion(ctx context.Context, v *asset.Version) error {
	values := sdk.Values{"artifact": v.Artifact}
	if v.Thumbnail != nil {
		values["thumbnail"] = *v.Thumbnail
	}
	return s.Touch(ctx, values)
}

// made is the address of the attempt that made an artifact.
func (s *Shelf) made(ctx context.Context, digest string) (string, error) {
	story, err := s.cfg.Lineage.Of(ctx, digest, 1)
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

// inherit notes the licences of what an artifact was made of, and keeps its provenance for when its run is gone.
func (s *Shelf) inherit(ctx context.Context, v *asset.Version) error {
	_, p, err := s.traced(ctx, v.Artifact.Digest, "")
	if errors.Is(err, artifacts.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v.From = p.Sources()
	if err := v.Inherits(); err != nil {
		return &client.Problem{Code: client.CodeInvalidInput, Detail: err.Error()}
	}
	e, err := s.provenance(ctx, v.Artifact.Digest, "")
	if err != nil {
		return err
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return err
	}
	kept, err := s.cfg.Artifacts.Put(ctx, bytes.NewReader(raw), sdk.Artifact{Name: v.Artifact.Name + provenance.Suffix, MediaType: "application/json"})
	v.Provenance = &kept
	return err
}

// Change implements assetroutes.Assets.
func (s *Shelf) Change(ctx context.Context, kind, name string, number int, edit *client.AssetEdit, by string) (out client.Asset, err error) {
	r := asset.Ref{Kind: asset.Kind(kind), Name: name, Version: number}
	digest := ""
	defer func() { s.cfg.Renamed(ctx, digest) }()
	return out, s.cfg.Library.Change(ctx, func(l *asset.Library) error {
		a, v, err := findAsset(l, r)
		if err != nil {
			return err
		}
		digest = v.Artifact.Digest
		if edit == nil {
			l.Remove(r)
		} else if err := s.edit(ctx, v, *edit, by); err != nil {
			return err
		}
		out = assetShape(a)
		return nil
	})
}

func (s *Shelf) edit(ctx context.Context, v *asset.Version, e client.AssetEdit, by string) error {
	if e.Note != nil {
		v.Note = *e.Note
	}
	if e.Licence != nil {
		v.Licence = licence(*e.Licence)
		if err := v.Inherits(); err != nil {
			return &client.Problem{Code: client.CodeInvalidInput, Detail: err.Error()}
		}
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
		if err := s.touchVersion(ctx, v); err != nil {
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
		for _, f := range v.From {
			x.From = append(x.From, client.AssetSource{Name: f.Name, Licence: client.AssetLicence{ID: f.Licence.ID, Commercial: string(f.Licence.Commercial)}})
		}
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
