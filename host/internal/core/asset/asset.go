// Package asset is what the library keeps: assets, which are named, versioned pointers to artifacts, with their licence and
// consent, and the rules of who may use them. It keeps nothing itself and knows no clock.
package asset

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Kind is what an asset is.
type Kind string

// The kinds of assets.
const (
	Voice  Kind = "voice"  // a sample of it, or a profile
	Face   Kind = "face"   // a picture of it
	LoRA   Kind = "lora"   // an adapter of a model
	Style  Kind = "style"  // what things are to look like
	Prompt Kind = "prompt" // a text
)

// Kinds lists all kinds, as people are shown them.
func Kinds() []Kind { return []Kind{Voice, Face, LoRA, Style, Prompt} }

// NeedsConsent says whether somebody's consent has to be recorded before an asset of this kind is used.
func (k Kind) NeedsConsent() bool { return k == Voice || k == Face }

// Ref names an asset, such as voice/anna, or one version of it: voice/anna@3.
type Ref struct {
	Kind    Kind
	Name    string
	Version int // 0: the newest
}

// MaxName is how many bytes an asset's name may have.
const MaxName = 64

// ParseRef reads a reference. The error is for people.
func ParseRef(text string) (Ref, error) {
	path, number, numbered := strings.Cut(text, "@")
	kind, name, _ := strings.Cut(path, "/")
	r := Ref{Kind: Kind(kind), Name: name}
	if !slices.Contains(Kinds(), r.Kind) {
		return r, fmt.Errorf("%q names no asset: it begins with its kind and a slash, such as voice/anna; the kinds are %s", text, kindList())
	}
	if err := CheckName(name); err != nil {
		return r, fmt.Errorf("%q names no asset: %w", text, err)
	}
	if numbered {
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || strconv.Itoa(n) != number {
			return r, fmt.Errorf("%q names no version: behind the @ stands its number, such as %s@1", text, path)
		}
		r.Version = n
	}
	return r, nil
}

// CheckName says what is wrong with an asset's name. The error is for people.
func CheckName(name string) error {
	for i, c := range []byte(name) {
		if fits := 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || i > 0 && (c == '-' || c == '_'); !fits {
			return fmt.Errorf("its name has small letters, digits, - and _, and begins with a letter or a digit; %q does not", name)
		}
	}
	if name == "" || len(name) > MaxName {
		return fmt.Errorf("its name has 1 to %d letters", MaxName)
	}
	return nil
}

func kindList() string {
	var all []string
	for _, k := range Kinds() {
		all = append(all, string(k))
	}
	return strings.Join(all, ", ")
}

// String gives kind/name, with @version if there is one.
func (r Ref) String() string {
	s := string(r.Kind) + "/" + r.Name
	if r.Version > 0 {
		s += "@" + strconv.Itoa(r.Version)
	}
	return s
}

// Commercial says whether a licence allows a use that earns money.
type Commercial string

// What a licence allows.
const (
	Yes     Commercial = "yes"
	No      Commercial = "no"
	Unknown Commercial = "unknown"
)

// Licence is on what terms something may be used.
type Licence struct {
	ID         string     `json:"id,omitempty"` // of SPDX, or in somebody's own words; empty: nobody has said
	Commercial Commercial `json:"commercial"`
}

// String gives the licence as people call it.
func (l Licence) String() string {
	if l.ID == "" {
		return "unknown"
	}
	return l.ID
}

// Source is something with a licence that an artifact was made of.
type Source struct {
	Name    string  `json:"name"` // of an asset, or of a model
	Licence Licence `json:"licence"`
}

// Inherits settles the licence of what was made of other things: one that nobody has named is that of the first of them that forbids commercial use. The
// error, for people, is of one that allows more than theirs.
func (v *Version) Inherits() error {
	for _, s := range v.From {
		switch {
		case s.Licence.Commercial != No:
		case v.Licence.Commercial == Yes:
			return fmt.Errorf("it was made of %s, whose licence %s forbids commercial use: its own cannot allow that", s.Name, s.Licence)
		case v.Licence.ID == "" && v.Licence.Commercial == Unknown:
			v.Licence = s.Licence
		}
	}
	return nil
}

// Consent is what the person behind a voice or a face has agreed to.
type Consent struct {
	By  string `json:"by"`  // who gave it
	On  string `json:"on"`  // the day, such as 2026-11-27
	For string `json:"for"` // what for
	// Recorder is who wrote it down, and Recorded when.
	Recorder string    `json:"recorder,omitempty"`
	Recorded time.Time `json:"recorded"`
}

