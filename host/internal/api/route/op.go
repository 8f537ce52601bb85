package route

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"
)

// Need is who may ask for something.
type Need int

// From anybody to the machine's own user.
const (
	unset    Need = iota
	Anyone        // no sign-in: what it does not check itself is for everybody
	Viewer        // sees
	Operator      // makes runs, and tells them what to do
	Admin         // changes what the host is
	Owner         // the machine's own user, over the private socket
)

// Op is one thing that the API can be asked. All routes are made of these.
type Op struct {
	ID      string
	Method  string
	Path    string // {name} stands for one element
	Need    Need
	Summary string
	Detail  string
	// Instead is the command for who may not ask for it here.
	Instead string
	// Status of a success; 0: 200.
	Status int
	// Changes: it is written down who asks, though it is a GET.
	Changes bool
	// Most is how many bytes of JSON are read; 0: MaxJSON.
	Most int64
}

// V1 is where the API is.
const V1 = "/api/v1/"

// shared is done once for all servers of a process.
var shared sync.Once

// Ops lists everything that can be asked, in the order in which it was written down.
func (s *Server) Ops() []Op { return slices.Clone(s.ops) }

// OpenAPI describes everything under /api/v1, in OpenAPI 3.1.
func (s *Server) OpenAPI() *huma.OpenAPI { return s.huma.OpenAPI() }

// What lists give at most: when nothing is said, and when somebody asks for it.
const (
	PageSize = 100
	MaxPage  = 1000
)

// Page asks for a page of a list.
type Page struct {
	Limit int `query:"limit" minimum:"0" maximum:"1000" doc:"How many at most; 0: 100."`
}

// Size is how many are asked for.
func (p Page) Size() int { return cmp.Or(p.Limit, PageSize) }

// What a JSON operation gives back, as huma wants it.
type (
	found[T any] struct{ Body T }
	made[T any]  struct {
		Location string `header:"Location"`
		Body     T
	}
)

// Given is a body that may be left out.
func Given[T any](body *T) T {
	if body == nil {
		return *new(T)
	}
	return *body
}

// Some gives a list that is written as one, though nothing is in it.
func Some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// None is what an operation is asked with when it needs nothing.
type None struct{}

// JSON adds an operation that answers with JSON.
func JSON[I, T any](s *Server, o Op, handle func(context.Context, *I) (T, error)) {
	s.ops = append(s.ops, o)
	huma.Register(s.huma, o.operation(), func(ctx context.Context, in *I) (*found[T], error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.explain(ctx, err)
		}
		return &found[T]{out}, nil
	})
}

// JSONAt adds an operation that answers with JSON, and says where that is to be had from now on.
func JSONAt[I, T any](s *Server, o Op, handle func(context.Context, *I) (T, string, error)) {
	s.ops = append(s.ops, o)
	huma.Register(s.huma, o.operation(), func(ctx context.Context, in *I) (*made[T], error) {
		out, location, err := handle(ctx, in)
		if err != nil {
			return nil, s.explain(ctx, err)
		}
		return &made[T]{location, out}, nil
	})
}

