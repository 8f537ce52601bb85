package fileroutes

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *routes) artifactRoutes() {
	s.Bare(route.Op{ID: "upload-artifact", Method: http.MethodPost, Path: route.V1 + "artifacts", Need: route.Operator, Status: fiber.StatusCreated, Summary: "Store a file"}, func(o *huma.Operation) {
		route.Query(o, "name", "What the file is called.", route.TextSchema)
		route.Takes(o, "application/octet-stream", route.BytesSchema)
		route.Returns(o, "201", "The artifact.", "application/json", &huma.Schema{Type: huma.TypeObject, Required: []string{"artifact"}, Properties: map[string]*huma.Schema{"artifact": route.SchemaOf[sdk.Artifact](s.Server)}})
	}, s.upload)
	s.Bare(route.Op{ID: "download-artifact", Method: http.MethodGet, Path: route.V1 + "artifacts/{digest}", Need: route.Viewer, Summary: "A file"}, func(o *huma.Operation) {
		route.Query(o, "name", "What a browser is to call it when it saves it.", route.TextSchema)
		o.Parameters = append(o.Parameters, &huma.Param{Name: "Range", In: "header", Description: "One range of bytes; of several, all is sent.", Schema: route.TextSchema})
		route.Returns(o, "200", "Its bytes.", "application/octet-stream", route.BytesSchema)
		route.Returns(o, "206", "The bytes of the range.", "application/octet-stream", route.BytesSchema)
		o.Responses["307"] = &huma.Response{Description: "For browsers (Sec-Fetch-Mode navigate or no-cors), of a host with --artifacts-s3-public: where the bytes are, for 15 minutes and without a token."}
	}, s.download)
}

// upload streams the body into the store: POST /api/v1/artifacts?name=voice.wav
func (s *routes) upload(c *fiber.Ctx) error {
	a, err := Put(c.UserContext(), s.cfg.Artifacts, s.Body(c), c.Query("name"), c.Get(fiber.HeaderContentType))
	if err != nil {
		return err
	}
	raw, err := sdk.Values{"artifact": a}.MarshalJSON()
	if err != nil {
		return err
	}
	c.Status(fiber.StatusCreated).Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(raw)
}

var errTooLarge = errors.New("larger than an artifact may be")

// Put streams a file into a store, as far as it is no larger than an artifact may be. Of its name the last element counts.
func Put(ctx context.Context, to artifacts.Store, r io.Reader, name, mediaType string) (sdk.Artifact, error) {
	hint := hintOf(name, mediaType)
	in := &limited{r: r, left: maxArtifact}
	a, err := to.Put(ctx, in, hint)
	switch {
	case err == nil || in.err == nil:
		return a, err
	case errors.Is(in.err, errTooLarge):
		return a, &client.Problem{Code: client.CodeTooLarge, Detail: strconv.Quote(hint.Name) + " is larger than 16 GiB"}
	}
	return a, route.BrokeOff(strconv.Quote(hint.Name), in.err)
}

// hintOf is what somebody says of a file, as far as it is said at all.
func hintOf(name, mediaType string) sdk.Artifact {
	kind, _, err := mime.ParseMediaType(mediaType)
	if err != nil || kind == "application/octet-stream" {
		kind = ""
	}
	return sdk.Artifact{Name: baseName(name), MediaType: kind}
}

// baseName keeps the last element of a name, whatever separators a client's system has, and of that what an artifact
// may be called; of a long one the end.
func baseName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	if len(name) > sdk.MaxName {
		name = strings.ToValidUTF8(name[len(name)-sdk.MaxName:], "")
	}
	if sdk.CheckArtifactName(name) != nil {
		return ""
	}
	return name
}

// limited fails where io.LimitReader would pretend that the bytes ended, and remembers what went wrong with them.
type limited struct {
	r    io.Reader
	left int64
	err  error // nil while all is well, and at the end
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		n, err = 0, errTooLarge
	}
	if err != nil && !errors.Is(err, io.EOF) {
		l.err = err
	}
	return n, err
}
