package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Values are the named inputs or outputs of a node. Each is nil, bool, string, json.Number, []any,
// map[string]any or Artifact, nested as deep as needed. Numbers are exact decimals, never float64. Between a host's own
// parts a Sealed may stand for any of them.
type Values map[string]any

// Artifact is immutable bytes known by their digest.
type Artifact struct {
	// Digest is "sha256:" and 64 hexadecimal digits; empty in a Result until the host has taken the file in.
	Digest    string
	MediaType string
	Size      int64 // bytes
	Name      string
	// Path is a local file, readable by the task it was given to. It is never journaled or sent elsewhere.
	Path string
}

// File is the Artifact to return for a file in the task's scratch folder. name may be empty: the file's own.
func File(path, name, mediaType string) Artifact {
	return Artifact{Path: path, Name: name, MediaType: mediaType}
}

// artifactJSON is how an Artifact stands in JSON. The "$" key tells it from a plain object:
// plain keys that begin with "$" are written with one more.
type artifactJSON struct {
	Digest    string `json:"$artifact"`
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"`
	Name      string `json:"name"`
	Path      string `json:"path,omitempty"`
}

// MarshalJSON writes {"$artifact": digest, "media_type", "size", "name"}. Path is left out; see EncodeJSON.
func (a Artifact) MarshalJSON() ([]byte, error) {
	return json.Marshal(artifactJSON{a.Digest, a.MediaType, a.Size, a.Name, ""})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (a *Artifact) UnmarshalJSON(data []byte) error {
	var j artifactJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*a = Artifact(j)
	return nil
}

// MarshalJSON writes the values with artifacts tagged, without local paths.
func (v Values) MarshalJSON() ([]byte, error) { return v.EncodeJSON(false) }

// EncodeJSON writes the values as JSON; local paths are included only between a host and its own executors.
func (v Values) EncodeJSON(withPaths bool) ([]byte, error) {
	if v == nil {
		return []byte("null"), nil
	}
	return json.Marshal(escape(map[string]any(v), withPaths))
}

// UnmarshalJSON reads what MarshalJSON or EncodeJSON wrote, numbers as json.Number.
func (v *Values) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return err
	}
	if m == nil {
		*v = nil
		return nil
	}
	out := make(Values, len(m))
	for k, x := range m {
		y, err := unescape(x)
		if err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		out[strings.TrimPrefix(k, "$")] = y
	}
	*v = out
	return nil
}

func escape(x any, paths bool) any {
	switch x := x.(type) {
	case Artifact:
		j := artifactJSON{x.Digest, x.MediaType, x.Size, x.Name, ""}
		if paths {
			j.Path = x.Path
		}
		return j
	case Sealed:
		return sealedJSON(x)
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = escape(x[i], paths)
		}
		return out
	case Values:
		return escape(map[string]any(x), paths)
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, y := range x {
			if strings.HasPrefix(k, "$") {
				k = "$" + k
			}
			out[k] = escape(y, paths)
		}
		return out
	}
	return x
}

func unescape(x any) (any, error) {
	switch x := x.(type) {
	case []any:
		for i := range x {
			y, err := unescape(x[i])
			if err != nil {
				return nil, err
			}
			x[i] = y
		}
		return x, nil
	case map[string]any:
		if _, tagged := x["$artifact"]; tagged {
			var j artifactJSON
			if err := reread(x, &j); err != nil {
				return nil, fmt.Errorf("artifact: %w", err)
			}
			return Artifact(j), nil
		}
		if _, tagged := x["$sealed"]; tagged {
			var j sealedJSON
			if err := reread(x, &j); err != nil {
				return nil, fmt.Errorf("sealed value: %w", err)
			}
			return Sealed(j), nil
		}
		out := make(map[string]any, len(x))
		for k, y := range x {
			z, err := unescape(y)
			if err != nil {
				return nil, err
			}
			out[strings.TrimPrefix(k, "$")] = z
		}
		return out, nil
	}
	return x, nil
}

func reread(x map[string]any, into any) error {
	b, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

// EachArtifact calls fn for every artifact in the values and replaces it by what fn returns.
// The values are changed in place. Of artifacts within a sealed value fn gets the digest only, and they stay as they are.
func (v Values) EachArtifact(fn func(Artifact) (Artifact, error)) error {
	_, err := eachArtifact(map[string]any(v), fn)
	return err
}

func eachArtifact(x any, fn func(Artifact) (Artifact, error)) (any, error) {
	switch x := x.(type) {
	case Artifact:
		return fn(x)
	case Sealed:
		for _, digest := range x.Artifacts {
			if _, err := fn(Artifact{Digest: digest}); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range x {
			y, err := eachArtifact(x[i], fn)
			if err != nil {
				return nil, err
			}
			x[i] = y
		}
	case Values:
		return eachArtifact(map[string]any(x), fn)
	case map[string]any:
		for k := range x {
			y, err := eachArtifact(x[k], fn)
			if err != nil {
				return nil, err
			}
			x[k] = y
		}
	}
	return x, nil
}
