// Package archive is the format of what leaves a host as one file: a run, or a backup of a state directory. It is a plain tar, so that
// it is written and read as a stream and nothing in it can grow while it is unpacked. It knows neither stores nor the API.
//
// The first entry is the manifest, the last one the seal, which counts the entries and has the digest of each that is not an
// artifact. An artifact's entry is named by its own digest. Names are ours: none becomes a path before Name has looked at it.
package archive

import (
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Version is that of the format which is written now. A reader refuses a higher one.
const Version = 1

// What an archive is of.
const (
	OfRun   = "run"
	OfState = "state"
)

// The names of entries. What is not named here is an artifact, or in a backup a file of the state directory under StatePrefix.
const (
	ManifestName   = "spinbot.json"
	JournalName    = "journal.jsonl" // the run's events, one a line
	SealName       = "seal.json"
	ArtifactPrefix = "artifacts/sha256-"
	StatePrefix    = "state/"
)

// The bounds of what is read from an archive that somebody else made.
const (
	maxManifest = 16 << 20
	maxSeal     = 64 << 20
	maxName     = 512
	// MaxJournal is how many bytes the journal of one run may have.
	MaxJournal = 256 << 20
	// MaxArtifacts is how many artifacts an archive of a run may list.
	MaxArtifacts = 50_000
	// MaxArtifact is how many bytes one artifact may have.
	MaxArtifact = 16 << 30
)

// Manifest says what an archive is.
type Manifest struct {
	// Format is "spinbot": it tells our archives from others.
	Format  string `json:"format"`
	Version int    `json:"version"`
	// Of is OfRun or OfState.
	Of      string    `json:"of"`
	Program string    `json:"program"` // the version of spinbot that wrote it
	Host    string    `json:"host"`    // the name of the machine that wrote it
	Made    time.Time `json:"made"`
	Run     *Run      `json:"run,omitempty"`   // of OfRun
	State   *State    `json:"state,omitempty"` // of OfState
}

// State is what the manifest says of a backup.
type State struct {
	Runs   int `json:"runs"`
	Events int `json:"events"`
	// Bucket is where the artifacts are, when the host keeps them elsewhere and they are not in the backup.
	Bucket string `json:"bucket,omitempty"`
}

// Run is what the manifest says of a run. Whoever takes the run in believes none of it, but for what is left out.
type Run struct {
	ID       string    `json:"id"`
	Pipeline string    `json:"pipeline"`
	State    string    `json:"state"`
	Created  time.Time `json:"created"`
	Ended    time.Time `json:"ended"`
	Events   uint64    `json:"events"`
	// EventVersion is the highest version of an event in the journal.
	EventVersion int        `json:"event_version"`
	Artifacts    []Artifact `json:"artifacts"`
	// Withheld are the digests of artifacts that the run names and the archive has not: of those that are part of sensitive values the
	// bytes stay at the host, others it has lost.
	Withheld []string `json:"withheld,omitempty"`
}

// Artifact is one of an archive's artifacts.
type Artifact struct {
	Digest    string `json:"digest"`
	MediaType string `json:"media_type,omitempty"`
	Size      int64  `json:"size"`
	Name      string `json:"name,omitempty"` // what the run calls it; empty: it is the run's own
}

// seal is the last entry.
type seal struct {
	Entries int64             `json:"entries"` // before this one
	Bytes   int64             `json:"bytes"`   // of them
	Digests map[string]string `json:"digests"` // of those that are no artifacts, by their names
	// Failed is why whoever wrote the archive could not write it to its end.
	Failed string `json:"failed,omitempty"`
}

// Error is why an archive is refused.
type Error struct{ Why string }

// Error says it.
func (e *Error) Error() string { return e.Why }

func refuse(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// ErrCut says that an archive ends before its seal.
var ErrCut = &Error{"it is cut off: its end is missing; copy or make it again"}

// Check says what is wrong with a manifest by itself.
func (m *Manifest) Check() error {
	switch {
	case m.Format != "spinbot":
		return refuse("it is no archive of spinbot's")
	case m.Version > Version:
		return refuse("it was written by a later version of spinbot (%s; archive version %d, this one reads up to %d): upgrade to read it", m.Program, m.Version, Version)
	case m.Version < 1, m.Made.IsZero(), len(m.Host) > 255, len(m.Program) > 255:
		return refuse("its manifest is damaged")
	case m.Of == OfState && m.State != nil && m.Run == nil:
		return nil
	case m.Of == OfRun && m.Run != nil && m.State == nil:
		return m.Run.Check()
	}
	return refuse("it is an archive of %q, which this version of spinbot does not know", m.Of)
}

// Check says what is wrong with it by itself.
func (r *Run) Check() error {
	if len(r.Artifacts) > MaxArtifacts {
		return refuse("it lists %d artifacts, more than %d", len(r.Artifacts), MaxArtifacts)
	}
	seen := make(map[string]bool, len(r.Artifacts))
	for _, a := range r.Artifacts {
		switch {
		case !isDigest(a.Digest):
			return refuse("its manifest lists %.80q, which is no digest", a.Digest)
		case seen[a.Digest]:
			return refuse("its manifest lists %s twice", a.Digest)
		case a.Size < 0 || a.Size > MaxArtifact:
			return refuse("its manifest lists %s with %d bytes, which no artifact has", a.Digest, a.Size)
		}
		seen[a.Digest] = true
	}
	if k := slices.IndexFunc(r.Withheld, func(d string) bool { return !isDigest(d) || seen[d] }); k >= 0 {
		return refuse("its manifest withholds %.80q, which is no digest or is listed", r.Withheld[k])
	}
	return nil
}

// Bytes are those of all artifacts.
func (r *Run) Bytes() (n int64) {
	for _, a := range r.Artifacts {
		n += a.Size
	}
	return n
}

const digestPrefix = "sha256:"

func isDigest(text string) bool {
	hexa, ok := strings.CutPrefix(text, digestPrefix)
	raw, err := hex.DecodeString(hexa)
	return ok && err == nil && len(raw) == 32 && hexa == strings.ToLower(hexa)
}

// ArtifactName is the name of an artifact's entry.
func ArtifactName(digest string) string {
	return ArtifactPrefix + strings.TrimPrefix(digest, digestPrefix)
}

// digestOf gives the digest in the name of an artifact's entry.
func digestOf(name string) (string, bool) {
	if hexa, ok := strings.CutPrefix(name, ArtifactPrefix); ok && isDigest(digestPrefix+hexa) {
		return digestPrefix + hexa, true
	}
	return "", false
}

// checkName says whether an entry of an archive may be called so.
func checkName(of, name string) error {
	if _, ok := digestOf(name); ok || of == OfRun && name == JournalName || name == SealName {
		return nil
	}
	if file, ok := strings.CutPrefix(name, StatePrefix); ok && of == OfState && len(name) <= maxName && path.IsAbs("/"+file) &&
		file != "" && path.Clean(file) == file && file[0] != '/' && file != "." && file != ".." && !strings.HasPrefix(file, "../") && !strings.ContainsAny(file, "\\\x00") {
		return nil
	}
	return refuse("it has an entry %.120q, which does not belong into an archive of a %s", name, of)
}
