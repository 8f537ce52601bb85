package wire

import (
	"fmt"
	"io"
	"os/exec"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
)

// Start runs the plugin program at path and connects to it; what it writes to standard error goes to log. Tests of
// plugins use it: a host also checks the program, cleans its environment and outlives its crashes. stop ends it.
func Start(path string, log io.Writer) (c *Client, stop func(), err error) {
	process := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  Handshake(),
		VersionedPlugins: Versions(nil),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		Cmd:              exec.Command(path),
		Stderr:           log,
		Logger:           hclog.NewNullLogger(),
	})
	defer func() {
		if err != nil {
			process.Kill()
			err = fmt.Errorf("start plugin %s: %w", path, err)
		}
	}()
	protocol, err := process.Client()
	if err != nil {
		return nil, nil, err
	}
	raw, err := protocol.Dispense(Name)
	if err != nil {
		return nil, nil, err
	}
	return raw.(*Client), process.Kill, nil
}
