// Package fileroutes is what the REST API says of files: storing artifacts, in one piece or in several, sending them, small
// pictures of them, and where they come from.
package fileroutes

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/uploads"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Previews makes small pictures of artifacts: see previews.Previews.
type Previews interface {
	Make(ctx context.Context, nodeType string, a sdk.Artifact, inputs sdk.Values) (sdk.Values, error)
}

// Lineage says where artifacts come from.
type Lineage interface {
	// Of tells it as far as so many steps from the artifact; 0: all of it.
	Of(ctx context.Context, digest string, depth int) (client.Lineage, error)
	// Provenance says it signed, as the run made it; an empty run is whichever.
	Provenance(ctx context.Context, digest, run string) (client.Provenance, error)
	// Keys gives the public keys of those signatures.
	Keys(ctx context.Context) (client.ProvenanceKeys, error)
}

// Search finds files by what they are about.
type Search interface {
	// Find gives the files that q selects and that are most about something, from the skip-th on, and whether there may be more.
	Find(ctx context.Context, about string, q store.FileQuery, skip int) (found []store.Near, more bool, err error)
	// State says how far it is.
	State() client.SearchState
}

// Config is what the routes need. Every part has to be there but for Links and Search.
type Config struct {
	Artifacts artifacts.Store
	// Links has downloads made where the files are; nil: they are made here.
	Links    artifacts.Linker
	Uploads  *uploads.Uploads
	Previews Previews
	Lineage  Lineage
	Files    store.Files
	Search   Search // nil: files are found by their names alone
	// Name hides what is sensitive in the name of a file.
	Name func(string) string
}

// maxArtifact is how many bytes an artifact may have.
const maxArtifact = 16 << 30

type routes struct {
	*route.Server
	cfg Config
}

// Add adds the routes to a server.
func Add(to *route.Server, cfg Config) {
	s := &routes{to, cfg}
	s.artifactRoutes()
	s.listRoutes()
	s.uploadRoutes()
	s.previewRoutes()
	s.lineageRoutes()
}
