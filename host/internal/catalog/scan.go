package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// candidate is a plugin's folder or a module before anything is decided about it.
type candidate struct {
	name, version string
	kind          Kind
	path          string
	linked        Linked // of a module in this binary
	folder        string // of a plugin
	dir           string // the plugin folder's parent, whose bundled trust file may vouch for it
	bad           string // why it cannot even be judged
}

// look lists what lies in the folders, and a stamp that changes whenever any of it does. It reads no file whose stat
// is as before.
func (c *Catalog) look() (found []candidate, stamp string) {
	var b strings.Builder
	mark := func(path string) bool {
		info, err := os.Stat(path)
		fmt.Fprintf(&b, "%s\x00%s\x00", path, stampOf(info))
		return err == nil
	}
	for name, linked := range c.cfg.BuiltIn {
		found = append(found, candidate{name: name, kind: Module, path: BuiltIn, linked: linked})
	}
	slices.SortFunc(found, func(a, b candidate) int { return strings.Compare(a.name, b.name) })
	mark(c.cfg.TrustFile)
	seen := map[string]bool{}
	for _, dir := range c.cfg.PluginDirs {
		mark(filepath.Join(dir, TrustFile))
		for _, entry := range list(dir) {
			head := filepath.Join(dir, entry.Name(), "plugin.hcl")
			if seen[head] {
				continue
			}
			seen[head] = true
			if info, err := os.Stat(head); err == nil {
				fmt.Fprintf(&b, "%s\x00%s\x00", head, stampOf(info))
				p := c.readHeader(head, info)
				p.dir = dir
				if p.bad == "" {
					mark(p.path)
				}
				found = append(found, p)
			}
		}
	}
	for _, dir := range c.cfg.ControlDirs {
		for _, entry := range list(dir) {
			name, isModule := strings.CutSuffix(entry.Name(), ".wasm")
			path := filepath.Join(dir, entry.Name())
			if !isModule || seen[path] {
				continue
			}
			seen[path] = true
			if mark(path) {
				found = append(found, candidate{name: name, kind: Module, path: path})
			}
		}
	}
	return found, b.String()
}

// list gives a folder's entries; one that is missing or unreadable has none.
func list(dir string) []fs.DirEntry {
	entries, _ := os.ReadDir(dir)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") })
}

// stampOf tells two states of a file apart, as well as a stat can; the executors compare checksums again.
func stampOf(info fs.FileInfo) string {
	if info == nil {
		return "-"
	}
	return fmt.Sprint(info.Size(), " ", info.ModTime().UnixNano(), " ", info.Mode())
}

type sum struct{ stamp, digest string }

// digest gives the SHA-256 of a file in hexadecimal; one that did not change is not read again.
func (c *Catalog) digest(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is not a file")
	}
	stamp := stampOf(info)
	if s, ok := c.sums[path]; ok && s.stamp == stamp {
		return s.digest, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	d := hex.EncodeToString(h.Sum(nil))
	c.sums[path] = sum{stamp, d}
	return d, nil
}

// judge says whether the candidate may be used, as far as that is known without asking it.
func (c *Catalog) judge(f candidate, t trust) Entry {
	e := Entry{Name: f.name, Version: f.version, Kind: f.kind, Path: f.path, Folder: f.folder, Code: f.linked.Code, State: Ready}
	if f.bad != "" {
		e.State, e.Reason = Broken, f.bad
		return e
	}
	if f.linked.Code != nil {
		e.SHA256 = f.linked.SHA256
		return e
	}
	digest, err := c.digest(f.path)
	if err != nil {
		e.State, e.Reason = Broken, fmt.Sprintf("%s cannot be read: %v", f.path, err)
		if errors.Is(err, fs.ErrNotExist) {
			e.Reason = fmt.Sprintf("its program %s is missing; install the plugin again", f.path)
		}
		return e
	}
	e.SHA256 = digest
	switch t.verdict(f, digest) {
	case trusted:
	case altered:
		e.State, e.Reason = Refused, fmt.Sprintf("it was altered since it was accepted (its checksum is now %.12s…); if you made this change: spinbot plugins trust %s", digest, e.Name)
	default:
		e.State, e.Reason = Refused, "this machine has not accepted it; if you know where it comes from: spinbot plugins trust "+e.Name
	}
	if why := c.failures[digest]; why != "" && e.State == Ready {
		e.State, e.Reason = Broken, why
	}
	return e
}
