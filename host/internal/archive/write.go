package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Writer writes an archive. Nothing of it may be believed before Close.
type Writer struct {
	tar  *tar.Writer
	made time.Time
	seal seal
}

// NewWriter begins an archive with its manifest, of which it fills in format and version.
func NewWriter(w io.Writer, m Manifest) (*Writer, error) {
	m.Format, m.Version = "spinbot", Version
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	a := &Writer{tar: tar.NewWriter(w), made: m.Made, seal: seal{Digests: map[string]string{}}}
	return a, a.Add(ManifestName, int64(len(raw)), bytes.NewReader(raw))
}

// Add writes an entry of so many bytes. An artifact whose bytes are not those of its digest is an error, and so is a reader that
// has fewer: then the archive has to be given up with Fail. Of more bytes the first ones are taken.
func (w *Writer) Add(name string, size int64, r io.Reader) error {
	digest, err := w.write(name, size, r)
	if err != nil {
		return err
	}
	if want, ok := digestOf(name); !ok {
		w.seal.Digests[name] = digest
	} else if digest != want {
		return fmt.Errorf("artifact %s is damaged where it is stored: its bytes are %s; remove it there, and make it again", want, digest)
	}
	return nil
}

func (w *Writer) write(name string, size int64, r io.Reader) (digest string, err error) {
	if err := w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: w.made.Truncate(time.Second)}); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	h := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(w.tar, h), r, size); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	w.seal.Entries++
	w.seal.Bytes += size
	return digestPrefix + hex.EncodeToString(h.Sum(nil)), nil
}

// Close writes the seal.
func (w *Writer) Close() error {
	raw, err := json.Marshal(w.seal)
	if err != nil {
		return err
	}
	if _, err := w.write(SealName, int64(len(raw)), bytes.NewReader(raw)); err != nil {
		return err
	}
	return w.tar.Close()
}

// Fail ends an archive that cannot be written to its end between two entries, so that its reader learns why. In the middle of an
// entry, the archive just ends.
func (w *Writer) Fail(why error) error {
	w.seal.Failed = why.Error()
	return w.Close()
}
