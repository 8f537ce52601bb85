package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/host"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/replay"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// consoleInput is what the console command was given besides the run.
type consoleInput struct {
	runInput
	file, offline, in string
	at                uint64
	exprs             []string
}

func (p *program) consoleCommand() *cobra.Command {
	var in consoleInput
	c := &cobra.Command{
		Use:   "console [RUN]",
		Short: "Evaluate expressions of the pipeline language, with a run's values",
		Long: "Evaluates expressions, one a line, as they might stand in the pipeline of RUN, with the values that its variables,\n" +
			"locals, nodes, gates and modules have at its latest event, or at --at. With --file it is a pipeline that has not run:\n" +
			"variables and locals have values, nodes have none. Without either there are the functions only. Nothing is changed.\n" +
			"What is sensitive is shown as (sensitive), and nonsensitive( ) does not change that here.\n\n" +
			"At the prompt, :help shows more: types, names, functions, the inside of a module. exit or Ctrl-D leaves.",
		Example: "  spinbot console last\n  spinbot console last -e 'node.plan.scenes[0].caption' -e 'length(node.shot)'\n" +
			"  spinbot console --file film.hcl --var height=480\n  echo 'slug(\"Crème brûlée\")' | spinbot console",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := in.check(args); err != nil {
				return err
			}
			x, err := p.console(c.Context(), in, args)
			if err != nil {
				return err
			}
			return x.use(c.Context(), in)
		},
	}
	f := c.Flags()
	f.StringArrayVarP(&in.exprs, "expression", "e", nil, "an `expression` to evaluate instead of those on standard input; may be repeated")
	f.StringVar(&in.file, "file", "", "a pipeline `file` instead of a run")
	f.StringVar(&in.offline, "offline", "", "a `file` that spinbot replay --export wrote, instead of a run")
	f.Uint64Var(&in.at, "at", 0, "the run as it was at the event of this `number` (default: its latest)")
	f.StringVar(&in.in, "in", "", "the inside of a module `instance`, such as module.finish~2")
	f.StringArrayVar(&in.vars, "var", nil, "a variable's value with --file, `name=value`; JSON for lists and objects")
	f.StringArrayVar(&in.varFiles, "var-file", nil, "a file of values with --file: a JSON object, or lines name = value")
	f.StringArrayVar(&in.artifacts, "artifact", nil, "a file for an artifact variable with --file, `name=path`")
	p.jsonFlag(c)
	return c
}

func (in consoleInput) check(args []string) error {
	chosen := len(args)
	for _, given := range []string{in.file, in.offline} {
		if given != "" {
			chosen++
		}
	}
	switch {
	case chosen > 1:
		return usage("console: name one of a run, --file and --offline")
	case in.file == "" && len(in.vars)+len(in.varFiles)+len(in.artifacts) > 0:
		return usage("--var, --var-file and --artifact go with --file; a run has its values")
	case len(args) == 0 && in.offline == "" && (in.at > 0 || in.in != ""):
		return usage("--at and --in are for a run")
	}
	return nil
}

// console opens the scope that expressions are evaluated in.
func (p *program) console(ctx context.Context, in consoleInput, args []string) (*console, error) {
	x := &console{out: os.Stdout, errs: os.Stderr, style: styleOf(os.Stdout), json: p.json}
	if len(args) == 0 && in.offline == "" {
		pipe, sub := nothing(), client.Submission{}
		var err error
		if in.file != "" {
			if pipe, err = p.loadFile(ctx, in.file); err != nil {
				return nil, err
			}
			x.title = pipe.Name + "  " + in.file
			if sub, err = localInputs(in.runInput); err != nil {
				return nil, err
			}
		}
		var diags diagnostic.Diagnostics
		if x.scope, diags = eval.Draft(pipe, givenValues(pipe, sub)); len(diags) > 0 {
			diags.Write(os.Stderr, pipe.Bundle().Source, styleOf(os.Stderr).Colour)
		}
		if diags.HasErrors() {
			return nil, errInvalid
		}
		return x, nil
	}
	tape, err := p.tape(ctx, in.offline, args)
	if err != nil {
		return nil, err
	}
	vault, err := p.lookingVault()
	if err != nil {
		return nil, err
	}
	if x.player, err = replay.New(tape, vault); err != nil {
		return nil, err
	}
	x.title = tape.Run + "  " + x.player.Pipeline().Name
	at := in.at
	if at == 0 {
		at = x.player.Last()
	}
	if err := x.goTo(at); err != nil {
		return nil, err
	}
	return x, x.enter(in.in)
}

