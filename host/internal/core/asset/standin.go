package asset

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/myspinbot/spinbot/sdk"
)

// like is what the artifacts of assets are commonly like.
var like = map[Kind]sdk.Artifact{
	Voice:  {MediaType: "audio/wav", Name: "voice.wav"},
	Face:   {MediaType: "image/png", Name: "face.png"},
	LoRA:   {MediaType: "application/octet-stream", Name: "lora.safetensors"},
	Style:  {MediaType: "text/plain", Name: "style.txt"},
	Prompt: {MediaType: "text/plain", Name: "prompt.txt"},
}

// StandIn makes a library, for tests, in which all that is named is there and may be used. The bytes of an artifact are what
// its version is called, StandInText.
func StandIn(refs []Ref) *Library {
	l := &Library{}
	for _, r := range slices.SortedFunc(slices.Values(refs), func(a, b Ref) int { return cmp.Compare(b.Version, a.Version) }) {
		if a, v := l.Find(r); v != nil || r.Version == 0 && a != nil {
			continue
		}
		r.Version = max(r.Version, 1)
		v := Version{Number: r.Version, Artifact: like[r.Kind], Licence: Licence{Commercial: Yes}, Consent: &Consent{By: "a test", For: "tests"}}
		sum := sha256.Sum256([]byte(StandInText(r)))
		v.Artifact.Digest, v.Artifact.Size = "sha256:"+hex.EncodeToString(sum[:]), int64(len(StandInText(r)))
		i, there := l.place(r)
		if !there {
			l.Assets = slices.Insert(l.Assets, i, Asset{Kind: r.Kind, Name: r.Name, Last: r.Version})
		}
		l.Assets[i].Versions = append(l.Assets[i].Versions, v)
	}
	return l
}

// StandInText is what stands in the artifact of a version of a StandIn.
func StandInText(r Ref) string { return "asset " + r.String() + "\n" }
