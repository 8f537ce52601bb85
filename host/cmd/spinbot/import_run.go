package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/myspinbot/spinbot/host/internal/archive"
	"github.com/myspinbot/spinbot/sdk"
)

// importRun has the host take in a run from a file; "-" is standard input.
func (p *program) importRun(ctx context.Context, file, name string) error {
	f := os.Stdin
	if file != "-" {
		var err error
		if f, err = os.Open(file); errors.Is(err, fs.ErrNotExist) {
			return missing(file)
		} else if err != nil {
			return err
		}
		defer f.Close()
		// A host that refuses what is still being sent may not be heard: what can be seen from here is.
		switch m, err := archive.Verify(f); {
		case err != nil:
			return fmt.Errorf("%s is refused: %w", file, err)
		case m.Of == archive.OfState:
			return fmt.Errorf("%s is a backup of a host: spinbot restore %s --state-dir DIR takes it", file, file)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	return p.with(ctx, func(s *session) error {
		i, err := s.ImportRun(ctx, f, name)
		if err != nil {
			return err
		}
		if p.json {
			return printJSON(i)
		}
		a := i.Archive
		if i.There {
			fmt.Printf("%s is here already; nothing has changed\n", a.Run)
			return nil
		}
		fmt.Printf("%s: %s, %s, from %s, with %s of %s\n", a.Run, a.Pipeline, a.State, a.Host, counted(a.Artifacts, "artifact", "artifacts"), sdk.FormatSize(a.Bytes))
		if a.Withheld > 0 {
			fmt.Printf("%s there: part of sensitive values, or lost\n", counted(a.Withheld, "artifact stayed", "artifacts stayed"))
		}
		warn("spinbot show %s, spinbot replay %s and spinbot rerun %s take it like any other", a.Run, a.Run, a.Run)
		return nil
	})
}
