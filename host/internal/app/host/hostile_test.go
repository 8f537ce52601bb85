package host

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/myspinbot/spinbot/sdk/client"
)

// described is what the test reads of the API's description.
type described struct {
	Paths map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Parameters  []struct {
			Name, In string
			Schema   *jsonschema.Schema
		}
		RequestBody *struct {
			Content map[string]struct{ Schema *jsonschema.Schema }
		} `json:"requestBody"`
		Responses map[string]struct {
			Content map[string]struct{ Schema json.RawMessage }
		}
	}
	Components struct {
		Schemas map[string]*jsonschema.Schema
	}
}

// hostile are texts that somebody may send where another text is wanted.
var hostile = []string{"", "last", "x", "..", "../../etc/passwd", "%2e%2e%2f", "\x00", "\xff\xfe", "ü\u202e🙂", strings.Repeat("a", 5000), "-1", "0", "1e999", "99999999999999999999",
	"true", "null", "[]", "{}", "' OR 1=1 --", "%", "_", "*", "run_", "sha256:" + strings.Repeat("0", 64), "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "\r\nX: y", "a/b", `a\b`, "${jndi}", "{{7*7}}"}

// TestHostileRequests sends every operation of the description what it wants and what it does not: no answer is the host's own
// mistake, every refusal is a problem that says so, every success is as described, and nothing hangs.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := open(t, func(c *Config) { c.PipelineDirs = []string{dir} })
	t.Cleanup(func() { stop(t, h) })
	address, err := h.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Client().SavePipeline(t.Context(), "x", client.SavePipeline{Text: "pipeline \"x\" {}\noutput \"a\" { value = 1 }\n"}); err != nil {
		t.Fatal(err)
	}
	made, err := h.Client().NewToken(t.Context(), client.NewToken{Name: "fuzz", Role: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Client().Submit(t.Context(), client.Submission{Pipeline: client.Source{Saved: "x"}}); err != nil {
		t.Fatal(err)
	}
	base := "http://" + address
	res, err := http.Get(base + "/api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(res.Body)
	res.Body.Close()
	var doc described
	if err == nil {
		err = json.Unmarshal([]byte(strings.ReplaceAll(string(raw), "#/components/schemas/", "#/$defs/")), &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	g := &generator{r: rand.New(rand.NewPCG(1, 2)), all: doc.Components.Schemas}
	asked, times := 0, 150
	if testing.Short() {
		times = 15
	}
	for _, path := range sortedKeys(doc.Paths) {
		for _, method := range sortedKeys(doc.Paths[path]) {
			o := doc.Paths[path][method]
			if o.OperationID == "watch" || o.OperationID == "revoke-token" || o.OperationID == "clear-queue" {
				continue
			}
			for range times {
				at, query := path, url.Values{}
				for _, p := range o.Parameters {
					switch p.In {
					case "path":
						at = strings.ReplaceAll(at, "{"+p.Name+"}", url.PathEscape(g.text()))
					case "query":
						if g.r.IntN(2) == 0 {
							query.Set(p.Name, g.text())
						}
					}
				}
				body, kind := "", ""
				if o.RequestBody != nil {
					for _, kind = range sortedKeys(o.RequestBody.Content) {
						if kind == "application/json" {
							value, _ := json.Marshal(g.value(o.RequestBody.Content[kind].Schema, 0))
							body = string(value)
						}
						break
					}
					if g.r.IntN(4) == 0 {
						body = g.text()
					}
				}
				asked++
				ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
				req, err := http.NewRequestWithContext(ctx, strings.ToUpper(method), base+at+"?"+query.Encode(), strings.NewReader(body))
				if err != nil {
					cancel()
					continue
				}
				req.Header.Set("Authorization", "Bearer "+made.Text)
				req.Header.Set("Content-Type", kind)
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatalf("%s %s %q: %v", method, at, body, err)
				}
				got, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
				res.Body.Close()
				cancel()
				what := fmt.Sprintf("%s %s?%s %.300q: %d %.300s", method, at, query.Encode(), body, res.StatusCode, got)
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
				switch {
				case res.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(got), `"fix"`):
				case res.StatusCode >= 500:
					t.Errorf("the host's own mistake: %s", what)
				case res.StatusCode >= 400:
					var p client.Problem
					if json.Unmarshal(got, &p) != nil || p.Code == "" || p.Status != res.StatusCode || p.Detail == "" || res.Header.Get("Content-Type") != "application/problem+json" {
						t.Errorf("a refusal that does not explain itself: %s", what)
					}
				case res.StatusCode == 304:
				default:
					described, ok := o.Responses[fmt.Sprint(res.StatusCode)]
					if !ok && strings.Count(at, "/") == strings.Count(path, "/") {
						t.Errorf("nobody said that it may answer so: %s", what)
					}
					if content, ok := described.Content["application/json"]; ok && res.Header.Get("Content-Type") == "application/json" {
						g.check(t, what, content.Schema, got)
					}
				}
			}
		}
	}
	if asked < 1000 {
		t.Errorf("only %d requests were made", asked)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// generator makes values that fit schemas, nearly.
type generator struct {
	r        *rand.Rand
	all      map[string]*jsonschema.Schema
	resolved map[string]*jsonschema.Resolved
}

func (g *generator) text() string { return hostile[g.r.IntN(len(hostile))] }

func (g *generator) value(s *jsonschema.Schema, depth int) any {
	if s != nil && s.Ref != "" {
		s = g.all[strings.TrimPrefix(s.Ref, "#/$defs/")]
	}
	if s == nil || depth > 6 || g.r.IntN(12) == 0 { // something else
		return []any{nil, true, 1.5, -1, g.text(), []any{}, map[string]any{}, map[string]any{"$artifact": g.text()}, []any{[]any{[]any{g.text()}}}}[g.r.IntN(9)]
	}
	switch s.Type {
	case "object":
		out := map[string]any{}
		for name, p := range s.Properties {
			if slices.Contains(s.Required, name) || g.r.IntN(3) == 0 {
				out[name] = g.value(p, depth+1)
			}
		}
		if g.r.IntN(10) == 0 {
			out[g.text()] = g.text()
		}
		return out
	case "array":
		var out []any
		for range g.r.IntN(3) {
			out = append(out, g.value(s.Items, depth+1))
		}
		return out
	case "integer", "number":
		return []any{0, 1, -1, 7, 1 << 40, -1 << 62, 0.5, 1e300}[g.r.IntN(8)]
	case "boolean":
		return g.r.IntN(2) == 0
	}
	if len(s.Enum) > 0 && g.r.IntN(2) == 0 {
		return s.Enum[g.r.IntN(len(s.Enum))]
	}
	return g.text()
}

// check holds an answer to its schema.
func (g *generator) check(t *testing.T, what string, schema json.RawMessage, got []byte) {
	t.Helper()
	if g.resolved == nil {
		g.resolved = map[string]*jsonschema.Resolved{}
	}
	r := g.resolved[string(schema)]
	if r == nil {
		var s jsonschema.Schema
		if err := json.Unmarshal(schema, &s); err != nil {
			t.Fatalf("%s: %v", schema, err)
		}
		s.Defs = map[string]*jsonschema.Schema{}
		for name, def := range g.all {
			s.Defs[name] = def.CloneSchemas()
		}
		var err error
		if r, err = s.Resolve(nil); err != nil {
			t.Fatalf("%s: %v", schema, err)
		}
		g.resolved[string(schema)] = r
	}
	var v any
	if err := json.Unmarshal(got, &v); err != nil {
		t.Errorf("%s: %v", what, err)
	} else if err := r.Validate(v); err != nil {
		t.Errorf("%s: not as described: %v", what, err)
	}
}
