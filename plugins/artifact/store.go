package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/myspinbot/spinbot/sdk"
)

type storeIn struct {
	Text      *string `spin:"text,optional" doc:"What is in the file, as text"`
	Base64    *string `spin:"base64,optional" doc:"What is in the file, in base64"`
	JSON      any     `spin:"json,optional" doc:"A value, which is written as JSON"`
	Folder    string  `spin:"folder,optional" doc:"A folder of the machine's configuration, to take the file at path from"`
	Path      string  `spin:"path,optional" doc:"A file within the folder"`
	Name      string  `spin:"name,optional" doc:"What the file is called; else as it is in the folder, or by what is in it"`
	MediaType string  `spin:"media_type,optional" doc:"What the file is; else what its bytes look like"`
}

type storeOut struct {
	File sdk.Artifact `spin:"file" doc:"The artifact"`
	Size int64        `spin:"size" doc:"Its bytes"`
}

func storeNode(f *folders) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "artifact.store",
		Description: "Makes an artifact of text, of a value or of a file on the machine.",
		Idempotent:  true,
		Concurrency: 4,
		Examples: []sdk.Example{{Title: "A script as a file", HCL: `node "artifact.store" "script" {
  text = "Hello."
  name = "script.txt"
}
`}, {Title: "A file of the machine", HCL: `node "artifact.store" "sample" {
  folder = "voices"
  path   = "anna/sample.wav"
}
`}},
	}, f.store)
}

func (f *folders) store(ctx context.Context, in storeIn, t *sdk.Task) (storeOut, error) {
	given := 0
	for _, g := range []bool{in.Text != nil, in.Base64 != nil, in.JSON != nil, in.Folder != "" || in.Path != ""} {
		if g {
			given++
		}
	}
	if given != 1 {
		return storeOut{}, sdk.Refuse(fmt.Sprintf("%d of text, base64, json and folder are given", given), "give one of them")
	}
	name := in.Name
	var data []byte
	var err error
	switch {
	case in.Text != nil:
		data, name = []byte(*in.Text), or(name, "text.txt")
	case in.Base64 != nil:
		if data, err = base64.StdEncoding.DecodeString(*in.Base64); err != nil {
			return storeOut{}, sdk.Refuse("base64: "+err.Error(), "")
		}
		name = or(name, "file")
	case in.JSON != nil:
		if data, err = json.Marshal(in.JSON); err != nil {
			return storeOut{}, sdk.Refuse("json: "+err.Error(), "")
		}
		name = or(name, "value.json")
	default:
		return f.take(ctx, in, t)
	}
	if err := sdk.CheckArtifactName(name); err != nil {
		return storeOut{}, sdk.Refuse("name: "+err.Error(), "")
	}
	if len(data) == 0 {
		return storeOut{}, sdk.Refuse("there is nothing in it", "an artifact has at least one byte")
	}
	at := filepath.Join(t.Scratch, "stored")
	if err := os.WriteFile(at, data, 0o600); err != nil {
		return storeOut{}, err
	}
	return storeOut{sdk.File(at, name, in.MediaType), int64(len(data))}, nil
}

// take makes an artifact of a file in a folder.
func (f *folders) take(ctx context.Context, in storeIn, t *sdk.Task) (storeOut, error) {
	if err := inside(in.Path); err != nil {
		return storeOut{}, err
	}
	name := or(in.Name, path.Base(in.Path))
	if err := sdk.CheckArtifactName(name); err != nil {
		return storeOut{}, sdk.Refuse("name: "+err.Error(), "")
	}
	root, err := f.open(in.Folder)
	if err != nil {
		return storeOut{}, err
	}
	defer root.Close()
	from, err := root.Open(in.Path)
	if err != nil {
		return storeOut{}, refused(err, in.Folder)
	}
	defer from.Close()
	if info, err := from.Stat(); err != nil {
		return storeOut{}, err
	} else if !info.Mode().IsRegular() {
		return storeOut{}, sdk.Refuse(in.Folder+": "+in.Path+" is not a file", "")
	}
	at := filepath.Join(t.Scratch, "stored")
	to, err := os.OpenFile(at, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return storeOut{}, err
	}
	defer to.Close()
	n, err := io.Copy(to, reading{ctx, from})
	if err == nil {
		err = to.Close()
	}
	return storeOut{sdk.File(at, name, in.MediaType), n}, err
}

// reading ends with ctx.
type reading struct {
	ctx context.Context
	r   io.Reader
}

func (r reading) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
