package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) artifactsCommand() *cobra.Command {
	var q client.ArtifactQuery
	var state bool
	c := &cobra.Command{
		Use:   "artifacts",
		Short: "List the files that runs were given and have made",
		Long: "The newest come first; with --about, those that are most about something. That needs a model in spinbot.hcl,\n" +
			"search { model = \"nomic-embed-text\" }, and a host that serves, which describes files in the background.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(s *session) error {
				if state {
					return p.showSearch(c, s)
				}
				return p.listArtifacts(c, s, q)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&q.About, "about", "", "those that are most about this, in `words`, first")
	f.StringVar(&q.Text, "search", "", "with this `text` in the name")
	f.StringVar(&q.Run, "run", "", "of the run with this `id`, or last")
	f.StringVar(&q.Pipeline, "pipeline", "", "of runs of this `pipeline`")
	f.StringVar(&q.MediaType, "type", "", "whose media `type` begins like this, such as image/")
	f.IntVar(&q.Limit, "limit", 20, "most files")
	f.StringVar(&q.Before, "before", "", "go on where the page before ended: its `next`")
	f.BoolVar(&state, "state", false, "say how many files are described instead")
	p.jsonFlag(c)
	return c
}

func (p *program) showSearch(c *cobra.Command, s *session) error {
	state, err := s.Search(c.Context())
	if err != nil {
		return err
	}
	if p.json {
		return printJSON(state)
	}
	if !state.On {
		fmt.Println("files are found by their names alone; search { model = \"nomic-embed-text\" } in spinbot.hcl finds them by what they are about")
		return nil
	}
	fmt.Printf("%d of %d files are described by %s%s\n", state.Described, state.Files, state.Model, because(state.Problem))
	if state.Failed > 0 {
		fmt.Printf("of %d it makes no vector\n", state.Failed)
	}
	return nil
}

func (p *program) listArtifacts(c *cobra.Command, s *session, q client.ArtifactQuery) error {
	if q.Run != "" {
		r, err := s.Run(c.Context(), q.Run)
		if err != nil {
			return err
		}
		q.Run = r.ID
	}
	l, err := s.Artifacts(c.Context(), q)
	if err != nil {
		return err
	}
	if p.json {
		return printJSON(l)
	}
	if q.About != "" {
		if state, err := s.Search(c.Context()); err == nil && state.Described < state.Files {
			warn("%d of %d files are described%s", state.Described, state.Files, because(state.Problem))
		}
	}
	if len(l.Artifacts) == 0 {
		warn("there are no such files")
		return nil
	}
	style, now := styleOf(os.Stdout), time.Now()
	head := []string{"NAME", "TYPE", "SIZE", "PIPELINE", "RUN", "MADE"}
	if q.About != "" {
		head = append([]string{"LIKE"}, head...)
	}
	var rows [][]cell
	for _, a := range l.Artifacts {
		row := []cell{{a.Name, style.Bold}, plain(a.MediaType), plain(sdk.FormatSize(a.Size)), plain(a.Pipeline), plain(a.Run), plain("")}
		if a.Created != nil {
			row[5] = plain(ago(*a.Created, now))
		}
		if a.Score != nil {
			row = append([]cell{plain(fmt.Sprintf("%.2f", *a.Score))}, row...)
		}
		rows = append(rows, row)
	}
	table(os.Stdout, style, head, rows)
	if l.Next != "" {
		warn("there are more: --before %s", l.Next)
	}
	return nil
}

func because(problem string) string {
	if problem == "" {
		return ""
	}
	return ": " + problem
}
