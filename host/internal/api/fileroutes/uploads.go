package fileroutes

import (
	"context"
	"crypto/sha1" //nolint:gosec // tus wants it; artifacts are known by their SHA-256
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/uploads"
	"github.com/myspinbot/spinbot/sdk/client"
)

// What of tus is spoken here: https://tus.io/protocols/resumable-upload
const (
	tusVersion    = "1.0.0"
	tusExtensions = "creation,expiration,checksum,termination"
	tusPiece      = "application/offset+octet-stream"

	headerTus    = "Tus-Resumable"
	headerOffset = "Upload-Offset"
	headerLength = "Upload-Length"

	statusChecksum = 460 // as tus has it
)

// checksums are the algorithms of a piece's checksum.
var checksums = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New}

func (s *routes) uploadRoutes() {
	const one = route.V1 + "uploads/{id}"
	header := func(o *huma.Operation, name, about string, required bool) {
		o.Parameters = append(o.Parameters, &huma.Param{Name: name, In: "header", Description: about, Required: required, Schema: route.TextSchema})
	}
	spoken := func(o *huma.Operation) { header(o, headerTus, "The version of tus: "+tusVersion+".", true) }
	s.Bare(route.Op{ID: "upload-options", Method: http.MethodOptions, Path: route.V1 + "uploads", Need: route.Operator, Summary: "What of the tus protocol is spoken"}, func(o *huma.Operation) {
		o.Responses["204"] = &huma.Response{Description: "The headers Tus-Version, Tus-Extension, Tus-Max-Size and Tus-Checksum-Algorithm say."}
	}, func(c *fiber.Ctx) error {
		c.Set("Tus-Extension", tusExtensions)
		c.Set("Tus-Max-Size", strconv.Itoa(maxArtifact))
		c.Set("Tus-Checksum-Algorithm", "sha1,sha256")
		return done(c)
	})
	route.JSON(s.Server, route.Op{ID: "list-uploads", Method: http.MethodGet, Path: route.V1 + "uploads", Need: route.Operator, Summary: "Files that you have begun to upload"}, s.listUploads)
	s.Bare(route.Op{ID: "begin-upload", Method: http.MethodPost, Path: route.V1 + "uploads", Need: route.Operator, Summary: "Begin to upload a file in pieces (tus)"}, func(o *huma.Operation) {
		spoken(o)
		header(o, headerLength, "Bytes of the whole file.", true)
		header(o, "Upload-Metadata", "filename and filetype, each with its value in base64, separated by commas.", false)
		route.Returns(o, "201", "It has begun, at Location.", "application/json", route.SchemaOf[client.Upload](s.Server))
	}, s.tus(s.beginUpload))
	s.Bare(route.Op{ID: "show-upload", Method: http.MethodGet, Path: one, Need: route.Operator, Summary: "How far an upload is, and what it became"}, func(o *huma.Operation) {
		route.Returns(o, "200", "The upload; Upload-Offset says how far it is.", "application/json", route.SchemaOf[client.Upload](s.Server))
	}, s.tus(s.showUpload))
	s.Bare(route.Op{ID: "continue-upload", Method: http.MethodPatch, Path: one, Need: route.Operator, Summary: "Send a piece (tus)",
		Detail: "With its last byte the file becomes an artifact: show-upload says which."}, func(o *huma.Operation) {
		spoken(o)
		header(o, headerOffset, "Where it continues: what show-upload says.", true)
		header(o, "Upload-Checksum", "sha1 or sha256, a space, and that of the piece in base64. A piece that is not so counts as not sent.", false)
		route.Takes(o, tusPiece, route.BytesSchema)
		o.Responses["204"] = &huma.Response{Description: "Upload-Offset says how far it is."}
	}, s.tus(s.continueUpload))
	s.Bare(route.Op{ID: "end-upload", Method: http.MethodDelete, Path: one, Need: route.Operator, Summary: "Forget an upload (tus)"}, func(o *huma.Operation) {
		spoken(o)
		o.Responses["204"] = &huma.Response{Description: "It is gone. What it became stays."}
	}, s.tus(func(c *fiber.Ctx) error {
		if err := s.cfg.Uploads.Remove(route.CallerOf(c.UserContext()).User, c.Params("id")); err != nil {
			return err
		}
		return done(c)
	}))
}

