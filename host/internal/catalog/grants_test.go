package catalog

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/grant"
)

func TestChangeGrants(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state", TrustFile)
	change := func(fn func(*grant.Set)) grant.Set {
		t.Helper()
		s, err := ChangeGrants(path, "control.http", fn)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	web := grant.Web{Hosts: []string{"api.example.com", "*.example.org:8443"}, Methods: []string{"GET", "POST"},
		MaxRequest: 1 << 20, MaxResponse: 1234567, Timeout: 90 * time.Second, Private: true}
	change(func(s *grant.Set) { s.HTTP = &web })
	if _, err := ChangeGrants(path, "a.b", func(s *grant.Set) { s.KV = &grant.Store{} }); err != nil {
		t.Fatal(err)
	}
	want := change(func(s *grant.Set) {
		s.Secret, s.KV = &grant.Secrets{Names: []string{"openai"}}, &grant.Store{Max: 64 << 10}
	})
	if !reflect.DeepEqual(want, grant.Set{HTTP: &web, Secret: &grant.Secrets{Names: []string{"openai"}}, KV: &grant.Store{Max: 64 << 10}}) {
		t.Errorf("got %+v", want)
	}
	var f trustFile
	if err := decode(path, &f); err != nil {
		t.Fatal(err)
	}
	all, err := f.grants()
	if err != nil || len(all) != 2 || !reflect.DeepEqual(all["control.http"], want) || all["a.b"].KV == nil {
		t.Errorf("read back: %+v, %v", all, err)
	}
	raw, _ := os.ReadFile(path)
	if err := os.WriteFile(path, append([]byte("# mine\n"), raw...), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := change(func(s *grant.Set) { *s = grant.Set{} }); !s.Empty() {
		t.Errorf("got %+v", s)
	}
	raw, _ = os.ReadFile(path)
	if text := string(raw); strings.Contains(text, "control.http") || !strings.Contains(text, `grant "a.b"`) || !strings.Contains(text, "# mine") {
		t.Errorf("the file is now:\n%s", text)
	}
	before := string(raw)
	if _, err := ChangeGrants(path, "c.d", func(s *grant.Set) { s.HTTP = &grant.Web{Hosts: []string{"https://x/y"}} }); err == nil || !strings.Contains(err.Error(), "is a URL") {
		t.Errorf("got %v", err)
	}
	if raw, _ = os.ReadFile(path); string(raw) != before {
		t.Error("what is refused changes the file")
	}
}

// TestGrantsInView: a view has what the trust file gives, anew after each change, and trusting keeps it.
func TestGrantsInView(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.imports = []string{"http"}
	h.write(0, "odd.wasm", "module")
	h.accept("odd")
	if _, err := ChangeGrants(h.cfg.TrustFile, "odd.go", func(s *grant.Set) { s.KV = &grant.Store{} }); err != nil {
		t.Fatal(err)
	}
	if h.view().Granted("odd.go").KV == nil {
		t.Error("what was granted is not in the view")
	}
	h.write(0, "odd.wasm", "another module")
	if h.accept("odd"); h.view().Granted("odd.go").KV == nil {
		t.Error("trusting the module anew lost its grants")
	}
	e := h.expect("odd", Ready)
	if got := e.Undeclared(); !reflect.DeepEqual(got, []string{"http"}) {
		t.Errorf("undeclared is %v", got)
	}
	again := New(h.cfg) // from the cache on disk
	v, err := again.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if e, _ := v.Entry("odd"); !reflect.DeepEqual(e.Imports, []string{"http"}) {
		t.Errorf("the cache lost what it imports: %+v", e)
	}
}

func TestBadGrants(t *testing.T) {
	t.Parallel()
	for want, text := range map[string]string{
		`grant "a.b": http: it names no host`: "grant \"a.b\" {\n  http {\n    hosts = []\n  }\n}",
		"is not a size":                       "grant \"a.b\" {\n  kv {\n    max = \"lots\"\n  }\n}",
		"is not a duration":                   "grant \"a.b\" {\n  http {\n    hosts = [\"a\"]\n    timeout = \"soon\"\n  }\n}",
		"twice":                               "grant \"a.b\" {\n  kv {}\n}\ngrant \"a.b\" {\n  kv {}\n}",
		"files":                               "grant \"a.b\" {\n  files {}\n}",
	} {
		h := newHouse(t)
		if err := os.MkdirAll(filepath.Dir(h.cfg.TrustFile), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(h.cfg.TrustFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := h.c.View(t.Context()); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "spinbot.trust.hcl") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
