// Package catalog knows which plugins and WASM modules this machine has, which of them it may run, which node types
// they offer, and what this machine grants those. What is dropped into one of its folders is found at the next look: a look costs a few stats, so
// there is no watcher that could miss something. Nothing is started, not even to be described, before this
// machine's trust file lists its checksum; the executors verify that checksum once more before they start it.
//
// It knows neither executors nor pipelines: it is told how to describe an entry, and a View serves as the node types
// of a pipeline.
package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/myspinbot/spinbot/host/internal/grant"
	"github.com/myspinbot/spinbot/sdk"
)

// Kind is how an entry is carried out.
type Kind string

// The kinds of entries.
const (
	Plugin Kind = "plugin" // a folder with plugin.hcl and a program
	Module Kind = "module" // a .wasm file, or one linked into this binary
	Own    Kind = "host"   // node types that the host carries out itself, with what only it has
)

// State says whether an entry can be used.
type State string

// The states of an entry; Entry.Reason explains all but Ready.
const (
	Ready   State = "ready"
	Refused State = "refused" // not listed in the trust file, or altered since
	Broken  State = "broken"  // listed, but cannot be used
)

// Entry is one plugin or module.
type Entry struct {
	Name, Version string
	Kind          Kind
	// Path of the program or module; BuiltIn for what is part of this binary.
	Path string
	// Folder of a plugin of this machine: where its plugin.hcl lies.
	Folder string
	SHA256 string // 64 hexadecimal digits; empty when there is nothing to read
	State  State
	// Reason says why it is not ready, and what to do.
	Reason string
	// Manifest is set when the entry is ready.
	Manifest sdk.Manifest
	// Imports are the host functions that a ready module imports and a person has to grant: "http", "kv".
	Imports []string
	// Code gives that of a module which is linked into this binary; nil: Path does.
	Code func() []byte
	// Agents are the names of the machines that have a plugin which this one has not.
	Agents []string
}

// BuiltIn is the path of what is part of this binary.
const BuiltIn = "(built in)"

// Config says where to look and whom to ask.
type Config struct {
	// PluginDirs hold folders with a plugin.hcl, ControlDirs .wasm files; one that does not exist is empty.
	// An earlier folder's entry hides a later one of the same name.
	PluginDirs, ControlDirs []string
	// BuiltIn are modules linked into this binary, by name. They need no trust.
	BuiltIn map[string]Linked
	// Own are the node types of the host itself, which need no trust either; nil: there are none. A plugin of that name is hidden.
	Own *sdk.Manifest
	// TrustFile lists what this machine may run. It need not exist.
	TrustFile string
	// BundledTrust is the SHA-256 of the trust file that came with this binary: a file of that content in a plugin
	// folder is believed for the plugins of that folder. Empty: none.
	BundledTrust string
	// CacheDir keeps manifests by checksum, so that listing node types starts no plugin; empty: none are kept.
	CacheDir string
	// Elsewhere gives the plugins of other machines, and a text that changes with them; nil: there are none. One that this
	// machine has, too, goes by what it is here.
	Elsewhere func() (entries []Entry, stamp string)
	// Settings gives the names of what a plugin is told on the machines that have it; nil: nobody knows.
	Settings func(plugin string) []string
	// Describe asks a trusted entry what it is.
	Describe func(ctx context.Context, e Entry) (Description, error)
}

// Linked is a module that is linked into this binary. Its code takes no memory until somebody asks for it.
type Linked struct {
	SHA256 string
	Code   func() []byte
	// Description is a Description as JSON; nil: the module is asked.
	Description []byte
}

// Description is what a plugin or module says of itself, and what is seen of it.
type Description struct {
	Manifest sdk.Manifest `json:"manifest"`
	// Imports: see Entry.
	Imports []string `json:"imports,omitempty"`
}

// Catalog finds plugins and modules. It is safe for concurrent use.
type Catalog struct {
	cfg Config

	last atomic.Pointer[View]

	mu        sync.Mutex
	stamp     string // of the files behind the last view
	manifests map[string]Description
	failures  map[string]string // why an entry could not be described, by checksum
	sums      map[string]sum    // by path
	headers   map[string]header // by path of plugin.hcl

	granting   sync.Mutex
	granted    map[string]grant.Set // as of grantStamp; nil: not read yet
	grantStamp string
}

