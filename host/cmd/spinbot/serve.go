package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/host"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/artifacts/s3"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/sdk"
)

func (p *program) serveCommand() *cobra.Command {
	var listen, retain, retainRuns, shared, artifacts, bucket, credentials, public, cert, key string
	var hosts []string
	var drain time.Duration
	var fleet fleetFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the host: the API, every unfinished run, and triggers",
		Long: "Serves the API until it is told to stop, goes on with every run that was interrupted, and fires the triggers of the\n" +
			"pipelines in pipelines.d of the state directory and in the folders of --pipelines. On SIGTERM it takes no more\n" +
			"work and lets tasks finish for a while; what is not done by then goes on at the next start. On SIGHUP it reads the\n" +
			"plugins' blocks of its configuration again.\n\n" +
			"With --redis, plugins' tasks go to every machine on which spinbot agent runs with the same Redis, and to this one. With\n" +
			"--fleet the host runs that Redis itself, and prints the command for the next machine. See docs/fleet.md.\n\n" +
			"Once an hour it removes runs that ended more than --retain-runs ago and are not pinned, and artifacts that no run\n" +
			"refers to. The first time that something would go it only says so, a day ahead. See spinbot gc.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			keep, all, err := retained(retain, retainRuns)
			if err != nil {
				return err
			}
			over, err := served(cert, key)
			if err != nil {
				return err
			}
			s3, err := inBucket(bucket, credentials, artifacts)
			if err == nil && public != "" {
				if s3 == nil {
					return usage("--artifacts-s3-public needs --artifacts-s3")
				}
				s3.Public = public
			}
			if err != nil {
				return err
			}
			again := func() (*config.Config, error) { return p.readAgain(c.Root()) }
			return p.serve(c.Context(), listen, drain, again, func(cfg *host.Config) {
				cfg.Retain, cfg.RetainAll, cfg.Fleet = keep, all, fleet.fleet(cfg.State)
				cfg.Store, cfg.ArtifactsDir, cfg.ArtifactsS3 = shared, artifacts, s3
				cfg.Hosts, cfg.TLS = lowered(hosts), over
			})
		},
	}
	p.pipelinesFlag(c)
	fleet.ofHost(c.Flags())
	c.Flags().StringVar(&shared, "store", "", "a PostgreSQL database that several hosts share, such as postgres://spinbot@db/spinbot (default: a file in the state directory)")
	c.Flags().StringVar(&artifacts, "artifacts-dir", "", "where artifacts are; hosts that share a store share this folder (default: in the state directory)")
	c.Flags().StringVar(&bucket, "artifacts-s3", "", "the bucket that artifacts are in instead, such as s3://artifacts?endpoint=http://box1:9000 (see docs/artifacts.md)")
	c.Flags().StringVar(&credentials, "artifacts-s3-credentials", "", "a file with the key for --artifacts-s3, in the form of ~/.aws/credentials (default: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, that file, or the machine's role)")
	c.Flags().StringVar(&public, "artifacts-s3-public", "", "the server of --artifacts-s3 as browsers reach it, such as https://s3.example.org: they download from there, by links that are good for a while")
	paths(c, c.Flags(), "artifacts-dir", "artifacts-s3-credentials")
	c.Flags().StringVar(&retainRuns, "retain-runs", "30d", "how long runs are kept after they ended")
	c.Flags().StringVar(&retain, "retain", "on", "on: old runs and artifacts that no run refers to go by themselves; off: nothing does")
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "the address to listen on; on other than loopback ones there has to be a token: spinbot token new")
	c.Flags().StringArrayVar(&hosts, "allow-host", nil, "a name of this host that may stand in addresses of it, such as gpu.example (may be repeated)")
	c.Flags().StringVar(&cert, "tls-cert", "", "a file with the certificate to serve HTTPS with")
	c.Flags().StringVar(&key, "tls-key", "", "a file with the key of --tls-cert")
	paths(c, c.Flags(), "tls-cert", "tls-key")
	c.Flags().DurationVar(&drain, "drain", 30*time.Second, "how long running tasks may take to finish when stopping")
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

// served reads how HTTPS is served; nil: HTTP is.
func served(cert, key string) (*tls.Config, error) {
	switch {
	case cert == "" && key == "":
		return nil, nil
	case cert == "" || key == "":
		return nil, usage("--tls-cert and --tls-key go together")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert %s, --tls-key %s: %w", cert, key, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
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

func (p *program) serve(ctx context.Context, listen string, drain time.Duration, again func() (*config.Config, error), more func(*host.Config)) error {
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
	if err != nil {
		lock.Release()
		return err
	}
	more(&cfg)
	h, err := host.Open(ctx, cfg)
	if err != nil {
		lock.Release()
		return err
	}
	p.tellConfig(h.Configuration(ctx))
	address, err := h.Serve(ctx, listen)
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
	err = waitServing(h, signals, hangups, func() { p.reconfigure(ctx, h, again) })
	warn("stopping; running tasks have %s to finish", drain)
	ctx, cancel := context.WithTimeout(ctx, drain)
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

// reconfigure takes the plugins' blocks of the configuration as it is now; one that is wrong changes nothing.
func (p *program) reconfigure(ctx context.Context, h *host.Host, again func() (*config.Config, error)) {
	file, err := again()
	if err != nil {
		_ = tell(os.Stderr, err)
		warn("the configuration was read again and is wrong; what holds is as before")
		return
	}
	anew := h.Reconfigure(file)
	p.tellConfig(h.Configuration(ctx))
	if len(anew) == 0 {
		anew = []string{"none"}
	}
	warn("the configuration was read again; plugins that are told something else: %s", strings.Join(anew, ", "))
}
