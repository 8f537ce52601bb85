package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/config"
)

// program holds what every command shares: the global flags and where words go.
type program struct {
	stateDir   string
	hostURL    string // of a host elsewhere; empty: that of the state directory
	tokenFile  string
	pluginDirs []string
	// where secrets come from, beside the environment and the state directory: name=path, name=command
	secretFiles, secretCommands []string
	// pipelineDirs are what --pipelines names, beside the folder in the state directory.
	pipelineDirs []string
	logFormat    string
	logLevel     string
	level        slog.LevelVar // logLevel, which a host takes anew
	parallel     int
	maxRuns      int
	minFree      string
	limits       []string
	json         bool
	started      bool // a command began: an error from before it is one of usage

	serving    serveOptions
	configFile string
	file       *config.Config    // the configuration, or the defaults
	origins    map[string]origin // of the flags, by name; a default is not there
}

// commands is the explicit list: a new command is its own file and one line here.
func (p *program) commands() []*cobra.Command {
	return []*cobra.Command{
		p.initCommand(), p.runCommand(), p.planCommand(), p.rerunCommand(),
		p.validateCommand(), p.fmtCommand(), p.graphCommand(), p.testCommand(), p.consoleCommand(),
		p.importCommand(), p.exportCommand(), p.backupCommand(), p.restoreCommand(),
		p.runsCommand(), p.showCommand(), p.billCommand(), p.watchCommand(), p.explainCommand(), p.logsCommand(), p.replayCommand(),
		p.cancelCommand(), p.pauseCommand(), p.resumeCommand(), p.gatesCommand(), p.approveCommand(), p.rejectCommand(), p.decideCommand(),
		p.triggersCommand(), p.queueCommand(), p.priorityCommand(), p.devicesCommand(), p.agentsCommand(), p.modelsCommand(), p.artifactsCommand(), p.assetsCommand(), p.verifyCommand(), p.cacheCommand(), p.gcCommand(),
		p.nodeTypesCommand(), p.pluginsCommand(), p.secretsCommand(), p.tokenCommand(), p.usersCommand(), p.auditCommand(), p.configCommand(), p.doctorCommand(), p.lspCommand(), p.serveCommand(), p.agentCommand(), p.demoCommand(), p.simulateCommand(), p.versionCommand(), p.probeCommand(), p.manCommand(),
		exitCodesTopic(),
	}
}

func execute(ctx context.Context, args []string) int {
	p := &program{file: config.Default(), origins: map[string]origin{}}
	root := &cobra.Command{
		Use:   "spinbot",
		Short: "Run pipelines that make things: a file in, a video out",
		Long: "spinbot runs pipelines written in HCL. Control nodes run as sandboxed WASM, heavy nodes in plugin\n" +
			"processes; every step is recorded before it is taken, so a killed run goes on where it was.\n\n" +
			"Every flag has a twin in the environment: --state-dir is SPINBOT_STATE_DIR; those of spinbot and of spinbot serve have\n" +
			"one in spinbot.hcl, too: state_dir. A flag goes before the environment, and that before the file. See spinbot config.",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			if err := p.settle(c); err != nil {
				return err
			}
			p.started = true
			return nil
		},
	}
	p.globalFlags(root)
	root.AddCommand(p.commands()...)
	root.SetArgs(longFlags(args))
	root.SetOut(os.Stdout)
	root.SetErr(os.Stderr)
	root.CompletionOptions.HiddenDefaultCmd = false
	err := root.ExecuteContext(ctx)
	if err != nil && !p.started {
		err = &usageError{err}
	}
	return exitCode(tell(os.Stderr, err))
}

// longFlags lets "fmt -check" be written with one dash, as in Terraform.
func longFlags(args []string) []string {
	if len(args) == 0 || args[0] != "fmt" {
		return args
	}
	out := append([]string(nil), args...)
	for i, a := range out {
		if a == "-check" || a == "-diff" {
			out[i] = "-" + a
		}
	}
	return out
}

func (p *program) globalFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&p.configFile, "config", "", "the configuration (default $XDG_CONFIG_HOME/spinbot/spinbot.hcl)")
	f.StringVar(&p.stateDir, "state-dir", "", "where the database, artifacts and logs are (default $XDG_STATE_HOME/spinbot)")
	f.StringVar(&p.hostURL, "host", "", "a host elsewhere to work with, such as https://gpu.example:8080 (default: that of the state directory)")
	f.StringVar(&p.tokenFile, "token-file", "", "a file that holds the token for --host (default: what is in SPINBOT_TOKEN)")
	f.StringArrayVar(&p.pluginDirs, "plugin-dir", nil, "another folder to find plugins in (may be repeated)")
	f.StringArrayVar(&p.secretFiles, "secrets-file", nil, "a file that holds a secret, `name=path` (may be repeated)")
	f.StringArrayVar(&p.secretCommands, "secrets-command", nil, "a command that prints a secret, `name=command` (may be repeated)")
	f.StringVar(&p.logFormat, "log-format", "text", "how to log: text or json")
	f.StringVar(&p.logLevel, "log-level", "warn", "what to log: debug, info, warn or error")
	f.IntVar(&p.parallel, "parallel", 0, "most tasks at once (default: one per core)")
	f.IntVar(&p.maxRuns, "max-runs", 0, "most runs that go on at once; others wait in the queue (default 1024)")
	f.StringArrayVar(&p.limits, "limit", nil, "the most that a control node may ask for, `name=value`: memory, time, budget, output, log or calls (may be repeated)")
	f.StringVar(&p.minFree, "min-free", "", "how much has to be free on disk for new work to begin, such as 5GiB, or off (default 1GiB, or 2% of a small disk)")
	paths(root, f, "config", "state-dir", "plugin-dir", "token-file")
	checked(f, "host", func(v string) error { _, err := hostURL(v); return err })
	checked(f, "secrets-file", func(v string) error { _, _, err := secretFile(v); return err })
	checked(f, "secrets-command", func(v string) error { _, _, err := secretCommand(v); return err })
	checked(f, "log-format", func(v string) error { _, err := logHandler(io.Discard, v, slog.LevelInfo); return err })
	checked(f, "log-level", func(v string) error { _, err := logLevel(v); return err })
	checked(f, "limit", func(v string) error { _, err := ceilings([]string{v}); return err })
	checked(f, "min-free", func(v string) error { _, err := leastFree(v); return err })
}

// jsonFlag adds --json to a command.
func (p *program) jsonFlag(c *cobra.Command) {
	c.Flags().BoolVar(&p.json, "json", false, "print JSON (its shape carries a version)")
}
