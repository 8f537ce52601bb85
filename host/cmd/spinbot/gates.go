package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) gatesCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "gates", Short: "List what runs ask people", Args: cobra.NoArgs,
		Long: "Lists every open gate of every run. spinbot approve and spinbot reject answer them.",
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(s *session) error {
				all := client.GateList{Version: client.ShapeVersion, Gates: []client.Gate{}}
				for next := ""; ; {
					page, err := s.Gates(c.Context(), next)
					if err != nil {
						return err
					}
					all.Gates = append(all.Gates, page.Gates...)
					if next = page.Next; next == "" {
						break
					}
				}
				if p.json {
					return printJSON(all)
				}
				if len(all.Gates) == 0 {
					warn("no run asks anything")
					return nil
				}
				style, now := styleOf(os.Stdout), time.Now()
				var rows [][]cell
				for _, g := range all.Gates {
					asks, since, until := "", "", "for ever"
					if g.Ask != nil {
						asks = g.Ask.Message
					}
					if g.Since != nil {
						since = ago(*g.Since, now)
					}
					if g.Until != nil {
						until = "until " + g.Until.Local().Format("2006-01-02 15:04")
					}
					rows = append(rows, []cell{plain(g.Run), plain(g.Pipeline), plain(g.At), plain(since), plain(until), {asks, style.Dim}})
				}
				table(os.Stdout, style, []string{"RUN", "PIPELINE", "GATE", "ASKED", "WAITS", "WHAT"}, rows)
				return nil
			})
		},
	}
	p.jsonFlag(c)
	return c
}
