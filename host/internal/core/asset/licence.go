package asset

import (
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// forbidding are parts of licences that forbid commercial use, and allowing beginnings of those that allow it, in small letters with
// hyphens between and around the words. What forbids goes first.
var (
	forbidding = []string{"-nc-", "-noncommercial-", "-non-commercial-", "-research-only-"}
	allowing   = []string{"-apache-", "-mit-", "-bsd-", "-cc0-", "-cc-by-", "-gpl-", "-lgpl-", "-agpl-", "-mpl-", "-isc-", "-unlicense-", "-openrail", "-creativeml-openrail"}
)

// LicenceOf says what is known of a licence by what a model's file or its server calls it: an id of SPDX, or a name in any words, or the
// text whose first line is one.
func LicenceOf(text string) Licence {
	id, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	id = strings.TrimSpace(id)
	if len(id) > maxLicence {
		id = id[:maxLicence]
	}
	l := Licence{ID: strings.ToValidUTF8(id, ""), Commercial: Unknown}
	words := "-" + strings.Join(strings.FieldsFunc(strings.ToLower(id), func(r rune) bool { return r == ' ' || r == '_' || r == '-' || r == ',' || r == '(' || r == ')' }), "-") + "-"
	for _, part := range forbidding {
		if strings.Contains(words, part) {
			l.Commercial = No
			return l
		}
	}
	for _, begin := range allowing {
		if strings.HasPrefix(words, begin) {
			l.Commercial = Yes
		}
	}
	return l
}

// known are the licences of models that come with no file of which one could read them: by what node types of the plugins call them.
var known = map[string]Licence{
	"lipsync/wav2lip": {"Wav2Lip, non-commercial", No},
	"voice/f5-tts":    {"CC-BY-NC-4.0", No},
}

// Known gives the licence of a model that is known by its name alone: the plugin's, a slash, and what the input model or engine says.
func Known(model string) (Licence, bool) {
	l, ok := known[model]
	return l, ok
}

// Models names the models that a task of a node type works with, by those of its inputs that are known: files as sdk.ModelFileName names them, and what
// the inputs model and engine say, behind the plugin's name and a slash.
func Models(t sdk.NodeType, inputs sdk.Values) []string {
	out := t.ModelFiles(inputs)
	plugin, _, _ := strings.Cut(t.Name, ".")
	for _, input := range []string{"model", "engine"} {
		p, _ := t.Inputs.Properties.Get(input)
		if name, ok := inputs[input].(string); ok && name != "" && p.ModelFile == "" {
			out = append(out, plugin+"/"+name)
		}
	}
	return out
}
