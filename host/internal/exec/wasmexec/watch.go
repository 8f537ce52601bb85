package wasmexec

import (
	"context"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// watched makes the calls of host functions that are instantiated under ctx count, and tells the sandbox which of them
// outlive the task: no reset opens a standard file again, or gives it back its flags.
func watched(ctx context.Context) context.Context {
	return experimental.WithFunctionListenerFactory(ctx, watcher{})
}

type watcher struct{ lasts bool }

// lasting are the functions that change a file which is open, or how far it was read.
var lasting = map[string]bool{
	"fd_close": true, "fd_renumber": true, "fd_fdstat_set_flags": true, "fd_fdstat_set_rights": true, "fd_readdir": true, "fd_seek": true,
}

// preopened is how many files a guest has from the start: three standard ones and the folder of artifacts.
const preopened = 4

// NewFunctionListener implements experimental.FunctionListenerFactory.
func (watcher) NewFunctionListener(d api.FunctionDefinition) experimental.FunctionListener {
	return watcher{lasts: lasting[d.Name()]}
}

// Before implements experimental.FunctionListener.
func (w watcher) Before(ctx context.Context, _ api.Module, d api.FunctionDefinition, params []uint64, _ experimental.StackIterator) {
	s, ok := ctx.Value(sandboxKey{}).(*sandbox)
	if !ok {
		return
	}
	if s.calls++; s.calls > s.mostCalls {
		s.end(errCalls)
		panic(errCalls)
	}
	if w.lasts && (api.DecodeU32(params[0]) < preopened || d.Name() == "fd_renumber") {
		s.spoiled = true
	}
}

// After implements experimental.FunctionListener.
func (watcher) After(context.Context, api.Module, api.FunctionDefinition, []uint64) {}

// Abort implements experimental.FunctionListener.
func (watcher) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}
