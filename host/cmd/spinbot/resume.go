package main

import (
	"github.com/spf13/cobra"
)

func (p *program) resumeCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "resume RUN",
		Short: "Go on with a run that failed, was cancelled or was killed",
		Long:  "Continues a run where it was. Nodes that succeeded stay as they are; the others are tried again.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				r, err := s.Resume(c.Context(), args[0])
				if err != nil {
					return err
				}
				return p.follow(c.Context(), s, r, out)
			})
		},
	}
	c.Flags().StringVar(&out, "out", "", "the folder to save the outputs' files in")
	p.jsonFlag(c)
	return c
}
