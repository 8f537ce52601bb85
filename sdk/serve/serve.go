// Package serve is the main function of a plugin: serve.Plugin offers its node types to the host that started the
// process, and to a person it says what the binary is and how to install it.
//
// A panic in a node is that task's failure and the process lives on. When the host goes away, however it does, the
// process ends, and with it every process it started in its own group.
package serve

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/wire"
)

// Plugin serves p until the host is done with it. Call it from main, last.
//
// Arguments, for people: "describe" prints the manifest as JSON; none explains what the binary is.
func Plugin(p sdk.Plugin) {
	if os.Getenv(wire.EnvCookie) == "" {
		os.Exit(person(p, os.Args[1:], os.Stdout, os.Stderr))
	}
	if err := p.Manifest().Validate(); err != nil {
		fmt.Fprintf(os.Stderr, "plugin %s cannot be served: %v\n", p.Name, err)
		os.Exit(1)
	}
	stderr := os.Stderr
	watchParent()
	slog.SetDefault(slog.New(newHandler(stderr)))
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  wire.Handshake(),
		VersionedPlugins: wire.Versions(&p),
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: stderr, JSONFormat: true}),
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			restore := sync.OnceFunc(func() { os.Stdout, os.Stderr = stderr, stderr })
			o = append(o, wire.ServerOptions()...)
			return grpc.NewServer(append(o, wire.BeforeFirstCall(restore)...)...)
		},
	})
}

// person answers someone who runs the plugin by hand; it gives the exit code.
func person(p sdk.Plugin, args []string, stdout, stderr io.Writer) int {
	m := p.Manifest()
	if len(args) == 1 && args[0] == "describe" {
		b, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			fmt.Fprintf(stderr, "describe: %v\n", err)
			return 1
		}
		fmt.Fprintf(stdout, "%s\n", b)
		return 0
	}
	out, code := stderr, 64
	if len(args) == 0 {
		out, code = stdout, 0
	}
	explain(m, out)
	if err := m.Validate(); err != nil {
		fmt.Fprintf(stderr, "\nA host would refuse it: %v\n", err)
		return 1
	}
	return code
}

func explain(m sdk.Manifest, w io.Writer) {
	fmt.Fprintf(w, "%s %s is a MySpinBot plugin: a host starts it, it is not run by hand.\n", m.Name, m.Version)
	if m.Description != "" {
		fmt.Fprintf(w, "%s\n", m.Description)
	}
	fmt.Fprintf(w, "\nNode types:\n")
	for _, t := range m.NodeTypes {
		fmt.Fprintf(w, "  %-20s %s\n", t.Name, t.Description)
	}
	fmt.Fprintf(w, `
To install it:
  1. put this binary and a plugin.hcl that names it into ~/.spinbot/plugins/%[1]s/
  2. spinbot plugins trust %[1]s

plugin.hcl:
  name    = %[1]q
  version = %[2]q
  binary  = "./%[1]s"

"describe" as the argument prints the manifest as JSON.
`, m.Name, m.Version)
}
