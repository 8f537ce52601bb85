// Package artifacts owns where bytes live: immutable, known by their SHA-256, streamed, never whole in memory.
package artifacts

import (
	"context"
	"errors"
	"io"

	"github.com/myspinbot/spinbot/sdk"
)

var (
	// ErrNotFound says that there is no artifact with that digest.
	ErrNotFound = errors.New("no such artifact")
	// ErrDigest says that what was asked for is no digest.
	ErrDigest = errors.New("not a digest: want sha256: and 64 hexadecimal digits")
)

// Store keeps artifacts. It is safe for concurrent use, across processes too.
type Store interface {
	// Put streams r in and gives the artifact with digest, size and media type (sniffed; hint.MediaType is
	// believed only where sniffing cannot tell). Nothing is visible until it is whole and synced.
	Put(ctx context.Context, r io.Reader, hint sdk.Artifact) (sdk.Artifact, error)
	// Open gives the bytes for reading. The reader also implements io.Seeker.
	Open(ctx context.Context, digest string) (io.ReadSeekCloser, error)
	// Fetch puts a private copy of the bytes (reflinked where the file system can) at path, read-only.
	Fetch(ctx context.Context, digest, path string) error
	// Delete removes the bytes; absent ones are no error.
	Delete(ctx context.Context, digest string) error
}
