package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// part is something of others that is in what we give away.
type part struct {
	kind          string // golang or npm, as package URLs say it
	name, version string
	source        string // where its source is
	integrity     string // of an npm package: what the lock says of its archive
	declared      string // the licence that an npm package says it has
	texts         []text
}

// text is a file with a licence or a notice in it.
type text struct {
	name  string
	raw   []byte
	found []string // SPDX identifiers of the licences in it; of a notice none are looked for
	known bool     // the identifiers cover the text
}

// platforms are those that are released, and that of the control nodes within each.
var platforms = [][3]string{{"linux", "amd64", "1"}, {"linux", "arm64", "1"}, {"darwin", "arm64", "0"}, {"wasip1", "wasm", "0"}}

// left is what builds the web interface and leaves something of itself in it: the base of its styles, what loads its parts.
var left = []string{"node_modules/tailwindcss", "node_modules/vite", "node_modules/rolldown"}

func repository() (string, error) {
	out, err := command("", nil, "go", "env", "GOWORK")
	work := strings.TrimSpace(string(out))
	if err == nil && (work == "" || work == "off") {
		out, err = command("", nil, "git", "rev-parse", "--show-toplevel")
		return strings.TrimSpace(string(out)), err
	}
	return filepath.Dir(work), err
}

// shipped gives every part of every release, in order, with its licences.
func shipped(root string) ([]part, error) {
	golang, err := goParts(root)
	if err != nil {
		return nil, err
	}
	npm, err := npmParts(root + "/ui")
	if err != nil {
		return nil, err
	}
	parts := append(golang, npm...)
	slices.SortFunc(parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name), cmp.Compare(a.version, b.version))
	})
	return parts, nil
}

type goPackage struct {
	Dir      string
	Standard bool
	Module   *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// goParts gives the modules that packages of ours are built of, on any platform, and Go itself.
func goParts(root string) ([]part, error) {
	plugins, err := filepath.Glob(root + "/plugins/*/main.go")
	if err != nil || len(plugins) == 0 {
		return nil, errors.Join(err, errors.New("there are no plugins: is this the repository?"))
	}
	mains := []string{"./host/cmd/spinbot"}
	for _, p := range plugins {
		mains = append(mains, "./plugins/"+filepath.Base(filepath.Dir(p)))
	}
	byName := map[string]*part{}
	for _, p := range platforms {
		what := mains
		if p[0] == "wasip1" {
			what = []string{"./host/control"}
		}
		raw, err := command(root, []string{"GOOS=" + p[0], "GOARCH=" + p[1], "CGO_ENABLED=" + p[2], "GOFLAGS="}, "go",
			append([]string{"list", "-deps", "-json=Dir,Standard,Module"}, what...)...)
		if err != nil {
			return nil, err
		}
		if err := addPackages(byName, raw); err != nil {
			return nil, err
		}
	}
	var parts []part
	for _, p := range byName {
		parts = append(parts, *p)
	}
	std, err := goItself(root)
	return append(parts, std), err
}

// addPackages adds the modules of packages that go list has told, and the licences on the way from each package up to its module.
func addPackages(byName map[string]*part, raw []byte) error {
	for d := json.NewDecoder(bytes.NewReader(raw)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("what go list says: %w", err)
		}
		m := p.Module
		if p.Standard || m == nil || m.Main || m.Version == "" {
			continue
		}
		key := m.Path + "@" + m.Version
		if byName[key] == nil {
			byName[key] = &part{kind: "golang", name: m.Path, version: m.Version, source: "https://" + major.ReplaceAllString(m.Path, "")}
		}
		for dir := p.Dir; strings.HasPrefix(dir, m.Dir); dir = filepath.Dir(dir) {
			if err := byName[key].read(m.Dir, dir); err != nil {
				return err
			}
		}
	}
}

func goItself(root string) (part, error) {
	out, err := command(root, nil, "go", "env", "GOROOT", "GOVERSION")
	if err != nil {
		return part{}, err
	}
	dir, version, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	std := part{kind: "golang", name: "std", version: strings.TrimPrefix(version, "go"), source: "https://go.dev"}
	return std, std.read(dir, dir)
}

// npmParts gives the packages that the web interface is made of.
func npmParts(ui string) ([]part, error) {
	raw, err := os.ReadFile(ui + "/package-lock.json")
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]struct {
			Version, License, Integrity string
			Dev, DevOptional            bool
		}
	}
	if err := json.Unmarshal(raw, &lock); err != nil {
		return nil, fmt.Errorf("%s/package-lock.json: %w", ui, err)
	}
	var parts []part
	for key, p := range lock.Packages {
		if key == "" || (p.Dev || p.DevOptional) && !slices.Contains(left, key) {
			continue
		}
		_, name, _ := cutLast(key, "node_modules/")
		one := part{kind: "npm", name: name, version: p.Version, declared: p.License, integrity: p.Integrity}
		dir := filepath.Join(ui, key)
		if one.source, err = npmSource(dir); err != nil {
			return nil, fmt.Errorf("%s: %w; make ui installs it", key, err)
		}
		if err := one.read(dir, dir); err != nil {
			return nil, err
		}
		parts = append(parts, one)
	}
	return parts, nil
}

// npmSource gives the repository that a package names, or its home.
func npmSource(dir string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil {
		return "", err
	}
	var p struct {
		Homepage   string
		Repository json.RawMessage
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return "", err
	}
	var short string
	var long struct{ URL string }
	if json.Unmarshal(p.Repository, &short) != nil {
		_ = json.Unmarshal(p.Repository, &long) // neither: it names none
	}
	at := strings.TrimSuffix(strings.TrimPrefix(cmp.Or(short, long.URL, p.Homepage), "git+"), ".git")
	at = strings.Replace(strings.TrimPrefix(at, "github:"), "git://", "https://", 1)
	if at != "" && !strings.Contains(at, ":") {
		at = "https://github.com/" + at
	}
	return at, nil
}

var (
	legal  = regexp.MustCompile(`(?i)^(licen[cs]es?|copying|unlicense|notice|patents)([-._].*)?$`)
	notice = regexp.MustCompile(`(?i)^(notice|patents)`)
	major  = regexp.MustCompile(`/v[0-9]+$`) // of a module, which is no folder of its repository
)

// read adds the texts of a folder that were not read before.
func (p *part) read(top, dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(dir, f.Name())
		if f.IsDir() || !legal.MatchString(f.Name()) || slices.Contains([]string{".go", ".js", ".ts", ".json"}, filepath.Ext(f.Name())) {
			continue
		}
		name, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(p.texts, func(t text) bool { return t.name == name }) {
			continue
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		t := text{name: name, raw: bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))}
		if !notice.MatchString(f.Name()) {
			t.found, t.known = looked[p.name+" "+name]
			if !t.known {
				t.found, t.known = classify(t.raw)
			}
		}
		p.texts = append(p.texts, t)
	}
	slices.SortFunc(p.texts, func(a, b text) int { return cmp.Compare(a.name, b.name) })
	return nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	at := strings.LastIndex(s, sep)
	if at < 0 {
		return "", s, false
	}
	return s[:at], s[at+len(sep):], true
}

// command runs a program in a folder, with more in its environment, and gives what it writes.
func command(dir string, env []string, name string, args ...string) ([]byte, error) {
	c := exec.Command(name, args...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	if dir != "" {
		c.Env = append(c.Env, "GOWORK=")
	}
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", c, err, bytes.TrimSpace(errs.Bytes()))
	}
	return out, nil
}