func done(c *fiber.Ctx) error {
	c.Set(headerTus, tusVersion)
	c.Set("Tus-Version", tusVersion)
	c.Status(fiber.StatusNoContent)
	return nil
}

// tus has a handler speak the protocol's version, and explains its errors.
func (s *routes) tus(handle fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Set(headerTus, tusVersion)
		c.Set(fiber.HeaderCacheControl, "no-store")
		if v := c.Get(headerTus); v != tusVersion && (v != "" || c.Method() != fiber.MethodGet && c.Method() != fiber.MethodHead) {
			c.Set("Tus-Version", tusVersion)
			return &client.Problem{Status: http.StatusPreconditionFailed, Code: client.CodeBadRequest, Detail: fmt.Sprintf("the version of tus (%s) is %.20q", headerTus, v), Fix: "speak " + tusVersion}
		}
		err := handle(c)
		if at := (*uploads.OffsetError)(nil); errors.As(err, &at) {
			c.Set(headerOffset, strconv.FormatInt(at.Have, 10))
			return &client.Problem{Code: client.CodeConflict, Detail: at.Error(), Fix: "ask how far it is, and continue there"}
		}
		for _, known := range uploadProblems {
			if errors.Is(err, known.err) {
				p := known.Problem
				p.Detail = err.Error()
				return &p
			}
		}
		return err
	}
}

var uploadProblems = []struct {
	err error
	client.Problem
}{
	{uploads.ErrNotFound, client.Problem{Code: client.CodeNotFound, Fix: "begin it anew"}},
	{uploads.ErrBusy, client.Problem{Status: http.StatusLocked, Code: client.CodeConflict, Fix: "ask again in a while how far it is"}},
	{uploads.ErrTooLong, client.Problem{Code: client.CodeTooLarge, Fix: "begin one with the file's true size"}},
	{uploads.ErrChecksum, client.Problem{Status: statusChecksum, Code: client.CodeBadRequest, Fix: "send the piece again"}},
	{uploads.ErrQuota, client.Problem{Code: client.CodeTooMany, Fix: "finish some, or end them: DELETE /api/v1/uploads/ID"}},
	{uploads.ErrNoSpace, client.Problem{Code: client.CodeNoSpace}},
}

func uploadShape(up uploads.Upload) client.Upload {
	return client.Upload{ID: up.ID, Name: up.Name, Size: up.Size, Offset: up.Offset, Expires: up.Expires.UTC(), Artifact: up.Artifact}
}

// answer says how an upload stands.
func (s *routes) answerUpload(c *fiber.Ctx, up uploads.Upload) error {
	uploadHeaders(c, up)
	c.Set(headerLength, strconv.FormatInt(up.Size, 10))
	if up.Meta != "" {
		c.Set("Upload-Metadata", up.Meta)
	}
	return c.JSON(uploadShape(up))
}

func uploadHeaders(c *fiber.Ctx, up uploads.Upload) {
	c.Set(headerOffset, strconv.FormatInt(up.Offset, 10))
	c.Set("Upload-Expires", up.Expires.UTC().Format(http.TimeFormat))
}

func (s *routes) listUploads(ctx context.Context, _ *route.None) (client.UploadList, error) {
	all, err := s.cfg.Uploads.List()
	list := client.UploadList{Version: client.ShapeVersion, Uploads: []client.Upload{}}
	for _, up := range all {
		if up.Owner == route.CallerOf(ctx).User {
			list.Uploads = append(list.Uploads, uploadShape(up))
		}
	}
	return list, err
}

