package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/host"
	"github.com/myspinbot/spinbot/host/internal/app/local"
)

func (p *program) serveCommand() *cobra.Command {
	var listen string
	var drain time.Duration
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the host: the API on loopback, every unfinished run, and triggers",
		Long: "Serves the API until it is told to stop, goes on with every run that was interrupted, and fires the triggers of the\n" +
			"pipelines in pipelines.d of the state directory and in the folders of --pipelines. On SIGTERM it takes no more\n" +
			"work and lets tasks finish for a while; what is not done by then goes on at the next start.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return p.serve(c.Context(), listen, drain) },
	}
	p.pipelinesFlag(c)
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "the loopback address to listen on")
	c.Flags().DurationVar(&drain, "drain", 30*time.Second, "how long running tasks may take to finish when stopping")
	return c
}

func (p *program) serve(ctx context.Context, listen string, drain time.Duration) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	state, err := local.At(p.stateDir)
	if err != nil {
		return err
	}
	lock, err := state.TryLock()
	if errors.Is(err, local.ErrHeld) {
		return fmt.Errorf("another spinbot holds %s; stop it, or serve another folder with --state-dir", state.Dir)
	}
	if err != nil {
		return err
	}
	cfg, err := p.hostConfig(state, lock)
	if err != nil {
		lock.Release()
		return err
	}
	h, err := host.Open(ctx, cfg)
	if err != nil {
		lock.Release()
		return err
	}
	address, err := h.Serve(ctx, listen)
	if err != nil {
		return errors.Join(err, h.Close(ctx))
	}
	warn("spinbot %s listens on http://%s  (state in %s)", version, address, state.Dir)
	err = waitServing(h, signals)
	warn("stopping; running tasks have %s to finish", drain)
	ctx, cancel := context.WithTimeout(ctx, drain)
	defer cancel()
	go func() {
		<-signals
		cancel()
	}()
	return errors.Join(err, h.Close(ctx))
}

func waitServing(h *host.Host, signals <-chan os.Signal) error {
	select {
	case <-signals:
		return nil
	case err := <-h.Failed():
		return err
	}
}
