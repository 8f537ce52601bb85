package route

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/myspinbot/spinbot/sdk"
)

// maxDepth is how deep a JSON body may nest: far deeper than what anybody writes, and of no danger to who walks it.
const maxDepth = 100

// strictJSON is JSON as the API reads and writes it.
var strictJSON = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		raw, err := json.Marshal(v)
		if err == nil {
			_, err = w.Write(raw)
		}
		return err
	},
	Unmarshal: func(data []byte, v any) error {
		if len(bytes.TrimSpace(data)) == 0 {
			data = []byte("{}")
		}
		if depth(data) > maxDepth {
			return fmt.Errorf("the JSON nests deeper than %d levels", maxDepth)
		}
		return json.Unmarshal(data, v)
	},
}

// depth says how deep JSON nests.
func depth(data []byte) (deepest int) {
	level, quoted := 0, false
	for k := 0; k < len(data); k++ {
		switch c := data[k]; {
		case quoted && c == '\\':
			k++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}

// CheckDepth refuses JSON that nests deeper than anybody writes.
func CheckDepth(raw []byte) error {
	if depth(raw) > maxDepth {
		return BadRequest("the JSON nests too deep", "")
	}
	return nil
}

type asked = huma.Context // which would hide its own method of this name

// whole reads a request's body to its end and no further.
type whole struct{ asked }

// BodyReader replaces that of the adapter, for which a body that broke off has ended.
func (w whole) BodyReader() io.Reader { return body(humafiber.Unwrap(w.asked)) }

// Unwrap implements what huma looks for.
func (w whole) Unwrap() huma.Context { return w.asked }

// packed says 304 to who has the answer already, and sends long ones compressed.
func (s *Server) packed(c *fiber.Ctx) error {
	if err := c.Next(); err != nil {
		return err
	}
	res := c.Response()
	if res.StatusCode() != fiber.StatusOK || c.Method() != fiber.MethodGet && c.Method() != fiber.MethodHead {
		return nil
	}
	raw := res.Body()
	if c.GetRespHeader(fiber.HeaderETag) == "" {
		c.Set(fiber.HeaderETag, fmt.Sprintf(`W/"%x"`, xxhash.Sum64(raw)))
	}
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	if Matches(c.Get(fiber.HeaderIfNoneMatch), c.GetRespHeader(fiber.HeaderETag)) {
		res.ResetBody()
		c.Status(fiber.StatusNotModified)
		return nil
	}
	c.Vary(fiber.HeaderAcceptEncoding)
	if Packs(c, len(raw)) {
		res.SetBodyRaw(fasthttp.AppendGzipBytesLevel(nil, raw, fasthttp.CompressBestSpeed))
		c.Set(fiber.HeaderContentEncoding, "gzip")
	}
	return nil
}

// worthPacking is from how many bytes on an answer is compressed: what does not fit into one packet.
const worthPacking = 1400

// Packs says whether an answer of so many bytes is to be sent compressed, with gzip.
func Packs(c *fiber.Ctx, bytes int) bool {
	return bytes >= worthPacking && c.Context().Request.Header.HasAcceptEncoding("gzip")
}

// Matches says whether an If-None-Match header names a tag; weak or strong is the same here.
func Matches(header, tag string) bool {
	for _, one := range strings.Split(header, ",") {
		if one = strings.TrimSpace(one); one == "*" || one != "" && strings.TrimPrefix(one, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// The types that write their own JSON, as OpenAPI has them.
type (
	anyObject struct{}
	anySchema struct{}
	anyValue  struct{}
	artifact  struct{}
	text      struct{}
)

func (anyObject) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: `Values by name. An artifact is {"$artifact": DIGEST}.`}
}

func (anySchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: "A JSON Schema."}
}

func (anyValue) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Description: "Any JSON."} }

func (text) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeString} }

func (artifact) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Description: "A reference to an artifact.", Required: []string{"$artifact"}, Properties: map[string]*huma.Schema{
		"$artifact":  {Type: huma.TypeString, Description: "Its digest.", Examples: []any{"sha256:…"}},
		"media_type": {Type: huma.TypeString},
		"size":       {Type: huma.TypeInteger, Description: "Bytes."},
		"name":       {Type: huma.TypeString},
	}, AdditionalProperties: true}
}

// schemas begins the list of the API's types.
func schemas() huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		name := huma.DefaultSchemaNamer(t, hint)
		if t.PkgPath() == reflect.TypeFor[sdk.NodeType]().PkgPath() && name != "NodeType" {
			return "Node" + name // of a plugin's side, where the API may have its own by that name
		}
		return name
	})
	r.RegisterTypeAlias(reflect.TypeFor[sdk.Values](), reflect.TypeFor[anyObject]())
	r.RegisterTypeAlias(reflect.TypeFor[sdk.Schema](), reflect.TypeFor[anySchema]())
	r.RegisterTypeAlias(reflect.TypeFor[sdk.Artifact](), reflect.TypeFor[artifact]())
	r.RegisterTypeAlias(reflect.TypeFor[sdk.Address](), reflect.TypeFor[text]())
	r.RegisterTypeAlias(reflect.TypeFor[json.RawMessage](), reflect.TypeFor[anyValue]())
	return r
}
