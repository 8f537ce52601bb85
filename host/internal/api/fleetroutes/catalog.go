package fleetroutes

import (
	"context"
	"net/http"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *routes) catalogRoutes() {
	route.JSON(s.Server, route.Op{ID: "list-node-types", Method: http.MethodGet, Path: route.V1 + "node-types", Need: route.Viewer, Summary: "What nodes can do now"}, s.nodeTypes)
	route.JSON(s.Server, route.Op{ID: "list-plugins", Method: http.MethodGet, Path: route.V1 + "plugins", Need: route.Viewer, Summary: "Plugins and modules, with their state"}, s.plugins)
	route.JSON(s.Server, route.Op{ID: "trust-plugin", Method: http.MethodPost, Path: route.V1 + "plugins/{name}/trust", Need: route.Owner, Instead: "spinbot plugins trust NAME", Summary: "Let this machine run a plugin as it is now"}, s.trust)
}

func (s *routes) nodeTypes(ctx context.Context, _ *route.None) (client.NodeTypeList, error) {
	list, err := s.cfg.Catalog.NodeTypes(ctx)
	if list.NodeTypes == nil {
		list.NodeTypes = []sdk.NodeType{}
	}
	list.Version = client.ShapeVersion
	return list, err
}

func (s *routes) plugins(ctx context.Context, _ *route.None) (client.PluginList, error) {
	plugins, err := s.cfg.Catalog.Plugins(ctx)
	return client.PluginList{Version: client.ShapeVersion, Plugins: route.Some(plugins)}, err
}

// trust is a decision of the person at the machine: no page and no other program on loopback may make it.
func (s *routes) trust(ctx context.Context, in *struct {
	Name string `path:"name"`
}) (client.Plugin, error) {
	return s.cfg.Catalog.Trust(ctx, in.Name)
}
