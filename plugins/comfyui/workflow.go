package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/plugins/comfyui/api"
	"github.com/myspinbot/spinbot/plugins/comfyui/prompt"
	"github.com/myspinbot/spinbot/sdk"
)

type workflowIn struct {
	Workflow string                  `spin:"workflow,optional" doc:"The workflow as ComfyUI exports or saves it, as text: file(\"shot.json\")"`
	File     *sdk.Artifact           `spin:"workflow_file" doc:"A file with the workflow in it instead: JSON, or a PNG, WebP, MP4 or MOV that ComfyUI saved"`
	Inputs   map[string]any          `spin:"inputs,optional" doc:"Values to set, by node and input: \"6.text\", \"KSampler.seed\", \"Positive Prompt.text\"; a node is an id, a title or a class that only one has"`
	Files    map[string]sdk.Artifact `spin:"files,optional" doc:"Pictures, masks, sounds and films to upload and set, by node and input: \"LoadImage.image\""`
	Models   map[string]sdk.Artifact `spin:"models,optional" doc:"Model files (safetensors) to put among the server's and set, by node and input: \"LoraLoader.lora_name\". Needs models_dir" setting:"models_dir|folder"`
}

// results is what a prompt made.
type results struct {
	Images   []sdk.Artifact    `spin:"images" doc:"Pictures, in the order of the nodes that made them"`
	Videos   []sdk.Artifact    `spin:"videos" doc:"Films and animations"`
	Audio    []sdk.Artifact    `spin:"audio" doc:"Sounds"`
	Files    []sdk.Artifact    `spin:"files" doc:"Everything else that was saved"`
	Saved    []savedOut        `spin:"saved" doc:"Of each of these files, what is known of it"`
	Text     map[string]string `spin:"text" doc:"Text that nodes showed, by node id"`
	Versions map[string]string `spin:"versions" doc:"Of the server, of what it runs on, and of the node packs that the workflow uses"`
}

// savedOut is what is known of a file that a node gave out.
type savedOut struct {
	In    string         `spin:"in" doc:"The output that it is in: images, videos, audio or files"`
	Index int            `spin:"index" doc:"Its place there, from 0"`
	Name  string         `spin:"name" doc:"What the server calls it"`
	Node  string         `spin:"node" doc:"The id of the node that gave it out"`
	Title string         `spin:"title" doc:"What the node is called"`
	Kind  string         `spin:"kind" doc:"What the node calls such outputs: images, gifs, audio, …"`
	About map[string]any `spin:"about" doc:"What else the node says of it, such as frame_rate"`
}

func workflowNode(s *server) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "comfyui.workflow",
		Description: "Runs any workflow. Before it is queued it is checked against what the server has: missing node packs, models and wrong values are named. " +
			"What it saves and previews becomes artifacts.",
		Device:      &sdk.DeviceNeed{},
		Elastic:     true,
		Generates:   true,
		Idempotent:  true, // an attempt after a lost one finds its prompt
		Concurrency: 4,
		Workflow:    "workflow",
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
	raw, err := in.text()
	if err != nil {
		return results{}, err
	}
	c, err := s.reach(ctx, t)
	if err != nil {
		return results{}, err
	}
	p, err := prompt.Read(raw, func(names []string) (map[string]json.RawMessage, error) { return s.about(ctx, c, names) })
	if err != nil {
		return results{}, err
	}
	if err := p.Set(in.Inputs); err != nil {
		return results{}, err
	}
	return s.make(ctx, c, t, p, in.Files, in.Models)
}

// maxFile is the largest file that a workflow is looked for in, in bytes.
const maxFile = 256 << 20

