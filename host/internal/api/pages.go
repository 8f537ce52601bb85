package api

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/route"
)

// pagesPolicy lets the pages of the web interface load what this host serves, pictures and films from where it sends them for these, and
// nothing else. There is no inline script and no inline style.
func (s *Server) pagesPolicy() string {
	files := "'self' blob:"
	if l := s.cfg.Files.Links; l != nil {
		files += " " + l.Origin()
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src " + files + " data:; media-src " + files + "; font-src 'self'; " +
		"connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}

// notBuilt is what / says on a host without the web interface.
const notBuilt = "This host runs without its web interface. With Node.js and npm there, make build builds both; then start the host again.\n\nThe commands do the same: spinbot --help. The API is described at /api/openapi.json.\n"

// pageRoutes serve the web interface: its files, and index.html for every other path that is not the API's, so that links into it work.
func (s *Server) pageRoutes() {
	o := route.Op{ID: "pages", Method: http.MethodGet, Path: "/*", Need: route.Anyone, Summary: "The web interface"}
	if s.cfg.Pages == nil {
		o.Path = "/"
		s.Bare(o, nil, func(c *fiber.Ctx) error {
			c.Type("txt", "utf-8")
			return c.SendString(notBuilt)
		})
		return
	}
	s.Bare(o, nil, s.page)
}

func (s *Server) page(c *fiber.Ctx) error {
	name := strings.TrimPrefix(path.Clean("/"+c.Params("*")), "/")
	for _, ours := range []string{"api", "hooks", "ws", "assets"} {
		if inside := name == ours || strings.HasPrefix(name, ours+"/"); inside && !isFile(s.cfg.Pages, name) {
			return fiber.ErrNotFound
		}
	}
	if strings.HasSuffix(name, ".gz") || !isFile(s.cfg.Pages, name) {
		name = "index.html"
	}
	c.Set("Content-Security-Policy", s.pagesPolicy())
	c.Set(fiber.HeaderContentType, mediaType(name))
	if strings.HasPrefix(name, "assets/") { // their names hold their digests
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	} else {
		c.Set(fiber.HeaderCacheControl, "no-cache")
	}
	c.Vary(fiber.HeaderAcceptEncoding)
	if packed := name + ".gz"; isFile(s.cfg.Pages, packed) && c.Context().Request.Header.HasAcceptEncoding("gzip") {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		name = packed
	}
	raw, err := fs.ReadFile(s.cfg.Pages, name)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	c.Set(fiber.HeaderETag, tag)
	if route.Matches(c.Get(fiber.HeaderIfNoneMatch), tag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	return c.Send(raw)
}

// mediaType is by the name, and the same on every machine for what browsers run.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	if found := mime.TypeByExtension(path.Ext(name)); found != "" {
		return found
	}
	return "application/octet-stream"
}

func isFile(files fs.FS, name string) bool {
	info, err := fs.Stat(files, name)
	return err == nil && info.Mode().IsRegular()
}