// nothing is a pipeline without anything in it.
func nothing() *pipeline.Pipeline {
	b := pipeline.Bundle{Files: map[string][]byte{"console.hcl": []byte("pipeline \"console\" {}\n")}}
	p, _ := load.Load(b.FS(), "console.hcl", b) // it is right
	return p
}

// loadFile loads a pipeline with the node types of this machine, without a host.
func (p *program) loadFile(ctx context.Context, file string) (*pipeline.Pipeline, error) {
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, missing(file)
	}
	state, err := local.At(p.stateDir)
	if err != nil {
		return nil, err
	}
	cfg, err := p.hostConfig(state, nil)
	if err != nil {
		return nil, err
	}
	nodes, err := host.OpenNodes(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { _ = nodes.Close() }() // what it held goes with the process
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	pipe, diags := load.Load(root.FS(), filepath.Base(file), nodes.View)
	diags.Write(os.Stderr, func(name string) []byte {
		raw, _ := os.ReadFile(filepath.Join(filepath.Dir(file), name)) // without it no line is shown
		return raw
	}, styleOf(os.Stderr).Colour)
	if pipe == nil || diags.HasErrors() {
		return nil, errInvalid
	}
	return pipe, nil
}

// localInputs gathers values; files become artifacts that are stored nowhere.
func localInputs(in runInput) (client.Submission, error) {
	files := in.artifacts
	in.artifacts = nil
	sub, err := inputsOf(context.Background(), nil, in)
	if err != nil {
		return sub, err
	}
	for _, v := range files {
		name, path, ok := strings.Cut(v, "=")
		if !ok || name == "" || path == "" {
			return sub, usage("--artifact %s: write it name=path", v)
		}
		if sub.Inputs[name], err = artifactOf(path); err != nil {
			return sub, err
		}
	}
	return sub, nil
}

// artifactOf describes a file as the artifact that it would become.
func artifactOf(path string) (sdk.Artifact, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return sdk.Artifact{}, missing(path)
	}
	return sdk.Artifact{Digest: digestOf(raw), MediaType: mediaType(path), Size: int64(len(raw)), Name: filepath.Base(path)}, err
}

// use evaluates what was given, or what is written on standard input.
func (x *console) use(ctx context.Context, in consoleInput) error {
	switch {
	case len(in.exprs) > 0:
		for _, e := range in.exprs {
			x.line(e)
		}
	case terminal(os.Stdin) && terminal(os.Stdout) && !x.json:
		return x.talk(ctx)
	default:
		lines := bufio.NewScanner(os.Stdin)
		lines.Buffer(nil, 2*eval.MaxExpression)
		for ctx.Err() == nil && lines.Scan() && !x.left {
			x.line(lines.Text())
		}
		if err := lines.Err(); err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
	}
	if x.json {
		if err := x.printJSON(); err != nil {
			return err
		}
	}
	if x.wrong {
		return errInvalid
	}
	return ctx.Err()
}

// givenValues brings values together with those that were written as text.
func givenValues(p *pipeline.Pipeline, sub client.Submission) sdk.Values {
	given := sdk.Values{}
	for name, v := range sub.Inputs {
		given[name] = v
	}
	for name, text := range sub.Text {
		given[name] = text
		if v, known := p.Variable(name); known && v.Schema.Type == "" && v.Schema.XType == "" {
			var parsed sdk.Values
			if err := parsed.UnmarshalJSON([]byte(`{"v":` + text + `}`)); err == nil && len(parsed) == 1 {
				given[name] = parsed["v"]
			}
		}
	}
	return given
}
