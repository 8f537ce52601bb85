// Package artifacts owns where bytes live: immutable, known by their SHA-256, streamed, never whole in memory.
package artifacts

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

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
	// Open gives the bytes for reading. The reader also implements io.Seeker. Whoever opens or fetches an artifact has
	// touched it, too: see Keeper.
	Open(ctx context.Context, digest string) (io.ReadSeekCloser, error)
	// Fetch puts a private copy of the bytes (reflinked where the file system can) at path, read-only.
	Fetch(ctx context.Context, digest, path string) error
}

// Adopter is a Store that can take in a file without copying it. What stands before such a store is one, too.
type Adopter interface {
	// Adopt moves the file at path, whose digest the caller has verified, into the store. EXDEV where it would have to be
	// copied: then it stays where it is.
	Adopt(path, digest string) error
}

// Linker is a Store that lets others fetch an artifact where it is.
type Linker interface {
	// Link gives an address that answers a GET with the artifact, for Linked, and with that Content-Type and, unless it is empty,
	// that Content-Disposition. Whoever has the address needs nothing else.
	Link(ctx context.Context, digest, mediaType, disposition string) (string, error)
	// Origin is scheme and host of all addresses; empty: this store gives none.
	Origin() string
}

// Linked is how long a link is good for.
const Linked = 15 * time.Minute

// Held is an artifact that a store holds.
type Held struct {
	Digest string
	Size   int64
	Put    time.Time // or touched, whatever came last
}

// Renewed is how much older than now a store may take an artifact to be that was just opened or fetched: not every look
// at it is written down.
const Renewed = time.Hour

// Renew makes an artifact as new as one that was put within Renewed, which suffices for whoever is about to refer to it. A store that can tell
// for less than a Touch has a method Renew.
func Renew(ctx context.Context, k interface {
	Touch(ctx context.Context, digest string) error
}, digest string) error {
	if r, ok := k.(interface {
		Renew(ctx context.Context, digest string) error
	}); ok {
		return r.Renew(ctx, digest)
	}
	return k.Touch(ctx, digest)
}

// Keeper says what is kept. Every store offers it beside Store. Nobody counts who refers to an artifact; instead,
// whoever is about to refer to one has just put or touched it, and whoever removes leaves alone what is that new.
type Keeper interface {
	// Touch makes an artifact as new as one that is put now. ErrNotFound.
	Touch(ctx context.Context, digest string) error
	// Remove removes the bytes, unless they were put or touched at or after that time, which a concurrent Put or Touch
	// that succeeds has done: it says whether it did. Absent ones are no error. Open readers read on.
	Remove(ctx context.Context, digest string, before time.Time) (bool, error)
	// Peek opens an artifact without touching it.
	Peek(ctx context.Context, digest string) (io.ReadCloser, error)
	// All gives what the store holds, in no order, until the first error. What is put or removed meanwhile may be
	// among it or not.
	All(ctx context.Context) iter.Seq2[Held, error]
}
