package exec

import (
	"fmt"

	"github.com/myspinbot/spinbot/sdk"
)

// hasArtifact says whether there is one anywhere in x.
func hasArtifact(x any) bool {
	switch x := x.(type) {
	case sdk.Artifact:
		return true
	case []any:
		for _, y := range x {
			if hasArtifact(y) {
				return true
			}
		}
	case map[string]any:
		for _, y := range x {
			if hasArtifact(y) {
				return true
			}
		}
	case sdk.Values:
		return hasArtifact(map[string]any(x))
	}
	return false
}

// replace gives a copy of the values in which fn has replaced every artifact; at is where it stands, such as
// clips[2].picture. The values themselves, which others may share, are left alone.
func replace(values sdk.Values, fn func(at string, a sdk.Artifact) (sdk.Artifact, error)) (sdk.Values, error) {
	out := make(sdk.Values, len(values))
	for k, x := range values {
		y, err := replaceIn(k, x, fn)
		if err != nil {
			return nil, err
		}
		out[k] = y
	}
	return out, nil
}

func replaceIn(at string, x any, fn func(string, sdk.Artifact) (sdk.Artifact, error)) (any, error) {
	switch x := x.(type) {
	case sdk.Artifact:
		return fn(at, x)
	case []any:
		if !hasArtifact(x) {
			return x, nil
		}
		out := make([]any, len(x))
		for i := range x {
			y, err := replaceIn(fmt.Sprintf("%s[%d]", at, i), x[i], fn)
			if err != nil {
				return nil, err
			}
			out[i] = y
		}
		return out, nil
	case map[string]any:
		if !hasArtifact(x) {
			return x, nil
		}
		out := make(map[string]any, len(x))
		for k := range x {
			y, err := replaceIn(at+"."+k, x[k], fn)
			if err != nil {
				return nil, err
			}
			out[k] = y
		}
		return out, nil
	case sdk.Values:
		return replaceIn(at, map[string]any(x), fn)
	}
	return x, nil
}
