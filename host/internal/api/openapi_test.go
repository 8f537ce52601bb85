package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/myspinbot/spinbot/host/internal/api/route"
)

var update = flag.Bool("update", false, "write docs/openapi.json")

const document = "../../../docs/openapi.json"

// TestOpenAPI: docs/openapi.json is what the host serves.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	a := b.get(t, "/api/openapi.json")
	var got bytes.Buffer
	if err := json.Indent(&got, []byte(a.body), "", "  "); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	got.WriteByte('\n')
	if *update {
		if err := os.WriteFile(document, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("docs/openapi.json is not what is served: go test ./internal/api -run OpenAPI -update")
	}
}

// TestOpenAPIIsClean holds the description to what its readers and generators count on.
func TestOpenAPIIsClean(t *testing.T) {
	t.Parallel()
	s := start(t, nil).Server
	name := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	parameter, seen := regexp.MustCompile(`\{(.*?)\}`), map[string]bool{}
	for path, item := range s.OpenAPI().Paths {
		for method, o := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "DELETE": item.Delete, "PATCH": item.Patch, "HEAD": item.Head, "OPTIONS": item.Options} {
			if o == nil {
				continue
			}
			where := method + " " + path
			if !name.MatchString(o.OperationID) || seen[o.OperationID] {
				t.Errorf("%s: operationId %q is no name, or another's", where, o.OperationID)
			}
			seen[o.OperationID] = true
			if o.Summary == "" || strings.HasSuffix(o.Summary, ".") {
				t.Errorf("%s: summary %q", where, o.Summary)
			}
			if !slices.ContainsFunc([]string{"101", "200", "201", "202", "204", "206", "303"}, func(status string) bool { return o.Responses[status] != nil }) || o.Responses["default"] == nil {
				t.Errorf("%s: it has to say what success and failure look like", where)
			}
			for _, p := range parameter.FindAllStringSubmatch(path, -1) {
				if !slices.ContainsFunc(o.Parameters, func(q *huma.Param) bool { return q.In == "path" && q.Name == p[1] && q.Required }) {
					t.Errorf("%s: the parameter %s is not described", where, p[1])
				}
			}
		}
	}
	for _, o := range s.Ops() {
		if strings.HasPrefix(o.Path, route.V1) && !seen[o.ID] {
			t.Errorf("%s %s is not described", o.Method, o.Path)
		}
	}
}
