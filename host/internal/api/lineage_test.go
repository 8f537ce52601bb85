package api

import (
	"bytes"
	"context"
	"image"
	imagepng "image/png"
	"slices"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// fakeLineage tells one story of everything that it knows.
type fakeLineage struct{ client.Lineage }

func (f fakeLineage) Of(_ context.Context, digest string, depth int) (client.Lineage, error) {
	l := client.Lineage{Version: 1, Digest: digest, Made: []client.LineageAttempt{}, Used: []client.LineageAttempt{}}
	if f.Digest == digest {
		l = f.Lineage
		l.Cut = depth > 0
	}
	return l, nil
}

func (f fakeLineage) Provenance(_ context.Context, digest, run string) (client.Provenance, error) {
	if digest != f.Digest {
		return client.Provenance{}, artifacts.ErrNotFound
	}
	return client.Provenance{PayloadType: "of " + run, Signatures: []client.ProvenanceSignature{{KeyID: "k", Sig: "s"}}}, nil
}

func (fakeLineage) Keys(context.Context) (client.ProvenanceKeys, error) {
	return client.ProvenanceKeys{Version: 1, Keys: "PEM"}, nil
}

func TestLineage(t *testing.T) {
	t.Parallel()
	f := &fakeLineage{}
	b := start(t, func(c *Config) { c.Files.Lineage = f })
	var drawn bytes.Buffer
	if err := imagepng.Encode(&drawn, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	picture, sound := b.upload(t, "", drawn.String()), b.upload(t, "", wav)
	early, late := time.Unix(100, 0).UTC(), time.Unix(200, 0).UTC()
	named := func(name string) []sdk.Artifact {
		return []sdk.Artifact{{Digest: picture.Digest, Name: name}, {Digest: sound.Digest, Name: "other.wav"}}
	}
	f.Lineage = client.Lineage{Version: 1, Digest: picture.Digest, Made: []client.LineageAttempt{
		{At: "run_2/node.a/1", Ended: &late, Uses: []sdk.Artifact{}, Makes: named("two.png")},
		{At: "run_1/node.a/1", Ended: &early, Uses: []sdk.Artifact{}, Makes: named("one.png")},
		{At: "run_0/node.a/1", Source: "run_1/node.a/1", Ended: &time.Time{}, Uses: []sdk.Artifact{}, Makes: named("one.png")},
	}, Used: []client.LineageAttempt{{At: "run_3/node.b/1", Uses: named("three.png"), Makes: []sdk.Artifact{}}}}

	i, err := b.unix.ArtifactInfo(t.Context(), picture.Digest)
	if err != nil || i.MediaType != "image/png" || i.Size != int64(drawn.Len()) || i.Width != 3 || i.Height != 2 || i.Seconds != 0 ||
		!slices.Equal(i.Names, []string{"two.png", "one.png", "three.png"}) || i.Created == nil || !i.Created.Equal(early) {
		t.Errorf("%+v %v", i, err)
	}
	i, err = b.unix.ArtifactInfo(t.Context(), sound.Digest)
	if err != nil || i.MediaType != "audio/wav" || i.Created != nil || i.Names == nil || len(i.Names) != 0 {
		t.Errorf("%+v %v", i, err)
	}
	l, err := b.unix.Lineage(t.Context(), picture.Digest, 0)
	if err != nil || len(l.Made) != 3 || len(l.Used) != 1 || l.Cut || l.Used[0].Uses[0].Name != "three.png" {
		t.Errorf("%+v %v", l, err)
	}
	if l, err = b.unix.Lineage(t.Context(), picture.Digest, 2); err != nil || !l.Cut {
		t.Errorf("%+v %v", l, err)
	}
	if l, err = b.unix.Lineage(t.Context(), sound.Digest, 0); err != nil || len(l.Made) != 0 || l.Made == nil {
		t.Errorf("%+v %v", l, err)
	}
	if p, err := b.unix.Provenance(t.Context(), picture.Digest, "run_1"); err != nil || p.PayloadType != "of run_1" || p.Signatures[0].KeyID != "k" {
		t.Errorf("%+v %v", p, err)
	}
	if k, err := b.unix.ProvenanceKeys(t.Context()); err != nil || k.Keys != "PEM" {
		t.Errorf("%+v %v", k, err)
	}
	for _, what := range []string{"info", "lineage", "provenance"} {
		for _, digest := range []string{digestOf("x"), "x", "..%2F..%2Fetc%2Fpasswd", "%00"} {
			b.get(t, "/api/v1/artifacts/"+digest+"/"+what).problem(t, 404, client.CodeNotFound, "")
		}
	}
	b.get(t, "/api/v1/artifacts/"+picture.Digest+"/lineage?depth=-1").problem(t, 400, client.CodeBadRequest, "depth")
}
