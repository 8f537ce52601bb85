// Package provenance is what is said of where an artifact comes from, and how that is signed: an in-toto Statement, version 1, with a
// predicate of our own, in a DSSE envelope with an Ed25519 signature. It keeps no keys and reads no files.
package provenance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/sdk"
)

// The types of a statement, and of what it says.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://github.com/myspinbot/spinbot/provenance/v1"
)

// Suffix is what the file beside an artifact's is called, after the name of that.
const Suffix = ".provenance.json"

// Statement says something of the artifact that is its subject.
type Statement struct {
	Type          string    `json:"_type"`
	Subject       []Subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     Predicate `json:"predicate"`
}

// Subject is the artifact, or one that it was made of. The digest is in hexadecimal digits, by the name of its algorithm.
type Subject struct {
	Name      string            `json:"name,omitempty"`
	Digest    map[string]string `json:"digest"`
	MediaType string            `json:"mediaType,omitempty"`
}

// Of names an artifact.
func Of(a sdk.Artifact) Subject {
	return Subject{Name: a.Name, Digest: digests(a.Digest), MediaType: a.MediaType}
}

func digests(digest string) map[string]string {
	kind, sum, ok := strings.Cut(digest, ":")
	if !ok {
		return nil
	}
	return map[string]string{kind: sum}
}

// SHA256 gives the digest as artifacts have it; empty: there is none.
func (s Subject) SHA256() string {
	if sum := s.Digest["sha256"]; sum != "" {
		return "sha256:" + sum
	}
	return ""
}

// Predicate says how an artifact was made.
type Predicate struct {
	Pipeline Subject `json:"pipeline"` // its name, and the digest of all its files
	Run      string  `json:"run"`
	Owner    string  `json:"owner,omitempty"` // who submitted the run
	Made     string  `json:"made"`            // the address of the attempt that made the artifact
	// Commercial: the pipeline says that what it makes is to earn money.
	Commercial bool `json:"commercial,omitempty"`
	// Preview: an engine for previews took part.
	Preview bool `json:"preview,omitempty"`
	// Steps are the attempts: the one that made the artifact, then those that made what it was made of, and so on. The nearest come first.
	Steps []Step `json:"steps"`
	// Inputs are the artifacts among those used that none of these attempts made: they were given.
	Inputs []Subject `json:"inputs,omitempty"`
	// Assets are those of the library that the pipeline names, as they were when the run was made.
	Assets []Asset `json:"assets,omitempty"`
	// Models are what the attempts used of models, each once.
	Models []Model `json:"models,omitempty"`
	// Incomplete: not all that happened is known any more, or it is too much to say.
	Incomplete bool `json:"incomplete,omitempty"`
	// Spinbot is the version of the host that says so.
	Spinbot string `json:"spinbot"`
}

// Step is one attempt.
type Step struct {
	At       string     `json:"at"`
	Type     string     `json:"type"`               // of the node
	Revision string     `json:"revision,omitempty"` // of the node type
	Ended    time.Time  `json:"ended,omitzero"`
	Cached   string     `json:"cached,omitempty"` // the attempt whose result was used again, at which all this was so
	By       *sdk.Maker `json:"by,omitempty"`     // nil: a control node, or it was not noted
	Agent    string     `json:"agent,omitempty"`
	Devices  []string   `json:"devices,omitempty"`
	// Seed is what the node's randomness was fed with; Set is the one that the pipeline gave to it.
	Seed string      `json:"seed,omitempty"`
	Set  json.Number `json:"seed_input,omitempty"`
	// Engine is who did the work, where the node type has several; Preview: that is one for previews.
	Engine  string `json:"engine,omitempty"`
	Preview bool   `json:"preview,omitempty"`
	// Versions are those of what it worked with, as the plugin said.
	Versions map[string]string `json:"versions,omitempty"`
	Uses     []Subject         `json:"uses,omitempty"`
	Makes    []Subject         `json:"makes,omitempty"`
}

// Asset is one version of an asset.
type Asset struct {
	Name    string            `json:"name"` // kind/name@version
	Digest  map[string]string `json:"digest"`
	Licence asset.Licence     `json:"licence"`
	Consent *asset.Consent    `json:"consent,omitempty"`
	// From are the licences of what it was made of itself.
	From []asset.Source `json:"from,omitempty"`
}

// AssetOf says what there is to say of a version of an asset.
func AssetOf(r asset.Ref, v *asset.Version) Asset {
	r.Version = v.Number
	return Asset{Name: r.String(), Digest: digests(v.Artifact.Digest), Licence: v.Licence, Consent: v.Consent, From: v.From}
}

// Model is a model that took part.
type Model struct {
	Name    string            `json:"name"`
	Digest  map[string]string `json:"digest,omitempty"`
	Licence asset.Licence     `json:"licence"`
}

// AddModels notes models that are not there yet.
func (p *Predicate) AddModels(used []sdk.UsedModel) {
	for _, u := range used {
		m := Model{Name: u.Name, Digest: digests(u.Digest), Licence: asset.LicenceOf(u.Licence)}
		known := false
		for _, x := range p.Models {
			known = known || x.Name == m.Name && x.Digest["sha256"] == m.Digest["sha256"]
		}
		if !known {
			p.Models = append(p.Models, m)
		}
	}
}

// Sources gives what took part that has a licence: assets, what these were made of, and models.
func (p *Predicate) Sources() (out []asset.Source) {
	for _, a := range p.Assets {
		out = append(append(out, asset.Source{Name: a.Name, Licence: a.Licence}), a.From...)
	}
	for _, m := range p.Models {
		out = append(out, asset.Source{Name: m.Name, Licence: m.Licence})
	}
	return slices.DeleteFunc(out, func(s asset.Source) bool { return s.Licence == (asset.Licence{Commercial: asset.Unknown}) })
}

// Encode gives the statement of an artifact as JSON.
func Encode(of sdk.Artifact, p Predicate) ([]byte, error) {
	return json.Marshal(Statement{Type: StatementType, Subject: []Subject{Of(of)}, PredicateType: PredicateType, Predicate: p})
}

// Decode reads what Encode has written. The error is for people.
func Decode(raw []byte) (s Statement, err error) {
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("what is signed is no statement: %w", err)
	}
	if s.Type != StatementType || s.PredicateType != PredicateType || len(s.Subject) != 1 || s.Subject[0].SHA256() == "" {
		return s, fmt.Errorf("what is signed is a statement of another kind (%q): this spinbot reads %s", s.PredicateType, PredicateType)
	}
	return s, nil
}
