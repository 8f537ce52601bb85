package api

import (
	"context"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// GraphFormat is how a pipeline's graph is to be given.
type GraphFormat struct {
	Graph string `query:"graph" enum:"dot,mermaid,text" doc:"The format of the graph."`
}

func (s *Server) catalogRoutes() {
	op(s, Op{ID: "list-node-types", Method: get, Path: v1 + "node-types", Need: Viewer, Summary: "What nodes can do now"}, s.nodeTypes)
	op(s, Op{ID: "list-plugins", Method: get, Path: v1 + "plugins", Need: Viewer, Summary: "Plugins and modules, with their state"}, s.plugins)
	op(s, Op{ID: "trust-plugin", Method: post, Path: v1 + "plugins/{name}/trust", Need: Owner, Instead: "spinbot plugins trust NAME", Summary: "Let this machine run a plugin as it is now"}, s.trust)
}

func (s *Server) nodeTypes(ctx context.Context, _ *none) (client.NodeTypeList, error) {
	list, err := s.cfg.Catalog.NodeTypes(ctx)
	if list.NodeTypes == nil {
		list.NodeTypes = []sdk.NodeType{}
	}
	list.Version = client.ShapeVersion
	return list, err
}

func (s *Server) plugins(ctx context.Context, _ *none) (client.PluginList, error) {
	plugins, err := s.cfg.Catalog.Plugins(ctx)
	return client.PluginList{Version: client.ShapeVersion, Plugins: some(plugins)}, err
}

// some gives a list that is written as one, though nothing is in it.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// trust is a decision of the person at the machine: no page and no other program on loopback may make it.
func (s *Server) trust(ctx context.Context, in *struct {
	Name string `path:"name"`
}) (client.Plugin, error) {
	return s.cfg.Catalog.Trust(ctx, in.Name)
}
