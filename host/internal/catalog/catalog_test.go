package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// house is a machine with folders for plugins and modules and somebody who describes what is trusted.
type house struct {
	t         *testing.T
	cfg       Config
	c         *Catalog
	described atomic.Int64
	imports   []string // of every module
}

func newHouse(t *testing.T) *house {
	t.Helper()
	root := t.TempDir()
	h := &house{t: t}
	h.cfg = Config{
		PluginDirs: []string{filepath.Join(root, "first"), filepath.Join(root, "second"), filepath.Join(root, "missing")},
		TrustFile:  filepath.Join(root, "state", TrustFile), CacheDir: filepath.Join(root, "cache"),
		Describe: h.describe,
	}
	h.cfg.ControlDirs = h.cfg.PluginDirs
	h.c = New(h.cfg)
	return h
}

// describe answers with what the program says: "name=…" or "fail".
func (h *house) describe(_ context.Context, e Entry) (Description, error) {
	h.described.Add(1)
	var raw []byte
	var err error
	if e.Code != nil {
		raw = e.Code()
	} else if raw, err = os.ReadFile(e.Path); err != nil {
		return Description{}, err
	}
	text := string(raw)
	if strings.Contains(text, "fail") {
		return Description{}, &sdk.Error{Cause: sdk.CauseRefused, Message: "it crashed at its start", Detail: "core dumped"}
	}
	name := e.Name
	if _, other, ok := strings.Cut(text, "name="); ok {
		name = strings.TrimSpace(other)
	}
	return Description{Manifest: manifest(name), Imports: h.imports}, nil
}

func manifest(name string) sdk.Manifest {
	object := sdk.Schema{Type: "object"}
	return sdk.Manifest{Name: name, Version: "1.2.3", Description: "d", NodeTypes: []sdk.NodeType{
		{Name: name + ".go", Description: "Goes", Inputs: object, Outputs: object}}}
}

func (h *house) write(dir int, path, content string) {
	h.t.Helper()
	full := filepath.Join(h.cfg.PluginDirs[dir], filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o755); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) plugin(dir int, name, program string) {
	h.write(dir, name+"/plugin.hcl", "name = \""+name+"\"\nversion = \"1.0.0\"\n")
	h.write(dir, name+"/"+name, program)
}

func (h *house) view() *View {
	h.t.Helper()
	v, err := h.c.View(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

// expect checks an entry's state and that its reason says all of the texts.
func (h *house) expect(name string, state State, texts ...string) Entry {
	h.t.Helper()
	e, ok := h.view().Entry(name)
	if !ok {
		h.t.Fatalf("%s is not in the catalog: %+v", name, h.view().Entries)
	}
	if e.State != state {
		h.t.Fatalf("%s is %s (%s), want %s", name, e.State, e.Reason, state)
	}
	for _, text := range texts {
		if !strings.Contains(e.Reason, text) {
			h.t.Errorf("%s: the reason %q does not say %q", name, e.Reason, text)
		}
	}
	return e
}

func (h *house) accept(name string) Entry {
	h.t.Helper()
	e, err := h.c.Accept(context.Background(), name)
	if err != nil {
		h.t.Fatal(err)
	}
	return e
}

func TestDropIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if v := h.view(); len(v.Entries) != 0 {
		t.Fatalf("an empty machine has %+v", v.Entries)
	}
	h.plugin(0, "hello", "one")
	h.write(1, "slug.wasm", "wasm")
	h.expect("hello", Refused, "has not accepted it", "spinbot plugins trust hello")
	h.expect("slug", Refused, "spinbot plugins trust slug")
	if n := h.described.Load(); n != 0 {
		t.Fatalf("%d untrusted programs were started", n)
	}
	if why := h.view().Why("hello.go"); !strings.Contains(why, "spinbot plugins trust hello") {
		t.Errorf("why hello.go is not there: %q", why)
	}

	if e := h.accept("hello"); e.State != Ready || e.Version != "1.2.3" {
		t.Fatalf("accepted: %+v", e)
	}
	h.accept("slug")
	v := h.view()
	if _, ok := v.NodeType("hello.go"); !ok || strings.Join(v.Names(), " ") != "hello.go slug.go" || v.Why("hello.go") != "" {
		t.Fatalf("node types: %v", v.Names())
	}
	if e, ok := v.Offers("slug.go"); !ok || e.Kind != Module {
		t.Fatalf("slug.go is offered by %+v", e)
	}
	if h.view() != v {
		t.Error("nothing changed, and yet there is a new view")
	}

	h.write(0, "hello/hello", "another program")
	h.expect("hello", Refused, "altered", "spinbot plugins trust hello")
	if _, ok := h.view().NodeType("hello.go"); ok {
		t.Error("an altered plugin's node types are still offered")
	}
	h.accept("hello")
	h.expect("hello", Ready)
	h.write(0, "hello/hello", "one") // the first program again: its checksum was replaced
	h.expect("hello", Refused, "altered")

	if err := os.RemoveAll(filepath.Join(h.cfg.PluginDirs[0], "hello")); err != nil {
		t.Fatal(err)
	}
	if _, ok := h.view().Entry("hello"); ok {
		t.Error("a plugin that was removed is still there")
	}
}

func TestManifestsAreKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.plugin(0, "hello", "one")
	h.accept("hello")
	h.c = New(h.cfg)
	h.expect("hello", Ready)
	if n := h.described.Load(); n != 1 {
		t.Errorf("described %d times, want 1: the manifest is kept by checksum", n)
	}
	files, _ := filepath.Glob(filepath.Join(h.cfg.CacheDir, "*.json"))
	if len(files) != 1 {
		t.Fatalf("cached: %v", files)
	}
	if err := os.WriteFile(files[0], []byte(`{"damaged`), 0o600); err != nil {
		t.Fatal(err)
	}
	h.c = New(h.cfg)
	h.expect("hello", Ready)
	if n := h.described.Load(); n != 2 {
		t.Errorf("described %d times, want 2: a damaged cache is asked anew", n)
	}
}

