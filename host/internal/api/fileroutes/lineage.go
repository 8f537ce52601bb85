package fileroutes

import (
	"context"
	"net/http"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/media"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// OneArtifact is what is asked about one.
type OneArtifact struct {
	Digest string `path:"digest" doc:"sha256: and 64 hexadecimal digits."`
}

func (s *routes) lineageRoutes() {
	const one = route.V1 + "artifacts/{digest}/"
	route.JSON(s.Server, route.Op{ID: "show-artifact", Method: http.MethodGet, Path: one + "info", Need: route.Viewer, Summary: "What is known of a file"}, s.artifactInfo)
	route.JSON(s.Server, route.Op{ID: "show-lineage", Method: http.MethodGet, Path: one + "lineage", Need: route.Viewer, Summary: "Where a file comes from, and what became of it"}, s.lineage)
	route.JSON(s.Server, route.Op{ID: "show-provenance", Method: http.MethodGet, Path: one + "provenance", Need: route.Viewer, Summary: "How a file was made, signed"}, s.provenance)
	route.JSON(s.Server, route.Op{ID: "list-provenance-keys", Method: http.MethodGet, Path: route.V1 + "provenance/keys", Need: route.Viewer, Summary: "The public keys of those signatures"}, s.provenanceKeys)
}

func (s *routes) artifactInfo(ctx context.Context, in *OneArtifact) (client.ArtifactInfo, error) {
	i := client.ArtifactInfo{Version: client.ShapeVersion, Digest: in.Digest, Names: []string{}}
	r, err := s.cfg.Artifacts.Open(ctx, in.Digest)
	if err != nil {
		return i, err
	}
	defer r.Close()
	head, size, err := begins(r)
	if err != nil {
		return i, err
	}
	i.MediaType, i.Size = artifacts.Sniff(head, sdk.Artifact{}), size
	if facts, err := media.Read(r, i.MediaType); err == nil { // of others, and of damaged ones, nothing is known
		i.Width, i.Height, i.Seconds = facts.Width, facts.Height, facts.Duration.Seconds()
	}
	l, err := s.cfg.Lineage.Of(ctx, in.Digest, 1)
	if err != nil {
		return i, err
	}
	for _, a := range l.Made {
		if a.Source == "" && a.Ended != nil && (i.Created == nil || a.Ended.Before(*i.Created)) {
			i.Created = a.Ended
		}
	}
	for _, a := range slices.Concat(l.Made, l.Used) {
		for _, x := range slices.Concat(a.Makes, a.Uses) {
			if x.Digest == in.Digest && x.Name != "" && !slices.Contains(i.Names, x.Name) {
				i.Names = append(i.Names, x.Name)
			}
		}
	}
	return i, nil
}

func (s *routes) lineage(ctx context.Context, in *struct {
	OneArtifact
	Depth int `query:"depth" minimum:"0" maximum:"1000" doc:"How many steps from it; 0: all."`
}) (client.Lineage, error) {
	l, err := s.cfg.Lineage.Of(ctx, in.Digest, in.Depth)
	if err == nil && len(l.Made)+len(l.Used) == 0 { // is there such a file at all?
		r, err := s.cfg.Artifacts.Open(ctx, in.Digest)
		if err != nil {
			return l, err
		}
		r.Close()
	}
	return l, err
}

func (s *routes) provenance(ctx context.Context, in *struct {
	OneArtifact
	Run string `query:"run" doc:"The run that made it; without one, whichever."`
}) (client.Provenance, error) {
	return s.cfg.Lineage.Provenance(ctx, in.Digest, in.Run)
}

func (s *routes) provenanceKeys(ctx context.Context, _ *struct{}) (client.ProvenanceKeys, error) {
	return s.cfg.Lineage.Keys(ctx)
}
