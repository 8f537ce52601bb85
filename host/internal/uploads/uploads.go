// Package uploads keeps files that come in pieces until they are whole, and then gives them to the artifact store without
// copying them. What it knows of an upload is in the folder: ID.json says what it is, ID.part has what has come of it, and
// whoever writes to that has it locked. So several hosts may share the folder, and a restart forgets nothing.
package uploads

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/sdk"
)

// The limits of one user's uploads that are not whole.
const (
	MaxCount = 16
	MaxBytes = 32 << 30 // as declared, together
)

// How long an upload is kept after its last byte.
const (
	Patience = 24 * time.Hour // for the next one
	Answer   = time.Hour      // once it is whole, for who did not hear so
)

var (
	// ErrNotFound says that there is no such upload, or none of that user.
	ErrNotFound = errors.New("no such upload; it may have expired")
	// ErrBusy says that another request writes to it.
	ErrBusy = errors.New("the upload is being written to by another request")
	// ErrTooLong says that more bytes came than were declared.
	ErrTooLong = errors.New("more bytes came than were declared for the upload")
	// ErrChecksum says that a piece is not what its checksum says.
	ErrChecksum = errors.New("the bytes are not what their checksum says")
	// ErrQuota says that a user has begun too much.
	ErrQuota = errors.New("too many uploads are not whole")
	// ErrNoSpace says that the disk could not hold it beside the other uploads.
	ErrNoSpace = errors.New("the upload does not fit on the disk")
)

// OffsetError says that a piece does not continue the upload.
type OffsetError struct{ Offset, Have int64 }

// Error says where it has to continue.
func (e *OffsetError) Error() string {
	return fmt.Sprintf("%d bytes of the upload are here, so it cannot continue at %d", e.Have, e.Offset)
}

// Upload is a file on its way in.
type Upload struct {
	ID        string `json:"-"`
	Owner     string `json:"owner"`
	Name      string `json:"name"`
	MediaType string `json:"media_type"` // a hint
	Meta      string `json:"meta"`       // what the client said of it, kept for it
	Size      int64  `json:"size"`
	Offset    int64  `json:"-"` // how much has come
	// Expires moves on with each piece.
	Expires time.Time `json:"-"`
	// Artifact is what it became; nil until it is whole.
	Artifact *sdk.Artifact `json:"artifact,omitempty"`

	// Held is, while a piece with a checksum comes, where it began: what follows is not believed.
	Held *int64 `json:"held,omitempty"`
}

// Uploads are those of one folder.
type Uploads struct {
	folder string
	store  artifacts.Store
	now    func() time.Time
	free   func(folder string) (uint64, error)

	making sync.Mutex // one at a time, so that two do not get the same room
	mu     sync.Mutex
	sums   map[string]*sum // of what has come, by id; what is missing is read again
}

// Open makes the folder, which has to be on the store's disk if nothing is to be copied, and removes what has expired.
func Open(folder string, store artifacts.Store, now func() time.Time) (*Uploads, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("uploads: %w", err)
	}
	u := &Uploads{folder: folder, store: store, now: now, free: artifacts.Free, sums: map[string]*sum{}}
	_, err := u.List()
	return u, err
}

var isID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

func (u *Uploads) record(id string) string { return filepath.Join(u.folder, id+".json") }
func (u *Uploads) part(id string) string   { return filepath.Join(u.folder, id+".part") }

// New begins an upload of Owner, Name, MediaType, Meta and Size. What is empty is whole at once.
func (u *Uploads) New(ctx context.Context, up Upload) (Upload, error) {
	if err := u.begin(&up); err != nil || up.Size > 0 {
		return up, err
	}
	return u.Write(ctx, up.Owner, up.ID, 0, strings.NewReader(""), nil)
}

