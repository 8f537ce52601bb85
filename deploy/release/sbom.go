package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

const ours = "github.com/myspinbot/spinbot/"

// program is a Go program within an archive.
type program struct {
	name, sum string
	modules   []*debug.Module
}

// sbom writes what an archive, or a Debian package, is made of: each program with the modules that are linked into it, and what
// is embedded in spinbot. The same archive gives the same bytes.
func sbom(version, archive string, parts []part, w io.Writer) error {
	raw, err := os.ReadFile(archive)
	if err != nil {
		return err
	}
	programs, err := programsOf(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", archive, err)
	}
	sum := sha256.Sum256(raw)
	whole := cdx.Component{BOMRef: "archive", Type: cdx.ComponentTypeApplication, Name: filepath.Base(archive), Version: version,
		Hashes: sha256Of(hex.EncodeToString(sum[:])), Licenses: licensed("Apache-2.0")}
	bom := cdx.NewBOM()
	bom.SerialNumber = serial(sum)
	bom.Metadata = &cdx.Metadata{Component: &whole}
	b := builder{known: map[string]part{}, placed: map[string]bool{}, embedded: []string{}}
	for _, p := range parts {
		b.known[p.kind+" "+p.name+" "+p.version] = p
		if p.kind == "npm" {
			b.embedded = append(b.embedded, b.place(p, ""))
		}
	}
	contains := []string{}
	for _, p := range programs {
		ref, err := b.program(p, version)
		if err != nil {
			return fmt.Errorf("%s: %w", archive, err)
		}
		contains = append(contains, ref)
	}
	b.needs = append(b.needs, cdx.Dependency{Ref: "archive", Dependencies: &contains})
	slices.SortFunc(b.components, func(x, y cdx.Component) int { return cmp.Compare(x.BOMRef, y.BOMRef) })
	slices.SortFunc(b.needs, func(x, y cdx.Dependency) int { return cmp.Compare(x.Ref, y.Ref) })
	bom.Components, bom.Dependencies = &b.components, &b.needs
	return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6)
}

type builder struct {
	known      map[string]part
	placed     map[string]bool
	embedded   []string // what of the parts is within spinbot besides what is linked
	components []cdx.Component
	needs      []cdx.Dependency
}

// program adds one with what it is linked of. A module that nobody looked at the licence of is an error.
func (b *builder) program(p program, version string) (string, error) {
	needs := []string{}
	for _, m := range p.modules {
		part, ok := b.known["golang "+m.Path+" "+m.Version]
		if !ok {
			return "", fmt.Errorf("%s is linked with %s %s, whose licence was not looked at: what make licences lists is not what was built", p.name, m.Path, m.Version)
		}
		needs = append(needs, b.place(part, m.Sum))
	}
	if filepath.Base(p.name) == "spinbot" {
		needs = append(needs, b.embedded...)
	}
	slices.Sort(needs)
	ref := "file:" + p.name
	b.components = append(b.components, cdx.Component{BOMRef: ref, Type: cdx.ComponentTypeApplication, Name: p.name, Version: version, Hashes: sha256Of(p.sum), Licenses: licensed("Apache-2.0")})
	b.needs = append(b.needs, cdx.Dependency{Ref: ref, Dependencies: &needs})
	return ref, nil
}

// place adds a part once, and gives what it is called.
func (b *builder) place(p part, sum string) string {
	at := "pkg:" + p.kind + "/" + strings.ReplaceAll(p.name, "@", "%40") + "@" + strings.ReplaceAll(p.version, "+", "%2B")
	if b.placed[at] {
		return at
	}
	b.placed[at] = true
	c := cdx.Component{BOMRef: at, Type: cdx.ComponentTypeLibrary, Name: p.name, Version: p.version, PackageURL: at, Licenses: licensed(p.licence()),
		ExternalReferences: &[]cdx.ExternalReference{{Type: cdx.ERTypeVCS, URL: p.source}}}
	for prefix, algorithm := range map[string]cdx.HashAlgorithm{"h1:": cdx.HashAlgoSHA256, "sha512-": cdx.HashAlgoSHA512} {
		if value, ok := strings.CutPrefix(cmp.Or(sum, p.integrity), prefix); ok {
			if raw, err := base64.StdEncoding.DecodeString(value); err == nil {
				c.Hashes = &[]cdx.Hash{{Algorithm: algorithm, Value: hex.EncodeToString(raw)}}
			}
		}
	}
	b.components = append(b.components, c)
	return at
}

func sha256Of(sum string) *[]cdx.Hash {
	return &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sum}}
}

func licensed(expression string) *cdx.Licenses {
	return &cdx.Licenses{{Expression: expression}}
}

// serial makes a UUID (version 8: ours to define) of a checksum.
func serial(sum [32]byte) string {
	u := sum[:16]
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// programsOf gives the Go programs of a .tar.gz, or of the data of a .deb.
func programsOf(raw []byte) ([]program, error) {
	if data, ok := bytes.CutPrefix(raw, []byte("!<arch>\n")); ok {
		var err error
		if raw, err = member(data, "data.tar.gz"); err != nil {
			return nil, err
		}
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	var out []program
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag != tar.TypeReg || h.Mode&0o111 == 0 {
			continue
		}
		file, err := io.ReadAll(t)
		if err != nil {
			return nil, err
		}
		if p, ok := programOf(strings.TrimPrefix(h.Name, "./"), file); ok {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no Go program is in it")
	}
	return out, nil
}

// programOf reads what a program was built of; scripts are none.
func programOf(name string, raw []byte) (program, bool) {
	info, err := buildinfo.Read(bytes.NewReader(raw))
	if err != nil {
		return program{}, false
	}
	sum := sha256.Sum256(raw)
	p := program{name: name, sum: hex.EncodeToString(sum[:]), modules: []*debug.Module{{Path: "std", Version: strings.TrimPrefix(strings.Fields(info.GoVersion)[0], "go")}}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		if !strings.HasPrefix(m.Path, ours) && m.Version != "" && m.Version != "(devel)" {
			p.modules = append(p.modules, m)
		}
	}
	return p, true
}

// member gives a file of an ar archive.
func member(data []byte, name string) ([]byte, error) {
	for len(data) >= 60 {
		size, err := strconv.Atoi(strings.TrimSpace(string(data[48:58])))
		if err != nil || size < 0 || 60+size > len(data) {
			break
		}
		if strings.TrimRight(string(data[:16]), " /") == name {
			return data[60 : 60+size], nil
		}
		data = data[min(60+size+size%2, len(data)):]
	}
	return nil, fmt.Errorf("%s is not in it", name)
}
