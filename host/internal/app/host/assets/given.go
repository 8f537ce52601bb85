package assets

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// What is done with values that people give, before they are written into a journal.

// Permit refuses values of which an artifact is that of an asset that may not be used. Where several assets point to it, it may
// be used as soon as one of them may.
func (s *Shelf) Permit(ctx context.Context, commercial bool, values ...sdk.Values) error {
	l, err := s.cfg.Library.Now(ctx)
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

// Named gives the artifacts of assets as values, for what is done with those that people give.
func Named(assets []asset.Asset) sdk.Values {
	var all []any
	for _, a := range assets {
		for _, v := range a.Versions {
			all = append(all, v.Artifact)
		}
	}
	return sdk.Values{"assets": all}
}

// Touch makes the artifacts that a person's values name new, since they are about to be written into a journal. It
// fails when one is not there.
func (s *Shelf) Touch(ctx context.Context, values ...sdk.Values) error {
	for _, v := range values {
		err := v.EachArtifact(func(a sdk.Artifact) (sdk.Artifact, error) {
			err := s.cfg.Files.Touch(ctx, a.Digest)
			if errors.Is(err, artifacts.ErrNotFound) || errors.Is(err, artifacts.ErrDigest) {
				err = &client.Problem{Code: client.CodeInvalidInput, Detail: err.Error(), Fix: "upload the file, and use the artifact that the host answers with"}
			}
			return a, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// TouchPipeline makes what the pipeline was made of new, with the assets that it names. The engine may remember having stored it when the last run of
// it has long been removed.
func (s *Shelf) TouchPipeline(ctx context.Context, p *pipeline.Pipeline) error {
	b := p.Bundle()
	if err := s.Touch(ctx, Named(b.Assets)); err != nil {
		return err
	}
	if err := s.cfg.Files.Touch(ctx, b.Digest()); !errors.Is(err, artifacts.ErrNotFound) {
		return err
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return err
	}
	_, err = s.cfg.Artifacts.Put(ctx, bytes.NewReader(raw), sdk.Artifact{Name: p.Name + ".bundle.json", MediaType: "application/json"})
	return err
}
