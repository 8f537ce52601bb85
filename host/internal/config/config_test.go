package config_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/config/value"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/sdk"
)

var update = flag.Bool("update", false, "rewrite what the archives in testdata want, and the reference in the documentation")

// options are keys of every type, and an environment.
func options() config.Options {
	return config.Options{
		Keys: []config.Key{
			{Name: "listen", Type: "string"},
			{Name: "log_level", Type: "string", Check: func(v string) error {
				if v != "info" && v != "warn" {
					return fmt.Errorf("%s: write info or warn", v)
				}
				return nil
			}},
			{Name: "plugin_dir", Type: "stringArray", Path: true},
			{Name: "secrets_file", Type: "stringArray", Path: true, Pairs: true},
			{Name: "limit", Type: "stringArray", Pairs: true},
			{Name: "parallel", Type: "int"},
			{Name: "drain", Type: "duration"},
			{Name: "dry", Type: "bool"},
		},
		Getenv: func(name string) (string, bool) {
			v, ok := map[string]string{"HOME": "/home/eve", "PORT": "9090", "TOKEN": "hunter2-hunter2"}[name]
			return v, ok
		},
	}
}

// schema is what the plugin "ollama" of the tests declares.
func schema() *sdk.Schema {
	type tls struct {
		CA     string
		Verify bool `default:"true"`
	}
	s, err := sdk.SchemaOf[struct {
		URL     string
		Timeout string   `default:"60s"`
		Slots   int      `default:"1" min:"1" max:"8"`
		Token   *string  `spin:"token,sensitive"`
		TLS     *tls     `spin:"tls"`
		Models  []string `spin:"models"`
	}]()
	if err != nil {
		panic(err)
	}
	return &s
}

// read parses a file as the tests do: with the plugins checked.
func read(src []byte) (*config.Config, diagnostic.Diagnostics) {
	c, found := config.Parse("/etc/spinbot.hcl", src, options())
	for _, p := range c.Plugins {
		switch p.Name {
		case "ollama":
			found = append(found, p.Check(schema())...)
		case "bare":
			found = append(found, p.Check(nil)...)
		default:
			found = append(found, p.Unknown([]string{"bare", "ollama"}))
		}
	}
	return c, found
}

func shown(found diagnostic.Diagnostics, src []byte) string {
	var b strings.Builder
	found.Write(&b, func(string) []byte { return src }, false)
	return b.String()
}

// dump writes everything that a configuration says.
func dump(c *config.Config) string {
	var b strings.Builder
	line := func(key, value string, r diagnostic.Range) {
		if r.Start.Line == 0 {
			fmt.Fprintf(&b, "%s = %s  # default\n", key, value)
			return
		}
		fmt.Fprintf(&b, "%s = %s  # %d\n", key, value, r.Start.Line)
	}
	for _, k := range options().Keys {
		if s, ok := c.Settings[k.Name]; ok {
			line(k.Name, value.Show(s.Values), s.Range)
		}
	}
	entries := slices.Clone(c.Entries)
	for _, p := range c.Plugins {
		var s *sdk.Schema
		if p.Name == "ollama" {
			s = schema()
		}
		entries = append(entries, p.Entries(s)...)
	}
	for _, e := range entries {
		line(e.Key, value.Show(e.Value), e.Range)
	}
	for _, d := range c.Devices {
		fmt.Fprintf(&b, "device %s %s %q %d used %d %s %s %v\n", d.UUID, d.Kind, d.Name, d.Memory, d.Used, d.Compute, d.Architecture, d.Script)
	}
	for _, h := range c.Hours {
		fmt.Fprintf(&b, "hours %v %s %s %s\n", h.Days, h.From, h.To, h.Zone)
	}
	for _, x := range c.Quotas {
		fmt.Fprintf(&b, "quota %+v\n", x)
	}
	for _, x := range c.Engines {
		fmt.Fprintf(&b, "engine %+v\n", x)
	}
	for _, x := range c.Models {
		fmt.Fprintf(&b, "models %+v\n", x)
	}
	for _, x := range c.Sources {
		fmt.Fprintf(&b, "source %+v\n", x)
	}
	fmt.Fprintf(&b, "reclaim %+v\nplacement %+v\n", c.Reclaim, c.Placement)
	if c.Bill.Prices.Currency != "" {
		fmt.Fprintf(&b, "bill %+v\n", c.Bill)
	}
	if o := c.Auth.OIDC; o != nil {
		fmt.Fprintf(&b, "oidc %+v\n", *o)
	}
	return b.String()
}

// TestArchives reads the first file of each archive. "diagnostics" is what is found, "dump" what it says.
func TestArchives(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			src := archive.Files[0].Data
			c, found := read(src)
			var want []txtar.File
			if len(found) > 0 {
				want = append(want, txtar.File{Name: "diagnostics", Data: []byte(shown(found, src))})
			}
			if !found.HasErrors() {
				want = append(want, txtar.File{Name: "dump", Data: []byte(dump(c))})
			}
			got := txtar.Format(&txtar.Archive{Comment: archive.Comment, Files: append(archive.Files[:1:1], want...)})
			before, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case string(got) == string(before):
			case *update:
				if err := os.WriteFile(name, got, 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("got\n%s", got)
			}
		})
	}
}
