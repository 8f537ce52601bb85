package wasmexec

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/sdk"
)

// plugins is the folder of Extism's own test plug-ins, made by its kits for several languages.
var plugins = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", "github.com/extism/go-sdk")
	cmd.Dir, cmd.Env = "meter/testdata/peers", append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	var module struct{ Dir string }
	if err == nil {
		err = json.Unmarshal(out, &module)
	}
	return filepath.Join(module.Dir, "wasm"), err
})

func extismPlugin(t *testing.T, name string) *Executor {
	t.Helper()
	dir, err := plugins()
	if err != nil {
		t.Fatal(err)
	}
	m := Module{Path: filepath.Join(dir, name+".wasm")}
	e := New(patient(Config{Resolve: func(string) (Module, error) { return m, nil }}))
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	manifest, err := e.Describe(t.Context(), m)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if manifest.Name != name || len(manifest.NodeTypes) == 0 {
		t.Errorf("%s: it describes itself as %+v", name, manifest)
	}
	return e
}

// TestExtism: plug-ins that Extism's kits made run as they are, one task after the other, each as the first.
func TestExtism(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ plugin, function, input, output, fails string }{
		{"count_vowels", "count_vowels", "aaabbbccc", `{"count":3,"total":3,"vowels":"aeiouAEIOU"}`, ""}, // Rust
		{"hello", "run_test", "", "Hello, world!", ""},
		{"hello_haskell", "testing", "Ada", "Hello, Ada", ""},
		{"replace", "run_test", "anything", "anything", ""},
		{"var", "run_test", "", "a: 0", ""},
		{"std_command", "run", "1 2 3", "hello 1 2 3", ""}, // a WASI command
		{"log", "run_test", "", "", ""},
		{"fail", "run_test", "", "", "Some error message"},
		{"println", "run_test", "a\nb", "", ""},
		{"exit", "run", "", "", "exit code"},
	} {
		t.Run(c.plugin, func(t *testing.T) {
			t.Parallel()
			e := extismPlugin(t, c.plugin)
			for range 3 {
				var logs []string
				in := exectest.Task(c.plugin+"."+c.function, sdk.Values{"input": c.input}).WithReporter(func(r sdk.Report) {
					if r.Kind == sdk.ReportLog {
						logs = append(logs, r.Level+" "+r.Message)
					}
				})
				r, err := e.Execute(t.Context(), in)
				if c.plugin == "log" && (len(logs) != 5 || logs[3] != "warn this is a warning log") {
					t.Errorf("it logs %q", logs)
				}
				switch {
				case c.fails != "":
					if err == nil || !strings.Contains(err.Error(), c.fails) {
						t.Errorf("got %v, %v; want it to fail with %q", r.Outputs, err, c.fails)
					}
				case err != nil:
					t.Error(err)
				case r.Outputs["output"] != c.output:
					t.Errorf("got %q, want %q", r.Outputs["output"], c.output)
				}
			}
		})
	}
}

// TestExtismHTTP: a plug-in that sends requests asks for http, and reaches what was granted.
func TestExtismHTTP(t *testing.T) {
	t.Parallel()
	dir, err := plugins()
	if err != nil {
		t.Fatal(err)
	}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Test", "given")
		fmt.Fprint(w, r.Method, " ", r.URL.Path)
	})
	m := Module{Path: filepath.Join(dir, "http_headers.wasm")}
	g := reaching(url)
	e := New(patient(Config{Resolve: func(string) (Module, error) { return m, nil }, Grants: func(string) (Grants, error) { return g, nil }}))
	defer e.Close()
	manifest, err := e.Describe(t.Context(), m)
	if err != nil || len(manifest.NodeTypes) != 1 || !slices.Equal(manifest.NodeTypes[0].Grants, []string{"http"}) {
		t.Fatalf("%+v, %v", manifest, err)
	}
	in := func(url string) *sdk.Task {
		return exectest.Task("http_headers.http_get", sdk.Values{"input": map[string]any{"url": url}})
	}
	got := outputs(t, e, in(url+"/a"))
	if text, _ := got["output"].(string); !strings.Contains(text, `"x-test":"given"`) {
		t.Errorf("got %v", got)
	}
	if err := fails(t, e, in("https://example.com/")); err.Hint == "" || !err.Permanent || !strings.Contains(err.Message, "example.com") {
		t.Errorf("got %#v", err)
	}
}
