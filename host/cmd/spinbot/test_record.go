package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/recording"
	"github.com/myspinbot/spinbot/sdk"
)

// record writes what the nodes of a finished run gave.
func (p *program) record(ctx context.Context, in testInput, args []string) error {
	switch {
	case in.record == "":
		return usage("--out FILE is for --record RUN")
	case in.out == "":
		return usage("--record %s: say where to with --out FILE", in.record)
	case len(args) > 0:
		return usage("--record RUN takes no paths")
	case filepath.Ext(in.out) != ".json":
		return usage("--out %s: a recorded file ends in .json", in.out)
	}
	limit, err := sdk.ParseBytes(in.copied)
	if err != nil {
		return usage("--copy: %v", err)
	}
	return p.with(ctx, func(s *session) error {
		r, err := recording.Record(ctx, s, in.record)
		if err != nil {
			return err
		}
		w, err := r.Write(ctx, s, in.out, limit)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s of %s\n", in.out, counted(len(r.Results), "result", "results"), r.Run)
		if w.Copied > 0 {
			fmt.Printf("%s beside it\n", counted(w.Copied, "artifact", "artifacts"))
		}
		if w.Left > 0 {
			fmt.Printf("%s larger than %s, of which only the reference is kept (--copy raises that)\n", counted(w.Left, "artifact", "artifacts"), in.copied)
		}
		return suggestMocks(ctx, s, r, in.out)
	})
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// suggestMocks shows the mocks that replay the recording, of the node types that plugins offer.
func suggestMocks(ctx context.Context, s *session, r *recording.Recording, out string) error {
	plugins, err := s.Plugins(ctx)
	if err != nil {
		return err
	}
	var control, shown []string
	for _, p := range plugins.Plugins {
		if p.Kind == "module" {
			control = append(control, p.NodeTypes...)
		}
	}
	for _, x := range r.Results {
		if slices.Contains(control, x.Type) || slices.Contains(shown, x.Type) {
			continue
		}
		if shown = append(shown, x.Type); len(shown) == 1 {
			fmt.Fprintln(os.Stderr, "\nto replay it, with the path as seen from the test file:")
		}
		outputs := ""
		if names := r.Sensitive(x.Type); len(names) > 0 {
			outputs = "\n  outputs = { " + strings.Join(names, " = …, ") + " = … } # sensitive, and not recorded"
		}
		if outputs == "" {
			fmt.Fprintf(os.Stderr, "mock %q { recorded = %q }\n", x.Type, filepath.ToSlash(out))
		} else {
			fmt.Fprintf(os.Stderr, "mock %q {\n  recorded = %q%s\n}\n", x.Type, filepath.ToSlash(out), outputs)
		}
	}
	return nil
}