// Bare adds an operation that reads or writes a stream, which huma would hold in memory. spec completes its description.
func (s *Server) Bare(o Op, spec func(*huma.Operation), handle fiber.Handler) {
	s.ops = append(s.ops, o)
	described := o.operation()
	described.Responses = map[string]*huma.Response{"default": s.problemResponse()}
	for _, name := range parameters(o.Path) {
		described.Parameters = append(described.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
	}
	if spec != nil {
		spec(&described)
		s.huma.OpenAPI().AddOperation(&described)
	}
	s.route(o, handle)
}

// parameters lists the names in a path.
func parameters(path string) (names []string) {
	for _, piece := range strings.Split(path, "/") {
		if strings.HasPrefix(piece, "{") {
			names = append(names, strings.Trim(piece, "{}"))
		}
	}
	return names
}

func (o Op) operation() huma.Operation {
	tag, _, _ := strings.Cut(strings.TrimPrefix(o.Path, V1), "/")
	most := o.Most
	if most == 0 {
		most = MaxJSON
	}
	security := []map[string][]string{{"token": {}}, {"session": {}}}
	if o.Need == Anyone {
		security = []map[string][]string{}
	}
	return huma.Operation{OperationID: o.ID, Method: o.Method, Path: o.Path, Tags: []string{tag}, Summary: o.Summary, Description: o.Detail,
		DefaultStatus: o.Status, MaxBodyBytes: most, BodyReadTimeout: time.Minute, Security: security}
}

// Returns says what a bare operation answers with.
func Returns(o *huma.Operation, status, about, contentType string, body *huma.Schema) {
	o.Responses[status] = &huma.Response{Description: about, Content: map[string]*huma.MediaType{contentType: {Schema: body}}}
}

// Takes says what the body of a bare operation is.
func Takes(o *huma.Operation, contentType string, body *huma.Schema) {
	if o.RequestBody == nil {
		o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	}
	o.RequestBody.Content[contentType] = &huma.MediaType{Schema: body}
}

// Query describes a parameter of a bare operation.
func Query(o *huma.Operation, name, about string, schema *huma.Schema) {
	o.Parameters = append(o.Parameters, &huma.Param{Name: name, In: "query", Description: about, Schema: schema})
}

// What a body is, or a parameter, when it is nothing more.
var (
	BytesSchema = &huma.Schema{Type: huma.TypeString, Format: "binary"}
	TextSchema  = &huma.Schema{Type: huma.TypeString}
)

// SchemaOf gives the schema of a type, which then stands among the components.
func SchemaOf[T any](s *Server) *huma.Schema {
	return s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
}

func (s *Server) problemResponse() *huma.Response {
	return &huma.Response{Description: "What went wrong, and what to do about it.",
		Content: map[string]*huma.MediaType{"application/problem+json": {Schema: SchemaOf[problem](s)}}}
}

// router is where huma adds its operations; it adds them in no other way.
type router struct {
	fiber.Router
	s *Server
}

func (r router) Add(method, path string, handlers ...fiber.Handler) fiber.Router {
	k := slices.IndexFunc(r.s.ops, func(o Op) bool { return o.Method == method && fiberPath(o.Path) == path })
	r.s.route(r.s.ops[k], append([]fiber.Handler{r.s.packed}, handlers...)...)
	return nil
}

func fiberPath(path string) string { return fiberNames.Replace(path) }

var fiberNames = strings.NewReplacer("{", ":", "}", "")

// route adds a route behind what lets people in. There is no other way to add one.
func (s *Server) route(o Op, handlers ...fiber.Handler) {
	if o.Need == unset {
		panic("route: nobody said who may ask for " + o.Method + " " + o.Path)
	}
	handlers = append([]fiber.Handler{s.admit(o)}, handlers...)
	s.app.Add(o.Method, fiberPath(o.Path), handlers...)
	if o.Method == fiber.MethodGet {
		s.app.Add(fiber.MethodHead, fiberPath(o.Path), handlers...)
	}
}

// describe begins the description of the API.
func (s *Server) describe() {
	shared.Do(func() { // huma keeps these for the whole process
		huma.DefaultArrayNullable = false
		huma.NewErrorWithContext = func(_ huma.Context, status int, text string, errs ...error) huma.StatusError {
			return wrong(status, text, errs)
		}
		huma.NewError = func(status int, text string, errs ...error) huma.StatusError { return wrong(status, text, errs) }
	})
	cfg := huma.Config{OpenAPI: &huma.OpenAPI{OpenAPI: "3.1.0", Info: &huma.Info{Title: "MySpinBot", Version: "1",
		Description: "Pipelines of control nodes and GPU nodes, their runs, and the machines that carry them out."},
		Components: &huma.Components{Schemas: schemas(), SecuritySchemes: map[string]*huma.SecurityScheme{
			"token":   {Type: "http", Scheme: "bearer", Description: "An API token: spinbot token new NAME."},
			"session": {Type: "apiKey", In: "cookie", Name: SessionCookie, Description: "A browser's session."},
		}}},
		Formats: map[string]huma.Format{"application/json": strictJSON, "json": strictJSON}, DefaultFormat: "application/json"}
	s.huma = humafiber.NewWithGroup(s.app, router{s: s}, cfg)
	s.huma.UseMiddleware(func(c huma.Context, next func(huma.Context)) { next(whole{c}) })
}
