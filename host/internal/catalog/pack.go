package catalog

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// What a packed plugin may hold.
const (
	MaxPacked = 1 << 30 // bytes of all its files
	maxFiles  = 100_000 // files and folders
)

// Pack writes the folder of a ready plugin as a tar for another machine: plugin.hcl, the program and what lies beside it.
// The same folder gives the same bytes. It fails, after it has written some, when the program is not the one that this
// machine trusts, when there are links or other things that are no files, and when the folder is too large.
func Pack(w io.Writer, e Entry) error {
	p := packer{tar: tar.NewWriter(w), entry: e, program: sha256.New()}
	root, err := filepath.EvalSymlinks(e.Folder)
	if err != nil {
		return fmt.Errorf("pack plugin %s: %w", e.Name, err)
	}
	program, err := filepath.Rel(e.Folder, e.Path)
	if err != nil {
		return fmt.Errorf("pack plugin %s: %w", e.Name, err)
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return p.add(path, filepath.ToSlash(name), d, name == program)
	})
	if err == nil {
		err = p.tar.Close()
	}
	if err != nil {
		return fmt.Errorf("pack plugin %s: %w", e.Name, err)
	}
	if got := hex.EncodeToString(p.program.Sum(nil)); got != e.SHA256 {
		return fmt.Errorf("pack plugin %s: its program was altered: it has the checksum %.12s…, trusted is %.12s…; if you made this change: spinbot plugins trust %s", e.Name, got, e.SHA256, e.Name)
	}
	return nil
}

type packer struct {
	tar     *tar.Writer
	entry   Entry
	program interface {
		io.Writer
		Sum([]byte) []byte
	}
	bounds
}

func (p *packer) add(path, name string, d fs.DirEntry, program bool) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	if d.IsDir() {
		if err := p.count(0); err != nil {
			return err
		}
		return p.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755})
	}
	if d.Type()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%s is a link, and links may lead elsewhere on another machine; put there what it points to", name)
	}
	if !d.Type().IsRegular() {
		return fmt.Errorf("%s is neither a file nor a folder; remove it", name)
	}
	if err := p.count(info.Size()); err != nil {
		return err
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: modeOf(info.Mode()), Size: info.Size()}
	if err := p.tar.WriteHeader(h); err != nil {
		return err
	}
	return p.copy(path, h.Size, program)
}

func (p *packer) copy(path string, size int64, program bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var w io.Writer = p.tar
	if program {
		w = io.MultiWriter(p.tar, p.program)
	}
	_, err = io.CopyN(w, f, size)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s became shorter meanwhile; try again", path)
	}
	return err
}

// modeOf is what counts of a file's mode: whether it is a program.
func modeOf(m fs.FileMode) int64 {
	if m&0o111 != 0 {
		return 0o755
	}
	return 0o644
}

// bounds keeps a packed plugin within what it may hold.
type bounds struct {
	files int
	bytes int64
}

func (b *bounds) count(size int64) error {
	b.files++
	switch {
	case size < 0 || size > MaxPacked-b.bytes:
		return fmt.Errorf("it holds more than %s", sdk.FormatSize(MaxPacked))
	case b.files > maxFiles:
		return fmt.Errorf("it holds more than %d files", maxFiles)
	}
	b.bytes += size
	return nil
}

// Unpack writes what Pack packed, on any machine, into a folder that is there and empty. It believes nothing: what would
// lie outside the folder, is a link, comes twice or is too large is refused.
func Unpack(r io.Reader, folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	var b bounds
	in := tar.NewReader(r)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = b.count(h.Size)
		}
		if err == nil {
			err = unpackOne(root, in, h)
		}
		if err != nil {
			return fmt.Errorf("unpack: %w", err)
		}
	}
}

func unpackOne(root *os.Root, r io.Reader, h *tar.Header) error {
	name := strings.TrimSuffix(h.Name, "/")
	if !fs.ValidPath(name) || name == "." || !filepath.IsLocal(filepath.FromSlash(name)) {
		return fmt.Errorf("%q would not lie in the plugin's folder", h.Name)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeReg:
	default:
		return fmt.Errorf("%s is neither a file nor a folder", name)
	}
	if parent := filepath.Dir(name); parent != "." {
		if err := root.MkdirAll(parent, 0o755); err != nil {
			return err
		}
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(modeOf(fs.FileMode(h.Mode)))) //nolint:gosec // two constants
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s comes twice", name)
	}
	if err != nil {
		return err
	}
	n, err := io.Copy(f, r)
	if err == nil && n != h.Size {
		err = fmt.Errorf("%s is cut off", name)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// At reads what lies in a plugin's folder, whatever the trust file says: its name, its program, and that one's checksum.
func At(folder string) (Entry, error) {
	f := parseHeader(filepath.Join(folder, "plugin.hcl"))
	if f.bad != "" {
		return Entry{}, errors.New(f.bad)
	}
	e := Entry{Name: f.name, Version: f.version, Kind: Plugin, Path: f.path, Folder: f.folder}
	c := New(Config{})
	var err error
	e.SHA256, err = c.digest(f.path)
	return e, err
}
