package asset

import (
	"cmp"
	"fmt"
	"slices"
)

// Library is all assets, in the order of kinds and names.
type Library struct {
	Assets []Asset `json:"assets"`
}

// Asset is all versions of one.
type Asset struct {
	Kind     Kind      `json:"kind"`
	Name     string    `json:"name"`
	Last     int       `json:"last"`     // the greatest number that a version has had
	Versions []Version `json:"versions"` // the newest first; empty: all were removed, and the numbers stay taken
}

// Ref names the asset.
func (a *Asset) Ref() Ref { return Ref{Kind: a.Kind, Name: a.Name} }

// MaxVersions is how many versions a library has at most, of all assets together.
const MaxVersions = 5000

func (l *Library) place(r Ref) (int, bool) {
	return slices.BinarySearchFunc(l.Assets, r, func(a Asset, r Ref) int {
		return cmp.Or(cmp.Compare(a.Kind, r.Kind), cmp.Compare(a.Name, r.Name))
	})
}

// Find gives an asset that has versions, and the version that the reference means. version is nil when there is no such
// version, both are when there is no such asset. They are the library's own.
func (l *Library) Find(r Ref) (a *Asset, version *Version) {
	i, ok := l.place(r)
	if !ok || len(l.Assets[i].Versions) == 0 {
		return nil, nil
	}
	a = &l.Assets[i]
	for k := range a.Versions {
		if v := &a.Versions[k]; r.Version == 0 || v.Number == r.Version {
			return a, v
		}
	}
	return a, nil
}

// Names lists the assets that have versions: kind/name.
func (l *Library) Names() []string {
	var out []string
	for _, a := range l.Assets {
		if len(a.Versions) > 0 {
			out = append(out, a.Ref().String())
		}
	}
	return out
}

// Of calls fn with each version whose artifact has this digest.
func (l *Library) Of(digest string, fn func(Ref, *Version)) {
	for i := range l.Assets {
		for k := range l.Assets[i].Versions {
			if v := &l.Assets[i].Versions[k]; v.Artifact.Digest == digest {
				fn(Ref{l.Assets[i].Kind, l.Assets[i].Name, v.Number}, v)
			}
		}
	}
}

// Add adds a version, which becomes the newest one, and gives its number. A new name makes a new asset.
func (l *Library) Add(r Ref, v Version) (int, error) {
	count := 0
	for _, a := range l.Assets {
		count += len(a.Versions)
	}
	if count >= MaxVersions {
		return 0, fmt.Errorf("the library has %d versions of assets, the most there may be: remove some", count)
	}
	i, ok := l.place(r)
	if !ok {
		l.Assets = slices.Insert(l.Assets, i, Asset{Kind: r.Kind, Name: r.Name})
	}
	a := &l.Assets[i]
	a.Last++
	v.Number = a.Last
	a.Versions = slices.Insert(a.Versions, 0, v)
	return v.Number, nil
}

// Remove takes out the version that Find finds.
func (l *Library) Remove(r Ref) {
	a, v := l.Find(r)
	if v == nil {
		return
	}
	number := v.Number
	a.Versions = slices.DeleteFunc(a.Versions, func(v Version) bool { return v.Number == number })
}

// Pinned gives the library of just these versions, as a run remembers them: what they are, their licence and consent.
func (l *Library) Pinned(refs []Ref) []Asset {
	kept := Library{}
	for _, a := range l.Assets {
		pinned := Asset{Kind: a.Kind, Name: a.Name}
		for _, v := range a.Versions {
			if slices.Contains(refs, Ref{a.Kind, a.Name, v.Number}) {
				pinned.Versions = append(pinned.Versions, Version{Number: v.Number, Artifact: v.Artifact, Licence: v.Licence, Consent: v.Consent, Created: v.Created, From: v.From})
				pinned.Last = max(pinned.Last, v.Number)
			}
		}
		if len(pinned.Versions) > 0 {
			kept.Assets = append(kept.Assets, pinned)
		}
	}
	return kept.Assets
}

// Digests gives every artifact that the library refers to.
func (l *Library) Digests() []string {
	var out []string
	for _, a := range l.Assets {
		for _, v := range a.Versions {
			out = append(out, v.Artifact.Digest)
			if v.Thumbnail != nil {
				out = append(out, v.Thumbnail.Digest)
			}
			if v.Provenance != nil {
				out = append(out, v.Provenance.Digest)
			}
		}
	}
	return out
}
