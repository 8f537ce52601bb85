package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// runInput is what the run command was given besides the file.
type runInput struct {
	vars      []string
	varFiles  []string
	artifacts []string
	out       string
	priority  int
}

func (p *program) runCommand() *cobra.Command {
	var in runInput
	c := &cobra.Command{
		Use:   "run FILE",
		Short: "Run a pipeline and wait for its end",
		Long: "Runs the pipeline in FILE. Progress goes to standard error, outputs to standard output. Ctrl-C cancels the\n" +
			"run, and what was made is kept: spinbot resume goes on from there.",
		Example: "  spinbot run explainer.hcl --artifact article=article.md --artifact picture=shop.png --out film\n" +
			"  spinbot run explainer.hcl --var height=480 --var-file mine.json",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error { return p.run(c.Context(), s, args[0], in) })
		},
	}
	p.inputFlags(c, &in)
	c.Flags().IntVar(&in.priority, "priority", 0, "higher goes first when runs wait (default: what the pipeline says)")
	p.jsonFlag(c)
	return c
}

// inputFlags are the flags of a run's inputs and outputs.
func (p *program) inputFlags(c *cobra.Command, in *runInput) {
	f := c.Flags()
	f.StringArrayVar(&in.vars, "var", nil, "a variable's value, `name=value`; JSON for lists and objects")
	f.StringArrayVar(&in.varFiles, "var-file", nil, "a file of values: a JSON object, or lines name = value")
	f.StringArrayVar(&in.artifacts, "artifact", nil, "a file for an artifact variable, `name=path`; repeat for a list")
	f.StringVar(&in.out, "out", "", "the folder to save the outputs' files in")
}

func (p *program) run(ctx context.Context, s *session, file string, in runInput) error {
	if strings.HasSuffix(file, planSuffix) {
		return p.runPlan(ctx, s, file, in)
	}
	sub, err := submission(ctx, s, file, in)
	if err != nil {
		return err
	}
	if in.priority != 0 {
		sub.Priority = &in.priority
	}
	r, err := s.Submit(ctx, sub)
	if err != nil {
		return diagnosed(err, file, sub.Pipeline)
	}
	return p.follow(ctx, s, fromStart(r), in.out)
}

// submission gathers a run's pipeline and inputs.
func submission(ctx context.Context, s *session, file string, in runInput) (client.Submission, error) {
	src, err := s.source(ctx, file)
	if err != nil {
		return client.Submission{}, err
	}
	sub, err := inputsOf(ctx, s, in)
	sub.Pipeline = src
	return sub, err
}

// inputsOf gathers a run's inputs; files become artifacts on the way.
func inputsOf(ctx context.Context, s *session, in runInput) (client.Submission, error) {
	sub := client.Submission{Inputs: sdk.Values{}, Text: map[string]string{}}
	for _, f := range in.varFiles {
		if err := readVarFile(f, &sub); err != nil {
			return sub, err
		}
	}
	for _, v := range in.vars {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return sub, usage("--var %s: write it name=value", v)
		}
		delete(sub.Inputs, name)
		sub.Text[name] = value
	}
	lists := map[string][]any{}
	for _, v := range in.artifacts {
		name, path, ok := strings.Cut(v, "=")
		if !ok || name == "" || path == "" {
			return sub, usage("--artifact %s: write it name=path", v)
		}
		a, err := uploadFile(ctx, s, path)
		if err != nil {
			return sub, fmt.Errorf("artifact %s: %w", name, err)
		}
		lists[name] = append(lists[name], a)
	}
	for name, list := range lists {
		if sub.Inputs[name] = any(list); len(list) == 1 {
			sub.Inputs[name] = list[0]
		}
	}
	return sub, nil
}

func uploadFile(ctx context.Context, s *session, path string) (sdk.Artifact, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return sdk.Artifact{}, missing(path)
	}
	if err != nil {
		return sdk.Artifact{}, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return sdk.Artifact{}, errors.New(path + " is a folder, not a file")
	}
	return s.Upload(ctx, filepath.Base(path), mediaType(path), f)
}

// mediaType is the hint that a file's name gives; the host looks at the bytes.
func mediaType(path string) string {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".md", ".markdown":
		return "text/markdown"
	case ".srt":
		return "application/x-subrip"
	default:
		kind, _, _ := mime.ParseMediaType(mime.TypeByExtension(ext))
		return kind
	}
}

// readVarFile reads a JSON object, or lines "name = value" whose values are JSON or bare text.
func readVarFile(path string, sub *client.Submission) error {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return missing(path)
	}
	if err != nil {
		return err
	}
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		var v sdk.Values
		if err := json.Unmarshal(raw, &v); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for name, value := range v {
			sub.Inputs[name] = value
		}
		return nil
	}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return fmt.Errorf("%s:%d: write it name = value, or make the file a JSON object", path, n)
		}
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		var text string
		if json.Unmarshal([]byte(value), &text) == nil {
			value = text
		}
		delete(sub.Inputs, name)
		sub.Text[name] = value
	}
	return lines.Err()
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
