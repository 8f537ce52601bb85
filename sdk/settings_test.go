package sdk_test

import (
	"slices"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// TestOffers: what a machine offers is found by what a task needs.
func TestOffers(t *testing.T) {
	t.Parallel()
	n := sdk.NodeType{Name: "a.draw", Inputs: sdk.Schema{Type: "object", Properties: sdk.Properties{
		{"prompt", sdk.Schema{Type: "string"}}, {"models", sdk.Schema{Type: "object", Setting: "dir|folder"}},
		{"lora", sdk.Schema{Type: "object", Setting: "dir|folder"}}, {"key", sdk.Schema{Type: "string", Setting: "account"}},
	}}}
	for _, c := range []struct {
		inputs   sdk.Values
		want     string
		settings []string // of a machine that has what the task needs, and none besides
	}{
		{sdk.Values{"prompt": "x", "models": map[string]any{}, "lora": nil}, "a.draw", nil},
		{sdk.Values{"lora": sdk.Artifact{}}, "a.draw with dir or folder", []string{"folder"}},
		{sdk.Values{"lora": sdk.Artifact{}, "models": map[string]any{"x": sdk.Artifact{}}}, "a.draw with dir or folder", []string{"dir", "folder"}},
		{sdk.Values{"key": "k"}, "a.draw with account", []string{"account"}},
		{sdk.Values{"key": "k", "models": map[string]any{"x": sdk.Artifact{}}}, "a.draw with account and dir or folder", []string{"dir", "account"}},
	} {
		got := n.Offer(c.inputs)
		if got != c.want {
			t.Errorf("%v: %q, want %q", c.inputs, got, c.want)
		}
		if all := n.Offers(append(c.settings, "other")); !slices.Contains(all, got) || all[0] != n.Name {
			t.Errorf("%v: %q is not among %q", c.settings, got, all)
		}
		if all := n.Offers([]string{"other"}); len(c.settings) > 0 && slices.Contains(all, got) {
			t.Errorf("%q is among %q", got, all)
		}
	}
}
