package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"path"
	"strconv"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *Server) artifactRoutes() {
	s.bare(Op{ID: "upload-artifact", Method: post, Path: v1 + "artifacts", Need: Operator, Status: fiber.StatusCreated, Summary: "Store a file"}, func(o *huma.Operation) {
		query(o, "name", "What the file is called.", textSchema)
		takes(o, "application/octet-stream", bytesSchema)
		s.returns(o, "201", "The artifact.", "application/json", &huma.Schema{Type: huma.TypeObject, Required: []string{"artifact"}, Properties: map[string]*huma.Schema{"artifact": schemaOf[sdk.Artifact](s)}})
	}, s.upload)
	s.bare(Op{ID: "download-artifact", Method: get, Path: v1 + "artifacts/{digest}", Need: Viewer, Summary: "A file"}, func(o *huma.Operation) {
		query(o, "name", "What a browser is to call it when it saves it.", textSchema)
		o.Parameters = append(o.Parameters, &huma.Param{Name: "Range", In: "header", Description: "One range of bytes; of several, all is sent.", Schema: textSchema})
		s.returns(o, "200", "Its bytes.", "application/octet-stream", bytesSchema)
		s.returns(o, "206", "The bytes of the range.", "application/octet-stream", bytesSchema)
	}, s.download)
}

// upload streams the body into the store: POST /api/v1/artifacts?name=voice.wav
func (s *Server) upload(c *fiber.Ctx) error {
	a, err := s.put(c.UserContext(), s.paced(c), c.Query("name"), c.Get(fiber.HeaderContentType))
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

func (s *Server) put(ctx context.Context, r io.Reader, name, mediaType string) (sdk.Artifact, error) {
	hint := hintOf(name, mediaType)
	in := &limited{r: r, left: maxArtifact}
	a, err := s.cfg.Artifacts.Put(ctx, in, hint)
	switch {
	case err == nil || in.err == nil:
		return a, err
	case errors.Is(in.err, errTooLarge):
		return a, &client.Problem{Code: client.CodeTooLarge, Detail: strconv.Quote(hint.Name) + " is larger than 16 GiB"}
	}
	return a, brokeOff(strconv.Quote(hint.Name), in.err)
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
