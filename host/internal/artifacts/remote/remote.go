// Package remote brings artifacts from a host to its agents and back: plain HTTP with a token, no other server.
//
// The host serves a Handler over its store. An agent has one Cache, a store of its own with a limit, and one Store for
// each host it works for. What an agent's tasks made is put into the cache and pinned, that is, kept there until Unpin
// says that the host has recorded it; Upload brings it over. What tasks need is fetched when it is asked for, once for
// all who wait. Both directions continue where they broke off, after a restart too, and nothing is visible before its
// digest has been verified.
//
// The protocol:
//
//	GET, HEAD /artifacts/{digest}        the bytes; Range and If-Range are honoured, ETag is the digest
//	HEAD      /uploads/{digest}?size=N   Upload-Offset: how many bytes are here; Upload-Complete: ?1 when it is whole
//	PATCH     /uploads/{digest}?size=N   continues at Upload-Offset, which has to be what is here (else 409)
//
// Where the host keeps its artifacts in a bucket that the agent may use, too, their bytes go there directly. The host is still
// asked whether an upload is whole: it looks into the bucket. What the bucket fails at goes through the host.
//
// It refuses what it cannot verify, what the disk cannot hold (507), whoever has no token (401), and who hardly
// moves (408). It encrypts
// nothing: what is no private network needs TLS before it.
package remote

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

const (
	offsetHeader   = "Upload-Offset"
	completeHeader = "Upload-Complete"
	// absentHeader tells a host without the artifact from a 404 of somebody between.
	absentHeader = "Artifact-Absent"
	yes          = "?1"
)

// block is how much is read, hashed and written at once.
const block = 256 << 10

// hexOf gives the digest's 64 digits: what files are named by.
func hexOf(digest string) (string, error) {
	name, ok := strings.CutPrefix(digest, "sha256:")
	if raw, err := hex.DecodeString(name); !ok || err != nil || len(raw) != 32 || name != strings.ToLower(name) {
		if len(digest) > 80 {
			digest = digest[:80] + "…"
		}
		return "", fmt.Errorf("artifact %q: %w", digest, artifacts.ErrDigest)
	}
	return name, nil
}

func etag(digest string) string { return `"` + digest + `"` }

// mib writes a number of bytes for people.
func mib(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
