package draft

import (
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// Files lists the artifacts in what a run was given, or something in it has made. Of what is sealed nothing is told.
func Files(id run.ID, ev run.Event) (out []store.File) {
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

// Bytes is what the artifacts in values have together, each once. Of what is sealed nothing is told.
func Bytes(v sdk.Values) (sum int64) {
	var seen []string
	eachFile(v, func(x sdk.Artifact) {
		if !slices.Contains(seen, x.Digest) {
			seen, sum = append(seen, x.Digest), sum+x.Size
		}
	})
	return sum
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
		var names []string
		for name, y := range x {
			switch y.(type) {
			case sdk.Artifact, []any, sdk.Values, map[string]any: // nothing else has files
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			eachFile(x[name], fn)
		}
	}
}
