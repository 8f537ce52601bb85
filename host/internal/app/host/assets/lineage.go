package assets

import (
	"context"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/lineage"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Of implements fileroutes.Lineage.
func (s *Shelf) Of(ctx context.Context, digest string, depth int) (client.Lineage, error) {
	story, err := s.cfg.Lineage.Of(ctx, digest, depth)
	return client.Lineage{Version: client.ShapeVersion, Digest: digest, Made: attemptShapes(story.Made), Used: attemptShapes(story.Used), Cut: story.Cut}, err
}

func attemptShapes(list []lineage.Attempt) []client.LineageAttempt {
	out := make([]client.LineageAttempt, 0, len(list))
	for _, a := range list {
		x := client.LineageAttempt{At: a.At.String(), Type: a.Type, Pipeline: a.Pipeline, Source: a.Source, Uses: append([]sdk.Artifact{}, a.Uses...), Makes: append([]sdk.Artifact{}, a.Makes...)}
		if !a.Ended.IsZero() {
			x.Ended = new(time.Time)
			*x.Ended = a.Ended
		}
		out = append(out, x)
	}
	return out
}

// Called gives what an artifact is called in the library, and what people say of it.
func (s *Shelf) Called(ctx context.Context, digest string) (words []string, err error) {
	l, err := s.cfg.Library.Now(ctx)
	if err == nil {
		l.Of(digest, func(r asset.Ref, v *asset.Version) { words = append(words, string(r.Kind)+" "+r.Name, v.Note) })
	}
	return words, err
}
