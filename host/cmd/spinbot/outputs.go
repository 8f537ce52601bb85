package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/host/internal/core/provenance"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// saved is a file that an output became.
type saved struct {
	Output    string `json:"output"`
	Path      string `json:"path"`
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"`
}

// save writes the artifacts among a run's outputs into dir, each under its output's name, with its provenance beside it.
func save(ctx context.Context, s *session, r client.Run, dir string) ([]saved, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var files []saved
	for _, name := range sortedKeys(r.Outputs) {
		if sdk.HasSealed(r.Outputs[name]) {
			continue
		}
		n := 0
		values := sdk.Values{name: r.Outputs[name]}
		err := values.EachArtifact(func(a sdk.Artifact) (sdk.Artifact, error) {
			n++
			path := filepath.Join(dir, name+suffix(r.Outputs[name], n)+extension(a))
			files = append(files, saved{Output: name, Path: path, MediaType: a.MediaType, Size: a.Size})
			if err := download(ctx, s, a.Digest, path); err != nil {
				return a, err
			}
			return a, saveProvenance(ctx, s, a.Digest, r.ID, path+provenance.Suffix)
		})
		if err != nil {
			return nil, fmt.Errorf("output %s: %w", name, err)
		}
	}
	return files, nil
}

// saveProvenance writes the signed provenance of what the run has made; what was given to it has none.
func saveProvenance(ctx context.Context, s *session, digest, run, path string) error {
	e, err := s.Provenance(ctx, digest, run)
	var no *client.Problem
	if errors.As(err, &no) && no.Code == client.CodeNotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("provenance: %w", err)
	}
	raw, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o644)
}

// suffix numbers the files of an output that holds several.
func suffix(value any, n int) string {
	if _, one := value.(sdk.Artifact); one {
		return ""
	}
	return "-" + strconv.Itoa(n)
}

// extension is that of the artifact's own name, else of its media type.
func extension(a sdk.Artifact) string {
	if ext := filepath.Ext(a.Name); ext != "" && len(ext) <= 8 && !strings.ContainsAny(ext, `/\ `) {
		return ext
	}
	if all, err := mime.ExtensionsByType(a.MediaType); err == nil && len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

// download writes beside the file and renames, so that nobody sees half of it.
func download(ctx context.Context, s *session, digest, path string) error {
	r, err := s.Download(ctx, digest)
	if err != nil {
		return err
	}
	defer r.Close()
	f, err := os.CreateTemp(filepath.Dir(path), ".spinbot-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = io.Copy(f, r)
	if e := f.Chmod(0o644); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// printOutputs writes what the run gave: values as name = value, then files with what is known about them, films last.
func printOutputs(r client.Run, files []saved) {
	if r.State != "succeeded" {
		return
	}
	byOutput := map[string]bool{}
	for _, f := range files {
		byOutput[f.Output] = true
	}
	for _, name := range sortedKeys(r.Outputs) {
		switch v := r.Outputs[name].(type) {
		case sdk.Artifact:
			if !byOutput[name] {
				fmt.Printf("%s = %s  %s  %s\n", name, v.Digest, v.MediaType, sdk.FormatSize(v.Size))
			}
		case nil:
		default:
			if byOutput[name] || described(name, files) {
				continue
			}
			fmt.Printf("%s = %s\n", name, valueText(v))
		}
	}
	style := styleOf(os.Stdout)
	sort.SliceStable(files, func(i, j int) bool { return !isVideo(files[i]) && isVideo(files[j]) })
	for _, f := range files {
		fmt.Println(style.Bold(f.Path) + "  " + strings.Join(facts(r.Outputs, f), "  "))
	}
}

func isVideo(f saved) bool { return strings.HasPrefix(f.MediaType, "video/") }

// facts about a file: duration and resolution of a video when the pipeline's outputs tell them, and its size.
func facts(outputs sdk.Values, f saved) []string {
	var out []string
	if isVideo(f) {
		if s, err := number(outputs["seconds"]).Float64(); err == nil && s > 0 {
			out = append(out, progress.Elapsed(time.Duration(s*float64(time.Second))))
		}
		if w, h := number(outputs["width"]), number(outputs["height"]); w != "" && h != "" {
			out = append(out, w.String()+"x"+h.String())
		}
	}
	return append(out, sdk.FormatSize(f.Size))
}

// described says whether an output only tells about a file that was printed.
func described(name string, files []saved) bool {
	for _, f := range files {
		if isVideo(f) {
			return name == "seconds" || name == "width" || name == "height"
		}
	}
	return false
}

func number(v any) json.Number { n, _ := v.(json.Number); return n }

// valueText writes a value on one line, cut where it would not fit.
func valueText(v any) string {
	if v = unsealed(v); v == sensitive {
		return sensitive
	}
	text := typeexpr.JSONText(v)
	if len(text) > 400 {
		return strings.ToValidUTF8(text[:400], "") + "…"
	}
	return text
}

// unsealed puts words in the place of sealed values.
func unsealed(v any) any {
	if !sdk.HasSealed(v) {
		return v
	}
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = unsealed(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = unsealed(v[k])
		}
		return out
	}
	return sensitive
}

// sensitive is what is shown of a sealed value.
const sensitive = "(sensitive)"

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}
