package asset

import (
	"strings"
	"testing"
)

func TestLicenceOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Licence{
		"":                                    {"", Unknown},
		"apache-2.0":                          {"apache-2.0", Yes},
		"MIT":                                 {"MIT", Yes},
		"CC-BY-4.0":                           {"CC-BY-4.0", Yes},
		"cc-by-nc-4.0":                        {"cc-by-nc-4.0", No},
		"CC BY-NC-SA 4.0":                     {"CC BY-NC-SA 4.0", No},
		"CreativeML Open RAIL-M":              {"CreativeML Open RAIL-M", Unknown},
		"creativeml-openrail-m":               {"creativeml-openrail-m", Yes},
		"Apache License\n  Version 2":         {"Apache License", Yes},
		"FLUX.1 [dev] Non-Commercial License": {"FLUX.1 [dev] Non-Commercial License", No},
		"LLAMA 3.2 COMMUNITY LICENSE AGREEMENT\n": {"LLAMA 3.2 COMMUNITY LICENSE AGREEMENT", Unknown},
		"NVIDIA research only":                    {"NVIDIA research only", No},
		strings.Repeat("x", 300):                  {strings.Repeat("x", 200), Unknown},
	} {
		if got := LicenceOf(text); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}