func (in workflowIn) text() ([]byte, error) {
	if (in.Workflow == "") == (in.File == nil) {
		return nil, sdk.Refuse("one of workflow and workflow_file is to be given", "write workflow = file(\"shot.json\"), or workflow_file = var.picture")
	}
	if in.File == nil {
		return []byte(in.Workflow), nil
	}
	info, err := os.Stat(in.File.Path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, sdk.Refuse(fmt.Sprintf("workflow_file has %d MiB; at most %d are read", info.Size()>>20, maxFile>>20), "export the workflow from ComfyUI as JSON")
	}
	return os.ReadFile(in.File.Path)
}

// about asks the server for what it says of classes; those that it lacks are left out.
func (s *server) about(ctx context.Context, c *api.Client, names []string) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	for _, name := range names {
		var got map[string]json.RawMessage
		if err := c.Ask(ctx, http.MethodGet, "/object_info/"+url.PathEscape(name), nil, nil, &got); err != nil {
			return nil, s.failure(ctx, c, err)
		}
		if text := got[name]; text != nil {
			all[name] = text
		}
	}
	return all, nil
}

// classNames are those of all node classes that the server has; none where no server runs.
func (s *server) classNames(ctx context.Context) ([]string, error) {
	c := s.running()
	if c == nil {
		return nil, nil
	}
	var all map[string]struct{}
	if err := c.Ask(ctx, http.MethodGet, "/object_info", nil, nil, &all); err != nil {
		return nil, s.failure(ctx, c, err)
	}
	return slices.Sorted(maps.Keys(all)), nil
}

// classes asks the server for classes; those that it lacks are left out.
func (s *server) classes(ctx context.Context, c *api.Client, names []string) (map[string]*prompt.Class, error) {
	texts, err := s.about(ctx, c, names)
	if err != nil {
		return nil, err
	}
	all := map[string]*prompt.Class{}
	for name, text := range texts {
		class := &prompt.Class{}
		if err := json.Unmarshal(text, class); err != nil {
			return nil, sdk.Fail("what ComfyUI says of its class "+name+" cannot be read: "+err.Error(), "is that a ComfyUI, and not what stands before it?")
		}
		all[name] = class
	}
	return all, nil
}

// make brings the files, checks the prompt, runs it, and fetches what it made.
func (s *server) make(ctx context.Context, c *api.Client, t *sdk.Task, p prompt.Prompt, files, models map[string]sdk.Artifact) (results, error) {
	if err := s.give(ctx, c, p, files); err != nil {
		return results{}, s.failure(ctx, c, err)
	}
	if err := s.placeAll(ctx, c, p, models); err != nil {
		return results{}, s.failure(ctx, c, err)
	}
	classes, err := s.classes(ctx, c, p.Classes())
	if err != nil {
		return results{}, err
	}
	if err := p.Check(classes); err != nil {
		return results{}, err
	}
	stats, err := s.stats(ctx, c)
	if err != nil {
		return results{}, err
	}
	versions := s.versions(ctx, c, stats, classes)
	t.Versions(versions)
	e, err := s.perform(ctx, c, t, p)
	if err != nil {
		return results{}, err
	}
	out, err := collect(ctx, c, t, p, e)
	out.Versions = versions
	return out, s.failure(ctx, c, err)
}

// give uploads files and puts what the server calls them where they belong.
func (s *server) give(ctx context.Context, c *api.Client, p prompt.Prompt, files map[string]sdk.Artifact) error {
	for _, key := range slices.Sorted(maps.Keys(files)) {
		id, input, err := p.Find(key)
		if err != nil {
			return err
		}
		if p.Kind(id, input) != "" {
			return sdk.Refuse(fmt.Sprintf("files: %q is a model file", key), "give it in models")
		}
		// A name of the bytes: another task's picture of the same name stays what it is.
		f := files[key]
		name := strings.TrimPrefix(cmp.Or(f.Digest, "sha256:"+filepath.Base(f.Path)), "sha256:")
		name = name[:min(16, len(name))] + filepath.Ext(cmp.Or(f.Name, f.Path))
		called, err := c.Upload(ctx, f.Path, name)
		if err != nil {
			return err
		}
		p[id].Inputs[input] = called
		p[id].Uploaded = append(p[id].Uploaded, input)
	}
	return nil
}

