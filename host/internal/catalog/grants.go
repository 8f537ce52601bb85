package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/myspinbot/spinbot/host/internal/grant"
	"github.com/myspinbot/spinbot/sdk"
)

// grantBlock is what a node type was given, in the trust file:
//
//	grant "control.http" {
//	  http {
//	    hosts   = ["api.example.com", "*.example.org:8443"]
//	    methods = ["GET", "HEAD"]
//	  }
//	  secret {
//	    names = ["openai"]
//	  }
//	  kv {
//	    max = "64KiB"
//	  }
//	}
type grantBlock struct {
	NodeType string       `hcl:"node_type,label"`
	HTTP     *httpBlock   `hcl:"http,block"`
	Secret   *secretBlock `hcl:"secret,block"`
	KV       *kvBlock     `hcl:"kv,block"`
}

type httpBlock struct {
	Hosts       []string `hcl:"hosts"`
	Methods     []string `hcl:"methods,optional"`
	MaxRequest  string   `hcl:"max_request,optional"`
	MaxResponse string   `hcl:"max_response,optional"`
	Timeout     string   `hcl:"timeout,optional"`
	Private     bool     `hcl:"private,optional"`
}

type secretBlock struct {
	Names []string `hcl:"names"`
}

type kvBlock struct {
	Max string `hcl:"max,optional"`
}

// grants reads what node types were given.
func (f trustFile) grants() (map[string]grant.Set, error) {
	out := map[string]grant.Set{}
	var errs []error
	for _, b := range f.Grants {
		s, err := b.set()
		if err == nil {
			err = s.Check()
		}
		if _, twice := out[b.NodeType]; twice {
			err = errors.Join(err, errors.New("it stands there twice; put both into one block"))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("grant %q: %w", b.NodeType, err))
		}
		out[b.NodeType] = s
	}
	return out, errors.Join(errs...)
}

