package sdk

import "encoding/json"

// Sealed is a sensitive value that a host has encrypted: it stands for the value in the journal, in events and on the
// way to an executor, and is opened just before a task gets it. Nodes never see one, and may not return one.
type Sealed struct {
	// Token can be opened by the host that made it only. Equal values have equal tokens.
	Token string
	// Artifacts are the digests of the artifacts within the value, so that their bytes are kept.
	Artifacts []string
}

// sealedJSON is how a Sealed stands in JSON.
type sealedJSON struct {
	Token     string   `json:"$sealed"`
	Artifacts []string `json:"artifacts,omitempty"`
}

// MarshalJSON writes {"$sealed": token}, with "artifacts" when there are some.
func (s Sealed) MarshalJSON() ([]byte, error) { return json.Marshal(sealedJSON(s)) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Sealed) UnmarshalJSON(data []byte) error {
	var j sealedJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*s = Sealed(j)
	return nil
}

// HasSealed says whether a sealed value stands anywhere in x.
func HasSealed(x any) bool {
	switch x := x.(type) {
	case Sealed:
		return true
	case []any:
		for _, y := range x {
			if HasSealed(y) {
				return true
			}
		}
	case map[string]any:
		for _, y := range x {
			if HasSealed(y) {
				return true
			}
		}
	case Values:
		return HasSealed(map[string]any(x))
	}
	return false
}
