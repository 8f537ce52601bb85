package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// hostURL checks --host.
func hostURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" {
		return "", fmt.Errorf("%q is no address of a host; write it like https://gpu.example:8080", text)
	}
	return u.Scheme + "://" + u.Host, nil
}

// elsewhere is a session with the host of --host.
func (p *program) elsewhere() (*session, error) {
	base, err := hostURL(p.hostURL)
	if err != nil {
		return nil, err
	}
	token := os.Getenv("SPINBOT_TOKEN")
	if p.tokenFile != "" {
		raw, err := os.ReadFile(p.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("the token for %s: %w", base, err)
		}
		token = strings.TrimSpace(string(raw))
	}
	return &session{Client: client.New(base, nil).WithToken(token), elsewhere: true}, nil
}

// source gives a pipeline file as the session's host can read it: by its path, or with all that it reads.
func (s *session) source(ctx context.Context, file string) (client.Source, error) {
	src, err := sourceOf(file)
	if err != nil || !s.elsewhere || src.Path == "" {
		return src, err
	}
	list, err := s.NodeTypes(ctx)
	if err != nil {
		return src, err
	}
	known := nodeTypes{}
	for _, t := range list.NodeTypes {
		known[t.Name] = t
	}
	root, err := os.OpenRoot(filepath.Dir(src.Path))
	if err != nil {
		return src, err
	}
	defer root.Close()
	name := filepath.Base(src.Path)
	raw, err := root.ReadFile(name)
	if err != nil {
		return src, err
	}
	out := client.Source{Name: name, Text: string(raw)}
	if p, _ := load.Load(root.FS(), name, known); p != nil { // what is wrong with it, its host says
		out.Files = p.Bundle().Files
		delete(out.Files, name)
	}
	return out, nil
}

// nodeTypes are those of a host elsewhere.
type nodeTypes map[string]sdk.NodeType

// NodeType implements pipeline.Types.
func (n nodeTypes) NodeType(name string) (sdk.NodeType, bool) {
	t, ok := n[name]
	return t, ok
}

// Names implements pipeline.Types.
func (n nodeTypes) Names() []string { return sortedKeys(n) }
