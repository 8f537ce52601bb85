package main

import (
	"cmp"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/fleet/supervise"
)

// fleetFlags are how hosts and agents find each other.
type fleetFlags struct {
	redis, user, passwordFile, sentinelPasswordFile, namespace string

	// of a host
	own, plain, noAgent               bool
	listen, advertise, artifacts, url string
}

func (f *fleetFlags) shared(flags *pflag.FlagSet) {
	flags.StringVar(&f.redis, "redis", "", "the Redis of the fleet, such as redis://box1:6379 or rediss:// with TLS (also redis+sentinel://, redis+cluster://, unix://)")
	flags.StringVar(&f.user, "redis-user", "", "whom Redis knows this machine as")
	flags.StringVar(&f.passwordFile, "redis-password-file", "", "a file with the password for Redis, for its owner alone")
	flags.StringVar(&f.sentinelPasswordFile, "sentinel-password-file", "", "a file with the password for the sentinels of redis+sentinel://, for its owner alone")
	flags.StringVar(&f.namespace, "fleet-name", "", "the name of the fleet, when several share one Redis (default "+dial.DefaultNamespace+")")
	for _, file := range []string{"redis-password-file", "sentinel-password-file"} {
		_ = flags.SetAnnotation(file, "cobra_annotation_bash_completion_subdirs_in_dir", []string{})
	}
}

func (f *fleetFlags) ofHost(flags *pflag.FlagSet) {
	f.shared(flags)
	flags.BoolVar(&f.own, "fleet", false, "run a Redis for the fleet, and print the line with which the next machine joins")
	flags.StringVar(&f.listen, "fleet-listen", supervise.DefaultListen, "where the fleet's own Redis listens, with --fleet")
	flags.BoolVar(&f.plain, "fleet-plain", false, "no TLS for the fleet's own Redis: on a loopback address only")
	flags.StringVar(&f.advertise, "advertise", "", "the name or address by which other machines reach this one")
	flags.StringVar(&f.artifacts, "artifacts-listen", ":8081", "where agents fetch and bring artifacts, with --redis or --fleet")
	flags.StringVar(&f.url, "artifacts-url", "", "how agents reach that, such as http://box1:8081 (default: this machine's address)")
	flags.BoolVar(&f.noAgent, "no-agent", false, "this machine carries out no plugin's tasks itself")
}

func (f *fleetFlags) dial() dial.Config {
	return dial.Config{URL: f.redis, User: f.user, PasswordFile: f.passwordFile, SentinelPasswordFile: f.sentinelPasswordFile, Namespace: f.namespace}
}

// fleet says what fleet a host has; nil: none.
func (f *fleetFlags) fleet(state local.State) *agents.Settings {
	if f.redis == "" && !f.own {
		return nil
	}
	name, _ := os.Hostname()
	c := &agents.Settings{Dial: f.dial(), Listen: f.artifacts, URL: f.url, NoAgent: f.noAgent, Name: cmp.Or(name, "host"), Advertise: f.advertise}
	if f.own {
		c.Own = &supervise.Config{Dir: filepath.Join(state.Fleet(), "redis"), Namespace: f.namespace, Listen: f.listen, Advertise: f.advertise, Plain: f.plain}
	}
	return c
}
