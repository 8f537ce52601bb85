package asset

import (
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

func TestParseRef(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"voice/anna", "lora/film-noir_2", "prompt/9@12"} {
		if r, err := ParseRef(text); err != nil || r.String() != text {
			t.Errorf("%s: %v, %v", text, r, err)
		}
	}
	for text, want := range map[string]string{
		"":                                 "the kinds are voice, face, lora, style, prompt",
		"anna":                             "begins with its kind",
		"voices/anna":                      "begins with its kind",
		"voice/":                           "1 to 64 letters",
		"voice/Anna":                       "small letters",
		"voice/-a":                         "small letters",
		"voice/a/b":                        "small letters",
		"voice/../a":                       "small letters",
		"voice/a@":                         "stands its number, such as voice/a@1",
		"voice/a@0":                        "names no version",
		"voice/a@01":                       "names no version",
		"voice/a@-1":                       "names no version",
		"voice/a@1@2":                      "names no version",
		"voice/" + strings.Repeat("a", 65): "1 to 64 letters",
	} {
		if _, err := ParseRef(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseRef(f *testing.F) {
	f.Add("voice/anna@3")
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := ParseRef(text); err == nil && r.String() != text {
			t.Errorf("%q became %q", text, r)
		}
	})
}

func TestRefused(t *testing.T) {
	t.Parallel()
	agreed := &Consent{By: "Anna", On: "2026-11-27", For: "this film"}
	for _, c := range []struct {
		ref        Ref
		v          Version
		commercial bool
		want       string // empty: it may be used
	}{
		{Ref{Kind: Voice, Name: "anna"}, Version{Number: 2}, false, "asset voice/anna@2 is somebody's voice, and no consent"},
		{Ref{Kind: Face, Name: "anna"}, Version{Number: 2}, false, "asset face/anna@2 is somebody's face"},
		{Ref{Kind: Voice, Name: "anna"}, Version{Consent: agreed}, false, ""},
		{Ref{Kind: LoRA, Name: "ink"}, Version{Number: 1}, false, ""},
		{Ref{Kind: LoRA, Name: "ink"}, Version{Licence: Licence{"CC-BY-NC-4.0", No}}, false, ""},
		{Ref{Kind: LoRA, Name: "ink"}, Version{Number: 1, Licence: Licence{"CC-BY-NC-4.0", No}}, true, "asset lora/ink@1 has licence CC-BY-NC-4.0, which forbids commercial use"},
		{Ref{Kind: LoRA, Name: "ink"}, Version{Licence: Licence{"", Unknown}}, true, ""},
		{Ref{Kind: Voice, Name: "anna"}, Version{Number: 1, Consent: agreed, Licence: Licence{"", No}}, true, "has licence unknown"},
	} {
		no := c.v.Refused(c.ref, c.commercial)
		if (no == nil) != (c.want == "") || no != nil && (!strings.Contains(no.Error(), c.want) || no.Fix == "") {
			t.Errorf("%s of %+v: %v, want %q", c.ref, c.v, no, c.want)
		}
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	of := func(change func(*Version)) *Version {
		v := &Version{Number: 1, Artifact: sdk.Artifact{Digest: "a"}, Note: "n", Licence: Licence{"MIT", Yes}, Consent: &Consent{By: "Anna", On: "2026-11-27", For: "films"}}
		change(v)
		return v
	}
	v := of(func(*Version) {})
	if !v.Same(of(func(v *Version) { v.Number, v.Creator, v.Consent.On = 2, "ben", "2026-11-28" })) {
		t.Error("they differ in what nobody said")
	}
	for name, other := range map[string]*Version{
		"artifact": of(func(v *Version) { v.Artifact.Digest = "b" }), "note": of(func(v *Version) { v.Note = "" }), "licence": of(func(v *Version) { v.Licence.ID = "X" }),
		"no consent": of(func(v *Version) { v.Consent = nil }), "who agreed": of(func(v *Version) { v.Consent.By = "Ben" }),
	} {
		if v.Same(other) || other.Same(v) {
			t.Errorf("%s: they are taken for the same", name)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := func() Version {
		return Version{Licence: Licence{"MIT", Yes}, Consent: &Consent{By: "Anna", On: "2026-11-27", For: "films"}, Thumbnail: &sdk.Artifact{MediaType: "image/png"}}
	}
	v := good()
	if err := v.Check(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*Version){
		"yes, no or unknown":    func(v *Version) { v.Licence.Commercial = "maybe" },
		"written like":          func(v *Version) { v.Consent.On = "yesterday" },
		"who gave it, and what": func(v *Version) { v.Consent.By = " " },
		"the note has":          func(v *Version) { v.Note = strings.Repeat("x", maxNote+1) },
		"the licence has":       func(v *Version) { v.Licence.ID = strings.Repeat("x", maxLicence+1) },
		"what consent is for":   func(v *Version) { v.Consent.For = strings.Repeat("x", maxFor+1) },
		"a thumbnail is":        func(v *Version) { v.Thumbnail.MediaType = "text/html" },
	} {
		v := good()
		spoil(&v)
		if err := v.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestLibrary(t *testing.T) {
	t.Parallel()
	var l Library
	add := func(kind Kind, name, digest string) int {
		n, err := l.Add(Ref{Kind: kind, Name: name}, Version{Artifact: sdk.Artifact{Digest: digest}, Note: "n", Thumbnail: &sdk.Artifact{Digest: "t" + digest}})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	add(Voice, "ben", "b1")
	add(Face, "anna", "f1")
	if add(Voice, "anna", "a1") != 1 || add(Voice, "anna", "a2") != 2 || add(Voice, "anna", "a3") != 3 {
		t.Error("numbers do not follow each other")
	}
	if got := l.Names(); !slices.Equal(got, []string{"face/anna", "voice/anna", "voice/ben"}) {
		t.Error(got)
	}
	find := func(r Ref) string {
		switch a, v := l.Find(r); {
		case a == nil:
			return "none"
		case v == nil:
			return "no version"
		default:
			return v.Artifact.Digest
		}
	}
	anna := Ref{Kind: Voice, Name: "anna"}
	for want, r := range map[string]Ref{"a3": anna, "a2": {Voice, "anna", 2}, "no version": {Voice, "anna", 9}, "none": {Voice, "carl", 0}} {
		if got := find(r); got != want {
			t.Errorf("%s: %s, want %s", r, got, want)
		}
	}
	pinned := (&Library{Assets: l.Pinned([]Ref{{Voice, "anna", 2}, {Face, "anna", 1}})})
	if _, v := pinned.Find(anna); len(pinned.Assets) != 2 || v == nil || v.Number != 2 || v.Note != "" || v.Thumbnail != nil {
		t.Errorf("pinned: %+v", pinned)
	}
	l.Remove(Ref{Voice, "anna", 3})
	if find(anna) != "a2" || add(Voice, "anna", "a4") != 4 {
		t.Error("a number was given again")
	}
	for range 3 {
		l.Remove(anna)
	}
	l.Remove(anna)
	if find(anna) != "none" || slices.Contains(l.Names(), "voice/anna") || add(Voice, "anna", "a5") != 5 {
		t.Error("an asset without versions is there, or its numbers are free again")
	}
	var found []string
	l.Of("a5", func(r Ref, v *Version) { found = append(found, r.String()) })
	if !slices.Equal(found, []string{"voice/anna@5"}) || !slices.Contains(l.Digests(), "ta5") || len(l.Digests()) != 6 {
		t.Error(found, l.Digests())
	}
}

func TestFull(t *testing.T) {
	t.Parallel()
	l := Library{Assets: []Asset{{Kind: Voice, Name: "anna", Versions: make([]Version, MaxVersions)}}}
	if _, err := l.Add(Ref{Kind: Voice, Name: "ben"}, Version{}); err == nil || len(l.Assets) != 1 {
		t.Error("there is room in a full library", err)
	}
}

func TestStandIn(t *testing.T) {
	t.Parallel()
	refs := []Ref{{Voice, "anna", 0}, {Voice, "anna", 2}, {Voice, "anna", 1 << 40}, {LoRA, "ink", 0}, {Voice, "anna", 2}}
	l := StandIn(refs)
	for i, want := range []int{1 << 40, 2, 1 << 40, 1, 2} {
		_, v := l.Find(refs[i])
		if v == nil || v.Number != want || v.Refused(refs[i], true) != nil || v.Artifact.Size == 0 {
			t.Errorf("%s: %+v", refs[i], v)
		}
	}
	if len(l.Assets) != 2 || len(l.Assets[1].Versions) != 2 {
		t.Errorf("%+v", l)
	}
}

func TestInherits(t *testing.T) {
	t.Parallel()
	no := Licence{"CC-BY-NC-4.0", No}
	from := []Source{{"checkpoints/a", Licence{"MIT", Yes}}, {"style/b@1", no}}
	for _, c := range []struct{ given, want Licence }{
		{Licence{"", Unknown}, no}, {Licence{"mine", Unknown}, Licence{"mine", Unknown}}, {Licence{"mine", No}, Licence{"mine", No}},
	} {
		v := Version{Number: 1, Licence: c.given, From: from}
		if err := v.Inherits(); err != nil || v.Licence != c.want {
			t.Errorf("%v: %v %v", c.given, v.Licence, err)
		}
		if no := v.Refused(Ref{Kind: LoRA, Name: "x"}, true); no == nil || !strings.Contains(no.Error(), "forbids commercial use") {
			t.Errorf("%v: %v", c.given, no)
		}
		if no := v.Refused(Ref{Kind: LoRA, Name: "x"}, false); no != nil {
			t.Error(no)
		}
	}
	v := Version{Licence: Licence{"mine", Yes}, From: from}
	if err := v.Inherits(); err == nil || !strings.Contains(err.Error(), "made of style/b@1, whose licence CC-BY-NC-4.0 forbids") {
		t.Error(err)
	}
	v.From = from[:1]
	if err := v.Inherits(); err != nil {
		t.Error(err)
	}
}
