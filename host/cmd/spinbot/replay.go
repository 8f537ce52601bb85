package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/replay"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/sdk/client"
)

// replayInput is what the replay command was given besides the run.
type replayInput struct {
	from, to        uint64
	node            string
	step, verify    bool
	offline, export string
}

func (p *program) replayCommand() *cobra.Command {
	var in replayInput
	c := &cobra.Command{
		Use:   "replay [RUN]",
		Short: "Step through a recorded run: what happened, what changed, with which values",
		Long: "Reads the journal of a run and shows, event by event, what happened, which states changed, the inputs of every\n" +
			"attempt and the outputs it gave, and what could begin next. Nothing is done again, and nothing is changed.\n\n" +
			"--step waits at every event: enter goes on, b back, n NODE to the next event of a node, g SEQ to an event, p prints\n" +
			"all values there are, q quits. --export writes all that is needed to a file, which --offline reads on any machine.\n" +
			"--verify folds the run twice and evaluates again what it evaluated.\n\n" +
			"Sensitive values are opened with this machine's key to evaluate with, and never shown; without the key they are not known.",
		Example: "  spinbot replay last --node shot[2]\n  spinbot replay last --step --from 40\n  spinbot replay last --export run.json\n" +
			"  spinbot replay --offline run.json --verify",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := in.check(args, p.json); err != nil {
				return err
			}
			tape, err := p.tape(c.Context(), in.offline, args)
			if err != nil {
				return err
			}
			vault, err := p.lookingVault()
			if err != nil {
				return err
			}
			return p.replay(c.Context(), tape, vault, in)
		},
	}
	f := c.Flags()
	f.Uint64Var(&in.from, "from", 0, "begin with the event of this `number`")
	f.Uint64Var(&in.to, "to", 0, "end with the event of this `number`")
	f.StringVar(&in.node, "node", "", "only what concerns a node: its name, or its `address` within the run")
	f.BoolVar(&in.step, "step", false, "wait at every event")
	f.BoolVar(&in.verify, "verify", false, "check that the run can be folded and evaluated again")
	f.StringVar(&in.offline, "offline", "", "read the run from a `file` that --export wrote")
	f.StringVar(&in.export, "export", "", "write all that is needed to replay the run to a `file`")
	p.jsonFlag(c)
	return c
}

func (in replayInput) check(args []string, json bool) error {
	switch {
	case len(args) == 0 && in.offline == "":
		return usage("replay: name a run, or a file with --offline")
	case len(args) > 0 && in.offline != "":
		return usage("replay: name a run or a file with --offline, not both")
	case in.to > 0 && in.to < in.from:
		return usage("--from %d is after --to %d", in.from, in.to)
	case in.step && (json || in.verify || in.export != ""):
		return usage("--step is for a person; leave --json, --verify and --export out")
	}
	return nil
}

