package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/models"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) modelsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "models",
		Short: "Show the model files of all machines, and which are on their way",
		Long: "Shows the model files in the folders that the models blocks of each machine's spinbot.hcl name, and where the model blocks of\n" +
			"this host say that more of them are. The digest of a file is shown once somebody has asked for it.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(s *session) error {
				l, err := s.Models(c.Context())
				switch {
				case err != nil:
					return err
				case p.json:
					return printJSON(l)
				}
				showModels(l)
				return nil
			})
		},
	}
	p.jsonFlag(c)
	c.AddCommand(p.fetchModelCommand(), p.removeModelCommand())
	return c
}

func showModels(l client.ModelList) {
	style := styleOf(os.Stdout)
	if len(l.Models) == 0 {
		fmt.Println(`No model files are known. A models block in a machine's spinbot.hcl names its folder: models "mine" { folder = "~/ComfyUI/models" }`)
	} else {
		var rows [][]cell
		for _, m := range l.Models {
			rows = append(rows, []cell{{m.Name, style.Bold}, plain(sizeOfModel(m)), {digestOfModel(m), style.Dim}, plain(whereIs(m))})
		}
		table(os.Stdout, style, []string{"NAME", "SIZE", "DIGEST", "WHERE"}, rows)
	}
	for _, f := range l.Fetching {
		if f.Error != "" {
			fmt.Printf("%s did not get %s: %s\n", f.Name, f.Model, f.Error)
		} else {
			fmt.Printf("%s fetches %s from %s: %s\n", f.Name, f.Model, f.From, farOf(f))
		}
	}
	if len(l.Silent) > 0 && len(l.Models) > 0 {
		fmt.Println(style.Dim("without a models block in spinbot.hcl: " + strings.Join(l.Silent, ", ")))
	}
}

// sizeOfModel is the size of its copies; they should have one in common.
func sizeOfModel(m client.Model) string {
	if len(m.Copies) == 0 {
		return "-"
	}
	for _, c := range m.Copies {
		if c.Size != m.Copies[0].Size {
			return "differs"
		}
	}
	return sdk.FormatSize(m.Copies[0].Size)
}

func digestOfModel(m client.Model) string {
	digest := ""
	if m.Source != nil {
		digest = m.Source.Digest
	}
	for _, c := range m.Copies {
		switch {
		case c.Digest == "":
		case digest == "":
			digest = c.Digest
		case digest != c.Digest:
			return "differs"
		}
	}
	if hex := strings.TrimPrefix(digest, "sha256:"); len(hex) > 12 {
		return hex[:12]
	}
	return "-"
}

func whereIs(m client.Model) string {
	var out []string
	for _, c := range m.Copies {
		if c.Offline {
			c.Name += " (offline)"
		}
		out = append(out, c.Name)
	}
	if len(out) == 0 && m.Source != nil {
		return m.Source.URL
	}
	return strings.Join(out, ", ")
}

// farOf says how far a transfer is.
func farOf(f client.ModelFetch) string {
	if f.Total == 0 {
		return "it waits for the first byte"
	}
	return fmt.Sprintf("%d%% of %s", f.Done*100/f.Total, sdk.FormatSize(f.Total))
}

func (p *program) fetchModelCommand() *cobra.Command {
	var r client.ModelRequest
	var all bool
	c := &cobra.Command{
		Use:   "fetch [NAME]",
		Short: "Bring a model file to a machine, from another one or from the web",
		Long: "Brings a model file to a machine: from another machine of the fleet that has it, else from where a model block of the host's\n" +
			"spinbot.hcl says. It goes into a folder of the machine's models blocks, is verified, and is written over nothing. Waits until\n" +
			"it is there; it goes on without this command. One that broke off goes on where it was when it is fetched again.\n\n" +
			"With --all no host is needed: all files of the model blocks of this machine's spinbot.hcl are brought into the folders of its\n" +
			"models blocks, and those that are there are verified. It ends well only when all of them are right.",
		Example: "  spinbot models fetch checkpoints/base.safetensors --agent box2\n" +
			"  spinbot models fetch loras/ink.safetensors --agent box2 --from https://models.example/ink.safetensors --digest sha256:…",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case all && (len(args) > 0 || r != client.ModelRequest{}):
				return usage("--all takes nothing else: spinbot.hcl says which files, and where they go")
			case all:
				return p.downloadModels(c.Context())
			case len(args) == 0:
				return usage("name a model file, or give --all for those of spinbot.hcl")
			}
			r.Model = args[0]
			return p.with(c.Context(), func(s *session) error { return p.fetchModel(c.Context(), s, r) })
		},
	}
	c.Flags().BoolVar(&all, "all", false, "all that spinbot.hcl names, to this machine, without a host")
	c.Flags().StringVar(&r.Agent, "agent", "", "the `name` or id of the machine (default: the host's own)")
	c.Flags().StringVar(&r.From, "from", "", "the name or id of a machine that has it, or a URL")
	c.Flags().StringVar(&r.Digest, "digest", "", "what it has to be: `sha256:…`; a URL needs one")
	p.jsonFlag(c)
	return c
}

