package submission

import (
	"maps"
	"strconv"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// withEarlier adds to a submission's inputs those of the run that it repeats. What is sealed in those is opened, and only
// for variables that will have it sealed again.
func (m *Maker) withEarlier(p *pipeline.Pipeline, sub client.Submission, earlier sdk.Values) (sdk.Values, error) {
	given := sdk.Values{}
	for name, x := range earlier {
		v, known := p.Variable(name)
		_, text := sub.Text[name]
		if _, anew := sub.Inputs[name]; !known || text || anew {
			continue
		}
		s, sealed := x.(sdk.Sealed)
		if !sealed {
			given[name] = x
			continue
		}
		if !v.Sensitive {
			return nil, &client.Problem{Code: client.CodeInvalidInput,
				Detail: "variable " + strconv.Quote(name) + " was sensitive in the run to repeat, and is not any more", Fix: "give it anew, or declare it sensitive"}
		}
		plain, _, err := m.Vault.Open(s)
		if err != nil {
			return nil, &client.Problem{Code: client.CodeInvalidInput, Detail: "variable " + strconv.Quote(name) + " " + err.Error(), Fix: "give it anew"}
		}
		given[name] = plain
	}
	maps.Copy(given, sub.Inputs)
	return given, nil
}

// planKey tells a sealed value of a plan from one of a run: a plan comes back from whoever asked for it, and nobody may
// put a run's values into it.
const planKey = "plan"

// forPlan seals the sensitive inputs of a plan.
func (m *Maker) forPlan(p *pipeline.Pipeline, values sdk.Values) (sdk.Values, error) {
	out := maps.Clone(values)
	for _, v := range p.Variables {
		if !v.Sensitive || values[v.Name] == nil {
			continue
		}
		s, err := m.Vault.Seal(map[string]any{planKey: values[v.Name]}, true)
		if err != nil {
			return nil, err
		}
		out[v.Name] = s
	}
	return out, nil
}

// ofPlan opens what forPlan sealed. Anything else that is sealed stays so, and is refused.
func (m *Maker) ofPlan(p *pipeline.Pipeline, values sdk.Values) sdk.Values {
	out := maps.Clone(values)
	for _, v := range p.Variables {
		s, sealed := values[v.Name].(sdk.Sealed)
		if !sealed || !v.Sensitive {
			continue
		}
		x, _, err := m.Vault.Open(s)
		m, ok := x.(map[string]any)
		if plain, planned := m[planKey]; err == nil && ok && planned && len(m) == 1 {
			out[v.Name] = plain
		}
	}
	return out
}
