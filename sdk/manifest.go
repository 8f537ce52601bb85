package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ParseManifest reads a manifest as a plugin or module gives it, refuses schemas with keywords outside the profile,
// and validates the whole.
func ParseManifest(data []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	var raw struct {
		NodeTypes []struct {
			Inputs  json.RawMessage `json:"inputs"`
			Outputs json.RawMessage `json:"outputs"`
		} `json:"node_types"`
		ConfigSchema json.RawMessage `json:"config_schema"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	var errs []error
	check := func(what string, schema json.RawMessage) {
		if schema != nil {
			errs = append(errs, prefixed(what, checkKeywords(schema, "")))
		}
	}
	for i, t := range raw.NodeTypes {
		check("node type "+m.NodeTypes[i].Name+": inputs", t.Inputs)
		check("node type "+m.NodeTypes[i].Name+": outputs", t.Outputs)
	}
	check("configuration", raw.ConfigSchema)
	return m, errors.Join(append(errs, m.Validate())...)
}
