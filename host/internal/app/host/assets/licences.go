package assets

import (
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/plan"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Licence gives that of a model, as spinbot.hcl, then we, then the model's file on this machine, then said, say.
func (s *Shelf) Licence(model, said string) asset.Licence {
	if l, ok := s.cfg.Licences[model]; ok {
		return l
	}
	if l, ok := asset.Known(model); ok {
		return l
	}
	if said == "" {
		said = s.cfg.OfModel(model)
	}
	return asset.LicenceOf(said)
}

// PermitModels refuses a commercial run of a node that may run, and works with a model whose licence forbids that, as far as its inputs are known.
func (s *Shelf) PermitModels(p *pipeline.Pipeline, inputs sdk.Values) error {
	if !p.Commercial {
		return nil
	}
	var no []string
	plan.Make(p, inputs, plan.Sources{Vault: s.cfg.Vault,
		Result: func(*pipeline.Node, string) (sdk.Values, string, bool) { return nil, "", false },
		Uses: func(at string, n *pipeline.Node, known sdk.Values) {
			models := asset.Models(n.Type, known)
			if n.Device != nil {
				models = pipeline.Union(models, n.Device.Files)
			}
			for _, m := range models {
				if l := s.Licence(m, ""); l.Commercial == asset.No {
					no = append(no, at+" works with "+m+", whose licence "+l.String()+" forbids commercial use")
				}
			}
		}})
	if len(no) == 0 {
		return nil
	}
	return &client.Problem{Code: client.CodeInvalidInput, Detail: strings.Join(no, "; ") + ", and the pipeline says commercial = true",
		Fix: "use other models, or take commercial = true out of the pipeline block; what spinbot.hcl says of a licence in a model block goes first"}
}
