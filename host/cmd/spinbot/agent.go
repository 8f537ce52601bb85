package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/agent"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/fleet/supervise"
	"github.com/myspinbot/spinbot/sdk"
)

// agentFlags are those of spinbot agent.
type agentFlags struct {
	fleetFlags
	name, join, cache string
	bucket, bucketKey string
	labels            []string
	drain             time.Duration
}

func (p *program) agentCommand() *cobra.Command {
	var f agentFlags
	c := &cobra.Command{
		Use:   "agent",
		Short: "Carry out plugins' tasks for the hosts of a fleet",
		Long: "Makes this machine an agent: it connects to the Redis of a fleet, says what plugins and devices it has, and carries out what\n" +
			"hosts give it. Nothing connects to it. With --join and the line that a host printed it is given a key of its own, which it\n" +
			"keeps; from then on spinbot agent alone will do.\n\n" +
			"On SIGTERM it takes no more tasks, lets those that run finish for a while, and hands back the rest. Results that a host\n" +
			"has not taken wait in the state directory. On SIGHUP it reads the configuration again: plugins' blocks, hours of devices and\n" +
			"log level; the certificate that it shows to Redis is the one in its file whenever it connects.",
		Example: "  spinbot agent --redis redis://box1:6379 --labels room=attic",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.agent(c.Context(), f, func() (*config.Config, error) { return p.readAgain(c.Root()) })
		},
	}
	f.shared(c.Flags())
	c.Flags().StringVar(&f.join, "join", "", "the text that a host printed for the next machine: it joins the host's fleet")
	c.Flags().StringVar(&f.name, "name", "", "what people call this machine (default: its host name)")
	c.Flags().StringArrayVar(&f.labels, "labels", nil, "what people know it by, `name=value` (may be repeated)")
	c.Flags().StringVar(&f.cache, "cache", "", "how much of the disk artifacts of hosts may take, such as 50GiB (default: what there is)")
	c.Flags().StringVar(&f.bucket, "artifacts-s3", "", "the bucket that the hosts keep artifacts in, as this machine reaches it: their bytes go there directly (see docs/artifacts.md)")
	c.Flags().StringVar(&f.bucketKey, "artifacts-s3-credentials", "", "a file with this machine's key for --artifacts-s3, in the form of ~/.aws/credentials")
	paths(c, c.Flags(), "artifacts-s3-credentials")
	c.Flags().DurationVar(&f.drain, "drain", 30*time.Second, "how long running tasks may take to finish when stopping")
	return c
}

func (p *program) agent(ctx context.Context, f agentFlags, again func() (*config.Config, error)) error {
	stop, hangups := make(chan os.Signal, 2), make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(stop)
	defer signal.Stop(hangups)
	state, err := local.At(p.stateDir)
	if err != nil {
		return err
	}
	lock, err := state.TryLock()
	if errors.Is(err, local.ErrHeld) {
		return fmt.Errorf("another spinbot holds %s; stop it, or give the agent a folder of its own with --state-dir", state.Dir)
	}
	if err != nil {
		return err
	}
	cfg, err := p.agentConfig(ctx, f, state, lock)
	if err != nil {
		lock.Release()
		return err
	}
	cfg.Seen = func(s protocol.Seen) { warn("%s", seenText(s)) }
	a, err := agent.Open(ctx, cfg)
	if err != nil {
		return err
	}
	warn("spinbot %s is agent %s (%s) of the fleet at %s", version, a.Name(), a.ID(), cfg.Dial)
	p.tellConfig(a.Configuration(ctx))
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-hangups:
				p.reconfigure(ctx, a, again, func() error { return nil })
			case <-stop:
				warn("stopping; running tasks have %s to finish", f.drain)
				close(ended)
				return
			}
		}
	}()
	return errors.Join(a.Run(ctx, ended, f.drain), a.Close())
}

func (p *program) agentConfig(ctx context.Context, f agentFlags, state local.State, lock *local.Lock) (agent.Config, error) {
	h, err := p.hostConfig(state, lock)
	if err != nil {
		return agent.Config{}, err
	}
	c := agent.Config{State: state, Lock: lock, Version: version, Name: f.name, BundledTrust: h.BundledTrust, PluginDirs: h.PluginDirs, Parallel: h.Parallel,
		SecretFiles: h.SecretFiles, SecretCommands: h.SecretCommands, File: h.File, Probe: h.Probe, Devices: h.Devices, Log: h.Log}
	if c.Labels, err = labels(f.labels); err != nil {
		return c, err
	}
	if c.ArtifactsS3, err = inBucket(f.bucket, f.bucketKey, ""); err != nil {
		return c, err
	}
	if f.cache != "" {
		if c.CacheLimit, err = sdk.ParseBytes(f.cache); err != nil {
			return c, fmt.Errorf("--cache: %w", err)
		}
	}
	if c.Dial, err = f.credentials(ctx, state); err == nil && c.Name == "" {
		c.Name = c.Dial.Agent // as the fleet knows one that has joined
	}
	return c, err
}

// seenText says what a host sees of this agent.
func seenText(s protocol.Seen) string {
	devices := fmt.Sprintf("%d devices", s.Devices)
	switch s.Devices {
	case 0:
		devices = "no devices"
	case 1:
		devices = "1 device"
	}
	if len(s.Plugins) == 0 {
		return fmt.Sprintf("host %s sees it: %s, and no plugin that could be used; spinbot plugins push on the host sends one", s.Host, devices)
	}
	return fmt.Sprintf("host %s sees it: %s; plugins: %s", s.Host, devices, strings.Join(s.Plugins, ", "))
}

// labels reads name=value pairs.
func labels(pairs []string) (map[string]string, error) {
	out := map[string]string{}
	for _, pair := range pairs {
		for _, one := range strings.Split(pair, ",") {
			name, value, ok := strings.Cut(one, "=")
			if !ok || !sdk.IsName(name) {
				return nil, fmt.Errorf("label %q: write it as name=value", one)
			}
			out[name] = value
		}
	}
	return out, nil
}

// credentials say how the agent reaches Redis: as it was told, as it joins, or as it did when it joined.
func (f *agentFlags) credentials(ctx context.Context, state local.State) (dial.Config, error) {
	path := filepath.Join(state.Fleet(), "credentials.json")
	switch {
	case f.redis != "" && f.join != "":
		return dial.Config{}, errors.New("--join says by itself where the Redis is: leave --redis away")
	case f.redis != "":
		return f.dial(), nil
	case f.join != "":
		name := f.name
		if name == "" {
			name, _ = os.Hostname()
		}
		got, err := supervise.Redeem(ctx, f.join, name)
		if err != nil {
			return dial.Config{}, err
		}
		raw, err := json.Marshal(got)
		if err == nil {
			err = machine.WriteFile(path, raw)
		}
		if err != nil {
			return dial.Config{}, fmt.Errorf("keep what the host gave this agent: %w", err)
		}
		return got.Dial(), nil
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return dial.Config{}, errors.New("of which fleet? Give --redis with its address, or --join with the line that spinbot agents join prints on a host")
	}
	var got supervise.Credentials
	if err == nil {
		err = json.Unmarshal(raw, &got)
	}
	if err != nil {
		return dial.Config{}, fmt.Errorf("%s: %w; join anew with --join", path, err)
	}
	return got.Dial(), nil
}
