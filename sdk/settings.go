package sdk

import (
	"slices"
	"strings"
)

// Offer names what a machine has to offer for a task with these inputs: the node type, and the settings of its plugin that the inputs
// which are given need, such as "comfyui.txt2img with models_dir or folder".
func (t NodeType) Offer(inputs Values) string {
	out := t.Name
	for _, s := range t.settings() {
		if slices.ContainsFunc(t.Inputs.Properties, func(p Property) bool { return p.Schema.Setting == s && given(inputs[p.Name]) }) {
			out = t.with(out, s)
		}
	}
	return out
}

// Offers gives all that a machine offers of the node type when its plugin has these settings.
func (t NodeType) Offers(settings []string) []string {
	out := []string{t.Name}
	for _, s := range t.settings() {
		if slices.ContainsFunc(strings.Split(s, "|"), func(name string) bool { return slices.Contains(settings, name) }) {
			for _, o := range slices.Clone(out) {
				out = append(out, t.with(o, s))
			}
		}
	}
	return out
}

// settings are those that inputs need, sorted.
func (t NodeType) settings() (all []string) {
	for i := range t.Inputs.Properties {
		if s := t.Inputs.Properties[i].Schema.Setting; s != "" {
			all = append(all, s)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// with adds a setting to an offer.
func (t NodeType) with(offer, setting string) string {
	join := " and "
	if offer == t.Name {
		join = " with "
	}
	return offer + join + strings.ReplaceAll(setting, "|", " or ")
}

// given says whether an input says anything: nothing needs a setting for an empty map.
func given(x any) bool {
	switch x := x.(type) {
	case nil:
		return false
	case map[string]any:
		return len(x) > 0
	case []any:
		return len(x) > 0
	}
	return true
}