func (s *routes) beginUpload(c *fiber.Ctx) error {
	size, err := strconv.ParseUint(c.Get(headerLength), 10, 63)
	if err != nil {
		return route.BadRequest(fmt.Sprintf("%s: %.40q is no number of bytes", headerLength, c.Get(headerLength)), "say how large the whole file is")
	}
	if size > maxArtifact {
		return &client.Problem{Code: client.CodeTooLarge, Detail: "the file is larger than 16 GiB"}
	}
	meta := c.Get("Upload-Metadata")
	values, err := metadata(meta)
	if err != nil {
		return err
	}
	hint := hintOf(values["filename"], values["filetype"])
	if hint.Name = s.cfg.Name(hint.Name); strings.Contains(hint.Name, "•") {
		meta = "" // something sensitive is in it
	}
	up, err := s.cfg.Uploads.New(c.UserContext(), uploads.Upload{Owner: route.CallerOf(c.UserContext()).User, Name: hint.Name, MediaType: hint.MediaType, Meta: meta, Size: int64(size)})
	if err != nil {
		return err
	}
	c.Status(fiber.StatusCreated).Set(fiber.HeaderLocation, route.V1+"uploads/"+up.ID)
	return s.answerUpload(c, up)
}

// metadata reads what tus says of a file: names, each with a value in base64 or none.
func metadata(header string) (map[string]string, error) {
	values := map[string]string{}
	for _, pair := range strings.Split(header, ",") {
		name, coded, _ := strings.Cut(strings.TrimSpace(pair), " ")
		value, err := base64.StdEncoding.DecodeString(coded)
		if err != nil {
			return nil, route.BadRequest(fmt.Sprintf("Upload-Metadata: the value of %.40q is not base64", name), "")
		}
		values[name] = string(value)
	}
	return values, nil
}

func (s *routes) showUpload(c *fiber.Ctx) error {
	up, err := s.cfg.Uploads.Find(route.CallerOf(c.UserContext()).User, c.Params("id"))
	if err != nil {
		return err
	}
	return s.answerUpload(c, up)
}

func (s *routes) continueUpload(c *fiber.Ctx) error {
	if kind := c.Get(fiber.HeaderContentType); kind != tusPiece {
		return &client.Problem{Code: client.CodeUnsupported, Detail: fmt.Sprintf("the piece is said to be %.80q", kind), Fix: "send it as " + tusPiece}
	}
	offset, err := strconv.ParseUint(c.Get(headerOffset), 10, 63)
	if err != nil {
		return route.BadRequest(fmt.Sprintf("%s: %.40q is no number of bytes", headerOffset, c.Get(headerOffset)), "say where the upload continues")
	}
	check, err := checksum(c.Get("Upload-Checksum"))
	if err != nil {
		return err
	}
	id, body := c.Params("id"), s.Body(c)
	up, err := s.cfg.Uploads.Write(c.UserContext(), route.CallerOf(c.UserContext()).User, id, int64(offset), body, check)
	if broke := body.Broke(); broke != nil {
		return route.BrokeOff("the piece", broke)
	}
	if err != nil {
		return err
	}
	uploadHeaders(c, up)
	c.Status(fiber.StatusNoContent)
	return nil
}

// checksum reads that of a piece; nil: there is none.
func checksum(header string) (*uploads.Checksum, error) {
	if header == "" {
		return nil, nil
	}
	name, coded, _ := strings.Cut(header, " ")
	begin, ok := checksums[name]
	want, err := base64.StdEncoding.DecodeString(coded)
	if !ok || err != nil {
		return nil, route.BadRequest(fmt.Sprintf("Upload-Checksum: %.80q is not sha1 or sha256, a space and base64", header), "")
	}
	return &uploads.Checksum{Hash: begin(), Want: want}, nil
}
