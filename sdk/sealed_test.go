package sdk

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestSealedJSON(t *testing.T) {
	t.Parallel()
	v := Values{"token": Sealed{Token: "abc"}, "list": []any{map[string]any{"file": Sealed{Token: "d", Artifacts: []string{"sha256:1"}}}},
		"plain": map[string]any{"$sealed": "not one"}}
	raw, err := json.Marshal(v)
	want := `{"list":[{"file":{"$sealed":"d","artifacts":["sha256:1"]}}],"plain":{"$$sealed":"not one"},"token":{"$sealed":"abc"}}`
	if err != nil || string(raw) != want {
		t.Fatalf("%s, %v", raw, err)
	}
	var back Values
	if err := json.Unmarshal(raw, &back); err != nil || !reflect.DeepEqual(back, v) {
		t.Errorf("%#v, %v", back, err)
	}
	var one Sealed
	if raw, err = json.Marshal(v["token"]); err != nil || json.Unmarshal(raw, &one) != nil || one.Token != "abc" {
		t.Errorf("%s %+v %v", raw, one, err)
	}
	if err := json.Unmarshal([]byte(`{"a":{"$sealed":1}}`), &back); err == nil || !strings.Contains(err.Error(), "sealed value") {
		t.Error(err)
	}
}

func TestHasSealed(t *testing.T) {
	t.Parallel()
	for _, x := range []any{Sealed{}, []any{1, Sealed{}}, map[string]any{"a": []any{Sealed{}}}, Values{"a": Sealed{}}} {
		if !HasSealed(x) {
			t.Errorf("%v has none", x)
		}
	}
	for _, x := range []any{nil, "a", []any{1}, map[string]any{"$sealed": "a"}, Values{}, Artifact{}} {
		if HasSealed(x) {
			t.Errorf("%v has one", x)
		}
	}
}

func TestSealedArtifacts(t *testing.T) {
	t.Parallel()
	v := Values{"a": Sealed{Token: "t", Artifacts: []string{"sha256:1", "sha256:2"}}, "b": Artifact{Digest: "sha256:3"}}
	var got []string
	err := v.EachArtifact(func(a Artifact) (Artifact, error) { got = append(got, a.Digest); return Artifact{}, nil })
	if slices.Sort(got); err != nil || len(got) != 3 || got[1] != "sha256:2" || !HasSealed(v) || v["b"] != (Artifact{}) {
		t.Error(got, v, err)
	}
	if err := v.EachArtifact(func(a Artifact) (Artifact, error) { return a, errors.New("no") }); err == nil {
		t.Error("the error is lost")
	}
}

// TestSealedStaysInside: what crosses the border of a plugin or a module cannot be sealed.
func TestSealedStaysInside(t *testing.T) {
	t.Parallel()
	if _, err := (Values{"a": Sealed{Token: "x"}}).AppendBinary(nil, true); err == nil {
		t.Error("a sealed value was encoded for a node")
	}
	for _, s := range []Schema{{Type: "string"}, {Type: "object"}, {Type: "number"}, {XType: XArtifact}} {
		if v := s.Check(Sealed{Token: "x"}); len(v) != 1 || !strings.Contains(v[0].Message, "a sealed value") {
			t.Errorf("%+v: %v", s, v)
		}
	}
}
