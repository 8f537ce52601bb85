package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/archive"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) exportCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "export RUN",
		Short: "Write a run into one file that another host takes in",
		Long: "Writes a run that has ended into one file: its journal, the pipeline it ran, and the files that it was given and made. spinbot\n" +
			"import takes it into another host, which shows, replays, compares and repeats it like its own.\n\n" +
			"What is sensitive is sealed in it, for the host that made it; files within sensitive values are left out, and so is every secret.",
		Example: "  spinbot export last\n  spinbot export run_01J --out film.tar",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error { return p.export(c.Context(), s, args[0], out) })
		},
	}
	c.Flags().StringVar(&out, "out", "", "the `file` to write (default RUN.tar, the id whole); - is standard output")
	p.jsonFlag(c)
	return c
}

func (p *program) export(ctx context.Context, s *session, id, out string) error {
	r, err := s.Run(ctx, id)
	if err != nil {
		return err
	}
	if out == "" {
		out = r.ID + ".tar"
	}
	body, err := s.ExportRun(ctx, r.ID)
	if err != nil {
		return err
	}
	m, size, err := saveArchive(body, out)
	if err != nil {
		return err
	}
	if p.json && out != "-" {
		return printJSON(map[string]any{"version": client.ShapeVersion, "file": out, "size": size, "run": r.ID, "artifacts": len(m.Run.Artifacts), "withheld": len(m.Run.Withheld)})
	}
	warn("%s: %s with %s and %s, %s; spinbot import %s takes it into another host", out, r.ID, counted(int(m.Run.Events), "event", "events"), counted(len(m.Run.Artifacts), "artifact", "artifacts"), sdk.FormatSize(size), out)
	if n := len(m.Run.Withheld); n > 0 {
		warn("%s left out: part of sensitive values, or lost", counted(n, "artifact is", "artifacts are"))
	}
	return nil
}

// saveArchive writes an archive beside its place, verifying it as it comes, and renames it once it is whole: nobody takes half of one
// for an archive.
func saveArchive(from io.ReadCloser, path string) (m archive.Manifest, size int64, err error) {
	defer from.Close()
	if path == "-" {
		n := &counting{w: os.Stdout}
		m, err = verifyAll(io.TeeReader(from, n))
		return m, n.n, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".spinbot-*")
	if err != nil {
		return m, 0, err
	}
	defer os.Remove(f.Name())
	n := &counting{w: f}
	m, err = verifyAll(io.TeeReader(from, n))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = fmt.Errorf("%s is not written: %w", path, err)
	}
	return m, n.n, err
}

// verifyAll also reads what follows the archive's end.
func verifyAll(r io.Reader) (archive.Manifest, error) {
	m, err := archive.Verify(r)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	return m, err
}

// counting counts what is written.
type counting struct {
	w io.Writer
	n int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
