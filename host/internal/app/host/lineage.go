package host

import (
	"context"
	"time"

	"github.com/myspinbot/spinbot/host/internal/lineage"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// origins is what the API says of where artifacts come from.
type origins struct{ *lineage.Lineage }

// Of implements fileroutes.Lineage.
func (o origins) Of(ctx context.Context, digest string, depth int) (client.Lineage, error) {
	s, err := o.Lineage.Of(ctx, digest, depth)
	return client.Lineage{Version: client.ShapeVersion, Digest: digest, Made: attemptShapes(s.Made), Used: attemptShapes(s.Used), Cut: s.Cut}, err
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