// placeAll puts model files among the server's, and what it calls them where they belong.
func (s *server) placeAll(ctx context.Context, c *api.Client, p prompt.Prompt, models map[string]sdk.Artifact) error {
	for _, key := range slices.Sorted(maps.Keys(models)) {
		id, input, err := p.Find(key)
		if err != nil {
			return err
		}
		kind := p.Kind(id, input)
		if kind == "" {
			return sdk.Refuse(fmt.Sprintf("models: %q is no input of a loader of ComfyUI's own that names a model", key), "write it like \"LoraLoader.lora_name\"")
		}
		if p[id].Inputs[input], err = s.place(ctx, c, kind, models[key]); err != nil {
			return err
		}
	}
	return nil
}

// kinds of outputs whose files are not told by their names.
var videoKinds = []string{"gifs", "video", "videos"}

// found is a file among the outputs of a prompt.
type found struct {
	node, kind string
	file       api.File
	about      map[string]any
}

// outputs gives the files and the texts of a prompt that has ended, in the order of its nodes.
func (e *entry) outputs() (all []found, text map[string]string) {
	text = map[string]string{}
	ids := slices.SortedFunc(maps.Keys(e.Outputs), func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	for _, id := range ids {
		var said []string
		for _, kind := range slices.Sorted(maps.Keys(e.Outputs[id])) {
			list, ok := e.Outputs[id][kind].([]any)
			if !ok {
				list = []any{e.Outputs[id][kind]}
			}
			for _, x := range list {
				switch v := x.(type) {
				case string:
					said = append(said, v)
				case map[string]any:
					part := func(name string) string { text, _ := v[name].(string); delete(v, name); return text }
					f := api.File{Filename: part("filename"), Subfolder: part("subfolder"), Type: part("type")}
					if delete(v, "fullpath"); f.Filename != "" { // a path of another machine, maybe
						all = append(all, found{id, kind, f, v})
					}
				}
			}
		}
		if len(said) > 0 {
			text[id] = strings.Join(said, "\n")
		}
	}
	return all, text
}

// collect fetches every file of the outputs. Where nodes saved something, what others only previewed is left.
func collect(ctx context.Context, c *api.Client, t *sdk.Task, p prompt.Prompt, e *entry) (results, error) {
	all, text := e.outputs()
	out := results{Text: text}
	hasSaved := slices.ContainsFunc(all, func(f found) bool { return f.file.Type != "temp" })
	for n, f := range all {
		if hasSaved && f.file.Type == "temp" {
			continue
		}
		name := filepath.Base(filepath.Clean("/" + f.file.Filename))
		path := filepath.Join(t.Scratch, fmt.Sprintf("%03d-%s", n, name))
		kind, err := c.Download(ctx, f.file, path)
		if err != nil {
			return out, err
		}
		if sdk.CheckArtifactName(name) != nil {
			name = fmt.Sprintf("output-%d%s", n, filepath.Ext(name))
		}
		list, in := &out.Files, "files"
		switch major, _, _ := strings.Cut(kind, "/"); {
		case major == "video" || slices.Contains(videoKinds, f.kind):
			list, in = &out.Videos, "videos"
		case major == "image":
			list, in = &out.Images, "images"
		case major == "audio":
			list, in = &out.Audio, "audio"
		}
		out.Saved = append(out.Saved, savedOut{In: in, Index: len(*list), Name: name, Node: f.node, Title: p.Title(f.node), Kind: f.kind, About: f.about})
		*list = append(*list, sdk.File(path, name, kind))
	}
	if len(all) == 0 && len(out.Text) == 0 {
		return out, sdk.Refuse("the workflow ran and gave nothing out", "add a SaveImage or another node that saves")
	}
	return out, nil
}