// New makes a catalog; it looks at nothing yet.
func New(cfg Config) *Catalog {
	return &Catalog{cfg: cfg, manifests: map[string]Description{}, failures: map[string]string{},
		sums: map[string]sum{}, headers: map[string]header{}}
}

// View gives what there is now. It fails only when the trust file cannot be read.
func (c *Catalog) View(ctx context.Context) (*View, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, stamp := c.look()
	var elsewhere []Entry
	if c.cfg.Elsewhere != nil {
		var more string
		elsewhere, more = c.cfg.Elsewhere()
		stamp += more
	}
	if v := c.last.Load(); v != nil && stamp == c.stamp {
		return v, nil
	}
	trust, err := c.readTrust()
	if err != nil {
		return nil, err
	}
	var entries []Entry
	if m := c.cfg.Own; m != nil {
		entries = append(entries, Entry{Name: m.Name, Version: m.Version, Kind: Own, Path: BuiltIn, State: Ready, Manifest: *m})
	}
	var describing sync.WaitGroup
	for _, f := range found {
		entries = append(entries, c.judge(f, trust))
	}
	hideSecond(entries)
	for i := range entries {
		if e := &entries[i]; e.State == Ready && e.Kind != Own && !c.recall(e) {
			describing.Go(func() { c.describe(ctx, e) })
		}
	}
	describing.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, e := range entries {
		switch e.State {
		case Ready: // under no checksum: what is the host's own, which is never looked up
			c.manifests[e.SHA256] = Description{e.Manifest, e.Imports}
		case Broken:
			if e.SHA256 != "" {
				c.failures[e.SHA256] = e.Reason
			}
		case Refused:
		}
	}
	for _, e := range elsewhere {
		if !slices.ContainsFunc(entries, func(x Entry) bool { return x.Name == e.Name && x.State == Ready }) {
			entries = append(entries, e)
		}
	}
	v := newView(entries, trust.grants)
	v.settings = c.cfg.Settings
	c.last.Store(v)
	c.stamp = stamp
	return v, nil
}

// Last gives the newest view without looking again; it looks when nobody has yet.
func (c *Catalog) Last(ctx context.Context) (*View, error) {
	if v := c.last.Load(); v != nil {
		return v, nil
	}
	return c.View(ctx)
}

// hideSecond breaks entries whose name an earlier one has.
func hideSecond(entries []Entry) {
	first := map[string]string{}
	for i := range entries {
		e := &entries[i]
		if path, taken := first[e.Name]; taken {
			e.State, e.Reason = Broken, fmt.Sprintf("%s comes first under the same name; remove one of them", path)
			e.SHA256 = ""
			continue
		}
		first[e.Name] = e.Path
	}
}

// describe asks the entry what it offers, and breaks it when that is not to be had. Several run at once.
func (c *Catalog) describe(ctx context.Context, e *Entry) {
	d, err := c.cfg.Describe(ctx, *e)
	m := d.Manifest
	if err == nil {
		err = m.Validate()
	}
	if err == nil && m.Name != e.Name {
		where := "name in its plugin.hcl"
		if e.Kind == Module {
			where = "the file's name"
		}
		err = sdk.Refuse(fmt.Sprintf("it calls itself %q, but %s says %q", m.Name, where, e.Name), "let both be the same")
	}
	if err != nil {
		e.State, e.Reason = Broken, reasonOf(err)+"; once that is mended: spinbot plugins trust "+e.Name
		return
	}
	e.Manifest, e.Version, e.Imports = m, m.Version, d.Imports
	c.remember(e)
}

func reasonOf(err error) string {
	var told *sdk.Error
	if errors.As(err, &told) && told.Detail != "" {
		return told.Error() + " (" + strings.TrimSpace(told.Detail) + ")"
	}
	return err.Error()
}

