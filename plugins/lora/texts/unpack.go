package texts

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

const (
	maxFiles = 100_000
	maxBytes = 256 << 30
)

// unpacker lays files and what is in archives out in a folder, and lets nothing out of it.
type unpacker struct {
	root  *os.Root
	files int
	bytes int64
}

// Unpack lays artifacts out in a new folder: archives opened, other files as they are.
func Unpack(artifacts []sdk.Artifact, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := &unpacker{root: root}
	for _, a := range artifacts {
		if err := u.artifact(a); err != nil {
			return fmt.Errorf("%s: %w", a.Name, err)
		}
	}
	return nil
}

func (u *unpacker) artifact(a sdk.Artifact) error {
	name := strings.ToLower(a.Name)
	f, err := os.Open(a.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	switch {
	case strings.HasSuffix(name, ".zip"):
		st, err := f.Stat()
		if err != nil {
			return err
		}
		z, err := zip.NewReader(f, st.Size())
		if err != nil {
			return sdk.Refuse("it is no zip archive", "pack it again")
		}
		return u.zip(z)
	case strings.HasSuffix(name, ".tar"):
		return u.tar(f)
	case strings.HasSuffix(name, ".tar.gz"), strings.HasSuffix(name, ".tgz"):
		z, err := gzip.NewReader(f)
		if err != nil {
			return sdk.Refuse("it is not packed by gzip", "pack it again")
		}
		defer func() { _ = z.Close() }() // only read
		return u.tar(z)
	default:
		return u.put(path.Base(filepath.ToSlash(a.Name)), f)
	}
}

func (u *unpacker) zip(z *zip.Reader) error {
	for _, e := range z.File {
		if !e.Mode().IsRegular() {
			continue
		}
		r, err := e.Open()
		if err != nil {
			return sdk.Refuse(e.Name+" cannot be read", "pack it again")
		}
		if err := errors.Join(u.put(e.Name, r), r.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacker) tar(r io.Reader) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return sdk.Refuse("it is no whole tar archive", "pack it again")
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := u.put(h.Name, t); err != nil {
			return err
		}
	}
}

// put writes one file. What systems add of their own is left out.
func (u *unpacker) put(name string, r io.Reader) error {
	name = path.Clean(strings.ReplaceAll(name, `\`, "/"))
	if strings.HasPrefix(path.Base(name), ".") || strings.HasPrefix(name, "__MACOSX/") {
		return nil
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return sdk.Refuse(fmt.Sprintf("%q leads out of the archive", name), "do not trust it")
	}
	if u.files++; u.files > maxFiles {
		return sdk.Refuse(fmt.Sprintf("it has more than %d files", maxFiles), "split the dataset")
	}
	if err := u.root.MkdirAll(filepath.Dir(filepath.FromSlash(name)), 0o700); err != nil {
		return err
	}
	f, err := u.root.OpenFile(filepath.FromSlash(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return sdk.Refuse(fmt.Sprintf("two files are called %s", name), "rename one")
	}
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(r, maxBytes-u.bytes+1))
	if u.bytes += n; u.bytes > maxBytes {
		err = sdk.Refuse("it is larger than 256 GiB unpacked", "split the dataset")
	}
	return errors.Join(err, f.Close())
}

// Files lists the files of a folder that end in one of some suffixes, in lower case, in order.
func Files(dir string, suffixes ...string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(strings.ToLower(p), s) }) {
			out = append(out, p)
		}
		return err
	})
	return out, err
}

// Pictures are the endings of files that are learned from as pictures.
var Pictures = []string{".png", ".jpg", ".jpeg", ".webp", ".bmp"}
