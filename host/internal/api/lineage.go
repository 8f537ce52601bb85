package api

import (
	"context"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/media"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Lineage says where artifacts come from.
type Lineage interface {
	// Of tells it as far as so many steps from the artifact; 0: all of it.
	Of(ctx context.Context, digest string, depth int) (client.Lineage, error)
}

// OneArtifact is what is asked about one.
type OneArtifact struct {
	Digest string `path:"digest" doc:"sha256: and 64 hexadecimal digits."`
}

func (s *Server) lineageRoutes() {
	const one = v1 + "artifacts/{digest}/"
	op(s, Op{ID: "show-artifact", Method: get, Path: one + "info", Need: Viewer, Summary: "What is known of a file"}, s.artifactInfo)
	op(s, Op{ID: "show-lineage", Method: get, Path: one + "lineage", Need: Viewer, Summary: "Where a file comes from, and what became of it"}, s.lineage)
}

func (s *Server) artifactInfo(ctx context.Context, in *OneArtifact) (client.ArtifactInfo, error) {
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

func (s *Server) lineage(ctx context.Context, in *struct {
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
