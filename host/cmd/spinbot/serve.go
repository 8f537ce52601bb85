package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/host"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/artifacts/s3"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/sdk"
)

// serveOptions are the flags of spinbot serve. What spinbot would be started with is asked by other commands, too.
type serveOptions struct {
	listen, retain, retainRuns, shared, artifacts, bucket, credentials, public, cert, key string
	hosts                                                                                 []string
	drain                                                                                 time.Duration
	fleet                                                                                 fleetFlags

	pair atomic.Pointer[tls.Certificate] // of cert and key
}

// fill puts the flags into a host's Config.
func (o *serveOptions) fill(cfg *host.Config) (err error) {
	if cfg.Retain, cfg.RetainAll, err = retained(o.retain, o.retainRuns); err != nil {
		return err
	}
	if cfg.TLS, err = o.tls(); err != nil {
		return err
	}
	if cfg.ArtifactsS3, err = inBucket(o.bucket, o.credentials, o.artifacts); err != nil {
		return err
	}
	if o.public != "" {
		if cfg.ArtifactsS3 == nil {
			return usage("--artifacts-s3-public needs --artifacts-s3")
		}
		cfg.ArtifactsS3.Public = o.public
	}
	cfg.Store, cfg.ArtifactsDir, cfg.Fleet = o.shared, o.artifacts, o.fleet.fleet(cfg.State)
	cfg.Hosts = lowered(o.hosts)
	return nil
}

func (p *program) serveCommand() *cobra.Command {
	o := &p.serving
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the host: the API, every unfinished run, and triggers",
		Long: "Serves the API until it is told to stop, goes on with every run that was interrupted, and fires the triggers of the\n" +
			"pipelines in pipelines.d of the state directory and in the folders of --pipelines. On SIGTERM it takes no more\n" +
			"work and lets tasks finish for a while; what is not done by then goes on at the next start. On SIGHUP it reads the\n" +
			"configuration again: plugins' blocks, hours of devices, log level, and the certificate of --tls-cert.\n\n" +
			"With --redis, plugins' tasks go to every machine on which spinbot agent runs with the same Redis, and to this one. With\n" +
			"--fleet the host runs that Redis itself, and prints the command for the next machine. See docs/fleet.md.\n\n" +
			"Once an hour it removes runs that ended more than --retain-runs ago and are not pinned, and artifacts that no run\n" +
			"refers to. The first time that something would go it only says so, a day ahead. See spinbot gc.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.serve(c.Context(), func() (*config.Config, error) { return p.readAgain(c.Root()) })
		},
	}
	p.pipelinesFlag(c)
	o.fleet.ofHost(c.Flags())
	c.Flags().StringVar(&o.shared, "store", "", "a PostgreSQL database that several hosts share, such as postgres://spinbot@db/spinbot (default: a file in the state directory)")
	c.Flags().StringVar(&o.artifacts, "artifacts-dir", "", "where artifacts are; hosts that share a store share this folder (default: in the state directory)")
	c.Flags().StringVar(&o.bucket, "artifacts-s3", "", "the bucket that artifacts are in instead, such as s3://artifacts?endpoint=http://box1:9000 (see docs/artifacts.md)")
	c.Flags().StringVar(&o.credentials, "artifacts-s3-credentials", "", "a file with the key for --artifacts-s3, in the form of ~/.aws/credentials (default: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, that file, or the machine's role)")
	c.Flags().StringVar(&o.public, "artifacts-s3-public", "", "the server of --artifacts-s3 as browsers reach it, such as https://s3.example.org: they download from there, by links that are good for a while")
	paths(c, c.Flags(), "artifacts-dir", "artifacts-s3-credentials")
	c.Flags().StringVar(&o.retainRuns, "retain-runs", "30d", "how long runs are kept after they ended")
	c.Flags().StringVar(&o.retain, "retain", "on", "on: old runs and artifacts that no run refers to go by themselves; off: nothing does")
	c.Flags().StringVar(&o.listen, "listen", "127.0.0.1:8080", "the address to listen on; on other than loopback ones there has to be a token: spinbot token new")
	c.Flags().StringArrayVar(&o.hosts, "allow-host", nil, "a name of this host that may stand in addresses of it, such as gpu.example (may be repeated)")
	c.Flags().StringVar(&o.cert, "tls-cert", "", "a file with the certificate to serve HTTPS with")
	c.Flags().StringVar(&o.key, "tls-key", "", "a file with the key of --tls-cert")
	paths(c, c.Flags(), "tls-cert", "tls-key")
	c.Flags().DurationVar(&o.drain, "drain", 30*time.Second, "how long running tasks may take to finish when stopping")
	checked(c.Flags(), "artifacts-s3", func(v string) error { _, err := s3.Parse(v); return err })
	checked(c.Flags(), "artifacts-s3-public", s3.CheckPublic)
	checked(c.Flags(), "retain-runs", func(v string) error { _, _, err := retained("on", v); return err })
	checked(c.Flags(), "retain", func(v string) error { _, _, err := retained(v, "1d"); return err })
	return c
}

