package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/core/convert"
	"github.com/myspinbot/spinbot/sdk/client"
	"github.com/myspinbot/spinbot/sdk/comfyui"
	"github.com/myspinbot/spinbot/sdk/comfyui/ordered"
)

// Bounds of what is imported, and of how long a server may take to list its node types.
const (
	maxImport  = 256 << 20
	askTimeout = time.Minute
)

func (p *program) importCommand() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Take in a run that another host exported, or make a pipeline of what another program made",
		Long: "Takes a run into this host, from a file that spinbot export wrote; - is standard input. Everything in it is verified before anything of\n" +
			"it is seen, and the run says where it is from. A run that is here already changes nothing. An imported run is pinned: spinbot gc\n" +
			"leaves it alone until spinbot runs unpin.",
		Example: "  spinbot import film.tar\n  spinbot import film.tar --name studio",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return p.importRun(c.Context(), args[0], name)
		},
	}
	c.Flags().StringVar(&name, "name", "", "what the host that the run is from is called (default: as the file says)")
	p.jsonFlag(c)
	c.AddCommand(p.importComfyUICommand())
	return c
}

// comfyImport is how import comfyui was called.
type comfyImport struct {
	file, out, name, objectInfo string
	force                       bool
}

func (p *program) importComfyUICommand() *cobra.Command {
	var in comfyImport
	c := &cobra.Command{
		Use:   "comfyui FILE",
		Short: "Make a pipeline of a ComfyUI workflow, or of a picture or video that has one in it",
		Long: "Reads a workflow as ComfyUI saves it or exports it for its API, or a PNG, WebP, MP4 or MOV that ComfyUI saved.\n" +
			"Writes NAME.hcl, with a variable for each prompt, seed, size, model and picture, and workflows/NAME.json beside\n" +
			"it; lists the custom nodes and models that the workflow needs.\n\n" +
			"A saved workflow does not always say what its values are called. With --object-info they are asked of a ComfyUI\n" +
			"server, by its address, or looked up in a stored copy of what it answers under /object_info.",
		Example: "  spinbot import comfyui portrait.png\n  spinbot import comfyui talk.json --object-info http://127.0.0.1:8188 --out pipelines",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			in.file = args[0]
			return p.importComfyUI(c.Context(), in)
		},
	}
	f := c.Flags()
	f.StringVar(&in.out, "out", ".", "the folder to write into")
	f.StringVar(&in.name, "name", "", "the pipeline's name (default: made of the file's)")
	f.StringVar(&in.objectInfo, "object-info", "", "a ComfyUI server's address, or a file with what it answers under /object_info")
	f.BoolVar(&in.force, "force", false, "write over files that are there")
	p.jsonFlag(c)
	return c
}

func (p *program) importComfyUI(ctx context.Context, in comfyImport) error {
	data, err := contentOf(in.file, maxImport)
	if err != nil {
		return err
	}
	defs, err := definitions(ctx, in.objectInfo)
	if err != nil {
		return err
	}
	source := filepath.Base(in.file)
	if in.file == "-" {
		source = "stdin"
	}
	r, err := convert.Convert(data, convert.Options{File: source, Name: in.name, Definitions: defs})
	if err != nil {
		return fmt.Errorf("%s: %w", in.file, err)
	}
	files := [2]string{filepath.Join(in.out, r.Name+".hcl"), filepath.Join(in.out, filepath.FromSlash(r.WorkflowFile))}
	if err := writeImport(files, r, in.force); err != nil {
		return err
	}
	if p.json {
		err = printJSON(importShape(files, r))
	} else {
		printImport(in.file, files, r)
	}
	if err == nil && len(r.Gaps) > 0 {
		err = incomplete(in, r)
	}
	return err
}