// downloadModels brings what the configuration names, and says of each file that it is right.
func (p *program) downloadModels(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	state, err := local.At(p.stateDir)
	if err != nil {
		return err
	}
	log, err := p.logger(os.Stderr)
	if err != nil {
		return err
	}
	if len(p.file.Sources) == 0 {
		warn(`nothing is wanted: blocks like model "loras/ink.safetensors" { url = "https://…", digest = "sha256:…" } in spinbot.hcl say what is`)
	}
	list := client.ModelList{Version: client.ShapeVersion, Models: []client.Model{}}
	err = machine.Download(ctx, p.file, state.Models(), log, func(f models.File) {
		list.Models = append(list.Models, client.Model{Name: f.Name, Copies: []client.ModelCopy{{Agent: "local", Name: "this machine", Size: f.Size, Digest: f.Digest}}})
		if !p.json {
			fmt.Printf("%s is right, %s\n", f.Name, sdk.FormatSize(f.Size))
		}
	})
	if p.json {
		err = errors.Join(printJSON(list), err)
	}
	return err
}

func (p *program) removeModelCommand() *cobra.Command {
	var r client.ModelRemoval
	c := &cobra.Command{
		Use:   "rm NAME",
		Short: "Delete a model file from the disk of a machine",
		Long: "Deletes a model file from the disk of a machine. It stays while a task uses it, and where the folder of models only has a link to\n" +
			"it. What another machine has, or a model block of the host's spinbot.hcl names, can be fetched again.",
		Example: "  spinbot models rm checkpoints/base.safetensors --agent box2",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r.Model = args[0]
			return p.with(c.Context(), func(s *session) error {
				was, err := s.RemoveModel(c.Context(), r)
				switch {
				case err != nil:
					return err
				case p.json:
					return printJSON(was)
				}
				fmt.Printf("%s has %s no more, %s\n", was.Name, r.Model, sdk.FormatSize(was.Size))
				return nil
			})
		},
	}
	c.Flags().StringVar(&r.Agent, "agent", "", "the `name` or id of the machine (default: the host's own)")
	p.jsonFlag(c)
	return c
}

// fetchPatience is how long a machine may not say that it fetches what it was told to.
const fetchPatience = 20 * time.Second

func (p *program) fetchModel(ctx context.Context, s *session, r client.ModelRequest) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	before, err := s.FetchModel(ctx, r)
	if err != nil {
		return err
	}
	r.Model = before.Model
	w := modelWatch{before: before, heard: time.Now()}
	tick := time.NewTicker(time.Second / 2)
	defer tick.Stop()
	for {
		l, err := s.Models(ctx)
		if err == nil {
			var copied *client.ModelCopy
			if copied, err = w.look(l, time.Now()); copied != nil {
				if p.json {
					return printJSON(copied)
				}
				fmt.Printf("%s has %s, %s\n", copied.Name, r.Model, sdk.FormatSize(copied.Size))
				return nil
			}
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s goes on fetching it; spinbot models shows how far it is", before.Name)
		}
		if err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// modelWatch follows one transfer.
type modelWatch struct {
	before client.ModelFetch
	heard  time.Time // the machine said then that it fetches it
	said   string
	at     time.Time
}

// look gives the file once it is there, or why it does not come.
func (w *modelWatch) look(l client.ModelList, now time.Time) (*client.ModelCopy, error) {
	for _, m := range l.Models {
		if m.Name != w.before.Model {
			continue
		}
		for _, c := range m.Copies {
			if c.Agent == w.before.Agent {
				return &c, nil
			}
		}
	}
	k := slices.IndexFunc(l.Fetching, func(f client.ModelFetch) bool { return f.Model == w.before.Model && f.Agent == w.before.Agent })
	if k < 0 {
		if now.Sub(w.heard) > fetchPatience {
			return nil, fmt.Errorf("%s does not say that it fetches %s: was it restarted? Fetch it again; it goes on where it was", w.before.Name, w.before.Model)
		}
		return nil, nil
	}
	f := l.Fetching[k]
	switch stale := f.Error == w.before.Error && f.Started.Equal(w.before.Started); {
	case f.Error != "" && !stale:
		return nil, errors.New(f.Name + " did not get it: " + f.Error)
	case f.Error != "" && now.Sub(w.heard) > fetchPatience:
		return nil, errors.New(f.Name + " does not begin anew; before, it did not get it: " + f.Error)
	case f.Error != "":
		return nil, nil
	}
	w.heard = now
	if text := farOf(f); text != w.said && now.Sub(w.at) >= time.Second {
		w.said, w.at = text, now
		warn("%s fetches %s from %s: %s", f.Name, f.Model, f.From, text)
	}
	return nil, nil
}
