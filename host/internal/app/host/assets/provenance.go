package assets

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/provenance"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Provenance implements fileroutes.Lineage. What no run is left to say of an asset was kept with it.
func (s *Shelf) Provenance(ctx context.Context, digest, run string) (client.Provenance, error) {
	e, err := s.provenance(ctx, digest, run)
	if !errors.Is(err, artifacts.ErrNotFound) {
		return e, err
	}
	l, lerr := s.cfg.Library.Now(ctx)
	if lerr != nil {
		return e, lerr
	}
	var kept *sdk.Artifact
	l.Of(digest, func(_ asset.Ref, v *asset.Version) {
		if v.Provenance != nil {
			kept = v.Provenance
		}
	})
	if kept == nil {
		return e, &client.Problem{Code: client.CodeNotFound, Detail: "nothing is known of how this file was made: no run that is still there has made it",
			Fix: "if it was saved with its provenance, give that: spinbot verify FILE --provenance FILE"}
	}
	r, err := s.cfg.Files.Peek(ctx, kept.Digest)
	if err != nil {
		return e, err
	}
	defer r.Close()
	return e, json.NewDecoder(r).Decode(&e)
}

// traced says how an artifact was made.
func (s *Shelf) traced(ctx context.Context, digest, run string) (sdk.Artifact, provenance.Predicate, error) {
	it, p, err := s.cfg.Lineage.Provenance(ctx, digest, run)
	if err != nil {
		return it, p, err
	}
	l, err := s.cfg.Library.Now(ctx)
	if err != nil {
		return it, p, err
	}
	p.Spinbot = s.cfg.Version
	s.sayLicences(&p, l)
	return it, p, nil
}

// provenance says how an artifact was made, signed.
func (s *Shelf) provenance(ctx context.Context, digest, run string) (client.Provenance, error) {
	it, p, err := s.traced(ctx, digest, run)
	if err != nil {
		return client.Provenance{}, err
	}
	statement, err := provenance.Encode(it, p)
	if err != nil {
		return client.Provenance{}, err
	}
	e, err := s.cfg.Signer.Sign(ctx, statement)
	out := client.Provenance{PayloadType: e.PayloadType, Payload: e.Payload}
	for _, s := range e.Signatures {
		out.Signatures = append(out.Signatures, client.ProvenanceSignature(s))
	}
	return out, err
}

// sayLicences puts in what is known here of the licences of models, and which of the inputs are assets that a person has chosen.
func (s *Shelf) sayLicences(p *provenance.Predicate, l *asset.Library) {
	for k := range p.Models {
		m := &p.Models[k]
		m.Licence = s.Licence(m.Name, m.Licence.ID)
	}
	for _, in := range p.Inputs {
		if !slices.ContainsFunc(p.Assets, func(a provenance.Asset) bool { return a.Digest["sha256"] == in.Digest["sha256"] }) {
			l.Of(in.SHA256(), func(r asset.Ref, v *asset.Version) { p.Assets = append(p.Assets, provenance.AssetOf(r, v)) })
		}
	}
}

// Keys implements fileroutes.Lineage.
func (s *Shelf) Keys(ctx context.Context) (client.ProvenanceKeys, error) {
	keys, err := s.cfg.Signer.Keys(ctx)
	return client.ProvenanceKeys{Version: client.ShapeVersion, Keys: provenance.EncodeKeys(keys)}, err
}
