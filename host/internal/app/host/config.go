package host

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/artifacts/s3"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/gpu"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Config is what a host is made of.
type Config struct {
	State local.State
	// Lock is the held state directory; the host releases it when it closes.
	Lock    *local.Lock
	Version string
	// BundledTrust is the SHA-256 of the trust file of the plugins that came with this binary; empty without any.
	BundledTrust string
	// PluginDirs and ControlDirs are where plugins and WASM modules are looked for.
	PluginDirs, ControlDirs []string
	// PipelineDirs are where pipelines are that the host knows by itself.
	PipelineDirs []string
	// Starters are pipelines to begin with, called as is said; nil: there are none.
	Starters func(name string) ([]client.Starter, error)
	// Train is the file of the pipeline train that ships; empty: none does.
	Train string
	// Secret gives the value of a secret by its name; nil: as the vault finds it.
	Secret func(ctx context.Context, name string) (string, error)
	// Retain is how long runs are kept after they ended; 0: retention.DefaultRuns. With RetainAll a host that serves
	// removes nothing by itself.
	Retain    time.Duration
	RetainAll bool
	// MinFree is how many bytes have to be free on disk for new work to begin: see retention.NewRoom.
	MinFree int64
	// Parallel bounds how many plugin tasks run at once; 0: as many as their node types say.
	Parallel int
	MaxRuns  int // that go on at once; 0: the engine's choice
	// Limits are the most that a control node may ask for; zeros: the executor's choice.
	Limits sdk.Limits
	// SecretFiles and SecretCommands say where secrets come from, by name, beside the environment and the state directory.
	SecretFiles    map[string]string
	SecretCommands map[string][]string
	// Environ is where the environment's secrets are; nil: os.Environ.
	Environ []string
	// File is what spinbot.hcl says; nil: the defaults. Of its settings this Config is made already.
	File *config.Config
	// Probe is the command that looks at the devices of this machine, as probe.Child takes it; empty: nobody does.
	Probe []string
	// Devices are those that the configuration describes.
	Devices []gpu.Written
	Fleet   *agents.Settings // nil: there is this machine alone
	// Store is the URL of a PostgreSQL database that this host shares with others; empty: a file in the state directory.
	Store string
	// ArtifactsDir is where artifacts are; empty: in the state directory. With ArtifactsS3 they are in a bucket instead.
	ArtifactsDir string
	ArtifactsS3  *s3.Config
	// HostBeat is how often this host says to those that it shares a store with that it lives; 0: 2 s. One that has said
	// nothing for five times as long is taken for dead.
	HostBeat time.Duration
	// Hosts may stand in a Host header beside loopback ones. TLS, when set, is how the API's address is served.
	Hosts []string
	TLS   *tls.Config
	Log   *slog.Logger
}