// Version is one version of an asset. But for what people say of it, it stays as it is.
type Version struct {
	Number    int           `json:"number"` // from 1; never given again
	Artifact  sdk.Artifact  `json:"artifact"`
	Thumbnail *sdk.Artifact `json:"thumbnail,omitempty"` // a picture of it
	Note      string        `json:"note,omitempty"`
	Licence   Licence       `json:"licence"`
	Consent   *Consent      `json:"consent,omitempty"` // nil: nobody has recorded it
	Creator   string        `json:"creator,omitempty"`
	Created   time.Time     `json:"created"`
	// Made is the address of the attempt that made the artifact; empty: it was uploaded, or nobody knows any more.
	Made string `json:"made,omitempty"`
	// From is what it was made of that has a licence: its base model, the assets of its dataset. Their terms hold for it, too.
	From []Source `json:"from,omitempty"`
	// Provenance is the signed provenance of the artifact, which outlives the run that made it.
	Provenance *sdk.Artifact `json:"provenance,omitempty"`
}

// Limits of what people write.
const (
	maxNote    = 4000
	maxLicence = 200
	maxBy      = 200
	maxFor     = 1000
)

// Check says what is wrong with what people wrote of a version. The error is for people.
func (v *Version) Check() error {
	switch v.Licence.Commercial {
	case Yes, No, Unknown:
	default:
		return fmt.Errorf("whether a licence allows commercial use is yes, no or unknown, not %q", v.Licence.Commercial)
	}
	texts := []struct {
		what, text string
		most       int
	}{{"the note", v.Note, maxNote}, {"the licence", v.Licence.ID, maxLicence}}
	if c := v.Consent; c != nil {
		if _, err := time.Parse(time.DateOnly, c.On); err != nil {
			return fmt.Errorf("the day on which consent was given is written like 2026-11-27, not %q", c.On)
		}
		if strings.TrimSpace(c.By) == "" || strings.TrimSpace(c.For) == "" {
			return fmt.Errorf("consent says who gave it, and what for")
		}
		texts = append(texts, struct {
			what, text string
			most       int
		}{"who gave consent", c.By, maxBy}, struct {
			what, text string
			most       int
		}{"what consent is for", c.For, maxFor})
	}
	for _, t := range texts {
		if len(t.text) > t.most {
			return fmt.Errorf("%s has %d bytes, at most %d are kept", t.what, len(t.text), t.most)
		}
	}
	if t := v.Thumbnail; t != nil && !strings.HasPrefix(t.MediaType, "image/") {
		return fmt.Errorf("a thumbnail is a picture, not %s", t.MediaType)
	}
	return nil
}

// Same says whether a version is of the same artifact as another, and people say the same of it.
func (v *Version) Same(o *Version) bool {
	agreed := func(c *Consent) [2]string {
		if c == nil {
			return [2]string{}
		}
		return [2]string{c.By, c.For}
	}
	return v.Artifact.Digest == o.Artifact.Digest && v.Note == o.Note && v.Licence == o.Licence && agreed(v.Consent) == agreed(o.Consent)
}

// Refusal is why an asset may not be used. It is an error for people.
type Refusal struct {
	Ref Ref    // with the version
	Why string // goes on after the reference
	Fix string
}

// Error says which asset, and why.
func (r *Refusal) Error() string { return "asset " + r.Ref.String() + " " + r.Why }

// Refused says why a version of an asset may not be used; nil: it may. commercial: what is made of it is to earn money.
func (v *Version) Refused(r Ref, commercial bool) *Refusal {
	r.Version = v.Number
	switch {
	case r.Kind.NeedsConsent() && v.Consent == nil:
		return &Refusal{r, "is somebody's " + string(r.Kind) + ", and no consent to its use is recorded",
			"record who gave it: spinbot assets edit " + r.String() + " --consent-by NAME --consent-for USE, or on its page in the library"}
	case commercial && v.Licence.Commercial == No:
		return &Refusal{r, "has licence " + v.Licence.String() + ", which forbids commercial use, and the pipeline says commercial = true",
			"use another asset, or take commercial = true out of the pipeline block"}
	}
	for _, s := range v.From {
		if commercial && s.Licence.Commercial == No {
			return &Refusal{r, "was made of " + s.Name + ", whose licence " + s.Licence.String() + " forbids commercial use, and the pipeline says commercial = true",
				"use another asset, or take commercial = true out of the pipeline block"}
		}
	}
	return nil
}