func (b grantBlock) set() (s grant.Set, err error) {
	var errs []error
	size := func(text, name string) (n int64) {
		if text != "" {
			if n, err = sdk.ParseBytes(text); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
		return n
	}
	if h := b.HTTP; h != nil {
		s.HTTP = &grant.Web{Hosts: h.Hosts, Methods: h.Methods, MaxRequest: size(h.MaxRequest, "max_request"), MaxResponse: size(h.MaxResponse, "max_response"), Private: h.Private}
		if h.Timeout != "" {
			if s.HTTP.Timeout, err = sdk.ParseDuration(h.Timeout); err != nil {
				errs = append(errs, fmt.Errorf("timeout: %w", err))
			}
		}
	}
	if b.Secret != nil {
		s.Secret = &grant.Secrets{Names: b.Secret.Names}
	}
	if b.KV != nil {
		s.KV = &grant.Store{Max: size(b.KV.Max, "max")}
	}
	return s, errors.Join(errs...)
}

// ChangeGrants changes what a node type was given, in a trust file that need not exist. The rest of the file, comments
// too, stays as it is. It gives what the node type has now.
func ChangeGrants(path, nodeType string, change func(s *grant.Set)) (grant.Set, error) {
	var old trustFile
	if err := decode(path, &old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return grant.Set{}, fmt.Errorf("the trust file: %w", err)
	}
	all, err := old.grants()
	if err != nil {
		return grant.Set{}, fmt.Errorf("the trust file %s: %w", path, err)
	}
	s := all[nodeType]
	change(&s)
	if err := s.Check(); err != nil {
		return grant.Set{}, err
	}
	text := ""
	if !s.Empty() {
		text = grantText(nodeType, s)
	}
	return s, editTrust(path, text, func(b *hclwrite.Block) bool {
		return b.Type() == "grant" && slices.Equal(b.Labels(), []string{nodeType})
	})
}

func grantText(nodeType string, s grant.Set) string {
	var b strings.Builder
	fmt.Fprintf(&b, "grant %q {\n", nodeType)
	if h := s.HTTP; h != nil {
		fmt.Fprintf(&b, "http {\nhosts = %s\n", listText(h.Hosts))
		if len(h.Methods) > 0 {
			fmt.Fprintf(&b, "methods = %s\n", listText(h.Methods))
		}
		sizeLine(&b, "max_request", h.MaxRequest)
		sizeLine(&b, "max_response", h.MaxResponse)
		if h.Timeout > 0 {
			fmt.Fprintf(&b, "timeout = %q\n", shortDuration(h.Timeout))
		}
		if h.Private {
			b.WriteString("private = true\n")
		}
		b.WriteString("}\n")
	}
	if s.Secret != nil {
		fmt.Fprintf(&b, "secret {\nnames = %s\n}\n", listText(s.Secret.Names))
	}
	if s.KV != nil {
		b.WriteString("kv {\n")
		sizeLine(&b, "max", s.KV.Max)
		b.WriteString("}\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// sizeLine writes bytes so that they are read back exactly.
func sizeLine(b *strings.Builder, name string, n int64) {
	if n == 0 {
		return
	}
	text := strings.ReplaceAll(sdk.FormatSize(n), " ", "")
	if back, err := sdk.ParseBytes(text); err != nil || back != n {
		text = fmt.Sprint(n)
	}
	fmt.Fprintf(b, "%s = %q\n", name, text)
}

func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func listText(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// editTrust removes blocks from a trust file, which need not exist, and appends text.
func editTrust(path, text string, remove func(*hclwrite.Block) bool) error {
	src, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		src, err = []byte("# What this machine may run, by checksum: spinbot plugins trust NAME; and what it lets control nodes do beyond\n"+
			"# computing: spinbot plugins grant NODE_TYPE\n"), nil
	}
	if err != nil {
		return fmt.Errorf("the trust file: %w", err)
	}
	file, diags := hclwrite.ParseConfig(src, path, hcl.InitialPos)
	if diags.HasErrors() {
		return fmt.Errorf("the trust file: %w", &fileError{diags})
	}
	body := file.Body()
	for _, b := range body.Blocks() {
		if remove(b) {
			body.RemoveBlock(b)
		}
	}
	out := strings.TrimRight(string(file.Bytes()), "\n") + "\n"
	if text != "" {
		out += "\n" + text
	}
	return replaceFile(path, hclwrite.Format([]byte(out)))
}

// Granted gives what this machine gave a node type, as of the view, whether it asks for it or not.
func (v *View) Granted(nodeType string) grant.Set { return v.grants[nodeType] }

// Granted gives what this machine grants a node type now. Unlike a View it looks at nothing but the trust file, so a task
// may ask while others wait for it.
func (c *Catalog) Granted(nodeType string) (grant.Set, error) {
	c.granting.Lock()
	defer c.granting.Unlock()
	info, err := os.Stat(c.cfg.TrustFile)
	if errors.Is(err, fs.ErrNotExist) {
		return grant.Set{}, nil
	}
	if stamp := stampOf(info); err != nil || stamp != c.grantStamp || c.granted == nil {
		var f trustFile
		if err := decode(c.cfg.TrustFile, &f); err != nil {
			return grant.Set{}, fmt.Errorf("the trust file: %w", err)
		}
		granted, err := f.grants()
		if err != nil {
			return grant.Set{}, fmt.Errorf("the trust file %s: %w", c.cfg.TrustFile, err)
		}
		c.granted, c.grantStamp = granted, stamp
	}
	return c.granted[nodeType], nil
}

// Undeclared gives the host functions that a module imports although none of its node types declares them.
func (e Entry) Undeclared() []string {
	var out []string
	for _, name := range e.Imports {
		declares := func(t sdk.NodeType) bool { return slices.Contains(t.Grants, name) }
		if !slices.ContainsFunc(e.Manifest.NodeTypes, declares) {
			out = append(out, name)
		}
	}
	return out
}