func (u *Uploads) begin(up *Upload) error {
	u.making.Lock()
	defer u.making.Unlock()
	all, err := u.List()
	if err != nil {
		return err
	}
	count, bytes, need := 0, up.Size, uint64(up.Size)
	for _, o := range all {
		if o.Artifact != nil {
			continue
		}
		need += uint64(o.Size - o.Offset)
		if o.Owner == up.Owner {
			count++
			bytes += o.Size
		}
	}
	if count >= MaxCount || bytes > MaxBytes {
		return fmt.Errorf("%w: %s has begun %d; all that are begun may have %d GiB, and be %d", ErrQuota, up.Owner, count, MaxBytes>>30, MaxCount)
	}
	if free, err := u.free(u.folder); err != nil {
		return fmt.Errorf("uploads: ask what is free in %s: %w", u.folder, err)
	} else if need > free {
		return fmt.Errorf("%w beside others: %s", ErrNoSpace, artifacts.FullHint(u.folder))
	}
	up.ID, up.Offset, up.Artifact, up.Held, up.Expires = rand.Text(), 0, nil, nil, u.now().Add(Patience)
	if err := u.save(*up); err != nil {
		return err
	}
	if err := os.WriteFile(u.part(up.ID), nil, 0o600); err != nil {
		return errors.Join(artifacts.DiskError("upload "+up.ID, u.folder, err), os.Remove(u.record(up.ID)))
	}
	return nil
}

// List gives the uploads of all users, and removes what has expired.
func (u *Uploads) List() ([]Upload, error) {
	entries, err := os.ReadDir(u.folder)
	if err != nil {
		return nil, fmt.Errorf("uploads: %w", err)
	}
	var all []Upload
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || !isID.MatchString(id) {
			continue
		}
		up, err := u.load(id)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if u.now().After(up.Expires) {
			if err := u.remove(id); err != nil && !errors.Is(err, ErrBusy) {
				return nil, err
			}
			continue
		}
		all = append(all, up)
	}
	return all, nil
}

// Find gives one of a user's uploads.
func (u *Uploads) Find(owner, id string) (Upload, error) {
	up, err := u.load(id)
	if err == nil && (up.Owner != owner || u.now().After(up.Expires)) {
		return Upload{}, ErrNotFound
	}
	return up, err
}

// Remove ends one of a user's uploads. What it became stays.
func (u *Uploads) Remove(owner, id string) error {
	if _, err := u.Find(owner, id); err != nil {
		return err
	}
	return u.remove(id)
}

// remove leaves alone what is being written to.
func (u *Uploads) remove(id string) error {
	f, err := u.lock(id)
	if err == nil {
		defer f.Close()
		err = os.Remove(f.Name())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	u.setSum(id, nil)
	if err := os.Remove(u.record(id)); err != nil && !errors.Is(err, fs.ErrNotExist) { // or another removed it
		return err
	}
	return nil
}

// load reads what there is of an upload.
func (u *Uploads) load(id string) (up Upload, err error) {
	if !isID.MatchString(id) {
		return up, ErrNotFound
	}
	raw, err := os.ReadFile(u.record(id))
	if errors.Is(err, fs.ErrNotExist) {
		return up, ErrNotFound
	}
	if err == nil {
		err = json.Unmarshal(raw, &up)
	}
	var info, part os.FileInfo
	if err == nil {
		info, err = os.Stat(u.record(id))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return up, ErrNotFound
	}
	if err != nil {
		return up, fmt.Errorf("upload %s: %s: %w; remove it if it is damaged", id, u.record(id), err)
	}
	up.ID, up.Expires = id, info.ModTime().Add(Patience)
	part, err = os.Stat(u.part(id))
	switch {
	case err == nil:
		up.Offset, up.Expires = part.Size(), part.ModTime().Add(Patience)
		if up.Held != nil {
			up.Offset = min(up.Offset, *up.Held)
		}
		up.Artifact = nil // not moved yet
	case up.Artifact != nil:
		up.Offset, up.Expires = up.Size, info.ModTime().Add(Answer)
	}
	return up, nil
}

// save puts the record in its place whole.
func (u *Uploads) save(up Upload) error {
	raw, err := json.Marshal(up)
	if err != nil {
		return err
	}
	tmp := u.record(up.ID) + ".new"
	err = os.WriteFile(tmp, raw, 0o600)
	if err == nil {
		err = os.Rename(tmp, u.record(up.ID))
	}
	if err != nil {
		os.Remove(tmp)
		return artifacts.DiskError("upload "+up.ID, u.folder, err)
	}
	return nil
}
