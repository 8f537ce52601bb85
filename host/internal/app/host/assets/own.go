package assets

import (
	"context"
	"errors"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// The node types that the host carries out itself: what they reach, no plugin and no sandbox has.

func own(s *Shelf) sdk.Plugin {
	return sdk.Plugin{Name: "asset", Version: "1.0.0", Description: "The library of this host.", Nodes: []sdk.Node{saveNode(s)}}
}

// Manifest describes them.
func Manifest() *sdk.Manifest {
	m := own(&Shelf{}).Manifest()
	return &m
}

// Nodes carries them out.
func (s *Shelf) Nodes() exec.Executor {
	nodes := map[string]sdk.Node{}
	for _, n := range own(s).Nodes {
		nodes[n.Type().Name] = n
	}
	return exec.Func(func(ctx context.Context, t *sdk.Task) (sdk.Result, error) { return nodes[t.Type].Run(ctx, t) })
}

type saveIn struct {
	As         string        `spin:"as" doc:"Its kind and its name in the library, such as lora/anna; the kinds are voice, face, lora, style and prompt"`
	File       sdk.Artifact  `spin:"file" doc:"What is saved"`
	Thumbnail  *sdk.Artifact `spin:"thumbnail,optional" accept:"image/*" doc:"A picture of it"`
	Note       string        `spin:"note,optional" doc:"What is to be known of it"`
	Licence    string        `spin:"licence,optional" doc:"On what terms it may be used, such as CC-BY-4.0"`
	Commercial string        `spin:"commercial" default:"unknown" enum:"yes|no|unknown" doc:"Whether the licence allows a use that earns money"`
	ConsentBy  string        `spin:"consent_by,optional" doc:"Of a voice or a face: who has agreed to its use. Without, it cannot be used until that is recorded"`
	ConsentFor string        `spin:"consent_for,optional" doc:"What for"`
}

type saveOut struct {
	Asset string `spin:"asset" doc:"Its name with the version, such as lora/anna@2"`
}

func saveNode(s *Shelf) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "asset.save", Description: "Gives an artifact a name in the library, or adds a version to what has that name. The same again is no new version.", Idempotent: true,
		Examples: []sdk.Example{{Title: "A LoRA that was trained", HCL: "node \"asset.save\" \"kept\" {\n  as   = \"lora/anna\"\n  file = node.train.adapter\n}\n"}},
	}, s.save)
}

func (s *Shelf) save(ctx context.Context, in saveIn, t *sdk.Task) (saveOut, error) {
	r, err := asset.ParseRef(in.As)
	if err == nil && r.Version > 0 {
		err = errors.New("versions are numbered by the library: leave out what follows the @")
	}
	if err != nil {
		return saveOut{}, sdk.Refuse("as: "+err.Error(), "write its kind, a slash and its name")
	}
	v := asset.Version{Artifact: in.File, Thumbnail: in.Thumbnail, Note: in.Note, Licence: asset.Licence{ID: in.Licence, Commercial: asset.Commercial(in.Commercial)}, Creator: t.Owner, Created: t.Time.UTC()}
	if in.ConsentBy != "" || in.ConsentFor != "" {
		v.Consent = &asset.Consent{By: in.ConsentBy, On: v.Created.Format(time.DateOnly), For: in.ConsentFor, Recorder: t.Owner, Recorded: v.Created}
	}
	v.Artifact.Path = "" // where it lies for this task
	if v.Thumbnail != nil {
		v.Thumbnail.Path = ""
	}
	a, err := s.put(ctx, r, v, true)
	var p *client.Problem
	if errors.As(err, &p) {
		return saveOut{}, sdk.Refuse(in.As+": "+p.Detail, p.Fix)
	}
	if err != nil {
		return saveOut{}, err
	}
	r.Version = a.Versions[0].Number
	return saveOut{r.String()}, nil
}
