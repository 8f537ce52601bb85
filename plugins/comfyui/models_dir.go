package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/plugins/comfyui/api"
	"github.com/myspinbot/spinbot/sdk"
)

const (
	// ours is the folder below each kind of models for those that tasks bring.
	ours = "spinbot"
	// sees is how long the server may take to see a file that is there: its folder may be on a network.
	sees    = 10 * time.Second
	recheck = 100 * time.Millisecond // between two looks at its list
)

// modelsDir is the folder of models that the server reads and this process writes to.
func (c config) modelsDir() (string, error) {
	switch {
	case c.ModelsDir != "":
		return c.ModelsDir, nil
	case c.Managed:
		return filepath.Join(c.Folder, "models"), nil
	}
	return "", sdk.Refuse("a model file cannot be given to ComfyUI: where its models are is not known", "name that folder, as this machine sees it: engine \"comfyui\" { models_dir = \"…\" } in spinbot.hcl")
}

// place puts a model file among the server's models, where it stays, and gives what the server calls it.
func (s *server) place(ctx context.Context, c *api.Client, kind string, a sdk.Artifact) (string, error) {
	dir, err := s.config.modelsDir()
	if err != nil {
		return "", err
	}
	name, err := modelName(a)
	if err != nil {
		return "", err
	}
	if err := bring(a.Path, filepath.Join(dir, kind, ours, name)); err != nil {
		return "", sdk.Fail("the model cannot be put among ComfyUI's: "+err.Error(), "there has to be room in models_dir, and this machine's spinbot has to be able to write there")
	}
	want := sdk.ModelFileName(kind, ours+"/"+name)
	for late := time.After(s.sees); ; {
		var names []string
		if err := c.Ask(ctx, http.MethodGet, "/models/"+url.PathEscape(kind), nil, nil, &names); err != nil {
			return "", err
		}
		if i := slices.IndexFunc(names, func(n string) bool { return sdk.ModelFileName(kind, n) == want }); i >= 0 {
			return names[i], nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-late:
			return "", sdk.Refuse(fmt.Sprintf("%s is in %s, and ComfyUI does not list it", want, dir), "models_dir has to be the folder of models that this ComfyUI reads")
		case <-time.After(recheck):
		}
	}
}

// modelName is <name>-<digest8>.safetensors. Other formats may hold programs, which ComfyUI would run.
func modelName(a sdk.Artifact) (string, error) {
	f, err := os.Open(a.Path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	label := cmp.Or(a.Name, filepath.Base(a.Path))
	head := make([]byte, 9) // a length, and an object of JSON
	if _, err := io.ReadFull(f, head); err != nil || head[8] != '{' || head[7] != 0 {
		return "", sdk.Refuse(label+" is no safetensors file", "save the model as .safetensors")
	}
	digest := strings.TrimPrefix(a.Digest, "sha256:")
	if digest == "" {
		h := sha256.New()
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return "", err
		}
		if _, err := io.Copy(h, f); err != nil {
			return "", err
		}
		digest = hex.EncodeToString(h.Sum(nil))
	}
	plain := strings.Map(func(r rune) rune {
		if r < 128 && (r == '_' || r == '.' || '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z') {
			return r
		}
		return '-'
	}, strings.TrimSuffix(label, filepath.Ext(label)))
	plain = strings.Trim(plain[:min(60, len(plain))], "-.")
	return fmt.Sprintf("%s-%.8s.safetensors", cmp.Or(plain, "model"), digest), nil
}

// bring links a file to its place, or copies it there; one that is there already stays.
func bring(from, to string) error {
	was, err := os.Stat(from)
	if err != nil {
		return err
	}
	if is, err := os.Stat(to); err == nil && is.Size() == was.Size() {
		return nil
	}
	dir := filepath.Dir(to)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	part := filepath.Join(dir, ".part-"+rand.Text()) // nobody loads half a model
	defer os.Remove(part)
	if os.Link(from, part) != nil { // another disk
		if err := copyFile(from, part); err != nil {
			return err
		}
	}
	_ = os.Chmod(part, 0o644) // ComfyUI may be another user's
	return os.Rename(part, to)
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}
