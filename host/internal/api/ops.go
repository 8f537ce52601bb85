package api

import (
	"context"
	"net/http"
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
	// Most is how many bytes of JSON are read; 0: maxJSON.
	Most int64
}

// v1 is where the API is.
const v1 = "/api/v1/"

// shared is done once for all servers of a process.
var shared sync.Once

// Ops lists everything that can be asked, in the order in which it was written down.
func (s *Server) Ops() []Op { return slices.Clone(s.ops) }

// OpenAPI describes everything under /api/v1, in OpenAPI 3.1.
func (s *Server) OpenAPI() *huma.OpenAPI { return s.huma.OpenAPI() }

const (
	get  = http.MethodGet
	post = http.MethodPost
	put  = http.MethodPut
	del  = http.MethodDelete
)

// What a JSON operation gives back, as huma wants it.
type (
	found[T any] struct{ Body T }
	made[T any]  struct {
		Location string `header:"Location"`
		Body     T
	}
)

// given is a body that may be left out.
func given[T any](body *T) T {
	if body == nil {
		return *new(T)
	}
	return *body
}

// none is what an operation is asked with when it needs nothing.
type none struct{}

// op adds an operation that answers with JSON.
func op[I, T any](s *Server, o Op, handle func(context.Context, *I) (T, error)) {
	s.ops = append(s.ops, o)
	huma.Register(s.huma, o.operation(), func(ctx context.Context, in *I) (*found[T], error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.explain(ctx, err)
		}
		return &found[T]{out}, nil
	})
}

// opAt adds an operation that answers with JSON, and says where that is to be had from now on.
func opAt[I, T any](s *Server, o Op, handle func(context.Context, *I) (T, string, error)) {
	s.ops = append(s.ops, o)
	huma.Register(s.huma, o.operation(), func(ctx context.Context, in *I) (*made[T], error) {
		out, location, err := handle(ctx, in)
		if err != nil {
			return nil, s.explain(ctx, err)
		}
		return &made[T]{location, out}, nil
	})
}

// bare adds an operation that reads or writes a stream, which huma would hold in memory. spec completes its description.
func (s *Server) bare(o Op, spec func(*huma.Operation), handle fiber.Handler) {
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
	tag, _, _ := strings.Cut(strings.TrimPrefix(o.Path, v1), "/")
	most := o.Most
	if most == 0 {
		most = maxJSON
	}
	security := []map[string][]string{{"token": {}}, {"session": {}}}
	if o.Need == Anyone {
		security = []map[string][]string{}
	}
	return huma.Operation{OperationID: o.ID, Method: o.Method, Path: o.Path, Tags: []string{tag}, Summary: o.Summary, Description: o.Detail,
		DefaultStatus: o.Status, MaxBodyBytes: most, BodyReadTimeout: time.Minute, Security: security}
}

// returns says what a bare operation answers with.
func (s *Server) returns(o *huma.Operation, status, about, contentType string, body *huma.Schema) {
	o.Responses[status] = &huma.Response{Description: about, Content: map[string]*huma.MediaType{contentType: {Schema: body}}}
}

// takes says what the body of a bare operation is.
func takes(o *huma.Operation, contentType string, body *huma.Schema) {
	if o.RequestBody == nil {
		o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	}
	o.RequestBody.Content[contentType] = &huma.MediaType{Schema: body}
}

func query(o *huma.Operation, name, about string, schema *huma.Schema) {
	o.Parameters = append(o.Parameters, &huma.Param{Name: name, In: "query", Description: about, Schema: schema})
}

var (
	bytesSchema = &huma.Schema{Type: huma.TypeString, Format: "binary"}
	textSchema  = &huma.Schema{Type: huma.TypeString}
)

func schemaOf[T any](s *Server) *huma.Schema {
	return s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
}

func (s *Server) problemResponse() *huma.Response {
	return &huma.Response{Description: "What went wrong, and what to do about it.",
		Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schemaOf[problem](s)}}}
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

func fiberPath(path string) string { return strings.NewReplacer("{", ":", "}", "").Replace(path) }

// route adds a route behind what lets people in. There is no other way to add one.
func (s *Server) route(o Op, handlers ...fiber.Handler) {
	if o.Need == unset {
		panic("api: nobody said who may ask for " + o.Method + " " + o.Path)
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
			"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "A browser's session."},
		}}},
		Formats: map[string]huma.Format{"application/json": strictJSON, "json": strictJSON}, DefaultFormat: "application/json"}
	s.huma = humafiber.NewWithGroup(s.app, router{s: s}, cfg)
	s.huma.UseMiddleware(func(c huma.Context, next func(huma.Context)) { next(whole{c}) })
}
