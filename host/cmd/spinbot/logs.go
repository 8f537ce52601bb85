package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) logsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "logs RUN [node]",
		Short: "Show what a run's nodes said",
		Long:  "Shows the log of a run: what its nodes reported and what their plugins printed. node is a node's name, or one\ninstance of it such as shot[2].",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			node := ""
			if len(args) == 2 {
				node = args[1]
			}
			return p.with(c.Context(), func(s *session) error {
				r, err := s.Logs(c.Context(), args[0], node)
				if err != nil {
					return err
				}
				defer r.Close()
				lines := bufio.NewScanner(r)
				lines.Buffer(nil, 1<<20)
				for lines.Scan() {
					p.printLogLine(lines.Bytes())
				}
				return lines.Err()
			})
		},
	}
	p.jsonFlag(c)
	return c
}

func (p *program) printLogLine(raw []byte) {
	var l client.LogLine
	if p.json || json.Unmarshal(raw, &l) != nil {
		fmt.Printf("%s\n", raw)
		return
	}
	style := styleOf(os.Stdout)
	text := l.Message
	if l.Level == "error" || l.Level == "warn" {
		text = style.Bad(text)
	}
	fmt.Printf("%s  %s  %s\n", style.Dim(l.Time.Local().Format("15:04:05.000")), style.Dim(l.Address), text)
}
