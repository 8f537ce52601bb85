package wire

import (
	"fmt"
	"net"
	"os"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/myspinbot/spinbot/sdk"
)

// InProcess serves the plugin on a private socket within this process, over the same contract that a plugin
// process speaks. Tests use it. closer ends it, and with it the contexts of running tasks.
func InProcess(p sdk.Plugin) (c *Client, closer func(), err error) {
	dir, err := os.MkdirTemp("", "spinbot-wire-")
	if err != nil {
		return nil, nil, fmt.Errorf("wire: %w", err)
	}
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		os.RemoveAll(dir)
		return nil, nil, fmt.Errorf("wire: %w", err)
	}
	s := grpc.NewServer(ServerOptions()...)
	RegisterPluginServer(s, newServer(p))
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(l) // Stop ends it
	}()
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage)))
	closer = func() {
		if conn != nil {
			_ = conn.Close()
		}
		s.Stop()
		<-served
		os.RemoveAll(dir)
	}
	if err != nil {
		closer()
		return nil, nil, fmt.Errorf("wire: %w", err)
	}
	return newClient(conn), closer, nil
}
