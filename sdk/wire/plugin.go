package wire

import (
	"context"
	"errors"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/myspinbot/spinbot/sdk"
)

// ProtocolVersion is the newest version of the contract; a host and a plugin agree on the newest that both speak.
const ProtocolVersion = 1

// Name is the one thing that a plugin process serves.
const Name = "plugin"

// MaxMessage is the size limit of one message in bytes. Larger things travel as artifacts.
const MaxMessage = 64 << 20

// Environment of a plugin process.
const (
	// EnvCookie tells a plugin that a host started it, not a person.
	EnvCookie   = "SPINBOT_PLUGIN_COOKIE"
	cookieValue = "b5e1d3c2-spinbot-plugin-v1"
	// EnvWatch is "stdin" when the host keeps the plugin's standard input open for as long as it lives.
	EnvWatch = "SPINBOT_PLUGIN_WATCH"
	// EnvMark has a value of its own in each plugin process: whatever inherits it was started by that process, and ends
	// with it.
	EnvMark = "SPINBOT_PROCESS"
)

// Handshake is how host and plugin know each other. The protocol version is negotiated from Versions.
func Handshake() goplugin.HandshakeConfig {
	return goplugin.HandshakeConfig{ProtocolVersion: ProtocolVersion, MagicCookieKey: EnvCookie, MagicCookieValue: cookieValue}
}

// Versions gives what is spoken at each protocol version: the newest and, once there is one, the one before it.
// p is nil on the host's side.
func Versions(p *sdk.Plugin) map[int]goplugin.PluginSet {
	return map[int]goplugin.PluginSet{
		ProtocolVersion: {Name: &grpcPlugin{plugin: p}},
	}
}

// grpcPlugin joins Client and the server to go-plugin.
type grpcPlugin struct {
	goplugin.NetRPCUnsupportedPlugin
	plugin *sdk.Plugin
}

// GRPCServer registers the plugin's side.
func (g *grpcPlugin) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	if g.plugin == nil {
		return errors.New("wire: no plugin to serve")
	}
	RegisterPluginServer(s, newServer(*g.plugin))
	return nil
}

// GRPCClient gives the host's side, a *Client.
func (g *grpcPlugin) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return newClient(c), nil
}

// ServerOptions are what a plugin's gRPC server is made with.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxSendMsgSize(MaxMessage)}
}

var _ goplugin.GRPCPlugin = (*grpcPlugin)(nil)

// BeforeFirstCall gives server options that run fn before anything of a plugin runs.
func BeforeFirstCall(fn func()) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			fn()
			return next(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			fn()
			return next(srv, s)
		}),
	}
}
