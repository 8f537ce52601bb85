package draft

import (
	"maps"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// filesOf lists the artifacts in what a run was given, or something in it has made. Of what is sealed nothing is told.
func filesOf(id run.ID, ev run.Event) (out []store.File) {
	at := ""
	for _, v := range []sdk.Values{ev.Inputs, ev.Outputs} {
		eachFile(v, func(x sdk.Artifact) {
			if at == "" {
				at = ev.At(id).String()
			}
			out = append(out, store.File{Digest: x.Digest, MediaType: x.MediaType, Name: x.Name, Size: x.Size, At: at, Created: ev.Time})
		})
	}
	return out
}

func eachFile(x any, fn func(sdk.Artifact)) {
	switch x := x.(type) {
	case sdk.Artifact:
		fn(x)
	case []any:
		for _, y := range x {
			eachFile(y, fn)
		}
	case sdk.Values:
		eachFile(map[string]any(x), fn)
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(x)) {
			eachFile(x[name], fn)
		}
	}
}