// tape gets a recorded run: from a file, else from the host.
func (p *program) tape(ctx context.Context, offline string, args []string) (t *replay.Tape, err error) {
	if offline == "" {
		err = p.with(ctx, func(s *session) error {
			t, err = replay.Fetch(ctx, s, args[0])
			return err
		})
		return t, err
	}
	f, err := os.Open(offline)
	if errors.Is(err, os.ErrNotExist) {
		return nil, missing(offline)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if t, err = replay.Read(f); err != nil {
		return nil, fmt.Errorf("%s: %w", offline, err)
	}
	return t, nil
}

// lookingVault opens what this machine has the key to, and gives the secrets that are here. It changes nothing.
func (p *program) lookingVault() (*secrets.Vault, error) {
	state, err := local.Where(p.stateDir)
	if err != nil {
		return nil, err
	}
	cfg := secrets.Config{KeyFile: state.HostKey(), Dir: state.Secrets(), Environ: os.Environ(), Looking: true}
	cfg.Files, cfg.Commands, err = p.secretSources()
	return secrets.New(cfg), err
}

func (p *program) replay(ctx context.Context, tape *replay.Tape, vault *secrets.Vault, in replayInput) error {
	if in.export != "" {
		return exportTape(tape, in.export)
	}
	if in.verify {
		return p.verify(tape, vault)
	}
	player, err := replay.New(tape, vault)
	if err != nil {
		return err
	}
	v := &stepView{out: os.Stdout, style: styleOf(os.Stdout), run: tape.Run, width: sizeOf(os.Stdout)}
	if !terminal(os.Stdout) {
		v.width = func() (int, int) { return 120, 0 }
	}
	switch {
	case in.step:
		return stepThrough(ctx, player, v, os.Stdin, in)
	case p.json:
		return stepsJSON(player, tape.Run, in)
	}
	shown := 0
	err = eachStep(player, in, func(s replay.Step) {
		v.step(s)
		shown++
	})
	if err == nil && shown == 0 {
		return nothingShown(player, tape.Run, in)
	}
	return err
}

// eachStep goes through the steps that were asked for. Those before an event that cannot be read are shown too.
func eachStep(player *replay.Player, in replayInput, show func(replay.Step)) error {
	for in.to == 0 || player.Seq() < in.to {
		if next, more := player.Peek(); more && next.Seq < in.from {
			if _, err := player.Go(min(in.from-1, player.Last())); err != nil {
				return err
			}
			continue
		}
		s, err := player.Step()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if in.node == "" || s.Concerns(in.node) {
			show(s)
		}
	}
	return nil
}

func nothingShown(player *replay.Player, id string, in replayInput) error {
	if in.from > player.Last() {
		return fmt.Errorf("%s has %d events; there is none from %d on", id, player.Last(), in.from)
	}
	return fmt.Errorf("no event of %s concerns %s; spinbot show %s lists its nodes", id, in.node, id)
}

// stepsJSON prints the steps for programs.
func stepsJSON(player *replay.Player, id string, in replayInput) error {
	steps := []replay.Step{}
	failed := eachStep(player, in, func(s replay.Step) { steps = append(steps, s) })
	if err := printJSON(map[string]any{"version": client.ShapeVersion, "run": id, "steps": steps}); err != nil {
		return err
	}
	return failed
}

// exportTape writes beside the file and renames, so that nobody reads half of it.
func exportTape(tape *replay.Tape, path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".spinbot-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = tape.Write(f)
	if e := f.Chmod(0o644); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	warn("%s: %s of %s; spinbot replay --offline %s", path, counted(tape.Len(), "event", "events"), tape.Run, path)
	return nil
}

// verify says whether the run comes out as it was recorded.
func (p *program) verify(tape *replay.Tape, vault *secrets.Vault) error {
	r, err := replay.Verify(tape, vault)
	if err != nil {
		return err
	}
	if p.json {
		err = printJSON(struct {
			Version int    `json:"version"`
			Run     string `json:"run"`
			replay.Report
		}{client.ShapeVersion, tape.Run, r})
	} else {
		tellReport(tape.Run, r)
	}
	if err == nil && len(r.Problems) > 0 {
		return errVerified
	}
	return err
}

func tellReport(id string, r replay.Report) {
	style := styleOf(os.Stdout)
	mark := style.Mark("succeeded")
	if len(r.Problems) > 0 {
		mark = style.Mark("failed")
	}
	fmt.Printf("%s %s: %s folded twice\n", mark, style.Bold(id), counted(r.Events, "event", "events"))
	fmt.Printf("  evaluated again: inputs %d, when and for_each %d, questions %d, outputs %d\n", r.Inputs, r.Expansions, r.Questions, r.Outputs)
	list := func(mark string, problems []replay.Problem) {
		for _, x := range problems {
			at := "run"
			if x.At != "" {
				at = x.At
			}
			fmt.Printf("%s event %d, %s: %s\n", mark, x.Seq, style.Bold(at), x.Why)
		}
	}
	list(style.Mark("failed"), r.Problems)
	if len(r.Unchecked) > 0 {
		fmt.Printf("  not checked: %s of something sensitive\n", counted(len(r.Unchecked), "value made", "values made"))
		list(style.Mark("skipped"), r.Unchecked)
	}
}
