package wasmexec

import (
	"context"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/grant"
)

// Imports lists the functions of the host that a module imports and a person has to grant, sorted. What it imports it
// may use, whatever its node types declare.
func (e *Executor) Imports(ctx context.Context, where Module) ([]string, error) {
	if !e.begin() {
		return nil, stopped("imports", errClosed)
	}
	defer e.tasks.Done()
	m, err := e.module(ctx, where)
	if err != nil {
		return nil, err
	}
	defer m.release()
	var out []string
	for _, f := range m.compiled.ImportedFunctions() {
		if from, name, _ := f.Import(); from == hostModule && slices.Contains(grant.Names, name) {
			out = append(out, name)
		}
	}
	if m.imports(extismModule, "http_request") {
		out = append(out, grant.HTTP)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
