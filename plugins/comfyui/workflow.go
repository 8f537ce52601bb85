package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

type workflowIn struct {
	Workflow string                  `spin:"workflow" doc:"The workflow in ComfyUI's API format (Workflow > Export (API)), as text: file(\"shot.json\")"`
	Inputs   map[string]any          `spin:"inputs,optional" doc:"Values to set, by node and input: \"6.text\", \"KSampler.seed\", \"Positive Prompt.text\"; a node is an id, a title or a class that only one has"`
	Files    map[string]sdk.Artifact `spin:"files,optional" doc:"Pictures, masks, sounds and films to upload and set, by node and input: \"LoadImage.image\""`
}

// results is what a prompt made.
type results struct {
	Images   []sdk.Artifact    `spin:"images" doc:"Pictures, in the order of the nodes that made them"`
	Videos   []sdk.Artifact    `spin:"videos" doc:"Films and animations"`
	Audio    []sdk.Artifact    `spin:"audio" doc:"Sounds"`
	Files    []sdk.Artifact    `spin:"files" doc:"Everything else that was saved"`
	Text     map[string]string `spin:"text" doc:"Text that nodes showed, by node id"`
	Versions map[string]string `spin:"versions" doc:"Of the server, of what it runs on, and of the node packs that the workflow uses"`
}

func workflowNode(s *server) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "comfyui.workflow",
		Description: "Runs any workflow. Before it is queued it is checked against what the server has: missing node packs, models and wrong values are named. " +
			"What it saves and previews becomes artifacts.",
		Device:      &sdk.DeviceNeed{},
		Elastic:     true,
		Concurrency: 4,
		Examples: []sdk.Example{{Title: "A picture from a workflow", HCL: `node "comfyui.workflow" "shot" {
  workflow = file("shot.json")
  inputs = {
    "Positive Prompt.text" = "a lighthouse at dusk"
    "KSampler.seed"        = 7
  }
}
`}},
	}, s.workflow)
}

func (s *server) workflow(ctx context.Context, in workflowIn, t *sdk.Task) (results, error) {
	p, err := parse([]byte(in.Workflow))
	if err != nil {
		return results{}, err
	}
	if err := p.set(in.Inputs); err != nil {
		return results{}, err
	}
	return s.make(ctx, t, p, in.Files)
}

// make uploads the files, checks the prompt, runs it, and fetches what it made.
func (s *server) make(ctx context.Context, t *sdk.Task, p prompt, files map[string]sdk.Artifact) (results, error) {
	if err := s.give(ctx, p, files); err != nil {
		return results{}, s.failure(ctx, err)
	}
	classes, err := s.classes(ctx, p)
	if err != nil {
		return results{}, err
	}
	if err := p.check(classes); err != nil {
		return results{}, err
	}
	stats, err := s.stats(ctx)
	if err != nil {
		return results{}, err
	}
	versions := s.versions(ctx, stats, classes)
	t.Versions(versions)
	e, err := s.perform(ctx, t, p)
	if err != nil {
		return results{}, err
	}
	out, err := s.collect(ctx, t, e)
	out.Versions = versions
	return out, s.failure(ctx, err)
}

// give uploads files and puts what the server calls them where they belong.
func (s *server) give(ctx context.Context, p prompt, files map[string]sdk.Artifact) error {
	for _, key := range slices.Sorted(maps.Keys(files)) {
		id, input, err := p.find(key)
		if err != nil {
			return err
		}
		// A name of the bytes: another task's picture of the same name stays what it is.
		f := files[key]
		name := strings.TrimPrefix(cmp.Or(f.Digest, "sha256:"+filepath.Base(f.Path)), "sha256:")
		name = name[:min(16, len(name))] + filepath.Ext(cmp.Or(f.Name, f.Path))
		called, err := s.upload(ctx, "/upload/image", f.Path, name)
		if err != nil {
			return err
		}
		p[id].Inputs[input] = called
	}
	return nil
}

// made is a file as the server names it.
type made struct {
	Filename  string `json:"filename"`
	Subfolder string `json:"subfolder"`
	Type      string `json:"type"`
}

// kinds of outputs whose files are not told by their names.
var videoKinds = []string{"gifs", "video", "videos"}

// collect fetches every file of the outputs. Where nodes saved something, what others only previewed is left.
func (s *server) collect(ctx context.Context, t *sdk.Task, e *entry) (results, error) {
	out := results{Text: map[string]string{}}
	type found struct {
		kind string
		made
	}
	var all []found
	ids := slices.SortedFunc(maps.Keys(e.Outputs), func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	for _, id := range ids {
		for _, kind := range slices.Sorted(maps.Keys(e.Outputs[id])) {
			list, _ := e.Outputs[id][kind].([]any)
			var said []string
			for _, x := range list {
				switch v := x.(type) {
				case string:
					said = append(said, v)
				case map[string]any:
					var f made
					if raw, err := json.Marshal(v); err == nil && json.Unmarshal(raw, &f) == nil && f.Filename != "" {
						all = append(all, found{kind, f})
					}
				}
			}
			if len(said) > 0 {
				out.Text[id] = strings.Join(said, "\n")
			}
		}
	}
	saved := slices.ContainsFunc(all, func(f found) bool { return f.Type != "temp" })
	for n, f := range all {
		if saved && f.Type == "temp" {
			continue
		}
		name := filepath.Base(filepath.Clean("/" + f.Filename))
		path := filepath.Join(t.Scratch, fmt.Sprintf("%03d-%s", n, name))
		kind, err := s.download(ctx, f.made, path)
		if err != nil {
			return out, err
		}
		if sdk.CheckArtifactName(name) != nil {
			name = fmt.Sprintf("output-%d%s", n, filepath.Ext(name))
		}
		a := sdk.File(path, name, kind)
		switch major, _, _ := strings.Cut(kind, "/"); {
		case major == "video" || slices.Contains(videoKinds, f.kind):
			out.Videos = append(out.Videos, a)
		case major == "image":
			out.Images = append(out.Images, a)
		case major == "audio":
			out.Audio = append(out.Audio, a)
		default:
			out.Files = append(out.Files, a)
		}
	}
	if len(all) == 0 && len(out.Text) == 0 {
		return out, sdk.Refuse("the workflow ran and gave nothing out", "add a SaveImage or another node that saves")
	}
	return out, nil
}
