package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/host/archives"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/archive"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) backupCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "backup",
		Short: "Write the state of the host into one file, while it works",
		Long: "Writes runs, artifacts, logs, assets, triggers, tokens and what the configuration says into one file, as they are at one moment,\n" +
			"and verifies it on the way: the file is there when it is whole. Runs go on meanwhile. spinbot restore makes a state directory of it.\n\n" +
			"No secret is in it, and neither is host.key, which opens sensitive values: keep a copy of that apart. Plugins are installed anew.\n" +
			"Where artifacts are in a bucket, or runs in PostgreSQL, those are backed up there: see docs/backup.md.",
		Example: "  spinbot backup --out /mnt/backups/spinbot.tar",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(s *session) error {
				if out == "" {
					out = "spinbot-backup-" + time.Now().UTC().Format("20060102-150405") + ".tar"
				}
				body, err := s.Backup(c.Context())
				if err != nil {
					return err
				}
				m, size, err := saveArchive(body, out)
				if err != nil {
					return err
				}
				return p.tellBackup(m, out, size)
			})
		},
	}
	c.Flags().StringVar(&out, "out", "", "the `file` to write (default spinbot-backup-TIME.tar); - is standard output")
	p.jsonFlag(c)
	return c
}

func (p *program) tellBackup(m archive.Manifest, out string, size int64) error {
	if p.json && out != "-" {
		return printJSON(map[string]any{"version": client.ShapeVersion, "file": out, "size": size, "runs": m.State.Runs, "events": m.State.Events, "bucket": m.State.Bucket})
	}
	warn("%s: %s with %s, %s; spinbot restore %s --state-dir DIR makes a state directory of it", out, counted(m.State.Runs, "run", "runs"), counted(m.State.Events, "event", "events"), sdk.FormatSize(size), out)
	if m.State.Bucket != "" {
		warn("the artifacts are in the bucket %s, and not in it", m.State.Bucket)
	}
	return nil
}

func (p *program) restoreCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a state directory of a backup",
		Long: "Makes a state directory of what spinbot backup wrote: the one of --state-dir, which has to be absent or empty. Everything is verified\n" +
			"before it is put in place, at once; what is refused leaves nothing. Runs that went on when the backup was made go on when\n" +
			"spinbot serve begins there, as after a crash.\n\n" +
			"Before that, put secrets and host.key back, as you keep them: without host.key, sensitive values of earlier runs stay sealed.",
		Example: "  spinbot restore /mnt/backups/spinbot.tar --state-dir ~/restored",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return p.restore(c.Context(), args[0]) },
	}
	p.jsonFlag(c)
	return c
}

func (p *program) restore(ctx context.Context, file string) error {
	state, err := local.Where(p.stateDir)
	if err != nil {
		return err
	}
	f := os.Stdin
	if file != "-" {
		if f, err = os.Open(file); errors.Is(err, fs.ErrNotExist) {
			return missing(file)
		} else if err != nil {
			return err
		}
		defer f.Close()
	}
	m, err := archives.Restore(ctx, f, state)
	var refused *archive.Error
	if errors.As(err, &refused) {
		return fmt.Errorf("%s is refused: %w", file, err)
	}
	if err != nil {
		return err
	}
	if p.json {
		return printJSON(map[string]any{"version": client.ShapeVersion, "state_dir": state.Dir, "host": m.Host, "made": m.Made, "runs": m.State.Runs, "events": m.State.Events, "bucket": m.State.Bucket})
	}
	fmt.Printf("%s: %s with %s, of %s as it was on %s\n", state.Dir, counted(m.State.Runs, "run", "runs"), counted(m.State.Events, "event", "events"), m.Host, m.Made.Local().Format("2 Jan 2006 15:04:05"))
	warn("put secrets and host.key back into it, and then: spinbot serve --state-dir %s", state.Dir)
	if m.State.Bucket != "" {
		warn("its artifacts are in the bucket %s", m.State.Bucket)
	}
	return nil
}