// contentOf reads a file that a person named; "-" is standard input.
func contentOf(file string, most int64) ([]byte, error) {
	f := os.Stdin
	if file != "-" {
		var err error
		if f, err = os.Open(file); errors.Is(err, fs.ErrNotExist) {
			return nil, missing(file)
		} else if err != nil {
			return nil, err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return nil, errors.New(file + " is a folder; name a file in it")
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s is larger than %d MiB; export the workflow from ComfyUI as JSON instead", file, most>>20)
	}
	return data, err
}

// definitions reads node types from a file or a server; nil when neither is named.
func definitions(ctx context.Context, from string) (comfyui.Definitions, error) {
	if from == "" {
		return nil, nil
	}
	read := func() ([]byte, error) { return contentOf(from, ordered.Max) }
	if strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://") {
		read = func() ([]byte, error) { return ask(ctx, from) }
	}
	data, err := read()
	if err != nil {
		return nil, err
	}
	defs, err := comfyui.ReadDefinitions(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return defs, nil
}

// ask gets a server's node types; its address may be given with or without /object_info.
func ask(ctx context.Context, address string) ([]byte, error) {
	address = strings.TrimRight(address, "/")
	if !strings.HasSuffix(address, "/object_info") {
		address += "/object_info"
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, usage("--object-info: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no ComfyUI server answers: %w; start it, or give its address (--object-info http://127.0.0.1:8188)", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s; is it a ComfyUI server's address?", address, res.Status)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, ordered.Max+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return data, nil
}

// writeImport writes the workflow, then the pipeline that reads it; neither when one of them is there already.
func writeImport(files [2]string, r *convert.Result, force bool) error {
	for _, file := range files {
		if _, err := os.Lstat(file); err == nil && !force {
			return fmt.Errorf("%s is there already; --force writes over it, --name NAME makes another", file)
		}
	}
	if err := os.MkdirAll(filepath.Dir(files[1]), 0o755); err != nil {
		return err
	}
	if err := replace(files[1], r.Workflow, 0o644); err != nil {
		return err
	}
	return replace(files[0], r.Pipeline, 0o644)
}

func printImport(source string, files [2]string, r *convert.Result) {
	fmt.Printf("%s: %s, nodes: %d\nwrote %s and %s\n", source, r.Source, r.Nodes, files[0], files[1])
	if len(r.Packs) > 0 {
		fmt.Println("\ncustom nodes that ComfyUI needs for it:")
		for _, pack := range r.Packs {
			fmt.Println("  " + pack.String())
		}
	}
	if len(r.Models) > 0 {
		fmt.Println("\nmodels, under ComfyUI's models folder:")
		for _, m := range r.Models {
			fmt.Println("  " + m.String())
		}
	}
	run := "spinbot run " + files[0]
	for _, v := range r.Variables {
		if v.Type == "artifact" {
			run += " --artifact " + v.Name + "=FILE"
		}
	}
	for _, w := range r.Warnings {
		fmt.Fprintln(os.Stderr, "warning:", w)
	}
	fmt.Printf("\n%s\n", run)
}

// incomplete says which nodes lack inputs, and how to mend it.
func incomplete(in comfyImport, r *convert.Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is incomplete: these nodes lack inputs, so ComfyUI would refuse it", r.WorkflowFile)
	for _, g := range r.Gaps {
		fmt.Fprintf(&b, "\n  %s (%s): %s", g.ID, g.Class, g.Why)
	}
	if in.objectInfo != "" {
		b.WriteString("\ninstall what that server lacks; or open the file in ComfyUI, save it and import it again")
	} else {
		fmt.Fprintf(&b, "\na ComfyUI server that has them knows their inputs: spinbot import comfyui %s --object-info http://127.0.0.1:8188 --force", in.file)
	}
	return errors.New(b.String())
}

// importShape is what --json prints.
func importShape(files [2]string, r *convert.Result) any {
	type variable struct {
		Name    string   `json:"name"`
		Type    string   `json:"type"`
		Default any      `json:"default,omitempty"`
		Inputs  []string `json:"inputs"`
	}
	type gap struct {
		ID    string `json:"id"`
		Class string `json:"class"`
		Why   string `json:"why"`
	}
	variables, gaps, outputs := []variable{}, []gap{}, []string{}
	for _, v := range r.Variables {
		variables = append(variables, variable{v.Name, v.Type, v.Default, v.Inputs})
	}
	for _, g := range r.Gaps {
		gaps = append(gaps, gap{g.ID, g.Class, g.Why})
	}
	for _, o := range r.Outputs {
		outputs = append(outputs, o.Name)
	}
	return map[string]any{
		"version": client.ShapeVersion, "pipeline": files[0], "workflow": files[1], "name": r.Name, "source": r.Source, "nodes": r.Nodes,
		"variables": variables, "outputs": outputs, "custom_nodes": append([]convert.Pack{}, r.Packs...),
		"models": append([]convert.Model{}, r.Models...), "incomplete": gaps, "warnings": append([]string{}, r.Warnings...),
	}
}