func TestBroken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, header, program string
		want                  []string
	}{
		{"not HCL", "name = = x", "p", []string{"plugin.hcl:1"}},
		{"no name", `version = "1"`, "p", []string{"plugin.hcl", "name"}},
		{"odd name", "name = \"a b\"\nversion = \"1\"", "p", []string{"plugin.hcl", "must be a name"}},
		{"unknown attribute", "name = \"x\"\nversion = \"1\"\nbinry = \"x\"", "p", []string{"plugin.hcl:3", "binry"}},
		{"leaves its folder", "name = \"x\"\nversion = \"1\"\nbinary = \"../../bin/sh\"", "p", []string{"folder"}},
		{"no program", "name = \"x\"\nversion = \"1\"\nbinary = \"gone\"", "", []string{"gone", "missing", "install the plugin again"}},
		{"a folder for a program", "name = \"x\"\nversion = \"1\"\nbinary = \".\"", "p", []string{"not a file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.write(0, "x/plugin.hcl", c.header)
			if c.program != "" {
				h.write(0, "x/x", c.program)
			}
			h.expect("x", Broken, c.want...)
			if _, err := h.c.Accept(context.Background(), "x"); err == nil {
				t.Error("it was accepted")
			}
		})
	}
}

func TestDescriptionFails(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.plugin(0, "bad", "fail")
	if e := h.accept("bad"); e.State != Broken || !strings.Contains(e.Reason, "core dumped") || !strings.Contains(e.Reason, "spinbot plugins trust bad") {
		t.Fatalf("accepted: %+v", e)
	}
	h.plugin(0, "other", "two") // another look
	h.expect("bad", Broken, "crashed at its start")
	if n := h.described.Load(); n != 1 {
		t.Errorf("described %d times, want 1: a failing program is not started at each look", n)
	}
	h.accept("bad")
	if n := h.described.Load(); n != 2 {
		t.Errorf("described %d times, want 2: trusting it again tries it again", n)
	}
	h.plugin(0, "liar", "name=truth")
	if e := h.accept("liar"); e.State != Broken || !strings.Contains(e.Reason, `calls itself "truth"`) {
		t.Fatalf("a plugin under a wrong name: %+v", e)
	}
}

func TestFirstOfOneNameCounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.plugin(1, "hello", "second")
	h.accept("hello")
	h.plugin(0, "hello", "first")
	h.expect("hello", Refused, "altered")
	entries := h.view().Entries
	if len(entries) != 2 || entries[1].State != Broken || !strings.Contains(entries[1].Reason, "comes first") {
		t.Fatalf("entries: %+v", entries)
	}
}

func TestBuiltInAndBundled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.cfg.BuiltIn = map[string]Linked{"control": {SHA256: strings.Repeat("c0", 32), Code: func() []byte { return []byte("code") }}}
	h.plugin(0, "render", "bundled")
	h.plugin(1, "voice", "not in the bundle's folder")
	sum := func(s string) string { d := sha256.Sum256([]byte(s)); return hex.EncodeToString(d[:]) }
	text := "plugin \"render\" {\n  platform = \"" + platform + "\"\n  sha256 = \"" + sum("bundled") + "\"\n}\n" +
		"plugin \"voice\" {\n  sha256 = \"" + sum("not in the bundle's folder") + "\"\n}\n"
	h.write(0, TrustFile, text)
	h.cfg.BundledTrust = sum(text)
	h.c = New(h.cfg)
	h.expect("control", Ready)
	h.expect("render", Ready)
	h.expect("voice", Refused)
	h.write(0, "render/render", "altered")
	h.expect("render", Refused, "altered")
	h.write(0, "render/render", "bundled")
	h.write(0, TrustFile, text+"\n# one byte more")
	h.expect("render", Refused)
}

func TestTrustFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.plugin(0, "hello", "one")
	if err := os.MkdirAll(filepath.Dir(h.cfg.TrustFile), 0o700); err != nil {
		t.Fatal(err)
	}
	before := "# mine\nplugin \"hello\" {\n  platform = \"plan9/mips\"\n  sha256 = \"00\"\n}\nplugin \"hello\" {\n  platform = \"" + platform + "\"\n  sha256 = \"00\"\n}\n"
	if err := os.WriteFile(h.cfg.TrustFile, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	h.expect("hello", Refused, "altered")
	h.accept("hello")
	raw, err := os.ReadFile(h.cfg.TrustFile)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	if !strings.Contains(text, "# mine") || !strings.Contains(text, "plan9/mips") || strings.Count(text, platform) != 1 {
		t.Errorf("the trust file lost something, or kept an old checksum:\n%s", text)
	}
	if err := os.WriteFile(h.cfg.TrustFile, []byte("plugin {"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.c.View(context.Background()); err == nil || !strings.Contains(err.Error(), TrustFile+":1") {
		t.Errorf("a damaged trust file: %v", err)
	}
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.plugin(0, "hello", "one")
	_, err := h.c.Accept(context.Background(), "helo")
	var unknown *UnknownError
	if !errors.As(err, &unknown) || !strings.Contains(err.Error(), "known are hello") || !strings.Contains(err.Error(), h.cfg.PluginDirs[0]) {
		t.Errorf("an unknown name: %v", err)
	}
}

// TestHammer has many look while entries come and go.
func TestHammer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.plugin(0, "hello", "one")
	h.accept("hello")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				v, err := h.c.View(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				if _, ok := v.NodeType("hello.go"); !ok {
					t.Error("hello.go was gone for a moment")
					return
				}
			}
		})
	}
	for i := range 20 {
		h.write(1, "m"+string(rune('a'+i))+".wasm", "x")
	}
	all.Wait()
	if n := len(h.view().Entries); n != 21 {
		t.Errorf("%d entries, want 21", n)
	}
}

// TestUnset: an input that needs a setting can be used where one machine has one of its names, or nobody knows.
func TestUnset(t *testing.T) {
	t.Parallel()
	v := newView([]Entry{{Name: "a", Manifest: manifest("a")}, {Name: "b", Manifest: manifest("b"), Agents: []string{"box2", "box3"}}}, nil)
	if why := v.Unset("a.go", "dir"); why != "" {
		t.Error("nobody knows:", why)
	}
	v.settings = func(plugin string) []string { return map[string][]string{"a": {"url", "dir"}}[plugin] }
	for _, c := range []struct{ of, setting, want string }{
		{"a.go", "dir", ""}, {"a.go", "folder|dir", ""}, {"none.go", "dir", ""},
		{"a.go", "folder", "plugin a is not told folder on any machine that has it (this machine); set folder in its block"},
		{"b.go", "dir|folder", "plugin b is not told dir or folder on any machine that has it (box2, box3); set dir in its block"},
	} {
		if why := v.Unset(c.of, c.setting); (why == "") != (c.want == "") || !strings.HasPrefix(why, c.want) {
			t.Errorf("%s, %s: %q", c.of, c.setting, why)
		}
	}
}

// TestLinkedDescription: a module in this binary that is described there is not asked; one whose description nobody can read is.
func TestLinkedDescription(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(Description{manifest("control"), []string{"http"}})
	if err != nil {
		t.Fatal(err)
	}
	for text, asked := range map[string]int64{string(raw): 0, "{}": 1, "": 1} {
		h := newHouse(t)
		l := Linked{SHA256: strings.Repeat("c0", 32), Code: func() []byte { return []byte("code") }}
		if text != "" {
			l.Description = []byte(text)
		}
		h.cfg.BuiltIn = map[string]Linked{"control": l}
		h.c = New(h.cfg)
		e := h.expect("control", Ready)
		if h.described.Load() != asked || asked == 0 && !slices.Equal(e.Imports, []string{"http"}) {
			t.Errorf("%q: %d times asked, %+v", text, h.described.Load(), e)
		}
	}
}

// TestOwn: what the host carries out itself is there without trust, comes before a plugin of its name, and is never described.
func TestOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	own := manifest("asset")
	h.cfg.Own = &own
	h.c = New(h.cfg)
	h.plugin(0, "asset", "program")
	v := h.view()
	e, ok := v.Offers("asset.go")
	if !ok || e.Kind != Own || e.State != Ready || e.Path != BuiltIn || e.Version != "1.2.3" || h.described.Load() != 0 {
		t.Errorf("%+v, %d descriptions", e, h.described.Load())
	}
	if len(v.Entries) != 2 || v.Entries[1].State == Ready || !strings.Contains(v.Entries[1].Reason, BuiltIn) {
		t.Errorf("the plugin of that name: %+v", v.Entries)
	}
	if again, err := h.c.Accept(context.Background(), "asset"); err != nil || again.Kind != Own {
		t.Error(again, err)
	}
}
