package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) decideCommand() *cobra.Command {
	var set, outputs []string
	var reason string
	c := &cobra.Command{
		Use:   "decide RUN NODE retry|accept|skip|fail",
		Short: "Settle a node that failed or is in doubt and waits for you",
		Long: "Settles a node instance that waits: because it failed and its on_failure is \"pause\", or because nobody knows how\n" +
			"its attempt ended and its on_lost is \"ask\". retry tries it again, with inputs set anew if you like; accept takes it\n" +
			"as succeeded with the outputs that you give; skip goes on without it; fail lets it fail.",
		Example: "  spinbot decide last node.shot[2] retry --set steps=20\n  spinbot decide last node.post accept --output url=https://…",
		Args:    cobra.ExactArgs(3),
		RunE: func(c *cobra.Command, args []string) error {
			w := client.Word{At: args[1], Decision: args[2], Reason: reason}
			if !strings.Contains(w.At, ".") {
				w.At = "node." + w.At
			}
			var err error
			if w.Inputs, err = typed("--set", set); err != nil {
				return err
			}
			if w.Outputs, err = typed("--output", outputs); err != nil {
				return err
			}
			return p.tellRun(c.Context(), args[0], client.WordDecide, w, args[2]+" "+w.At+" of")
		},
	}
	c.Flags().StringArrayVar(&set, "set", nil, "an input of the node, `name=value`, with retry; JSON or text")
	c.Flags().StringArrayVar(&outputs, "output", nil, "an output, `name=value`, with accept; JSON or text")
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	p.jsonFlag(c)
	return c
}

// typed reads name=value, where a value that is JSON is taken as that.
func typed(flag string, list []string) (sdk.Values, error) {
	texts, err := pairs(flag, list)
	if err != nil {
		return nil, err
	}
	for name, text := range texts {
		var v sdk.Values
		if v.UnmarshalJSON([]byte(`{"v":`+text.(string)+`}`)) == nil && len(v) == 1 {
			texts[name] = v["v"]
		}
	}
	return texts, nil
}
