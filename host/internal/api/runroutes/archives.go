package runroutes

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Archives are runs that leave the host as files, and come in.
type Archives interface {
	// Export looks at a run, its id whole; write writes its archive.
	Export(ctx context.Context, id string) (write func(context.Context, io.Writer) error, err error)
	// Import takes in a run; with look it only tells what the archive says of itself. from is as for client.ImportRun.
	Import(ctx context.Context, archive io.Reader, from string, look bool) (client.ImportedRun, error)
	// Backup looks at the host's state, until ctx ends; write writes it.
	Backup(ctx context.Context) (write func(context.Context, io.Writer) error, err error)
}

func (s *Routes) archiveRoutes() {
	s.Bare(route.Op{ID: "export-run", Method: http.MethodGet, Path: route.V1 + "runs/{id}/archive", Need: route.Viewer, Summary: "A run that has ended, as one file that another host takes in",
		Detail: "A tar, whose last entry, seal.json, says whether it is whole. What is sensitive is sealed in it, and no secret is."}, func(o *huma.Operation) {
		route.Returns(o, "200", "The archive.", "application/x-tar", route.BytesSchema)
	}, s.exportRun)
	s.Bare(route.Op{ID: "import-run", Method: http.MethodPost, Path: route.V1 + "imports/run", Need: route.Operator, Summary: "Take in a run from an archive",
		Detail: "The body is the archive, unless artifact names one that was uploaded. All of it is verified before anything of it is seen. 415: it is refused, and nothing of it is left."}, func(o *huma.Operation) {
		route.Query(o, "artifact", "The digest of an archive that was uploaded.", route.TextSchema)
		route.Query(o, "from", "What the host that it is from is called; else as the archive says.", route.TextSchema)
		route.Query(o, "look", "true: nothing is taken in; what the archive says of itself is told.", route.TextSchema)
		route.Takes(o, "application/x-tar", route.BytesSchema)
		o.RequestBody.Required = false
		route.Returns(o, "200", "What is in it.", "application/json", route.SchemaOf[client.ImportedRun](s.Server))
	}, s.importRun)
	s.Bare(route.Op{ID: "backup", Method: http.MethodGet, Path: route.V1 + "backup", Need: route.Admin, Changes: true, Summary: "The state of the host, as one file: see spinbot restore",
		Detail: "Runs go on meanwhile. No secret is in it, and neither is the key that sensitive values are sealed with."}, func(o *huma.Operation) {
		route.Returns(o, "200", "The backup, a tar.", "application/x-tar", route.BytesSchema)
	}, s.backup)
}

func (s *Routes) exportRun(c *fiber.Ctx) error {
	h, err := s.Find(c.UserContext(), c.Params("id"))
	if err != nil {
		return err
	}
	write, err := s.cfg.Archives.Export(c.UserContext(), h.Run)
	if err != nil {
		return err
	}
	s.sendArchive(c, h.Run+".tar", write)
	return nil
}

func (s *Routes) backup(c *fiber.Ctx) error {
	write, err := s.cfg.Archives.Backup(s.Closing())
	if err != nil {
		return err
	}
	s.sendArchive(c, "spinbot-backup.tar", write)
	return nil
}

// sendArchive streams what write writes. When that fails, or the reader goes, the connection ends before the archive does.
func (s *Routes) sendArchive(c *fiber.Ctx, name string, write func(context.Context, io.Writer) error) {
	c.Set(fiber.HeaderContentType, "application/x-tar")
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	c.Set(fiber.HeaderCacheControl, "no-store")
	ctx, cancel := context.WithCancel(s.Closing())
	in, out := io.Pipe()
	go func() {
		defer cancel()
		_ = out.CloseWithError(write(ctx, out))
	}()
	if c.Method() == fiber.MethodHead { // nobody reads it
		_ = in.Close()
		return
	}
	c.Context().SetBodyStream(in, -1)
}

func (s *Routes) importRun(c *fiber.Ctx) error {
	look := c.Query("look") == "true"
	var from io.Reader
	if digest := c.Query("artifact"); digest != "" {
		f, err := s.cfg.Artifacts.Open(c.UserContext(), digest)
		if err != nil {
			return err
		}
		defer f.Close()
		from = f
	} else {
		from = s.Body(c)
	}
	out, err := s.cfg.Archives.Import(c.UserContext(), from, c.Query("from"), look)
	if err != nil {
		return err
	}
	return c.JSON(out)
}
