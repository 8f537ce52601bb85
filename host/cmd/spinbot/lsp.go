package main

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/host"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/lsp"
)

func (p *program) lspCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "lsp",
		Short: "Serve an editor: mistakes, completion and documentation of pipelines, their tests and spinbot.hcl",
		Long: "Speaks the language server protocol over standard input and output, for an editor that starts it; docs/editors\n" +
			"shows how. Node types are those that spinbot validate knows. What it logs goes to standard error.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return p.lsp(c) },
	}
	c.Flags().Bool("stdio", true, "speak over standard input and output, which it always does")
	return c
}

func (p *program) lsp(c *cobra.Command) error {
	state, err := local.At(p.stateDir)
	if err != nil {
		return err
	}
	cfg, err := p.hostConfig(state, nil)
	if err != nil {
		return err
	}
	nodes, err := host.OpenNodes(c.Context(), cfg)
	if err != nil {
		return err
	}
	options := p.options(c.Root())
	settings := lsp.Settings{Name: config.FileName, Language: config.Language(options), Check: func(file string, src []byte) diagnostic.Diagnostics {
		_, found := config.Parse(file, src, options)
		return found
	}}
	err = lsp.Serve(c.Context(), lsp.Config{Types: nodes.Types, Settings: &settings, Version: version, Log: cfg.Log}, pump(os.Stdin), os.Stdout)
	return errors.Join(err, nodes.Close())
}

// pump makes a reader that can be closed while it waits, which standard input cannot. What feeds it ends with the
// process.
func pump(from io.Reader) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		_, err := io.Copy(w, from)
		_ = w.CloseWithError(err) // nil means io.EOF
	}()
	return r
}
