package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *Server) nodeTypes(c *fiber.Ctx) error {
	list, err := s.cfg.Catalog.NodeTypes(c.UserContext())
	if err != nil {
		return err
	}
	if list.NodeTypes == nil {
		list.NodeTypes = []sdk.NodeType{}
	}
	list.Version = client.ShapeVersion
	return c.JSON(list)
}

func (s *Server) plugins(c *fiber.Ctx) error {
	plugins, err := s.cfg.Catalog.Plugins(c.UserContext())
	if err != nil {
		return err
	}
	if plugins == nil {
		plugins = []client.Plugin{}
	}
	return c.JSON(client.PluginList{Version: client.ShapeVersion, Plugins: plugins})
}

// trust is a decision of the person at the machine: no page and no other program on loopback may make it.
func (s *Server) trust(c *fiber.Ctx) error {
	if !private(c) {
		return forbidden("plugins are accepted on the machine itself", "spinbot plugins trust "+c.Params("name"))
	}
	if err := readJSON(c, &struct{}{}); err != nil {
		return err
	}
	p, err := s.cfg.Catalog.Trust(c.UserContext(), c.Params("name"))
	if err != nil {
		return err
	}
	return c.JSON(p)
}

func (s *Server) check(c *fiber.Ctx) error {
	var src client.Source
	if err := readJSON(c, &src); err != nil {
		return err
	}
	if err := permitted(c, src); err != nil {
		return err
	}
	switch c.Query("graph") {
	case "", "dot", "mermaid", "text":
	default:
		return badRequest("there is no graph format "+c.Query("graph"), "dot, mermaid or text")
	}
	checked, err := s.cfg.Catalog.Check(c.UserContext(), src, c.Query("graph"))
	if err != nil {
		return err
	}
	return c.JSON(checked)
}
