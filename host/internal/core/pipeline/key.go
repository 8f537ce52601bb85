package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/sdk"
)

// ResultKey is what equal results are known by: the node type, its declared revision, its schemas and the inputs.
// Artifacts count by their digest and media type, never by name or place; equal inputs have equal keys.
func ResultKey(t sdk.NodeType, inputs sdk.Values) (string, error) {
	plain := sdk.Values{}
	for name, x := range inputs {
		plain[name] = datum.Clone(x)
	}
	err := plain.EachArtifact(func(a sdk.Artifact) (sdk.Artifact, error) {
		return sdk.Artifact{Digest: a.Digest, MediaType: a.MediaType}, nil
	})
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	for _, part := range []any{t.Name, t.Revision, t.Inputs, t.Outputs, plain} {
		if err := e.Encode(part); err != nil {
			return "", err
		}
	}
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:]), nil
}
