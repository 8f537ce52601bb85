package pipeline

import (
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
)

// Secret is a value that the host keeps and a pipeline refers to by name.
type Secret struct {
	Name, Description string
	Range             diagnostic.Range
}

// Secret finds a secret by name.
func (p *Pipeline) Secret(name string) (Secret, bool) {
	i := slices.IndexFunc(p.Secrets, func(s Secret) bool { return s.Name == name })
	if i < 0 {
		return Secret{}, false
	}
	return p.Secrets[i], true
}

// SecretsInUse names the secrets that a run of the pipeline needs, those of its modules included, in order.
func (p *Pipeline) SecretsInUse() []string {
	var names []string
	for _, n := range p.Nodes {
		names = Union(names, n.Refs.Secrets)
		if n.Module != nil {
			names = Union(names, n.Module.SecretsInUse())
		}
	}
	for _, o := range p.Outputs {
		names = Union(names, o.Refs.Secrets)
	}
	slices.Sort(names)
	return names
}
