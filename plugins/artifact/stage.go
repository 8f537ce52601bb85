package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/myspinbot/spinbot/sdk"
)

type stageIn struct {
	Files   map[string]sdk.Artifact `spin:"files" doc:"What is laid out, by its path within the folder"`
	Folder  string                  `spin:"folder" doc:"A folder of the machine's configuration"`
	Replace bool                    `spin:"replace" default:"false" doc:"Whether a file that is there and is another one is replaced"`
}

type stageOut struct {
	Paths map[string]string `spin:"paths" doc:"Where each file is on the machine"`
}

func stageNode(f *folders) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "artifact.stage",
		Description: "Lays artifacts out in a folder of the machine, where programs find them that know nothing of artifacts.",
		Idempotent:  true,
		Concurrency: 4,
		Examples: []sdk.Example{{Title: "A picture for ComfyUI", HCL: `node "artifact.stage" "inputs" {
  folder = "comfyui"
  files  = { "input/portrait.png" = var.portrait }
}
`}},
	}, f.stage)
}

func (f *folders) stage(ctx context.Context, in stageIn, t *sdk.Task) (stageOut, error) {
	names := slices.Sorted(maps.Keys(in.Files))
	for _, name := range names {
		if err := inside(name); err != nil {
			return stageOut{}, err
		}
	}
	root, err := f.open(in.Folder)
	if err != nil {
		return stageOut{}, err
	}
	defer root.Close()
	out := stageOut{Paths: make(map[string]string, len(names))}
	for k, name := range names {
		if err := lay(ctx, root, name, in.Files[name].Path, in.Replace); err != nil {
			return stageOut{}, refused(err, in.Folder)
		}
		out.Paths[name] = filepath.Join(root.Name(), filepath.FromSlash(name))
		t.Progress(float64(k+1)/float64(len(names)), name)
	}
	return out, nil
}

// lay copies a file to a name within a folder. Whoever looks there sees the whole file or none.
func lay(ctx context.Context, root *os.Root, name, from string, replace bool) error {
	same, err := equal(root, name, from)
	if err != nil || same {
		return err
	}
	if _, err := root.Lstat(name); err == nil && !replace {
		return sdk.Refuse(name+" is there, and is another file", "take another name, or set replace")
	}
	if dir := path.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	part := path.Join(path.Dir(name), ".spinbot-"+rand.Text()[:12])
	dst, err := root.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, reading{ctx, src})
	if err = errors.Join(err, dst.Close()); err == nil {
		err = root.Rename(part, name)
	}
	if err != nil {
		_ = root.Remove(part)
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// equal says whether a file is there already, byte by byte.
func equal(root *os.Root, name, from string) (bool, error) {
	a, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer a.Close()
	b, err := os.Open(from)
	if err != nil {
		return false, err
	}
	defer b.Close()
	ai, err := a.Stat()
	if err != nil {
		return false, err
	}
	bi, err := b.Stat()
	if err != nil || !ai.Mode().IsRegular() || ai.Size() != bi.Size() {
		return false, err
	}
	x, y := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(a, x)
		m, _ := io.ReadFull(b, y)
		if !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		if err != nil {
			return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF), nil
		}
	}
}
