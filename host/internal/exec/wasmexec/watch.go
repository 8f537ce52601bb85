package wasmexec

import (
	"context"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// watched makes a module of host functions, instantiated under ctx, tell the sandbox which calls outlive the task:
// no reset opens a standard file again, or gives it back its flags.
func watched(ctx context.Context) context.Context {
	return experimental.WithFunctionListenerFactory(ctx, watcher{})
}

type watcher struct{}

// lasting are the functions that change a file which is open, or how far it was read.
var lasting = map[string]bool{
	"fd_close": true, "fd_renumber": true, "fd_fdstat_set_flags": true, "fd_fdstat_set_rights": true, "fd_readdir": true, "fd_seek": true,
}

// preopened is how many files a guest has from the start: three standard ones and the folder of artifacts.
const preopened = 4

// NewFunctionListener implements experimental.FunctionListenerFactory.
func (w watcher) NewFunctionListener(d api.FunctionDefinition) experimental.FunctionListener {
	for _, name := range d.ExportNames() {
		if lasting[name] {
			return w
		}
	}
	return nil
}

// Before implements experimental.FunctionListener.
func (watcher) Before(ctx context.Context, _ api.Module, d api.FunctionDefinition, params []uint64, _ experimental.StackIterator) {
	s, ok := ctx.Value(sandboxKey{}).(*sandbox)
	if !ok {
		return
	}
	if api.DecodeU32(params[0]) < preopened || d.ExportNames()[0] == "fd_renumber" {
		s.spoiled = true
	}
}

// After implements experimental.FunctionListener.
func (watcher) After(context.Context, api.Module, api.FunctionDefinition, []uint64) {}

// Abort implements experimental.FunctionListener.
func (watcher) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}
