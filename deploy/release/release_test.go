package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// TestShipped looks at what really ships: a licence that may not is a failure of this test.
func TestShipped(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(root + "/ui/node_modules"); err != nil && os.Getenv("CI") == "" {
		t.Skip("SKIPPING: ui/node_modules is missing (make ui)")
	}
	parts, err := shipped(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := refused(parts); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"golang github.com/NVIDIA/go-nvml Apache-2.0", "golang github.com/hashicorp/hcl/v2 MPL-2.0", "golang std BSD-3-Clause", "npm react MIT", "npm tailwindcss MIT"} {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.kind+" "+p.name+" "+p.licence() == want && len(p.texts) > 0 }) {
			t.Errorf("%s is not among what ships", want)
		}
	}
	if slices.ContainsFunc(parts, func(p part) bool { return p.name == "vitest" || strings.HasPrefix(p.name, ours) }) {
		t.Error("what only tests use, or is ours, is among what ships")
	}
}

const mit = `MIT License

Copyright (c) 2026 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software
is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES
OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

const beer = "THE BEER-WARE LICENSE: as long as you retain this notice you can do whatever you want with this stuff. Signed in blood by nobody whom a library knows."

func TestRefused(t *testing.T) {
	t.Parallel()
	house := func(files map[string]string) part {
		dir := t.TempDir()
		for name, text := range files {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p := part{kind: "golang", name: "example.org/x", version: "v1.0.0"}
		for _, in := range []string{dir, filepath.Join(dir, "inner")} {
			if err := p.read(dir, in); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		return p
	}
	npm := func(declared string) part { return part{kind: "npm", name: "y", version: "1.0.0", declared: declared} }
	for name, c := range map[string]struct {
		part part
		want string // empty: it may ship
	}{
		"allowed":                         {house(map[string]string{"LICENSE": mit, "NOTICE": "by somebody", "licence.go": "package licence"}), ""},
		"with carriage returns":           {house(map[string]string{"COPYING.txt": strings.ReplaceAll(mit, "\n", "\r\n")}), ""},
		"none":                            {house(map[string]string{"README": mit}), "no licence"},
		"unknown":                         {house(map[string]string{"LICENSE": beer}), "LICENSE is not the text"},
		"a known one and an unknown text": {house(map[string]string{"LICENSE": mit, "inner/LICENSE": beer}), "inner/LICENSE is not the text"},
		"declared":                        {npm("MIT"), ""},
		"declared, one of two":            {npm("(GPL-3.0-only OR MIT)"), ""},
		"declared, both":                  {npm("MIT AND GPL-3.0-only"), "GPL-3.0-only, which is not among"},
		"declared by words":               {npm("SEE LICENSE IN x"), "not among"},
	} {
		switch err := refused([]part{c.part}); {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	strong := part{kind: "golang", name: "example.org/z", version: "v1.0.0", texts: []text{{name: "LICENSE", found: []string{"AGPL-3.0"}, known: true}}}
	if err := refused([]part{strong}); err == nil || !strings.Contains(err.Error(), "LICENSE is of AGPL-3.0") {
		t.Errorf("AGPL-3.0: %v", err)
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	a := part{kind: "golang", name: "a", version: "v1", source: "https://a", texts: []text{{name: "LICENSE", raw: []byte(mit), found: []string{"MIT"}, known: true}}}
	b := a
	b.name, b.source = "b", "https://b"
	var out bytes.Buffer
	notices([]part{a, b}, &out)
	for want, times := range map[string]int{"Permission is hereby granted": 1, "a v1 (LICENSE)\nb v1 (LICENSE)\n": 1, "MIT    https://b": 1} {
		if n := strings.Count(out.String(), want); n != times {
			t.Errorf("%q stands %d times in\n%s", want, n, &out)
		}
	}
}

func TestChangelog(t *testing.T) {
	t.Parallel()
	good := "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- a\n  more\n\n## [0.2.0] - 2026-02-01\n\n### Fixed\n\n- b\n\n## [0.1.0] - 2026-01-01\n\n### Security\n\n- c\n"
	for name, c := range map[string]struct{ text, version, want string }{
		"good":               {good, "", ""},
		"with its version":   {good, "v0.2.0", ""},
		"without it":         {good, "0.3.0", "## [0.3.0] - "},
		"no title":           {"## [Unreleased]\n", "", ":1: it begins"},
		"nothing":            {"# Changelog\n", "", "no version"},
		"no brackets":        {strings.Replace(good, "[0.2.0]", "0.2.0", 1), "", ":10: write"},
		"no day":             {strings.Replace(good, " - 2026-02-01", "", 1), "", ":10: a version has"},
		"no such day":        {strings.Replace(good, "2026-02-01", "2026-02-31", 1), "", ":10: a version has"},
		"out of order":       {strings.Replace(good, "2026-01-01", "2026-03-01", 1), "", "younger"},
		"unreleased later":   {strings.Replace(good, "0.1.0] - 2026-01-01", "Unreleased]", 1), "", "stands first"},
		"another kind":       {strings.Replace(good, "Fixed", "Mended", 1), "", `"Mended" is none of`},
		"nothing below":      {strings.Replace(good, "- b\n", "", 1), "", ":12: nothing"},
		"nothing at its end": {strings.Replace(good, "- c\n", "", 1), "", ":18: nothing"},
		"below nothing":      {strings.Replace(good, "### Fixed\n", "", 1), "", "stands below none"},
	} {
		switch err := changelog(c.text, c.version); {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	raw, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	if err := changelog(string(raw), ""); err != nil {
		t.Error(err)
	}
}

// archive packs this very test, which is a Go program, as a .tar.gz.
func archive(t *testing.T) []byte {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, content := range map[string][]byte{"spinbot_1/bin/spinbot": raw, "spinbot_1/scripts/setup": []byte("#!/bin/sh\n")} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// deb wraps data as a Debian package does.
func deb(data []byte) []byte {
	b := bytes.NewBufferString("!<arch>\n")
	for _, m := range []struct {
		name string
		raw  []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar.gz", []byte("odd")}, {"data.tar.gz", data}} {
		fmt.Fprintf(b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, 0, 0, 0, "100644", len(m.raw))
		b.Write(m.raw)
		if len(m.raw)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

func TestSBOM(t *testing.T) {
	t.Parallel()
	info, ok := debug.ReadBuildInfo()
	if !ok {
		t.Fatal("this test does not know what it is made of")
	}
	parts := []part{{kind: "golang", name: "std", version: strings.TrimPrefix(info.GoVersion, "go"), texts: []text{{found: []string{"BSD-3-Clause"}}}},
		{kind: "npm", name: "@x/y", version: "1.0.0", declared: "MIT", integrity: "sha512-AAAA"}}
	for _, m := range info.Deps {
		parts = append(parts, part{kind: "golang", name: m.Path, version: m.Version, texts: []text{{found: []string{"Apache-2.0"}}}})
	}
	data := archive(t)
	for name, raw := range map[string][]byte{"x.tar.gz": data, "x.deb": deb(data)} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		var out, again bytes.Buffer
		if err := sbom("1.0.0", file, parts, &out); err != nil {
			t.Fatal(err)
		}
		var bom cdx.BOM
		if err := json.Unmarshal(out.Bytes(), &bom); err != nil {
			t.Fatal(err)
		}
		spinbot := slices.IndexFunc(*bom.Dependencies, func(d cdx.Dependency) bool { return d.Ref == "file:spinbot_1/bin/spinbot" })
		if spinbot < 0 {
			t.Fatalf("the program is not in\n%s", &out)
		}
		needs := *(*bom.Dependencies)[spinbot].Dependencies
		for _, want := range []string{"pkg:golang/github.com/CycloneDX/cyclonedx-go@", "pkg:golang/std@", "pkg:npm/%40x/y@1.0.0"} {
			if !slices.ContainsFunc(needs, func(s string) bool { return strings.HasPrefix(s, want) }) {
				t.Errorf("%s: the program does not need %s: %q", name, want, needs)
			}
		}
		if len(*bom.Components) != len(parts)+1 {
			t.Errorf("%s: %d components of %d parts and a program", name, len(*bom.Components), len(parts))
		}
		if err := sbom("1.0.0", file, parts, &again); err != nil || again.String() != out.String() {
			t.Errorf("%s: made again it is another one (%v)", name, err)
		}
		if err := sbom("1.0.0", file, parts[:2], &out); err == nil || !strings.Contains(err.Error(), "whose licence was not looked at") {
			t.Errorf("%s: a module that nobody knows: %v", name, err)
		}
		if err := os.WriteFile(file, raw[:len(raw)/2], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := sbom("1.0.0", file, parts, &out); err == nil {
			t.Errorf("%s: half of it is taken", name)
		}
	}
}
