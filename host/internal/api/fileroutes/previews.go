package fileroutes

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/previews"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *routes) previewRoutes() {
	const one = route.V1 + "artifacts/{digest}/"
	whole := func(most int) *huma.Schema {
		least, highest := 1.0, float64(most)
		return &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &highest}
	}
	s.Bare(route.Op{ID: "show-thumbnail", Method: http.MethodGet, Path: one + "thumbnail", Need: route.Viewer, Summary: "A picture, or a frame that stands for a film, made small"}, func(o *huma.Operation) {
		route.Query(o, "width", "Pixels, from 16; 320 if it is not said. What is narrower stays so.", whole(1920))
		route.Returns(o, "200", "The picture.", "image/jpeg", route.BytesSchema)
	}, s.thumbnail)
	s.Bare(route.Op{ID: "show-waveform", Method: http.MethodGet, Path: one + "waveform", Need: route.Viewer, Summary: "How loud a sound is over its time"}, func(o *huma.Operation) {
		route.Query(o, "peaks", "How many stretches it is divided into, at most; 800 if it is not said.", whole(4000))
		route.Query(o, "format", "png for a picture.", &huma.Schema{Type: huma.TypeString, Enum: []any{"json", "png"}})
		route.Returns(o, "200", "How loud each stretch is.", "application/json", route.SchemaOf[client.Waveform](s.Server))
		route.Returns(o, "200", "How loud each stretch is.", "image/png", route.BytesSchema)
	}, s.waveform)
}

func (s *routes) thumbnail(c *fiber.Ctx) error {
	width, err := within(c, "width", 320, 16, 1920)
	if err != nil {
		return err
	}
	out, err := s.preview(c, "render.thumbnail", "no picture and no film", sdk.Values{"width": width}, "image/", "video/")
	if err != nil {
		return err
	}
	return s.sendPreview(c, out)
}

func (s *routes) waveform(c *fiber.Ctx) error {
	n, err := within(c, "peaks", 800, 1, 4000)
	if err != nil {
		return err
	}
	format := c.Query("format", "json")
	if format != "json" && format != "png" {
		return route.BadRequest(fmt.Sprintf("format: %.40q is none of json and png", format), "")
	}
	out, err := s.preview(c, "render.waveform", "no sound", sdk.Values{"peaks": n}, "audio/", "video/", "application/ogg")
	if err != nil {
		return err
	}
	if format == "png" {
		return s.sendPreview(c, out)
	}
	var wave struct {
		Peaks []float64 `spin:"peaks"`
	}
	if err := sdk.Bind(sdk.Values{"peaks": out["peaks"]}, &wave); err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "private, max-age=31536000, immutable")
	return c.JSON(client.Waveform{Version: client.ShapeVersion, Peaks: wave.Peaks})
}

// within reads a number of the query.
func within(c *fiber.Ctx, name string, usual, least, most int) (int, error) {
	text := c.Query(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, route.BadRequest(fmt.Sprintf("%s: %.40q is no number from %d to %d", name, text, least, most), "")
	}
	return n, nil
}

// preview has a node type work on an artifact whose media type begins in one of the ways.
func (s *routes) preview(c *fiber.Ctx, nodeType, not string, inputs sdk.Values, kinds ...string) (sdk.Values, error) {
	a := sdk.Artifact{Digest: c.Params("digest")}
	r, err := s.cfg.Artifacts.Open(c.UserContext(), a.Digest)
	if err != nil {
		return nil, err
	}
	head, size, err := begins(r)
	r.Close()
	if err != nil {
		return nil, err
	}
	a.MediaType, a.Size = artifacts.Sniff(head, a), size
	fits := false
	for _, kind := range kinds {
		fits = fits || strings.HasPrefix(a.MediaType, kind) && a.MediaType != "image/svg+xml"
	}
	if !fits {
		return nil, &client.Problem{Code: client.CodeUnsupported, Detail: fmt.Sprintf("the artifact is %s (%s)", not, a.MediaType)}
	}
	out, err := s.cfg.Previews.Make(c.UserContext(), nodeType, a, inputs)
	var failed *sdk.Error
	switch {
	case errors.Is(err, previews.ErrBusy):
		return nil, &client.Problem{Code: client.CodeUnavailable, Detail: err.Error(), Fix: "ask again in a while"}
	case !errors.As(err, &failed):
		return out, err
	case failed.Cause == sdk.CauseFailed && failed.Permanent:
		return nil, &client.Problem{Code: client.CodeUnsupported, Detail: failed.Message, Fix: failed.Hint}
	}
	return nil, &client.Problem{Code: client.CodeUnavailable, Detail: failed.Message, Fix: failed.Hint}
}

// sendPreview sends the picture that was made.
func (s *routes) sendPreview(c *fiber.Ctx, out sdk.Values) error {
	a, ok := out["picture"].(sdk.Artifact)
	if !ok {
		return errors.New("the plugin made no picture; is it an older one? spinbot plugins says")
	}
	r, err := s.cfg.Artifacts.Open(c.UserContext(), a.Digest)
	if err != nil {
		return err
	}
	if err = sendFile(c, r, `"`+a.Digest+`"`); err != nil {
		r.Close()
	}
	return err
}
