package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
)

// origin says where the value of a flag comes from: "flag", "environment" or "file", and the flag, the variable or the
// place.
type origin struct{ from, where string }

// checkedValue refuses what does not make sense already when it is set: on the command line, by the environment or by
// the file, each of which can then say where it stands.
type checkedValue struct {
	pflag.Value
	check func(string) error
}

// Set implements pflag.Value.
func (v checkedValue) Set(text string) error {
	if err := v.check(text); err != nil {
		return err
	}
	return v.Value.Set(text)
}

// list gives the values of a flag that may be repeated.
func list(v pflag.Value) []string {
	if c, ok := v.(checkedValue); ok {
		v = c.Value
	}
	if s, ok := v.(pflag.SliceValue); ok {
		return s.GetSlice()
	}
	return nil
}

// checked puts a check before a flag.
func checked(f *pflag.FlagSet, name string, check func(string) error) {
	flag := f.Lookup(name)
	flag.Value = checkedValue{flag.Value, check}
}

// paths says that the values of flags are paths: a shell completes them, and in a file they are relative to its folder.
func paths(c *cobra.Command, f *pflag.FlagSet, names ...string) {
	for _, name := range names {
		if name == "config" {
			_ = cobra.MarkFlagFilename(f, name, "hcl")
			continue
		}
		_ = f.SetAnnotation(name, cobra.BashCompSubdirsInDir, []string{})
	}
}

// keys are the flags of spinbot and of spinbot serve, as they are written in a file.
func keys(root *cobra.Command) (out []config.Key) {
	add := func(f *pflag.Flag) {
		if f.Name == "help" || f.Name == "config" || f.Hidden {
			return
		}
		pair, doc := pflag.UnquoteUsage(f)
		k := config.Key{Name: key(f.Name), Type: f.Value.Type(), Pairs: strings.HasPrefix(pair, "name="), Doc: doc, Default: f.DefValue}
		_, k.Path = f.Annotations[cobra.BashCompSubdirsInDir]
		k.Path = k.Path || pair == "name=path"
		if v, ok := f.Value.(checkedValue); ok {
			k.Check = v.check
		}
		out = append(out, k)
	}
	root.PersistentFlags().VisitAll(add)
	serveFlags(root).VisitAll(add)
	return out
}

// serveFlags are the flags of spinbot serve that are its own.
func serveFlags(root *cobra.Command) *pflag.FlagSet {
	serve, _, err := root.Find([]string{"serve"})
	if err != nil {
		return pflag.NewFlagSet("", pflag.ContinueOnError)
	}
	return serve.LocalNonPersistentFlags()
}

func key(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

func variable(flag string) string { return "SPINBOT_" + strings.ToUpper(key(flag)) }

// settle gives each flag of a command that was not written the value that the environment has for it, else the file.
func (p *program) settle(c *cobra.Command) error {
	flags := c.Flags()
	if err := p.environment(c.Root(), flags); err != nil {
		return err
	}
	if needsNoFile(c) {
		return nil
	}
	p.started = true // what is wrong from here on is not the command line
	file, err := p.readAgain(c.Root())
	if err != nil {
		return err
	}
	p.file = file
	return p.take(c.Root(), flags)
}

// readAgain reads the configuration as it is now, and shows what is wrong with it.
func (p *program) readAgain(root *cobra.Command) (*config.Config, error) {
	path, named := p.configPath()
	file, found, err := config.Load(path, named, p.options(root))
	if err != nil {
		return nil, err
	}
	p.tellConfig(found)
	if found.HasErrors() {
		return nil, errInvalid
	}
	return file, nil
}

// readsFile marks commands that need no configuration, or read it by themselves.
const readsFile = "spinbot.config"

// needsNoFile is true of those, and of what cobra brings along: help has to be had when the configuration is wrong.
func needsNoFile(c *cobra.Command) bool {
	return c.Annotations[readsFile] != "" || !c.HasParent() || c.Name() == "help" || strings.HasPrefix(c.Name(), "__") || c.Parent().Name() == "completion"
}

func (p *program) options(root *cobra.Command) config.Options {
	return config.Options{Keys: keys(root), Getenv: os.LookupEnv}
}

// configPath says where the configuration is, and whether somebody said so.
func (p *program) configPath() (path string, named bool) {
	if p.configFile != "" {
		return p.configFile, true
	}
	base := os.Getenv("XDG_CONFIG_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return config.FileName, false
		}
		base = filepath.Join(home, ".config")
	}
	return filepath.Join(base, "spinbot", config.FileName), false
}

// ours says whether a flag of a command is the one of its name that all commands share, or serve has: another one may be
// called the same, such as --limit of spinbot runs.
func ours(root *cobra.Command, f *pflag.Flag) bool {
	other := root.PersistentFlags().Lookup(f.Name)
	if other == nil {
		other = serveFlags(root).Lookup(f.Name)
	}
	return other == nil || other == f || other.Usage == f.Usage
}

// environment gives each flag that was not written the value of its twin: --log-level is SPINBOT_LOG_LEVEL.
// A flag that may be repeated takes a list, separated as in PATH.
func (p *program) environment(root *cobra.Command, flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			p.origins[f.Name] = origin{"flag", "--" + f.Name}
			return
		}
		name := variable(f.Name)
		value := os.Getenv(name)
		if value == "" || f.Name == "help" || err != nil || !ours(root, f) {
			return
		}
		values := []string{value}
		if f.Value.Type() == "stringArray" {
			values = filepath.SplitList(value)
		}
		p.origins[f.Name] = origin{"environment", name}
		if e := set(flags, f, values); e != nil {
			err = fmt.Errorf("%s: %w", name, e)
		}
	})
	return err
}

func set(flags *pflag.FlagSet, f *pflag.Flag, values []string) error {
	for _, v := range values {
		if err := flags.Set(f.Name, v); err != nil {
			return err
		}
	}
	return nil
}

// take gives each flag that neither the command line nor the environment set the value of the file.
func (p *program) take(root *cobra.Command, flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		s, written := p.file.Settings[key(f.Name)]
		if f.Changed || !written || err != nil || !ours(root, f) {
			return
		}
		p.origins[f.Name] = origin{"file", place(s.Range)}
		if e := set(flags, f, s.Values); e != nil {
			err = fmt.Errorf("%s: %w", place(s.Range), e)
		}
	})
	return err
}

func place(r diagnostic.Range) string { return fmt.Sprintf("%s:%d", r.File, r.Start.Line) }
