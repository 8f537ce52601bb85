package authoring

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/app/host/nodetypes"
	"github.com/myspinbot/spinbot/host/internal/app/host/shape"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Check implements pipelineroutes.Checker.
func (p *Pipelines) Check(ctx context.Context, src client.Source, format string) (client.Checked, error) {
	v, err := p.Types.Catalog.View(ctx)
	if err != nil {
		return client.Checked{}, err
	}
	made, found, err := p.Load(ctx, src, v)
	if err != nil {
		return client.Checked{}, err
	}
	found = append(found, nodetypes.Ungranted(made, v)...)
	out := client.Checked{Version: client.ShapeVersion, Valid: made != nil && !found.HasErrors(), Diagnostics: shape.Diagnostics(found)}
	if made == nil {
		return out, nil
	}
	out.Pipeline, out.Nodes, out.Declared = made.Name, len(made.Nodes), declared(made)
	out.Graph = drawn(made, format)
	return out, nil
}
