package archive

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
)

// Reader reads an archive that anybody may have made. Every error that is the archive's own fault is an *Error.
type Reader struct {
	Manifest Manifest

	tar  *tar.Reader
	seal seal             // what is counted, to be compared with the archive's
	seen map[string]bool  // names so far
	left map[string]int64 // artifacts that the manifest lists and that are still to come, by their names
}

// Entry is one entry of an archive. It is read to its end before the next one is asked for: only then its digest is known.
type Entry struct {
	Name   string
	Size   int64
	Digest string // of an artifact

	r io.Reader
	h hash.Hash
}

// NewReader reads the manifest.
func NewReader(r io.Reader) (*Reader, error) {
	a := &Reader{tar: tar.NewReader(r), seen: map[string]bool{}, seal: seal{Digests: map[string]string{}}}
	h, err := a.tar.Next()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, tar.ErrHeader), err == nil && h.Name != ManifestName:
		return nil, refuse("it is no archive of spinbot's")
	case err != nil:
		return nil, err
	}
	raw, err := a.small(h, maxManifest)
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(raw, &a.Manifest) != nil {
		return nil, refuse("its manifest is damaged")
	}
	if err := a.Manifest.Check(); err != nil {
		return nil, err
	}
	a.count(ManifestName, int64(len(raw)), sum(raw))
	if run := a.Manifest.Run; run != nil {
		a.left = make(map[string]int64, len(run.Artifacts))
		for _, x := range run.Artifacts {
			a.left[ArtifactName(x.Digest)] = x.Size
		}
	}
	return a, nil
}

// Next gives the next entry, and io.EOF after the seal, once that fits everything that was read.
func (a *Reader) Next() (*Entry, error) {
	h, err := a.tar.Next()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, ErrCut
	case errors.Is(err, tar.ErrHeader):
		return nil, refuse("it is damaged: what follows %d entries is none", a.seal.Entries)
	case err != nil:
		return nil, err
	}
	if err := a.check(h); err != nil {
		return nil, err
	}
	if h.Name == SealName {
		return nil, a.sealed(h)
	}
	e := &Entry{Name: h.Name, Size: h.Size, r: a.tar, h: sha256.New()}
	e.Digest, _ = digestOf(h.Name)
	return e, nil
}

// check looks at the header of an entry.
func (a *Reader) check(h *tar.Header) error {
	if h.Typeflag != tar.TypeReg || sparse(h) {
		return refuse("its entry %.120q is no plain file", h.Name)
	}
	if err := checkName(a.Manifest.Of, h.Name); err != nil {
		return err
	}
	if a.seen[h.Name] {
		return refuse("it has the entry %.120q twice", h.Name)
	}
	a.seen[h.Name] = true
	_, artifact := digestOf(h.Name)
	switch {
	case h.Name == JournalName && h.Size > MaxJournal, artifact && h.Size > MaxArtifact:
		return refuse("its entry %.120q has %d bytes, more than there may be", h.Name, h.Size)
	case artifact && a.Manifest.Of == OfRun:
		size, listed := a.left[h.Name]
		if !listed {
			return refuse("it has the artifact %s, which its manifest does not list", h.Name)
		}
		if size != h.Size {
			return refuse("its manifest says %d bytes of %s, which has %d", size, h.Name, h.Size)
		}
		delete(a.left, h.Name)
	}
	return nil
}

// sparse files would have more bytes than the archive has.
func sparse(h *tar.Header) bool {
	for name := range h.PAXRecords {
		if strings.HasPrefix(name, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// CopyTo writes the entry and says whether it is what its name says. Whoever keeps it waits for Next to have given io.EOF.
func (a *Reader) CopyTo(w io.Writer, e *Entry) error {
	n, err := io.Copy(io.MultiWriter(w, e.h), e.r)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), err == nil && n != e.Size:
		return ErrCut
	case err != nil:
		return fmt.Errorf("%s: %w", e.Name, err)
	}
	digest := digestPrefix + hex.EncodeToString(e.h.Sum(nil))
	if e.Digest != "" && digest != e.Digest {
		return refuse("it is damaged, or was changed: the bytes of artifact %s are %s", e.Digest, digest)
	}
	a.count(e.Name, n, digest)
	return nil
}

func (a *Reader) count(name string, size int64, digest string) {
	a.seal.Entries++
	a.seal.Bytes += size
	if _, artifact := digestOf(name); !artifact {
		a.seal.Digests[name] = digest
	}
}

// sealed compares the seal with what was read.
func (a *Reader) sealed(h *tar.Header) error {
	raw, err := a.small(h, maxSeal)
	if err != nil {
		return err
	}
	var s seal
	switch err := json.Unmarshal(raw, &s); {
	case err != nil:
		return refuse("its seal is damaged")
	case s.Failed != "":
		return refuse("it was not written to its end: %s", s.Failed)
	case s.Entries != a.seal.Entries, s.Bytes != a.seal.Bytes:
		return refuse("it is damaged, or was changed: it has %d entries with %d bytes, and was sealed with %d and %d", a.seal.Entries, a.seal.Bytes, s.Entries, s.Bytes)
	}
	for _, name := range slices.Sorted(maps.Keys(a.seal.Digests)) {
		if s.Digests[name] != a.seal.Digests[name] {
			return refuse("it is damaged, or was changed: %s is not what was sealed", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.left)) {
		return refuse("it lacks %s, which its manifest lists", name)
	}
	switch _, err := a.tar.Next(); {
	case err == nil:
		return refuse("it goes on after its seal")
	case !errors.Is(err, io.EOF):
		return refuse("it is damaged after its seal")
	}
	return io.EOF
}

// Verify reads an archive to its end and gives what it says of itself. What its entries mean is not looked at.
func Verify(r io.Reader) (Manifest, error) {
	a, err := NewReader(r)
	if err != nil {
		return Manifest{}, err
	}
	for {
		e, err := a.Next()
		if errors.Is(err, io.EOF) {
			return a.Manifest, nil
		}
		if err == nil {
			err = a.CopyTo(io.Discard, e)
		}
		if err != nil {
			return a.Manifest, err
		}
	}
}

// small reads an entry that is held in memory.
func (a *Reader) small(h *tar.Header, most int64) ([]byte, error) {
	if h.Size > most || h.Typeflag != tar.TypeReg || sparse(h) {
		return nil, refuse("its entry %s is no plain file of at most %d bytes", h.Name, most)
	}
	raw, err := io.ReadAll(a.tar)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, ErrCut
	}
	return raw, err
}

func sum(raw []byte) string {
	s := sha256.Sum256(raw)
	return digestPrefix + hex.EncodeToString(s[:])
}