// Accept lets this machine run the named plugin or module as it is now, and describes it anew.
func (c *Catalog) Accept(ctx context.Context, name string) (Entry, error) {
	v, err := c.View(ctx)
	if err != nil {
		return Entry{}, err
	}
	e, ok := v.Entry(name)
	if !ok {
		return Entry{}, &UnknownError{Name: name, Known: v.entryNames(), Dirs: append(slices.Clone(c.cfg.PluginDirs), c.cfg.ControlDirs...)}
	}
	if e.State == Ready {
		return e, nil
	}
	if e.SHA256 == "" {
		return e, fmt.Errorf("%s cannot be accepted: %s", name, e.Reason)
	}
	c.mu.Lock()
	delete(c.failures, e.SHA256)
	c.stamp = ""
	if e.State == Refused {
		err = c.addTrust(e)
	}
	c.mu.Unlock()
	if err != nil {
		return e, err
	}
	if v, err = c.View(ctx); err != nil {
		return e, err
	}
	e, _ = v.Entry(name)
	return e, nil
}

// UnknownError says that there is no plugin or module of that name.
type UnknownError struct {
	Name  string
	Known []string
	Dirs  []string
}

// Error lists what there is, and where a plugin would have to be.
func (e *UnknownError) Error() string {
	known := "there are none"
	if len(e.Known) > 0 {
		known = "known are " + strings.Join(e.Known, ", ")
	}
	return fmt.Sprintf("no plugin or module is called %s; %s; they are looked for in %s", e.Name, known, strings.Join(e.Dirs, ", "))
}

// View is the catalog at one moment. It never changes.
type View struct {
	Entries []Entry
	types   map[string]offer
	names   []string
	grants  map[string]grant.Set // by node type
	// settings: see Config.
	settings func(plugin string) []string
}

type offer struct {
	entry int
	t     sdk.NodeType
}

func newView(entries []Entry, grants map[string]grant.Set) *View {
	v := &View{Entries: entries, types: map[string]offer{}, grants: grants}
	for i, e := range entries {
		for _, t := range e.Manifest.NodeTypes {
			v.types[t.Name] = offer{i, t}
			v.names = append(v.names, t.Name)
		}
	}
	slices.Sort(v.names)
	return v
}

// NodeType finds a node type of a ready entry.
func (v *View) NodeType(name string) (sdk.NodeType, bool) {
	o, ok := v.types[name]
	return o.t, ok
}

// Names lists the node types of ready entries, sorted.
func (v *View) Names() []string { return v.names }

// NodeTypes lists the node types of ready entries, sorted by name.
func (v *View) NodeTypes() []sdk.NodeType {
	out := make([]sdk.NodeType, len(v.names))
	for i, n := range v.names {
		out[i] = v.types[n].t
	}
	return out
}

// Offers gives the ready entry that offers a node type.
func (v *View) Offers(nodeType string) (Entry, bool) {
	o, ok := v.types[nodeType]
	if !ok {
		return Entry{}, false
	}
	return v.Entries[o.entry], true
}

// Unset says why an input of a node type that needs a setting cannot be used; empty: it can, or nobody knows. Of several names of
// settings, with | between them, one will do.
func (v *View) Unset(nodeType, setting string) string {
	e, ok := v.Offers(nodeType)
	if !ok || v.settings == nil {
		return ""
	}
	names, told := strings.Split(setting, "|"), v.settings(e.Name)
	if slices.ContainsFunc(names, func(n string) bool { return slices.Contains(told, n) }) {
		return ""
	}
	where := "this machine"
	if len(e.Agents) > 0 {
		where = strings.Join(e.Agents, ", ")
	}
	return fmt.Sprintf("plugin %s is not told %s on any machine that has it (%s); set %s in its block of spinbot.hcl there, or in that of its engine",
		e.Name, strings.Join(names, " or "), where, names[0])
}

// Entry finds an entry by name.
func (v *View) Entry(name string) (Entry, bool) {
	i := slices.IndexFunc(v.Entries, func(e Entry) bool { return e.Name == name })
	if i < 0 {
		return Entry{}, false
	}
	return v.Entries[i], true
}

// Why says why a node type is not there although its plugin or module is; empty when nothing of that name is.
func (v *View) Why(nodeType string) string {
	owner, _, _ := strings.Cut(nodeType, ".")
	e, ok := v.Entry(owner)
	if !ok || e.State == Ready {
		return ""
	}
	return fmt.Sprintf("the %s %s at %s cannot be used: %s", e.Kind, e.Name, e.Path, e.Reason)
}

func (v *View) entryNames() []string {
	var names []string
	for _, e := range v.Entries {
		if !slices.Contains(names, e.Name) {
			names = append(names, e.Name)
		}
	}
	slices.SortFunc(names, cmp.Compare)
	return names
}