// inBucket reads where artifacts are; nil: in a folder.
func inBucket(address, credentials, folder string) (*s3.Config, error) {
	switch {
	case address == "" && credentials != "":
		return nil, usage("--artifacts-s3-credentials needs --artifacts-s3")
	case address == "":
		return nil, nil
	case folder != "":
		return nil, usage("--artifacts-dir and --artifacts-s3 are two places for artifacts: give one")
	}
	where, err := s3.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("--artifacts-s3: %w", err)
	}
	return &s3.Config{Where: where, Credentials: credentials}, nil
}

// tls reads how HTTPS is served; nil: HTTP is.
func (o *serveOptions) tls() (*tls.Config, error) {
	switch {
	case o.cert == "" && o.key == "":
		return nil, nil
	case o.cert == "" || o.key == "":
		return nil, usage("--tls-cert and --tls-key go together")
	}
	if err := o.readPair(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return o.pair.Load(), nil }}, nil
}

// readPair takes the certificate as it is now, such as one that was renewed. One that does not fit leaves the one before.
func (o *serveOptions) readPair() error {
	if o.cert == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return fmt.Errorf("--tls-cert %s, --tls-key %s: %w", o.cert, o.key, err)
	}
	o.pair.Store(&pair)
	return nil
}

func lowered(names []string) []string {
	for k, name := range names {
		names[k] = strings.ToLower(name)
	}
	return names
}

// retained reads --retain and --retain-runs: how long runs are kept, and whether everything is.
func retained(retain, runs string) (time.Duration, bool, error) {
	d, err := sdk.ParseDuration(runs)
	if err != nil || d == 0 {
		return 0, false, fmt.Errorf("%q is not a time above zero; write it like 30d or 12h", runs)
	}
	switch retain {
	case "on":
		return d, false, nil
	case "off":
		return d, true, nil
	}
	return 0, false, fmt.Errorf("%q: write on or off", retain)
}

func (p *program) serve(ctx context.Context, again func() (*config.Config, error)) error {
	o := &p.serving
	signals, hangups := make(chan os.Signal, 2), make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(signals)
	defer signal.Stop(hangups)
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
	if err == nil {
		err = o.fill(&cfg)
	}
	if err != nil {
		lock.Release()
		return err
	}
	h, err := host.Open(ctx, cfg)
	if err != nil {
		lock.Release()
		return err
	}
	p.tellConfig(h.Configuration(ctx))
	address, err := h.Serve(ctx, o.listen)
	if err != nil {
		return errors.Join(err, h.Close(ctx))
	}
	scheme := "http"
	if cfg.TLS != nil {
		scheme = "https"
	}
	warn("spinbot %s listens on %s://%s  (state in %s)", version, scheme, address, state.Dir)
	if cfg.Fleet != nil && cfg.Fleet.Own != nil {
		line, expires, err := h.Join(ctx, 0)
		if err != nil {
			return errors.Join(err, h.Close(ctx))
		}
		warn("on the next machine, until %s:  %s", expires.Local().Format("15:04"), line)
	}
	err = waitServing(h, signals, hangups, func() { p.reconfigure(ctx, h, again, p.serving.readPair) })
	warn("stopping; running tasks have %s to finish", o.drain)
	ctx, cancel := context.WithTimeout(ctx, o.drain)
	defer cancel()
	go func() {
		<-signals
		cancel()
	}()
	return errors.Join(err, h.Close(ctx))
}

func waitServing(h *host.Host, signals, hangups <-chan os.Signal, again func()) error {
	for {
		select {
		case <-signals:
			return nil
		case <-hangups:
			again()
		case err := <-h.Failed():
			return err
		}
	}
}
